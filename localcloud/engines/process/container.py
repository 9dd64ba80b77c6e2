"""One process in a container's clothes: the attributes and methods that the emulator uses of a Docker container."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from localcloud.engines.process.launch import Launch
from localcloud.files import tail_lines
from localcloud.processes import Identity

# Between leaving the target group and SIGTERM: requests that were already on their way still arrive.
DRAIN_SECONDS = 0.3
LOG_POLL_SECONDS = 0.1
KILLED = 128 + signal.SIGKILL


class ProcessContainer:
    """A started process. `stopped_because` is set when the engine itself killed it (memory, health)."""

    limited_by_kernel = False  # its memory has to be watched

    def __init__(
        self,
        launch: Launch,
        *,
        digest: str,
        argv: list[str],
        cwd: Path,
        environment: dict[str, str],
        address: str,
        log_file: Path,
        scratch: Path,
    ) -> None:
        self.id = uuid.uuid4().hex + uuid.uuid4().hex
        self.name = f"{launch.task_id[:8]}-{launch.container}"
        self.launch = launch
        self.digest = digest
        self.address = address
        self.log_file = log_file
        self.scratch = scratch
        self.is_ready = False
        self.stopping = False
        self.engine_closes = False
        self.stopped_because: str | None = None
        self.attrs: dict[str, Any] = {"NetworkSettings": {"Networks": {"process": {"IPAddress": address}}}}
        self.started = time.monotonic()
        # A file instead of a pipe: nobody has to read for the process to go on, also when the emulator is killed.
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.identity = Identity.of(self.pid) or Identity(self.pid, time.time())
        self._ended = threading.Event()

    def watch(self, on_end: Callable[[ProcessContainer], None]) -> None:
        """Call back on a thread once the process has ended, however it ended."""

        def wait() -> None:
            self._process.wait()
            self._ended.set()
            self._end_session()
            shutil.rmtree(self.scratch, ignore_errors=True)
            on_end(self)

        threading.Thread(target=wait, daemon=True, name=f"wait-{self.name}").start()

    # What the emulator asks of a container -----------------------------------------------------------------------

    @property
    def status(self) -> str:
        """Docker's word for it: running or exited. While the engine itself shuts down nothing exits for ECS."""
        return "running" if self.engine_closes or self.exit_code is None else "exited"

    @property
    def exit_code(self) -> int | None:
        """As a shell would say it: 137 after SIGKILL. None while it runs."""
        code = self._process.poll()
        return None if code is None else code if code >= 0 else 128 - code

    def reload(self) -> None:
        """Docker's refresh of a cached status; nothing is cached here."""

    def wait(self, **_: object) -> dict[str, int]:
        """Wait for the end."""
        self._process.wait()
        return {"StatusCode": self.exit_code or 0}

    def logs(self, stream: bool = False, tail: int = 100, **_: object) -> Iterator[bytes] | bytes:
        """The last lines of output, or with `stream` all of it in whole lines until the process has ended."""
        if stream:
            return self._follow()
        return "\n".join(tail_lines(self.log_file, tail)).encode()

    def stop(self, **_: object) -> None:
        """Return at once; on a thread: 0.3 s to drain, SIGTERM, the task's stopTimeout, SIGKILL."""
        if self.stopping or self._process.poll() is not None:
            return
        self.stopping = True
        threading.Thread(target=self._stop, daemon=True, name=f"stop-{self.name}").start()

    def kill(self, because: str | None = None) -> None:
        """SIGKILL, with the reason that the task's stoppedReason shall give."""
        self.stopped_because = self.stopped_because or because
        self._signal(signal.SIGKILL)

    def remove(self, **_: object) -> None:
        """Docker's removal; a process that has ended is gone by itself."""

    # ----------------------------------------------------------------------------------------------------------------

    def last_line(self) -> str:
        """The last line of output that says something; for an exception that is its type and message."""
        lines = tail_lines(self.log_file, 1)
        return lines[0].strip() if lines else ""

    def terminate_now(self) -> None:
        """SIGTERM without draining, for the shutdown of the engine itself."""
        self.engine_closes = True
        self.stopping = True
        self._signal(signal.SIGTERM)

    def wait_until_ended(self, seconds: float) -> bool:
        """Whether the process has ended within `seconds`."""
        return self._ended.wait(seconds)

    def _stop(self) -> None:
        time.sleep(DRAIN_SECONDS)
        self._signal(signal.SIGTERM)
        if not self._ended.wait(self.launch.stop_timeout):
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _end_session(self) -> None:
        """A container takes everything with it that runs inside: so do the process' own children."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _follow(self) -> Iterator[bytes]:
        with self.log_file.open("rb") as log:
            rest = b""
            while True:
                ended = self._ended.is_set()
                rest += log.read()
                lines, newline, rest = rest.rpartition(b"\n")
                if newline:
                    yield lines
                if ended:
                    if rest:
                        yield rest
                    return
                time.sleep(LOG_POLL_SECONDS)
