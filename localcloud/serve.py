"""The daemon: emulator, engine and Bedrock stand-in in one process. Started by `localcloud.control`.

python -m localcloud.serve --directory DIR --port N --bedrock-port N --engine process --agent-python PATH
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import warnings
from pathlib import Path

from localcloud import docker_engine
from localcloud.emulator import settings
from localcloud.engines.process.addresses import Addresses
from localcloud.engines.process.client import ProcessClient
from localcloud.errors import LocalCloudError
from localcloud.files import remove_leftovers
from localcloud.ledger import Ledger, reap_orphans
from localcloud.oci.registry import RegistryClient
from localcloud.oci.store import ImageStore
from localcloud.ports import LOOPBACK

TASK_STOP_SECONDS = 5.0
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger("localcloud")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Exit status 1 with one line on stderr when it can't start."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("localcloud").setLevel(logging.INFO)
    # Must come before the first import of ministack.
    options.docker_host = docker_engine.host()  # read first: the emulator itself shall find no Docker engine
    settings.apply(options.directory, options.port, options.region)
    try:
        asyncio.run(_serve(options))
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: The local cloud could not start: {error}.", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud.serve", description="An AWS on this machine.")
    parser.add_argument("--directory", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, required=True, help="port of the emulator on 127.0.0.1")
    parser.add_argument(
        "--bedrock-port", type=int, required=True, help="port of the Bedrock stand-in on 127.0.0.1"
    )
    parser.add_argument("--engine", choices=("process", "docker"), required=True)
    parser.add_argument(
        "--agent-python", type=Path, required=True, help="interpreter of the tasks' processes"
    )
    parser.add_argument("--region", default="us-east-1")
    options = parser.parse_args(arguments)
    options.directory = options.directory.resolve()
    return options


async def _serve(options: argparse.Namespace) -> None:
    # Only now, since the settings had to be in the environment first; and the check before what it checks for.
    from localcloud.emulator import privates

    privates.check()
    from hypercorn.asyncio import serve as hypercorn_serve
    from ministack.app import app

    from localcloud.bedrock.server import BedrockThread
    from localcloud.emulator import blobs, ecs_fixes, logs_state, prefetch
    from localcloud.emulator.saver import Saver
    from localcloud.engines.process import hooks

    for folder in ("", "blobs", "images", "layers"):
        remove_leftovers(options.directory / folder)
    blobs.install(options.directory / "blobs")
    logs_state.install()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    saver = Saver()
    engine = _make_engine(options)
    engine.on_change = saver.touch
    ecs_fixes.install()
    hooks.install(engine)
    bedrock = BedrockThread([LOOPBACK], options.bedrock_port)
    bedrock.start()
    log.info("serving on %d, Bedrock on %d, %s engine", options.port, options.bedrock_port, options.engine)

    async def until_stopped() -> None:
        await stopped.wait()
        # Before the emulator's own last save: two of them at once would write the same files.
        await asyncio.to_thread(saver.stop)

    watched = saver.wrap(app)
    if options.engine == "process":
        watched = prefetch.wrap(watched, engine.images.pull, options.port)
    saver.start()
    try:
        # Ends after the application's own shutdown, in which the emulator saves its state.
        await hypercorn_serve(watched, _server_config(options.port), shutdown_trigger=until_stopped)
    finally:
        await asyncio.to_thread(engine.close, TASK_STOP_SECONDS)
        bedrock.stop()
    log.info("stopped")


def _make_engine(options: argparse.Namespace) -> ProcessClient:
    """What takes the Docker client's place in the emulator. Clears away what a crash left running."""
    if options.engine == "docker":
        from localcloud.engines.docker import DockerTasks

        if orphans := docker_engine.remove_containers(options.directory, options.docker_host):
            log.warning("removed %d containers that a crash had left", orphans)
        return DockerTasks(options.directory, host=options.docker_host, registry_port=options.port)
    ledger_file = options.directory / "engine.json"
    if orphans := reap_orphans(ledger_file):
        log.warning("stopped %d processes that a crash had left running", orphans)
    store = ImageStore(options.directory, RegistryClient(options.port))
    client = ProcessClient(
        options.directory, store, Addresses(options.port), Ledger(ledger_file), options.agent_python
    )
    store.in_use = client.digests_in_use
    return client


def _server_config(port: int) -> object:
    from hypercorn.config import Config

    # hypercorn warns about its own defaults on every start.
    warnings.filterwarnings("ignore", module="hypercorn")
    config = Config()
    config.bind = [f"{LOOPBACK}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    return config


if __name__ == "__main__":
    sys.exit(main())
