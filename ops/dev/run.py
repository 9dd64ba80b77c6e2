"""Puts it together: one process serves, the next one is kept warm, and every saved file brings a change of them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import ports
from ops import paths
from ops.bootstrap import bare_environment
from ops.console import Console
from ops.dev import model
from ops.dev.front import LOOPBACK, Front
from ops.dev.launch import Launch, StartFailedError
from ops.dev.watch import changes
from ops.dev.worker import Worker
from ops.errors import OpsError
from ops.images import stage
from ops.settings import Agent, Environment, load_agent, load_environment
from ops.settings.load import service_of


@dataclass(frozen=True)
class Options:
    """What the user asks for. Without a model server and without Bedrock, the stand-in answers."""

    port: int = 8000
    model_server: str = ""
    model: str = ""
    bedrock: bool = False
    environment: str = ""
    """Whose settings count: by default local, with Bedrock test."""


def develop(name: str, options: Options, console: Console) -> None:
    """Serve the agent called `name` until Ctrl-C. Raises OpsError."""
    if options.bedrock and options.model_server:
        raise OpsError(
            "--bedrock and --model-server are two sources of answers.", next_step="give one of them"
        )
    if options.model and not options.model_server:
        raise OpsError("--model names a model of a model server.", next_step="give --model-server, too")
    agent = load_agent(name)
    environment = load_environment(options.environment or ("test" if options.bedrock else "local"))
    if not ports.is_free(options.port):
        raise OpsError(
            f"Port {options.port} is taken by {ports.holder(options.port)}.",
            next_step=f"./inv dev --agent {name} --port {ports.free_near(options.port)}",
        )
    with console.step(f"Prepare the dependencies of {name}"):
        interpreter, path = [str(bare_environment()), "-S"], [paths.ROOT]
        path.append(stage.dependencies(agent, stage.architecture_of("host"), native=True))
    asyncio.run(_develop(agent, environment, options, console, interpreter, path))


async def _develop(
    agent: Agent,
    environment: Environment,
    options: Options,
    console: Console,
    interpreter: list[str],
    path: list[Path],
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    source = await _source(agent, environment, options)
    launch = Launch(
        agent.name,
        interpreter,
        {
            **source.variables,
            **_settings(agent, environment, source),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
        },
        paths.ROOT,
        [paths.ROOT / "agent_runtime", paths.ROOT / "agents" / agent.folder],
    )
    runner = Runner(agent, launch, console, float(launch.environment["AGENT_TIMEOUT_SECONDS"]))
    working = asyncio.create_task(runner.run(options.port, source.told))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await runner.end()
        await source.close()


async def _source(agent: Agent, environment: Environment, options: Options) -> model.Source:
    if options.bedrock:
        return model.bedrock(agent, environment)
    if options.model_server:
        return await model.model_server(environment, options.model_server, options.model)
    return await model.stand_in(agent, environment)


def _settings(agent: Agent, environment: Environment, source: model.Source) -> dict[str, str]:
    """The settings of the service: the environment's own, open on loopback, its conversations kept over a reload."""
    service = service_of(agent, environment)
    sessions = paths.local() / "dev" / agent.name / "sessions"
    return {
        "HOST": LOOPBACK,
        "AGENT_ENVIRONMENT": "dev",
        "AGENT_PAGE": "true",
        "AGENT_REQUIRE_AUTH": "false",
        "AGENT_SESSION_STORE": f"file:{sessions}",
        "AGENT_CONCURRENCY": str(service.concurrency),
        "AGENT_TIMEOUT_SECONDS": source.variables.get("AGENT_TIMEOUT_SECONDS", str(service.timeout_seconds)),
        "AGENT_MAX_OUTPUT_TOKENS": str(agent.model.max_tokens),
        "AGENT_LOG_EXCEPTION_TEXT": "true",
        "PYTHONUNBUFFERED": "1",  # what the author prints shows at once
    }


class Runner:
    """The process that serves now, the one that is kept warm, and those that finish what they have begun."""

    def __init__(self, agent: Agent, launch: Launch, console: Console, patience: float) -> None:
        self._agent = agent
        self._launch = launch
        self._console = console
        self._patience = patience
        self._current: Worker | None = None
        self._spare: Worker | None = None
        self._workers: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted: asyncio.Queue[list[Path]] = asyncio.Queue()
        self._number = 0
        self._problem = "It is being started."

    async def run(self, port: int, told: str) -> None:
        """Serve and reload until cancelled. Raises OpsError when the port can't be had."""
        front = Front(lambda: self._current, lambda: self._problem)
        try:
            await front.start(port)
        except OSError as error:
            raise OpsError(
                f"Port {port} can't be had: {error.strerror}.", next_step="choose another --port"
            ) from error
        try:
            with self._console.step(f"Start {self._agent.name} on {told}"):
                await self._replace([])
            self._console.line(f"  http://{LOOPBACK}:{port}/", style="bold")
            self._console.line("  Saved files are picked up. Ctrl-C ends it.\n")
            self._do(self._notice())
            while True:
                await self._replace(await self._wanted.get())
        finally:
            front.stop()

    async def _notice(self) -> None:
        async for changed in changes(self._launch.sources):
            for path in changed:
                _forget_compiled(path)
            self._wanted.put_nowait(changed)

    async def _replace(self, changed: list[Path]) -> None:
        """Let a new process serve. One that does not start leaves the one before in its place."""
        began = time.monotonic()
        try:
            self._launch.check()
            worker = self._spare or await self._warm()
            self._spare = None
            await worker.serve(ports.any_free())
        except StartFailedError as error:
            self._problem = f"{error.what} {error.why}"
            self._tell(error)
        else:
            before, self._current = self._current, worker
            self._do(self._mourn(worker))
            if before is not None:
                self._do(self._retire(before))
            if changed:
                self._console.line(
                    f"↻ {_names(changed)}: picked up in {time.monotonic() - began:.2f} s", style="green"
                )
        self._spare = self._spare or await self._warm()

    def _tell(self, error: StartFailedError) -> None:
        self._console.line(f"✗ {error.what}", style="bold red")
        self._console.line(error.why)
        before = " What was there before goes on answering." if self._current else ""
        self._console.line(f"Next: {error.next_step}.{before}")

    async def _mourn(self, worker: Worker) -> None:
        """A process that ends without being asked to is replaced."""
        await worker.ended.wait()
        if worker is self._current:
            self._current = None
            self._console.line(
                f"✗ The agent's process ended (status {worker.status}). Starting it again.", style="bold red"
            )
            self._wanted.put_nowait([])

    async def _retire(self, worker: Worker) -> None:
        await worker.retire(self._patience)
        self._workers.discard(worker)

    async def _warm(self) -> Worker:
        self._number += 1
        version = f"{self._agent.version}-dev.{self._number}"
        worker = await Worker.warm(self._launch, version, self._console.line)
        self._workers.add(worker)
        return worker

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Aside, until the end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End every process, whatever it is doing."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers))


def _names(changed: list[Path]) -> str:
    names = [path.relative_to(paths.ROOT).as_posix() for path in changed]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _forget_compiled(path: Path) -> None:
    """Python tells a change by seconds and size, so a second edit within one second would go unseen."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink(missing_ok=True)
