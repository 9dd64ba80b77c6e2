"""A task's container that is one process of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from localcloud.engines.container import TaskContainer
from localcloud.engines.process.launch import Launch
from localcloud.processes import Identity


class ProcessContainer(TaskContainer):
    """A started process, in a container's clothes."""

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
        identifier = uuid.uuid4().hex + uuid.uuid4().hex
        super().__init__(identifier, launch, digest=digest, address=address, log_file=log_file)
        self.scratch = scratch
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

    def watch(self, on_end: Callable[[ProcessContainer], None]) -> None:
        """Call back on a thread once the process has ended, however it ended."""

        def wait() -> None:
            self._process.wait()
            self._ended.set()
            self._end_session()
            shutil.rmtree(self.scratch, ignore_errors=True)
            on_end(self)

        threading.Thread(target=wait, daemon=True, name=f"wait-{self.name}").start()

    @property
    def exit_code(self) -> int | None:
        """As a shell would say it: 137 after SIGKILL. None while it runs."""
        code = self._process.poll()
        return None if code is None else code if code >= 0 else 128 - code

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _end_session(self) -> None:
        """A container takes everything with it that runs inside: so do the process' own children."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
