"""Starts, finds, stops and resets the local cloud. Runs in `.venv`; the cloud itself is a process of another one.

Everything that a local cloud writes is below its directory:

    session.json   where it is and which process it is        emulator.log  what it says
    control.lock   who is starting or stopping it now         engine.json   the processes of its tasks
    state/ blobs/  what AWS remembers                         tasks/        the tasks' output
    images/ layers/  what the process engine has pulled
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import httpx
from filelock import FileLock, Timeout

from localcloud import docker_engine, ports
from localcloud.errors import LocalCloudError
from localcloud.files import tail_lines, write_atomically
from localcloud.ledger import reap_orphans
from localcloud.processes import Identity, end, with_arguments

ACCOUNT_ID = "000000000000"
DEFAULT_PORT = 4566
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOCK_SECONDS = 90.0
# A busy emulator on a busy machine may need a moment; a dead one does not come back.
ANSWER_SECONDS = 10.0
SPACE_NEEDED_BYTES = 300 * 1024 * 1024
LOG_ROTATE_BYTES = 5 * 1024 * 1024
DAEMON = ("-m", "localcloud.serve")
REPOSITORY = Path(__file__).resolve().parent.parent

NOTES = {
    "process": (
        "Engine: processes of this machine. It does not prove the container's read-only root, user, network, "
        "CPU architecture or image base."
    ),
    "docker": (
        "Engine: containers of the local Docker engine, on this machine's network. It does not prove AWS' network "
        "(security groups, endpoints), IAM or Fargate's kernel."
    ),
}

Engine = Literal["auto", "process", "docker"]
Progress = Callable[[str], None]

__all__ = ["LocalCloudError", "Session", "reset", "running", "start", "stop"]


@dataclass(frozen=True)
class Session:
    """A running local cloud.

    `process_started` is seconds since the epoch; `task_endpoint` and `task_bedrock_endpoint` are the same two servers
    as a task reaches them; `engine_note` is one sentence on what the engine does not prove.
    """

    endpoint: str
    bedrock_endpoint: str
    task_endpoint: str
    task_bedrock_endpoint: str
    engine: str
    engine_note: str
    pid: int
    process_started: float
    account_id: str
    region: str
    log: str

    @property
    def identity(self) -> Identity:
        """The daemon."""
        return Identity(self.pid, self.process_started)

    @property
    def port(self) -> int:
        """The emulator's port."""
        return int(self.endpoint.rsplit(":", 1)[1])

    @property
    def bedrock_port(self) -> int:
        """The Bedrock stand-in's port."""
        return int(self.bedrock_endpoint.rsplit(":", 1)[1])


def start(
    directory: Path,
    *,
    port: int = DEFAULT_PORT,
    engine: Engine = "auto",
    python: Path,
    agent_python: Path,
    region: str = "us-east-1",
    progress: Progress | None = None,
) -> Session:
    """The running local cloud of a directory, started when it isn't running.

    `python` is the interpreter of the local cloud's virtual environment, `agent_python` that of the tasks. A healthy
    one is reused; what a dead one left is cleared away, and it comes back with its state, on its old port if that is
    free. `port=0` takes any free port. Raises LocalCloudError.
    """
    say = progress or (lambda _: None)
    directory = directory.resolve()
    with _locked(directory):
        old = _read_session(directory)
        if old:
            _refuse_other_engine(old, engine)
        if old and old.identity.alive:
            if _answers(old, ANSWER_SECONDS):
                return old
            say(f"The local cloud (pid {old.pid}) runs but does not answer: stopping and starting it again.")
            end([old.identity], 0.0)
        if lost := _daemons(directory):
            say(f"Stopping {len(lost)} local cloud(s) of this directory that session.json does not name.")
            end(lost, STOP_SECONDS)
        if stopped := _clear_tasks(directory, old):
            say(f"Stopped {stopped} task(s) that an earlier local cloud had left running.")
        _refuse_full_disk(directory)
        chosen = _choose_engine(old.engine if old else engine)
        emulator_port = _choose_port(old.port if old else None, port, "emulator", say)
        bedrock_port = _choose_port(
            old.bedrock_port if old else None, emulator_port + 1 if port else 0, "Bedrock stand-in", say
        )
        say(f"Starting the local cloud on 127.0.0.1:{emulator_port} ({chosen} engine).")
        return _launch(directory, chosen, emulator_port, bedrock_port, python, agent_python, region)


def running(directory: Path) -> Session | None:
    """The local cloud of a directory if it is alive and answers."""
    session = _read_session(directory.resolve())
    return session if session and session.identity.alive and _answers(session, 2.0) else None


def stop(directory: Path) -> bool:
    """Stop the local cloud and everything it runs, keeping its state. False when nothing was running."""
    directory = directory.resolve()
    if not directory.is_dir():
        return False
    with _locked(directory):
        session = _read_session(directory)
        ended = end({*_daemons(directory), *([session.identity] if session else [])}, STOP_SECONDS)
        # After a clean stop there are none; after a kill -9, now or earlier, there are.
        ended += _clear_tasks(directory, session)
        return ended > 0


def reset(directory: Path) -> None:
    """Stop the local cloud and delete everything in its directory but the lock. Raises LocalCloudError."""
    directory = directory.resolve()
    if not directory.is_dir():
        return
    stop(directory)
    with _locked(directory):
        session = _read_session(directory)
        if session and session.engine == "docker":
            docker_engine.remove_images(f"{ports.LOOPBACK}:{session.port}")
        for entry in directory.iterdir():
            if entry.name == "control.lock":
                continue
            try:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            except OSError as error:
                raise LocalCloudError(
                    f"{entry} could not be deleted.",
                    f"The system says: {error}.",
                    "Delete it by hand and run local-reset again.",
                ) from error


def _clear_tasks(directory: Path, session: Session | None) -> int:
    """End the tasks that a daemon left behind; how many there were."""
    ended = reap_orphans(directory / "engine.json")
    if session and session.engine == "docker":
        ended += docker_engine.remove_containers(directory)
    return ended


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / "control.lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise LocalCloudError(
            f"The local cloud in {directory} is being started or stopped by another command.",
            f"It has held {directory / 'control.lock'} for more than {LOCK_SECONDS:.0f} s.",
            "Wait for that command or end it, then try again.",
        ) from error
    except OSError as error:
        raise _disk_error(directory, error) from error
    try:
        yield
    finally:
        lock.release()


def _read_session(directory: Path) -> Session | None:
    try:
        return Session(**json.loads((directory / "session.json").read_text()))
    except (OSError, ValueError, TypeError):
        # Missing, half-written or from another version: as good as none. Its daemon is found by its command line.
        return None


def _daemons(directory: Path) -> list[Identity]:
    return with_arguments(*DAEMON, "--directory", str(directory))


def _answers(session: Session, seconds: float) -> bool:
    urls = (f"{session.endpoint}/_ministack/health", f"{session.bedrock_endpoint}/stats")
    deadline = time.monotonic() + seconds
    # No proxy of the environment: these are addresses of this machine.
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while True:
            with suppress(httpx.HTTPError):
                if all(client.get(url).status_code == 200 for url in urls):
                    return True
            if time.monotonic() > deadline or not session.identity.alive:
                return False
            time.sleep(0.05)


def _refuse_other_engine(session: Session, engine: Engine) -> None:
    if engine not in ("auto", session.engine):
        raise LocalCloudError(
            f"This local cloud belongs to the {session.engine} engine, and the {engine} engine was asked for.",
            "Its tasks and images were made for the engine it was first started with.",
            "Run `inv local-reset` (it deletes the local environment), then deploy again.",
        )


def _refuse_full_disk(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < SPACE_NEEDED_BYTES:
        raise LocalCloudError(
            f"The local cloud was not started: only {free // 2**20} MiB are free at {directory}.",
            f"Its state and the unpacked images need {SPACE_NEEDED_BYTES // 2**20} MiB.",
            "Free some space there, or set VITRACKA_LOCAL_DIR to another disk.",
        )


def _choose_engine(engine: str) -> str:
    if engine == "process":
        return engine
    problem = docker_engine.problem()
    if engine == "docker" and problem:
        raise LocalCloudError(
            "The docker engine can't be used.",
            problem,
            "Start Docker, or use the process engine: `--engine process`.",
        )
    return "process" if problem else "docker"


def _choose_port(old: int | None, wanted: int, what: str, say: Progress) -> int:
    for candidate in (old, wanted):
        if candidate and ports.is_free(candidate):
            return candidate
    chosen = ports.any_free()
    if busy := old or wanted:
        say(f"Port {busy} is taken by {ports.holder(busy)}: the {what} takes {chosen} instead.")
    return chosen


def _launch(
    directory: Path, engine: str, port: int, bedrock_port: int, python: Path, agent_python: Path, region: str
) -> Session:
    log = directory / "emulator.log"
    _rotate(log)
    began_at = log.stat().st_size if log.exists() else 0
    command = [str(python), *DAEMON, "--directory", str(directory), "--port", str(port)]
    command += ["--bedrock-port", str(bedrock_port), "--engine", engine, "--agent-python", str(agent_python)]
    command += ["--region", region]
    # From scratch: no AWS_*, no proxy and no PYTHON* of the caller's shell may change what the cloud does.
    environment = {
        name: os.environ[name] for name in ("PATH", "LANG", "HOME", "DOCKER_HOST") if name in os.environ
    }
    environment |= {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_error(directory, error) from error
        raise LocalCloudError(
            "The local cloud could not be started.",
            f"{python} did not run: {error}.",
            "Run `./inv doctor`, or delete .tools/venvs/localcloud and try again.",
        ) from error
    identity = Identity.of(process.pid) or Identity(process.pid, time.time())
    session = Session(
        endpoint=f"http://{ports.LOOPBACK}:{port}",
        bedrock_endpoint=f"http://{ports.LOOPBACK}:{bedrock_port}",
        # The same in both engines: containers are on the host's network (docs/decisions/0003).
        task_endpoint=f"http://{ports.LOOPBACK}:{port}",
        task_bedrock_endpoint=f"http://{ports.LOOPBACK}:{bedrock_port}",
        engine=engine,
        engine_note=NOTES[engine],
        pid=process.pid,
        process_started=identity.started,
        account_id=ACCOUNT_ID,
        region=region,
        log=str(log),
    )
    try:
        # Written before it answers: a caller that is killed now leaves a process that the next one finds.
        write_atomically(directory / "session.json", json.dumps(asdict(session), indent=2) + "\n")
    except OSError as error:
        end([identity], 0.0)
        raise _disk_error(directory, error) from error
    _await_start(session, process, log, began_at)
    return session


def _await_start(session: Session, process: subprocess.Popen[bytes], log: Path, began_at: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalCloudError(
                f"The local cloud ended while it started (exit status {process.returncode}).",
                f"Its log says: {_last_words(log, began_at)}",
                f"The whole log is {log}.",
            )
        if _answers(session, 0.0):
            return
        time.sleep(0.05)
    end([session.identity], 0.0)
    raise LocalCloudError(
        f"The local cloud did not answer on {session.endpoint} within {START_SECONDS:.0f} s.",
        f"Its log says: {_last_words(log, began_at)}",
        f"The whole log is {log}.",
    )


def _last_words(log: Path, began_at: int) -> str:
    size = log.stat().st_size - began_at if log.exists() else 0
    return " / ".join(tail_lines(log, 5, limit=min(size, 64 * 1024))) if size else "nothing."


def _rotate(log: Path) -> None:
    with suppress(OSError):
        if log.stat().st_size > LOG_ROTATE_BYTES:
            log.replace(log.with_suffix(".log.1"))


def _disk_error(directory: Path, error: OSError) -> LocalCloudError:
    return LocalCloudError(
        f"The local cloud can't write to {directory}.",
        f"The system says: {error.strerror or error}.",
        "Free some space or repair the rights there, or set VITRACKA_LOCAL_DIR to another directory.",
    )
