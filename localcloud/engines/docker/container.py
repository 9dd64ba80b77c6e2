"""A Docker container with what the engine and the emulator ask of the container of a task."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from localcloud.engines.process.container import DRAIN_SECONDS, LOG_POLL_SECONDS
from localcloud.engines.process.launch import Launch
from localcloud.files import tail_lines

HEALTH_POLL_SECONDS = 2.0
UNKNOWN_EXIT_CODE = 255

log = logging.getLogger(__name__)


class DockerContainer:
    """A started container. `stopped_because` is set when the engine itself killed it (memory, health)."""

    limited_by_kernel = True  # nobody has to watch its memory: the cgroup does

    def __init__(
        self, container: Container, launch: Launch, *, digest: str, address: str, log_file: Path
    ) -> None:
        self.id: str = container.id
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
        self.exit_code: int | None = None  # 137 after SIGKILL; None while it runs
        self._container = container
        self._ended = threading.Event()

    def watch(self, on_end: Callable[[DockerContainer], None]) -> None:
        """Keep its output in the log file, and call back on a thread once it has ended, however it ended."""

        def follow() -> None:
            self._keep_output()
            self.exit_code = self._await_exit()
            self._ended.set()
            on_end(self)
            self.remove()

        threading.Thread(target=follow, daemon=True, name=f"wait-{self.name}").start()
        if self.launch.container_definition.get("healthCheck"):
            threading.Thread(target=self._watch_health, daemon=True, name=f"hc-{self.name}").start()

    # What the emulator asks of a container -----------------------------------------------------------------------

    @property
    def status(self) -> str:
        """Docker's word for it: running or exited. While the engine itself shuts down nothing exits for ECS."""
        return "running" if self.engine_closes or self.exit_code is None else "exited"

    def reload(self) -> None:
        """Docker's refresh of a cached status; `watch` is told of the end as it happens."""

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
        """Remove it and its anonymous volumes once it has ended; the emulator asks earlier, which does nothing."""
        if self.exit_code is not None:
            with contextlib.suppress(DockerException, RequestException):
                self._container.remove(v=True, force=True)

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
        """Whether the container has ended within `seconds`."""
        return self._ended.wait(seconds)

    def _stop(self) -> None:
        time.sleep(DRAIN_SECONDS)
        self._signal(signal.SIGTERM)
        if not self._ended.wait(self.launch.stop_timeout):
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Between two looks it may have ended by itself: then Docker answers 404 or 409, and that is fine.
        if self.exit_code is None:
            with contextlib.suppress(APIError):
                self._container.kill(signal=number)

    def _keep_output(self) -> None:
        """Docker's own copy goes with the container; ours stays readable after it."""
        with (
            self.log_file.open("ab", buffering=0) as output,
            contextlib.suppress(DockerException, RequestException),
        ):
            for piece in self._container.logs(stream=True, follow=True, stdout=True, stderr=True):
                output.write(piece)

    def _await_exit(self) -> int:
        try:
            code = int(self._container.wait(timeout=None)["StatusCode"])
            self._container.reload()
            state = self._container.attrs["State"]
        except NotFound:
            self.stopped_because = self.stopped_because or "The container was removed outside ECS"
            return 128 + signal.SIGKILL
        except (DockerException, RequestException) as error:
            self.stopped_because = (
                self.stopped_because or f"The Docker engine does not answer any more: {error}"
            )
            return UNKNOWN_EXIT_CODE
        if state.get("OOMKilled") and self.stopped_because is None:
            self.stopped_because = "OutOfMemoryError: Container killed due to memory usage"  # AWS' words
        return code

    def _watch_health(self) -> None:
        """The container's own health check, which Docker runs: an essential container that fails it ends its task."""
        while not self._ended.wait(HEALTH_POLL_SECONDS):
            with contextlib.suppress(DockerException, RequestException):
                self._container.reload()
                health = self._container.attrs["State"].get("Health") or {}
                if health.get("Status") == "unhealthy" and not self.stopping:
                    said = (health.get("Log") or [{}])[-1].get("Output", "").strip()[-200:]
                    self.kill(f"Task failed container health checks: {said or 'the command printed nothing'}")
                    return

    def _follow_log(self) -> Iterator[bytes]:
        with self.log_file.open("rb") as output:
            rest = b""
            while True:
                ended = self._ended.is_set()
                rest += output.read()
                lines, newline, rest = rest.rpartition(b"\n")
                if newline:
                    yield lines
                if ended:
                    if rest:
                        yield rest
                    return
                time.sleep(LOG_POLL_SECONDS)
