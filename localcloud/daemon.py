"""Starts the local cloud's process (`localcloud.serve`) and finds those that run."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localcloud import ports
from localcloud.errors import LocalCloudError
from localcloud.files import tail_lines
from localcloud.processes import Identity, end, with_arguments
from localcloud.session import NOTES, Session, write_session

ACCOUNT_ID = "000000000000"
START_SECONDS = 60.0
LOG_ROTATE_BYTES = 5 * 1024 * 1024
LOG_TAIL_BYTES = 64 * 1024
MODULE = ("-m", "localcloud.serve")
REPOSITORY = Path(__file__).resolve().parent.parent
INHERITED = ("PATH", "LANG", "HOME", "DOCKER_HOST")


@dataclass(frozen=True)
class Order:
    """What to start: `python` is the local cloud's interpreter, `agent_python` that of the tasks."""

    directory: Path
    engine: str
    port: int
    bedrock_port: int
    python: Path
    agent_python: Path
    region: str

    @property
    def command(self) -> list[str]:
        """The command line."""
        options = {
            "--directory": self.directory,
            "--port": self.port,
            "--bedrock-port": self.bedrock_port,
            "--engine": self.engine,
            "--agent-python": self.agent_python,
            "--region": self.region,
        }
        return [str(self.python), *MODULE, *(str(word) for pair in options.items() for word in pair)]


def code() -> str:
    """A fingerprint of the code that a daemon runs: a changed checkout is another one."""
    folder = Path(__file__).resolve().parent
    files = [
        path for path in sorted(folder.rglob("*.py")) if "provider" not in path.relative_to(folder).parts
    ]
    files.append(REPOSITORY / "requirements" / "localcloud.txt")
    seen = hashlib.sha256()
    for path in files:
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def find(directory: Path) -> list[Identity]:
    """The local clouds that run on a directory, whether session.json knows them or not."""
    return with_arguments(*MODULE, "--directory", str(directory))


def launch(order: Order) -> Session:
    """Start it and wait until it answers. Raises LocalCloudError with the last lines of its log."""
    log = order.directory / "emulator.log"
    with suppress(OSError):
        if log.stat().st_size > LOG_ROTATE_BYTES:
            log.replace(log.with_suffix(".log.1"))
    began_at = log.stat().st_size if log.exists() else 0
    process = _spawn(order, log)
    identity = Identity.of(process.pid) or Identity(process.pid, time.time())
    session = _session(order, identity, log)
    try:
        # Written before it answers: a caller that is killed now leaves a process that the next one finds.
        write_session(order.directory, session)
    except OSError as error:
        end([identity], 0.0)
        raise disk_error(order.directory, error) from error
    _await_answer(session, process, log, began_at)
    return session


def _spawn(order: Order, log: Path) -> subprocess.Popen[bytes]:
    # From scratch: no AWS_*, no proxy and no PYTHON* of the caller's shell may change what the cloud does.
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                order.command,
                cwd=order.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_error(order.directory, error) from error
        raise LocalCloudError(
            "The local cloud could not be started.",
            f"{order.python} did not run: {error}.",
            "Delete .tools/venvs/localcloud and run the command again: it makes a new one.",
        ) from error


def _session(order: Order, identity: Identity, log: Path) -> Session:
    endpoint = f"http://{ports.LOOPBACK}:{order.port}"
    bedrock_endpoint = f"http://{ports.LOOPBACK}:{order.bedrock_port}"
    return Session(
        endpoint=endpoint,
        bedrock_endpoint=bedrock_endpoint,
        # The same in both engines: containers are on the host's network (docs/decisions/0003).
        task_endpoint=endpoint,
        task_bedrock_endpoint=bedrock_endpoint,
        engine=order.engine,
        engine_note=NOTES[order.engine],
        pid=identity.pid,
        process_started=identity.started,
        account_id=ACCOUNT_ID,
        region=order.region,
        log=str(log),
        code=code(),
    )


def _await_answer(session: Session, process: subprocess.Popen[bytes], log: Path, began_at: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalCloudError(
                f"The local cloud ended while it started (exit status {process.returncode}).",
                f"Its log says: {_last_words(log, began_at)}",
                f"The whole log is {log}.",
            )
        # What answers may be another's server that was quicker: ours then ends, which the next round tells.
        if session.answers(0.0) and ports.listens(session.pid, session.port):
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
    return " / ".join(tail_lines(log, 5, limit=min(size, LOG_TAIL_BYTES))) if size else "nothing."


def disk_error(directory: Path, error: OSError) -> LocalCloudError:
    """A directory that can't be written to."""
    return LocalCloudError(
        f"The local cloud can't write to {directory}.",
        f"The system says: {error.strerror or error}.",
        "Free some space or repair the rights there, or set VITRACKA_LOCAL_DIR to another directory.",
    )
