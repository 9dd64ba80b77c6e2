"""One process that serves the agent, from the moment that it is made ready until its last answer is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops.dev.launch import Launch, StartFailedError
from ops.dev.lines import readable

WARM = Path(__file__).parent / "warm.py"
START_SECONDS = 60.0
LEAVE_SECONDS = 3.0
LONGEST_LINE_BYTES = 1024 * 1024

Say = Callable[[str], None]


class Worker:
    """The process. It is warm once it is made, and serves once `serve` returns."""

    def __init__(self, process: asyncio.subprocess.Process, say: Say) -> None:
        self.port = 0
        self.ended = asyncio.Event()
        self._process = process
        self._say = say
        self._ready = asyncio.Event()
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._last: dict[str, Any] = {}
        self._unstructured: list[str] = []
        self._reading = asyncio.gather(
            self._read(process.stdout, self._output), self._read(process.stderr, self._log)
        )
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def warm(cls, launch: Launch, version: str, say: Say) -> Worker:
        """Start a process that imports everything but the agent."""
        process = await asyncio.create_subprocess_exec(
            *launch.command,
            str(WARM),
            launch.agent,
            *launch.modules(),
            cwd=launch.root,
            env={**launch.environment, "AGENT_VERSION": version},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is ours to act on
        )
        return cls(process, say)

    @property
    def status(self) -> int | None:
        """Its exit status, when it has ended; negative for a signal."""
        return self._process.returncode

    async def serve(self, port: int) -> None:
        """Import the agent, and listen. Raises StartFailedError; the process has ended then."""
        self.port = port
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.write(f"{port}\n".encode())
            await self._process.stdin.drain()
        waiting = [asyncio.create_task(self._ready.wait()), asyncio.create_task(self.ended.wait())]
        await asyncio.wait(waiting, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self._ready.is_set() and not self.ended.is_set():
            return
        late = "" if self.ended.is_set() else f" It was not up after {START_SECONDS:.0f} s."
        await self.end()
        raise StartFailedError(f"The agent does not start.{late}", self._last_words(), "correct it and save")

    def _last_words(self) -> str:
        error = str(self._last.get("error", ""))
        frames = [
            str(frame) for frame in self._last.get("error_frames", []) if "site-packages" not in str(frame)
        ]
        place = [f"  at {frame}" for frame in frames[-1:]]
        return "\n".join([*self._unstructured[-20:], *([error] if error else []), *place])

    @contextmanager
    def request(self) -> Iterator[None]:
        """Have it for the length of one request: it is not ended meanwhile."""
        self._requests += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def retire(self, patience: float) -> None:
        """End it when its last request is done, or after `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()
        await self.end()

    async def end(self) -> None:
        """End it now."""
        for stop in (self._process.terminate, self._process.kill):
            with contextlib.suppress(ProcessLookupError):
                stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self.ended.wait()
                    return

    async def _watch(self) -> None:
        await self._process.wait()
        # What it said last is part of why it ended; what it has started may hold its output open.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._reading
        self.ended.set()

    async def _read(self, stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
        assert stream
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # It was longer than any line that a person would read.
            if not line:
                return
            take(line.decode("utf-8", "replace").rstrip("\n"))

    def _output(self, line: str) -> None:
        """Metrics are for CloudWatch; what the author prints is for the author."""
        if not (line.startswith("{") and '"_aws"' in line):
            self._say(line)

    def _log(self, line: str) -> None:
        try:
            fields = json.loads(line)
            event = fields["event"]
        except (ValueError, KeyError, TypeError):
            self._unstructured.append(line)
            if self._ready.is_set():
                self._say(line)
            return
        if event == "ready":
            self._ready.set()
        elif event.startswith("start "):
            self._last = fields
        elif event not in ("listening", "draining", "stopped"):
            self._say(readable(fields))
