"""The engine itself: starts containers, knows which there are, and hears of their end."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from localcloud.engines.process import monitor
from localcloud.engines.process.addresses import Addresses
from localcloud.engines.process.container import ProcessContainer
from localcloud.engines.process.crashes import Crashes
from localcloud.engines.process.environment import inside, task_command, task_environment
from localcloud.engines.process.facade import Containers, Images, NotFound
from localcloud.engines.process.launch import Launch
from localcloud.ledger import Ledger
from localcloud.oci.store import ImageStore

READY_POLL_SECONDS = 0.03
READY_PROBE_TIMEOUT_SECONDS = 1.0
ENDED_KEPT = 100  # containers, so that ECS can still read how they ended
LOGS_KEPT = 200  # tasks, on disk
CRASH_AT_ONCE_SECONDS = 10.0  # a task that ends sooner after its start counts as a crash at start

log = logging.getLogger(__name__)


class StartFailed(Exception):
    """A container did not become healthy; the message ends up in the task's stoppedReason."""


class NotWanted(StartFailed):
    """ECS stopped the task while it was starting."""


class ProcessClient:
    """The engine. `on_exit` is told of every container that ended unasked, `on_change` of every start and end."""

    def __init__(
        self, directory: Path, store: ImageStore, addresses: Addresses, ledger: Ledger, python: Path
    ) -> None:
        self.images = Images(store)
        self.containers = Containers(self)
        self.on_exit: Callable[[ProcessContainer], None] = lambda _: None
        self.on_change: Callable[[], None] = lambda: None
        self._store = store
        self._addresses = addresses
        self._ledger = ledger
        self._python = python
        self._tasks = directory / "tasks"
        self._containers: OrderedDict[str, ProcessContainer] = OrderedDict()
        self._crashes = Crashes()
        self._closing = False
        self._lock = threading.Lock()

    def get(self, identifier: str) -> ProcessContainer:
        """A container by id. Raises NotFound."""
        try:
            return self._containers[identifier]
        except KeyError:
            raise NotFound(identifier) from None

    def running(self) -> list[ProcessContainer]:
        """All containers whose process runs."""
        return [container for container in list(self._containers.values()) if container.exit_code is None]

    def of_task(self, task_id: str) -> list[ProcessContainer]:
        """The containers of a task, running or ended, oldest first."""
        return [
            container for container in list(self._containers.values()) if container.launch.task_id == task_id
        ]

    def digests_in_use(self) -> set[str]:
        """The images that running containers were started from."""
        return {container.digest for container in self.running()}

    def start(self, reference: str, launch: Launch) -> ProcessContainer:
        """Start a container and return it once it is healthy. Raises PullError or StartFailed."""
        self._block_while_closing()
        self._pause_after_crashes(launch)
        container = self._spawn(reference, launch)
        launch.forward_logs(container)
        try:
            self._await_ready(container)
        except NotWanted:
            raise
        except StartFailed:
            self._block_while_closing()
            self._crashes.count(launch.definition)
            raise
        container.is_ready = True
        self.on_change()
        monitor.watch(container)
        return container

    def close(self, grace_seconds: float) -> None:
        """End every process: SIGTERM, `grace_seconds`, SIGKILL. ECS isn't told; its tasks come back later."""
        with self._lock:
            self._closing = True
            running = self.running()
        for container in running:
            container.terminate_now()
        deadline = time.monotonic() + grace_seconds
        for container in running:
            if not container.wait_until_ended(max(0.0, deadline - time.monotonic())):
                container.kill()
        for container in running:
            container.wait_until_ended(5.0)

    def _spawn(self, reference: str, launch: Launch) -> ProcessContainer:
        image = self._store.ensure(reference)
        folder = self._tasks / launch.task_id
        scratch = folder / f"{launch.container}.scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self._prune_logs()
        address = self._addresses.take(launch.task_id, launch.port)
        # Until the ledger has it: close() must see every process.
        with self._lock:
            self._block_while_closing()
            if not launch.is_wanted():
                self._addresses.give_back(launch.task_id)
                raise NotWanted("The task was stopped before it was started.")
            try:
                container = ProcessContainer(
                    launch,
                    digest=image.digest,
                    argv=task_command(image, launch, self._python),
                    cwd=inside(image.rootfs, image.working_directory),
                    environment=task_environment(image, launch, address, scratch),
                    address=address,
                    log_file=folder / f"{launch.container}.log",
                    scratch=scratch,
                )
            except (OSError, ValueError) as error:
                self._addresses.give_back(launch.task_id)
                raise StartFailed(f"CannotStartContainerError: {error}") from error
            self._ledger.add(container.id, container.identity)
            self._containers[container.id] = container
            self._forget_ended()
        log.info("%s: started as pid %d on %s", container.name, container.pid, address)
        container.watch(self._ended)
        return container

    def _await_ready(self, container: ProcessContainer) -> None:
        """Wait for the health check, as the load balancer's grace period allows. Raises StartFailed."""
        launch = container.launch
        deadline = container.started + launch.ready_timeout
        while time.monotonic() < deadline:
            if container.exit_code is not None:
                raise StartFailed(
                    describe_exit(container, "Essential container in task exited before it was healthy")
                )
            if not launch.is_wanted():
                container.stop()
                raise NotWanted("The task was stopped while it was starting.")
            if self._is_ready(container):
                log.info("%s: healthy after %.2f s", container.name, time.monotonic() - container.started)
                return
            time.sleep(READY_POLL_SECONDS)
        container.stop()
        check = f"GET {launch.health.path}" if launch.health else f"port {launch.port}"
        raise StartFailed(
            f"Task failed ELB health checks: {check} did not answer within {launch.ready_timeout:.0f} s of its start. "
            f"Last log line: {container.last_line() or '(none)'}"
        )

    def _is_ready(self, container: ProcessContainer) -> bool:
        launch = container.launch
        if launch.port is None:
            return True
        if launch.health:
            return monitor.answers(
                container.address, launch.port, launch.health.path, READY_PROBE_TIMEOUT_SECONDS
            )
        try:
            socket.create_connection((container.address, launch.port), READY_PROBE_TIMEOUT_SECONDS).close()
        except OSError:
            return False
        return True

    def _ended(self, container: ProcessContainer) -> None:
        self._ledger.remove(container.id)
        self.on_change()
        if all(other.exit_code is not None for other in self.of_task(container.launch.task_id)):
            self._addresses.give_back(container.launch.task_id)
        log.info("%s: ended with exit code %s", container.name, container.exit_code)
        if container.stopping or self._closing:
            return
        if container.is_ready and time.monotonic() - container.started < CRASH_AT_ONCE_SECONDS:
            self._crashes.count(container.launch.definition)
        self.on_exit(container)

    def _block_while_closing(self) -> None:
        """The daemon is about to end: a failure that ECS heard of now would make it start replacements."""
        if self._closing:
            threading.Event().wait()

    def _pause_after_crashes(self, launch: Launch) -> None:
        pause = self._crashes.pause(launch.definition)
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline and launch.is_wanted() and not self._closing:
            time.sleep(0.1)

    def _forget_ended(self) -> None:
        ended = [key for key, container in self._containers.items() if container.exit_code is not None]
        for key in ended[:-ENDED_KEPT]:
            del self._containers[key]

    def _prune_logs(self) -> None:
        folders = sorted(self._tasks.iterdir(), key=lambda folder: folder.stat().st_mtime)
        if len(folders) <= LOGS_KEPT:
            return
        alive = {container.launch.task_id for container in self.running()}
        for folder in folders[:-LOGS_KEPT]:
            if folder.name not in alive:
                shutil.rmtree(folder, ignore_errors=True)


def describe_exit(container: ProcessContainer, what: str = "Essential container in task exited") -> str:
    """One line for stoppedReason: what happened, the exit code and the last line that was logged."""
    if container.stopped_because:
        return f"{container.stopped_because} (exit code {container.exit_code})"
    return f"{what}: exit code {container.exit_code}. Last log line: {container.last_line() or '(none)'}"
