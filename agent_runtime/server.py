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

from agent_runtime import auth, catalogue, collector, loading
from agent_runtime.app import create_app
from agent_runtime.context import AgentContext, Deployment
from agent_runtime.errors import StartError
from agent_runtime.logs import logger
from agent_runtime.metrics import Metrics
from agent_runtime.service import Loaded, Service
from agent_runtime.settings import Settings

LAST_REQUESTS_SECONDS = 0.2
"""What those have to send their request who connected just before nobody could any more. Each is answered 503."""
LAST_BYTES_SECONDS = 3
"""What callers have to take the last answers after the last invocation has ended."""
THREADS_END_SECONDS = 0.5
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 600
"""Longer than any load balancer keeps an idle connection. A server that hangs up first now and then does so just
as a request arrives, which the caller sees as a 502 (uvicorn's default is 5 s, a load balancer's 60 s)."""


def prepare(agent: str, settings: Settings) -> Service:
    """The service, up and not yet ready: all that takes no import of Strands.

    Raises:
        StartError: something is not as it must be.
    """
    auth.check(settings)
    entry = catalogue.usable(settings.model_id)
    if entry.price is None:
        logger.warning("the model's price is not known, so no cost is reported", model=entry.id)
    deployment = Deployment(
        agent=agent,
        version=settings.version,
        environment=settings.environment,
        region=settings.region,
        model=entry.id,
        architecture=platform.machine(),
        python=platform.python_version(),
    )
    metrics = Metrics(agent, settings.environment)
    return Service(settings=settings, deployment=deployment, entry=entry, metrics=metrics)


def load(service: Service) -> Loaded:
    """Load the agent and everything it needs; it is built once here, so that a broken one never serves. Blocks.

    Raises:
        StartError: something is not as it must be. Whatever the agent's own code raises is raised as well.
    """
    settings = service.settings
    keys = auth.load(settings)
    traces = None
    if settings.otlp_endpoint is not None:
        # Imported here: most processes do without. Before Strands, which takes the provider of traces that it finds.
        from agent_runtime import tracing

        traces = tracing.start(settings.otlp_endpoint, settings, service.deployment)
    build = loading.load(service.deployment.agent)
    # The slow imports: boto3 and Strands.
    from agent_runtime import model, sessions
    from agent_runtime.runner import Runner

    context = AgentContext(
        model=model.connect(service.entry, settings), settings=settings, deployment=service.deployment
    )
    build(context)
    store = sessions.open_store(settings)
    return Loaded(Runner(context=context, build=build, entry=service.entry, sessions=store), keys, traces)


def listen(settings: Settings) -> socket.socket:
    """The bound socket. Raises: StartError when the address can't be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where it is told that this is TCP. With it, the second packet of an
    # answer waits for the caller to acknowledge the first, which takes callers 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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

    It listens first and loads the agent then, so that whoever watches over it sees early that it is alive.

    Args:
        service: What to serve.
        started: When the process started, on the monotonic clock, to be logged.

    Raises:
        StartError: the address can't be listened on, or the agent can't be loaded. Whatever the agent's own code
            raises is raised as well.
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

    def tell(event: str) -> None:
        logger.info(
            event,
            agent=service.deployment.agent,
            version=service.deployment.version,
            environment=service.deployment.environment,
            model=service.entry.id,
            host=host,
            port=port,
            open=not service.settings.secured,
            start_ms=round((time.monotonic() - started) * 1000),
        )

    server = Server(config, lambda: tell("listening"))
    asyncio.run(_serve(service, server, listener, workers, lambda: tell("ready")))


def _threads(settings: Settings) -> int:
    """A model stream holds one thread, and so does a synchronous tool; some are left to finish what was abandoned."""
    return settings.concurrency + max(8, settings.concurrency // 4)


async def _serve(
    service: Service,
    server: Server,
    listener: socket.socket,
    workers: ThreadPoolExecutor,
    ready: Callable[[], None],
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
    loading = asyncio.ensure_future(asyncio.to_thread(load, service))
    await asyncio.wait({serving, stopping, loading}, return_when=asyncio.FIRST_COMPLETED)
    refreshing = None
    if loading.done() and not stop.is_set():
        try:
            service.open(loading.result())
        except BaseException:
            service.give_up()
            server.should_exit = True
            await serving
            raise
        collector.settle()
        ready()
        refreshing = asyncio.create_task(service.refresh())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await _stop(service, server, serving, force)
    if refreshing is not None:
        refreshing.cancel()
    if service.tracing is not None:
        service.tracing.stop()
    _leave(workers)


async def _stop(service: Service, server: Server, serving: asyncio.Task[None], force: asyncio.Event) -> None:
    logger.info("draining", in_flight=service.slots.in_flight, grace_seconds=service.settings.grace_seconds)
    draining = asyncio.create_task(service.drain(service.settings.grace_seconds))
    forced = asyncio.create_task(force.wait())
    await asyncio.wait({draining, forced}, return_when=asyncio.FIRST_COMPLETED)
    if not force.is_set() and not serving.done():
        # uvicorn hangs up on whoever has just connected and not been heard yet: no new ones, and a moment for those.
        for listening in server.servers:
            listening.close()
        await asyncio.sleep(LAST_REQUESTS_SECONDS)
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
