"""The stand-in by itself: python -m localcloud.bedrock --port 4567 [--latency-ms 300 --tokens 20 …]"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
from dataclasses import fields

from localcloud.bedrock.behaviour import Settings
from localcloud.bedrock.server import BedrockServer


def main(arguments: list[str] | None = None) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.bedrock", description=Settings.__doc__)
    parser.add_argument(
        "--port", type=int, default=4567, help="on 127.0.0.1; 0 takes a free one (default 4567)"
    )
    defaults = Settings()
    for field in fields(Settings):
        default = getattr(defaults, field.name)
        option = "--" + field.name.replace("_", "-")
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(option, type=type(default), default=default, help=f"default {default}")
    options = vars(parser.parse_args(arguments))
    port = options.pop("port")
    settings = Settings()
    try:
        settings.change(options)
    except ValueError as error:
        parser.error(str(error))
    # What was imported stays; the collector need not look at it again during a load test.
    gc.freeze()
    asyncio.run(_serve(settings, port))


async def _serve(settings: Settings, port: int) -> None:
    server = BedrockServer(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    port = await server.start(["127.0.0.1"], port)
    print(f"Bedrock stand-in (rule-based, no language model) on http://127.0.0.1:{port}", flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await stopped.wait()
    await server.close()


if __name__ == "__main__":
    main()
