"""What the emulator asks of a Docker container, for both engines: a container may be a process or a real one."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.engines.process.launch import Launch
from localcloud.files import tail_lines

# Between leaving the target group and SIGTERM: requests that were already on their way still arrive.
DRAIN_SECONDS = 0.3
LOG_POLL_SECONDS = 0.1
KILLED = 128 + signal.SIGKILL


class TaskContainer:
    """A started container. An engine says how it ends (`exit_code`, `_ended`) and how it is signalled.

    `stopped_because` is set when the engine itself killed it (memory, health).
    """

    limited_by_kernel = False  # otherwise its memory has to be watched

    def __init__(self, identifier: str, launch: Launch, *, digest: str, address: str, log_file: Path) -> None:
        self.id = identifier
        self.name = f"{launch.task_id[:8]}-{launch.container}"
        self.launch = launch
        self.digest = digest
        self.address = address
        self.log_file = log_file
        self.is_ready = False
        self.stopping = False
        self.engine_closes = False
        self.stopped_because: str | None = None
        self.attrs: dict[str, Any] = {"NetworkSettings": {"Networks": {"host": {"IPAddress": address}}}}
        self.started = time.monotonic()
        self._ended = threading.Event()

    @property
    def exit_code(self) -> int | None:
        """As a shell would say it: 137 after SIGKILL. None while it runs."""
        raise NotImplementedError

    def _signal(self, number: int) -> None:
        """Signal it if it still runs."""
        raise NotImplementedError

    # What the emulator asks of a container -----------------------------------------------------------------------

    @property
    def status(self) -> str:
        """Docker's word for it: running or exited. While the engine itself shuts down nothing exits for ECS."""
        return "running" if self.engine_closes or self.exit_code is None else "exited"

    def reload(self) -> None:
        """Docker's refresh of a cached status; nothing is cached here."""

    def wait(self, **_: object) -> dict[str, int]:
        """Wait for the end."""
        self._ended.wait()
        return {"StatusCode": self.exit_code or 0}

    def logs(self, stream: bool = False, tail: int = 100, **_: object) -> Iterator[bytes] | bytes:
        """The last lines of output, or with `stream` all of it in whole lines until the container has ended."""
        if stream:
            return self._follow_log()
        return "\n".join(tail_lines(self.log_file, tail)).encode()

    def stop(self, **_: object) -> None:
        """Return at once; on a thread: 0.3 s to drain, SIGTERM, the task's stopTimeout, SIGKILL."""
        if self.stopping or self.exit_code is not None:
            return
        self.stopping = True
        threading.Thread(target=self._stop, daemon=True, name=f"stop-{self.name}").start()

    def kill(self, because: str | None = None) -> None:
        """SIGKILL, with the reason that the task's stoppedReason shall give."""
        self.stopped_because = self.stopped_because or because
        self._signal(signal.SIGKILL)

    def remove(self, **_: object) -> None:
        """Docker's removal. The emulator asks for it right after `stop`, so the engine does it after the end."""

    # What the engine asks of it ------------------------------------------------------------------------------------

    def last_line(self) -> str:
        """The last line of output that says something; for an exception that is its type and message.

        Of a structured line it is the error that it tells.
        """
        lines = tail_lines(self.log_file, 1)
        line = lines[0].strip() if lines else ""
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(line).get("error") or line)
        return line

    def terminate_now(self) -> None:
        """SIGTERM without draining, for the shutdown of the engine itself."""
        self.engine_closes = True
        self.stopping = True
        self._signal(signal.SIGTERM)

    def wait_until_ended(self, seconds: float) -> bool:
        """Whether the container has ended within `seconds`."""
        return self._ended.wait(seconds)

    def _stop(self) -> None:
        time.sleep(DRAIN_SECONDS)
        self._signal(signal.SIGTERM)
        if not self._ended.wait(self.launch.stop_timeout):
            self._signal(signal.SIGKILL)

    def _follow_log(self) -> Iterator[bytes]:
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
