"""A task's container that is one of the Docker engine's."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from localcloud.engines.container import KILLED, TaskContainer
from localcloud.engines.process.launch import Launch

HEALTH_POLL_SECONDS = 2.0
UNKNOWN_EXIT_CODE = 255


class DockerContainer(TaskContainer):
    """A started container of the Docker engine."""

    limited_by_kernel = True  # its memory is a matter of its cgroup

    def __init__(
        self, container: Container, launch: Launch, *, digest: str, address: str, log_file: Path
    ) -> None:
        super().__init__(container.id, launch, digest=digest, address=address, log_file=log_file)
        self._container = container
        self._exit_code: int | None = None

    def watch(self, on_end: Callable[[DockerContainer], None]) -> None:
        """Keep its output in the log file, and call back on a thread once it has ended, however it ended."""

        def follow() -> None:
            self._keep_output()
            self._exit_code = self._await_exit()
            self._ended.set()
            on_end(self)
            self.remove()

        threading.Thread(target=follow, daemon=True, name=f"wait-{self.name}").start()
        if self.launch.container_definition.get("healthCheck"):
            threading.Thread(target=self._watch_health, daemon=True, name=f"hc-{self.name}").start()

    @property
    def exit_code(self) -> int | None:
        """As a shell would say it: 137 after SIGKILL. None while it runs."""
        return self._exit_code

    def remove(self, **_: object) -> None:
        """Remove it and its anonymous volumes once it has ended; before that nothing happens."""
        if self.exit_code is not None:
            with contextlib.suppress(DockerException, RequestException):
                self._container.remove(v=True, force=True)

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
            return KILLED
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
