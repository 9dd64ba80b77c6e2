"""Starts, finds, stops and resets the local cloud. Runs in `.venv`; the cloud itself is a process of another one.

Everything that a local cloud writes is below its directory:

    session.json     where it is and which process it is      emulator.log  what it says
    control.lock     who is starting or stopping it now       engine.json   the processes of its tasks
    state/ blobs/    what AWS remembers                       tasks/        the tasks' output
    images/ layers/  what the process engine has pulled       tmp/          what the emulator calls /tmp
"""

from __future__ import annotations

import getpass
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from localcloud import daemon, docker_engine, ports
from localcloud.engines.process import addresses
from localcloud.errors import LocalCloudError
from localcloud.ledger import reap_orphans
from localcloud.processes import end
from localcloud.session import Session, read_session

DEFAULT_PORT = 4566
STOP_SECONDS = 20.0
LOCK_SECONDS = 90.0
PORT_SECONDS = 2.0
# A busy emulator on a busy machine may need a moment; a dead one does not come back.
ANSWER_SECONDS = 10.0
SPACE_NEEDED_BYTES = 300 * 1024 * 1024
SPACE_TO_GO_ON_BYTES = 50 * 1024 * 1024

Engine = Literal["auto", "process", "docker"]
Progress = Callable[[str], None]

__all__ = ["LocalCloudError", "Session", "reset", "running", "start", "stop"]


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
    one is reused; what a dead one left is cleared away, and it comes back with its state and its engine, on its old
    port if that is free. `port=0` takes any free port. Raises LocalCloudError.
    """
    say = progress or (lambda _: None)
    directory = directory.resolve()
    with _locked(directory):
        old = read_session(directory)
        if old:
            _refuse_other_engine(old, engine)
        if old and old.identity.alive:
            if not old.answers(ANSWER_SECONDS):
                say(
                    f"The local cloud (pid {old.pid}) runs but does not answer: stopping and starting it again."
                )
                end([old.identity], 0.0)
            elif old.code != daemon.code():
                say("The local cloud runs older or newer code than this: starting it again with its state.")
                end([old.identity], STOP_SECONDS)
            else:
                _refuse_full_disk(directory, SPACE_TO_GO_ON_BYTES)
                return old
        if lost := daemon.find(directory):
            say(f"Stopping {len(lost)} local cloud(s) of this directory that session.json does not name.")
            end(lost, STOP_SECONDS)
        if stopped := _clear_tasks(directory, old):
            say(f"Stopped {stopped} task(s) that an earlier local cloud had left running.")
        _refuse_full_disk(directory, SPACE_NEEDED_BYTES)
        chosen = _choose_engine(old.engine if old else engine)
        with _one_start_at_a_time():
            emulator_port = _choose_port(old.port if old else None, port, "emulator", say)
            # Next to the emulator's where that is free: a fixed address keeps task definitions as they are.
            beside = emulator_port + 1 if port else 0
            bedrock_port = _choose_port(old.bedrock_port if old else None, beside, "Bedrock stand-in", say)
            _refuse_missing_addresses(chosen, emulator_port)
            say(f"Starting the local cloud on {ports.LOOPBACK}:{emulator_port} ({chosen} engine).")
            return daemon.launch(
                daemon.Order(directory, chosen, emulator_port, bedrock_port, python, agent_python, region)
            )


def running(directory: Path) -> Session | None:
    """The local cloud of a directory if it is alive and answers."""
    session = read_session(directory.resolve())
    return session if session and session.identity.alive and session.answers(2.0) else None


def stop(directory: Path) -> bool:
    """Stop the local cloud and everything it runs, keeping its state. False when nothing was running."""
    directory = directory.resolve()
    if not directory.is_dir():
        return False
    with _locked(directory):
        return _stop(directory)


def reset(directory: Path) -> None:
    """Stop the local cloud and delete everything in its directory but the lock. Raises LocalCloudError."""
    directory = directory.resolve()
    if not directory.is_dir():
        return
    with _locked(directory):
        _stop(directory)
        session = read_session(directory)
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


def _stop(directory: Path) -> bool:
    session = read_session(directory)
    ended = end({*daemon.find(directory), *([session.identity] if session else [])}, STOP_SECONDS)
    # After a clean stop there are none; after a kill -9, now or earlier, there are.
    return ended + _clear_tasks(directory, session) > 0


def _clear_tasks(directory: Path, session: Session | None) -> int:
    """End the tasks that a daemon left behind; how many there were."""
    ended = reap_orphans(directory / "engine.json")
    if session and session.engine == "docker":
        ended += docker_engine.remove_containers(directory)
    return ended


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        # 0700: what AWS keeps in Secrets Manager lies in here.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(directory / "control.lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise LocalCloudError(
            f"The local cloud in {directory} is being started or stopped by another command.",
            f"It has held {directory / 'control.lock'} for more than {LOCK_SECONDS:.0f} s.",
            "Wait for that command or end it, then try again.",
        ) from error
    except OSError as error:
        raise daemon.disk_error(directory, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _one_start_at_a_time() -> Iterator[None]:
    """Between the look for a free port and the server on it no other local cloud of this user may take it."""
    lock = FileLock(
        Path(tempfile.gettempdir()) / f"vitracka-localcloud-{getpass.getuser()}.lock", timeout=LOCK_SECONDS
    )
    try:
        lock.acquire()
    except (Timeout, OSError) as error:
        raise LocalCloudError(
            "The local cloud was not started: another one of yours has been starting for too long.",
            f"{lock.lock_file}: {error}",
            "Wait for that command or end it, then try again.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _refuse_other_engine(session: Session, engine: Engine) -> None:
    if engine not in ("auto", session.engine):
        raise LocalCloudError(
            f"This local cloud belongs to the {session.engine} engine, and the {engine} engine was asked for.",
            "Its tasks and images were made for the engine it was first started with.",
            "Run `inv local-reset` (it deletes the local environment), then deploy again.",
        )


def _refuse_full_disk(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise LocalCloudError(
            f"The local cloud can't work: only {free // 2**20} MiB are free at {directory}.",
            f"Its state and the unpacked images need {needed // 2**20} MiB.",
            "Free some space there, or set VITRACKA_LOCAL_DIR to another disk.",
        )


def _refuse_missing_addresses(engine: str, port: int) -> None:
    if engine == "process" and (problem := addresses.problem(port)):
        raise LocalCloudError(
            "The process engine can't be used.",
            problem,
            "Run local environments on Linux or in WSL2; a virtual machine will do.",
        )


def _choose_engine(engine: str) -> str:
    if engine == "process":
        return engine
    problem = docker_engine.problem()
    if engine == "docker" and problem:
        raise LocalCloudError(
            "The docker engine can't be used.",
            problem,
            "Start Docker, or use the process engine: `inv local-reset`, then deploy with `--engine process`.",
        )
    return "process" if problem else "docker"


def _choose_port(old: int | None, wanted: int, what: str, say: Progress) -> int:
    # A process that was just killed may hold its port a moment longer than it seems to live.
    if old and ports.becomes_free(old, PORT_SECONDS):
        return old
    if wanted and ports.is_free(wanted):
        return wanted
    busy = old or wanted
    if not busy:
        return ports.any_free()
    chosen = ports.free_near(busy)
    say(f"Port {busy} is taken by {ports.holder(busy)}: the {what} takes {chosen} instead.")
    return chosen
