"""From settings to a listening process, and from SIGTERM to its end."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn

from agent_runtime import auth, catalogue, loading, model, sessions
from agent_runtime.app import create_app
from agent_runtime.context import AgentContext, Deployment
from agent_runtime.errors import StartError
from agent_runtime.logs import logger
from agent_runtime.metrics import Metrics
from agent_runtime.service import Service
from agent_runtime.settings import Settings

LAST_BYTES_SECONDS = 3
"""What callers have to take the last answers after the last invocation has ended."""
THREADS_END_SECONDS = 0.5
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 600
"""Longer than any load balancer keeps an idle connection. A server that hangs up first now and then does so just
as a request arrives, which the caller sees as a 502 (uvicorn's default is 5 s, a load balancer's 60 s)."""


def assemble(agent: str, settings: Settings) -> Service:
    """Load the agent and everything it needs; it is built once here, so that a broken one never serves.

    Raises:
        StartError: something is not as it must be. Whatever the agent's own code raises is raised as well.
    """
    entry = catalogue.usable(settings.model_id)
    if entry.price is None:
        logger.warning("the model's price is not known, so no cost is reported", model=entry.id)
    build = loading.load(agent)
    deployment = Deployment(
        agent=agent,
        version=settings.version,
        environment=settings.environment,
        region=settings.region,
        model=entry.id,
        architecture=platform.machine(),
        python=platform.python_version(),
    )
    context = AgentContext(model=model.connect(entry, settings), settings=settings, deployment=deployment)
    build(context)
    return Service(
        settings=settings,
        context=context,
        build=build,
        entry=entry,
        keys=auth.load(settings),
        sessions=sessions.open_store(settings),
        metrics=Metrics(agent, settings.environment),
    )


def listen(settings: Settings) -> socket.socket:
    """The bound socket. Raises: StartError when the address can't be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StartError(
            f"The service can't listen on {settings.host} port {settings.port}: {error.strerror}. "
            "Stop what uses the address, or set HOST and PORT to another one."
        ) from None
    return listener


class Server(uvicorn.Server):
    """uvicorn, with signals left to us: its own way out kills the process by the signal that stopped it."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


def serve(service: Service, started: float) -> None:
    """Serve until SIGTERM or SIGINT, then until the last accepted invocation is answered. Does not return.

    Args:
        service: What to serve.
        started: When the process started, on the monotonic clock, to be logged.

    Raises:
        StartError: the address can't be listened on.
    """
    listener = listen(service.settings)
    workers = ThreadPoolExecutor(_threads(service.settings), thread_name_prefix="worker")
    config = uvicorn.Config(
        create_app(service),
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_BYTES_SECONDS,
    )
    host, port = listener.getsockname()[:2]

    def listening() -> None:
        logger.info(
            "listening",
            agent=service.deployment.agent,
            version=service.deployment.version,
            environment=service.deployment.environment,
            model=service.entry.id,
            host=host,
            port=port,
            open=service.keys is None,
            start_ms=round((time.monotonic() - started) * 1000),
        )

    asyncio.run(_serve(service, Server(config, listening), listener, workers))


def _threads(settings: Settings) -> int:
    """A model stream holds one thread, and so does a synchronous tool; some are left to finish what was abandoned."""
    return settings.concurrency + max(8, settings.concurrency // 4)


async def _serve(
    service: Service, server: Server, listener: socket.socket, workers: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    # Strands streams and runs synchronous tools on the loop's executor, by default of a few threads.
    loop.set_default_executor(workers)
    stop = asyncio.Event()
    force = asyncio.Event()

    def stopped() -> None:
        (force if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped)

    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await _stop(service, server, serving, force)
    _leave(workers)


async def _stop(service: Service, server: Server, serving: asyncio.Task[None], force: asyncio.Event) -> None:
    logger.info("draining", in_flight=service.slots.in_flight, grace_seconds=service.settings.grace_seconds)
    draining = asyncio.create_task(service.drain(service.settings.grace_seconds))
    forced = asyncio.create_task(force.wait())
    await asyncio.wait({draining, forced}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    server.force_exit = force.is_set()
    await serving
    logger.info("stopped")


def _leave(workers: ThreadPoolExecutor) -> None:
    """End the process now, with status 0: a thread that is stuck in a tool would keep it for ever."""
    ended = threading.Thread(target=workers.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    ended.start()
    ended.join(THREADS_END_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
