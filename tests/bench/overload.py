"""Five times more requests than can be answered, sent whether or not answers come: what becomes of them, how fast.

Run it with `./inv bench overload`. The load is open: requests leave at their own times, 500 a second for 20 s, on
however many connections that takes, and the generator's own lag is measured: a run that it limited does not count. The
model takes 3 s, so that 100 invocations at a time are 33 a second. One core is the server's, the other the load's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from ops.bootstrap import environment
from tests.bench.runtime_kit.load import Caller, post, quantile
from tests.bench.runtime_kit.servers import LOAD_CORE, OURS, Bedrock, Running, pin, running

MODEL_SECONDS = 3.0
LAG_ALLOWED_SECONDS = 0.05
"""The generator's own lateness at the 99th percentile, beyond which it measured itself."""
ANSWER_WITHIN = 60.0
REFUSALS = (429, 503)


@dataclass
class Open:
    """What an open load saw. Times are seconds from when a request was due, so that waiting to be sent counts too."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


class Generator:
    """Sends each request when it is due, on a connection that is free or on a new one."""

    def __init__(self, port: int, load: Open) -> None:
        self._port = port
        self._load = load
        self._free: list[Caller] = []
        self._request = post("How are you?")

    async def run(self, rate: float, seconds: float) -> None:
        tasks: set[asyncio.Task[None]] = set()
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            self._load.lags.append(max(0.0, time.perf_counter() - due))
            tasks.add(asyncio.create_task(self._one(due)))
        await asyncio.wait(tasks, timeout=ANSWER_WITHIN)
        for caller in self._free:
            caller.close()

    async def _one(self, due: float) -> None:
        caller = self._free.pop() if self._free else Caller(self._port)
        try:
            status, _ = await asyncio.wait_for(caller.ask(self._request), ANSWER_WITHIN)
        except (OSError, EOFError, TimeoutError) as error:
            self._load.other[type(error).__name__] += 1
            caller.close()
            return
        took = time.perf_counter() - due
        if status == 200:
            self._load.answered.append(took)
        elif status in REFUSALS:
            self._load.refused.append(took)
        else:
            self._load.other[str(status)] += 1
        self._free.append(caller)


async def measure(server: Running, rate: float, seconds: float) -> Open:
    """One load, with the server's memory watched."""
    load = Open()
    sending = asyncio.create_task(Generator(server.port, load).run(rate, seconds))
    while not sending.done():
        load.memory.append(server.memory)
        await asyncio.sleep(0.25)
    await sending
    return load


def row(table: Table, what: str, value: str, limit: str, met: bool) -> bool:
    table.add_row(what, value, limit, "yes" if met else "[red]no[/red]")
    return met


def report(console: Console, calm: Open, over: Open, memory_before: float, rate: float) -> bool:
    """Print what was measured; whether all of it is as it must be."""
    table = Table(
        "what", "measured", "limit", "met", title=f"{rate:g} requests/s, open loop, concurrency 100"
    )
    calm_p95 = quantile(calm.answered, 0.95)
    lag = quantile(over.lags, 0.99)
    ratio = quantile(over.answered, 0.95) / calm_p95
    total = len(over.answered) + len(over.refused) + sum(over.other.values())
    met = [
        row(
            table,
            "generator's lag, p99",
            f"{lag * 1000:.1f} ms",
            f"{LAG_ALLOWED_SECONDS * 1000:g} ms",
            lag <= LAG_ALLOWED_SECONDS,
        ),
        row(table, "answered", f"{len(over.answered)} of {total}", "", True),
        row(table, "refused (429, 503)", f"{len(over.refused)}", "", len(over.refused) > 0),
        row(
            table,
            "anything else",
            ", ".join(f"{k}: {v}" for k, v in over.other.items()) or "0",
            "0",
            not over.other,
        ),
        row(
            table,
            "refusal, p95",
            f"{quantile(over.refused, 0.95) * 1000:.1f} ms",
            "100 ms",
            quantile(over.refused, 0.95) <= 0.1,
        ),
        row(table, "answer without overload, p95", f"{calm_p95 * 1000:.0f} ms", "", True),
        row(
            table,
            "answer under overload, p95",
            f"{quantile(over.answered, 0.95) * 1000:.0f} ms ({ratio:.2f}x)",
            "1.30x",
            ratio <= 1.3,
        ),
        row(
            table,
            "memory before / peak",
            f"{memory_before:.0f} / {max(over.memory):.0f} MB",
            "200 MB",
            max(over.memory) < 200,
        ),
    ]
    console.print(table)
    return all(met)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="requests per second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--python", type=Path, help="interpreter of the service (default: the environment bench)"
    )
    arguments = parser.parse_args()
    console = Console()
    python = arguments.python or environment("bench", console.print)
    pin(psutil.Process(os.getpid()), LOAD_CORE)
    bedrock = Bedrock(python)
    try:
        bedrock.control(latency_ms=MODEL_SECONDS * 1000 - 100, token_ms=5)
        with running(OURS, python, bedrock.url) as server:
            # Once before, so that nothing is measured that happens only once.
            asyncio.run(measure(server, 20, 2))
            calm = asyncio.run(measure(server, 25, max(4.0, arguments.seconds / 2)))
            before = server.memory
            over = asyncio.run(measure(server, arguments.rate, arguments.seconds))
    finally:
        bedrock.stop()
    return 0 if report(console, calm, over, before, arguments.rate) else 1


if __name__ == "__main__":
    sys.exit(main())
