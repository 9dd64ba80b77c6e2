"""The runtime beside its peers: throughput, latency, CPU, start-up, memory. Prints the targets and which are met.

Run it with `./inv bench runtime`, or `./inv bench runtime --args=--quick` for a shorter look. The server has one core
to itself, the load and the Bedrock stand-in (200 ms to the first token, then 20 tokens 5 ms apart) have the other.
Rounds are interleaved; each figure is the median of its rounds, each ratio the median of the rounds' own ratios.
Whatever else runs on the machine at the time makes all of them worse, ours and the peers' alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from ops.bootstrap import environment
from tests.bench.runtime_kit import load as load_kit
from tests.bench.runtime_kit.load import Load, drive, once, post, probe, quantile
from tests.bench.runtime_kit.servers import (
    AGENTCORE,
    BEST,
    LOAD_CORE,
    OURS,
    OURS_BOTO3,
    SERVER_CORE,
    Bedrock,
    Running,
    Server,
    pin,
    running,
)

CALLERS = 100
FIRST_MS, TOKEN_MS, TOKENS = 200, 5, 20
MODEL_SECONDS = (FIRST_MS + TOKEN_MS * TOKENS) / 1000
SLOW_MODEL_SECONDS = 3.0
PROMPT = "Please tell me in one sentence what you can do for me today, and how."
TURNS = 1000
OTHERS_PERCENT = 5.0
"""Of the servers' core: what other processes may take of it in a run that counts."""

Values = dict[str, list[float]]


class Figures:
    """Every round's figures, by server and name."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.failed: dict[str, int] = defaultdict(int)

    def add(self, server: Server, name: str, value: float) -> None:
        self._values[server.name, name].append(value)

    def of(self, server: Server, name: str) -> list[float]:
        return self._values[server.name, name]

    def median(self, server: Server, name: str) -> float | None:
        values = self.of(server, name)
        return statistics.median(values) if values else None

    def ratio(self, name: str, to: Server, of: Server = OURS) -> float | None:
        """The median of the rounds' ratios, ours to theirs."""
        pairs = zip(self.of(of, name), self.of(to, name), strict=False)
        ratios = [ours / theirs for ours, theirs in pairs]
        return statistics.median(ratios) if ratios else None


def throughput(server: Running, figures: Figures, seconds: float) -> None:
    before, core = server.cpu, core_seconds()
    load = asyncio.run(drive(server.port, CALLERS, seconds, request=post(PROMPT)))
    # CPU is taken over the whole run, so it is shared among all answers of it, those of the warm-up as well.
    spent, answers = server.cpu - before, len(load.durations) * (seconds + 1.0) / seconds
    figures.add(server.server, "others", max(0.0, core_seconds() - core - spent) / (seconds + 1.0) * 100)
    figures.add(server.server, "rate", load.rate)
    figures.add(server.server, "p50", quantile(load.durations, 0.5) * 1000)
    figures.add(server.server, "p95", quantile(load.durations, 0.95) * 1000)
    figures.add(server.server, "cpu", spent / answers * 1000)
    figures.failed[server.server.name] += load.failed


def core_seconds() -> float:
    """Seconds of work that the servers' core has done, for whomever."""
    cores = psutil.cpu_times(percpu=True)
    times = cores[SERVER_CORE % len(cores)]
    return float(times.user + times.system + times.nice)


def first_token(server: Running, figures: Figures, seconds: float) -> None:
    load = asyncio.run(drive(server.port, CALLERS, seconds, request=post(PROMPT, sse=True)))
    figures.add(server.server, "ttft", quantile(load.first_tokens, 0.5) * 1000)
    figures.add(server.server, "ttft p95", quantile(load.first_tokens, 0.95) * 1000)
    figures.failed[server.server.name] += load.failed


def slow_model(server: Running, figures: Figures, *, probed: bool) -> None:
    """100 callers at once on a 3 s model."""

    async def run() -> tuple[Load, list[float], float]:
        asking = asyncio.create_task(once(server.port, CALLERS, request=post(PROMPT)))
        peak = asyncio.create_task(_peak(server, asking))
        pings = await probe(server.port, "/ping", asking) if probed else []
        return await asking, pings, await peak

    load, pings, peak = asyncio.run(run())
    figures.add(server.server, "slow p95", quantile(load.durations, 0.95))
    figures.add(server.server, "memory", peak)
    figures.failed[server.server.name] += load.failed
    if pings:
        figures.add(server.server, "ping slow", quantile(pings, 0.99) * 1000)


async def _peak(server: Running, until: asyncio.Task[Load]) -> float:
    peak = server.memory
    while not until.done():
        await asyncio.sleep(0.05)
        peak = max(peak, server.memory)
    return peak


def saturated(server: Running, figures: Figures, seconds: float) -> None:
    """How long health checks wait while the core is saturated."""

    async def run() -> dict[str, list[float]]:
        driving = asyncio.create_task(drive(server.port, CALLERS, seconds, request=post(PROMPT)))
        await asyncio.sleep(1.0)
        found = await asyncio.gather(*(probe(server.port, path, driving) for path in ("/ping", "/health")))
        return dict(zip(("/ping", "/health"), found, strict=True))

    for path, times in asyncio.run(run()).items():
        figures.add(server.server, f"saturated {path}", quantile(times, 0.99) * 1000)


def start_up(server: Server, python: Path, bedrock: Bedrock, figures: Figures) -> None:
    process = Running(server, python, bedrock.url)
    try:
        figures.add(server, "health", process.wait() * 1000)
    finally:
        process.stop()
    process = Running(server, python, bedrock.url)
    try:
        question = ("POST", "/invocations", json.dumps({"prompt": PROMPT}))
        figures.add(server, "answer", process.wait(question) * 1000)
    finally:
        process.stop()


def soak(server: Running, figures: Figures, turns: int) -> None:
    """One session, turn after turn."""

    async def run() -> None:
        caller = load_kit.Caller(server.port)
        for number in range(1, turns + 1):
            status, _ = await caller.ask(post(PROMPT, session="soak"))
            if status != 200:
                figures.failed[server.server.name] += 1
            if number == turns // 5:
                figures.add(server.server, "turn 200", server.memory)
        figures.add(server.server, "turn 1000", server.memory)
        caller.close()

    asyncio.run(run())


def measure(options: argparse.Namespace, python: Path, bedrock: Bedrock, console: Console) -> Figures:
    figures = Figures()
    servers = (OURS, BEST, AGENTCORE)
    bedrock.control(latency_ms=FIRST_MS, token_ms=TOKEN_MS)
    for number in range(options.starts):
        console.print(f"start-up, round {number + 1} of {options.starts}")
        for server in _turned(servers, number):
            start_up(server, python, bedrock, figures)
    for number in range(options.rounds):
        compared = (*servers, OURS_BOTO3) if options.boto3 else servers
        for server in _turned(compared, number):
            console.print(f"load, round {number + 1} of {options.rounds}: {server.name}")
            with running(server, python, bedrock.url) as process:
                throughput(process, figures, options.seconds)
                if server is not AGENTCORE:  # its async entry point here answers in one piece
                    first_token(process, figures, options.seconds)
                if server is OURS:
                    saturated(process, figures, options.seconds)
    bedrock.control(latency_ms=SLOW_MODEL_SECONDS * 1000 - TOKEN_MS * TOKENS)
    for server in (OURS, BEST, *(() if options.quick else (AGENTCORE,))):
        console.print(f"{CALLERS} callers on a model of {SLOW_MODEL_SECONDS:g} s: {server.name}")
        with running(server, python, bedrock.url) as process:
            slow_model(process, figures, probed=server is OURS)
    bedrock.control(latency_ms=0, token_ms=0)
    console.print(f"{options.turns} turns of one session")
    with running(OURS, python, bedrock.url) as process:
        soak(process, figures, options.turns)
    return figures


def _turned(servers: tuple[Server, ...], number: int) -> tuple[Server, ...]:
    """Another one begins each round."""
    first = number % len(servers)
    return servers[first:] + servers[:first]


def report(figures: Figures, console: Console) -> bool:
    """Print the tables. Returns whether every target is met."""
    all_figures = Table(
        "server", "rps", "p50 ms", "p95 ms", "CPU ms", "TTFT ms", "TTFT p95", "/health ms", "answer ms"
    )
    all_figures.add_column("others %")
    all_figures.add_column("failed")
    for server in (OURS, OURS_BOTO3, BEST, AGENTCORE):
        if figures.of(server, "rate"):
            names = ("rate", "p50", "p95", "cpu", "ttft", "ttft p95", "health", "answer", "others")
            cells = [_shown(figures.median(server, name)) for name in names]
            all_figures.add_row(server.name, *cells, str(figures.failed[server.name]))
    console.print(all_figures)

    taken = max(figures.of(server, "others") for server in (OURS, BEST, AGENTCORE))
    if max(taken) > OTHERS_PERCENT:
        console.print(
            f"Other work took up to {max(taken):.0f} % of the servers' core: throughput and latency do not count. "
            "A server with a hundred threads takes a busy core from its neighbours, one with a single thread shares it."
        )

    slow = figures.median(OURS, "slow p95")
    growth = (figures.median(OURS, "turn 1000") or 0) - (figures.median(OURS, "turn 200") or 0)
    ttft = figures.median(OURS, "ttft")
    rows = [
        (f"throughput at {CALLERS} callers, to best practice", figures.ratio("rate", BEST), 1.3, "x at least"),
        ("… to bedrock-agentcore", figures.ratio("rate", AGENTCORE), 8.0, "x at least"),
        (f"p95 at {CALLERS} callers, to best practice", figures.ratio("p95", BEST), 0.75, "x at most"),
        ("p95 on a 3 s model, to the model's own", slow and slow / SLOW_MODEL_SECONDS, 1.1, "x at most"),
        ("CPU per request, to best practice", figures.ratio("cpu", BEST), 0.6, "x at most"),
        ("SSE: first token, to the model's own", ttft and ttft / FIRST_MS, 1.5, "x at most"),
        ("start to first /health, to bedrock-agentcore", figures.ratio("health", AGENTCORE), 0.65, "x at most"),
        ("start to first answer, to bedrock-agentcore", figures.ratio("answer", AGENTCORE), 1.0, "x at most"),
        (f"peak memory at {CALLERS} in flight", figures.median(OURS, "memory"), 200.0, "MB at most"),
        ("peak memory after 1,000 turns", figures.median(OURS, "turn 1000"), 200.0, "MB at most"),
        ("growth from the 200th turn to the 1,000th", growth, 5.0, "MB at most"),
        ("/ping p99, 100 in flight on a 3 s model", figures.median(OURS, "ping slow"), 25.0, "ms at most"),
        ("/ping p99, core saturated", figures.median(OURS, "saturated /ping"), 150.0, "ms at most"),
        ("/health p99, core saturated", figures.median(OURS, "saturated /health"), 150.0, "ms at most"),
    ]  # fmt: skip
    table = Table("what", "measured", "target", "met")
    all_met = True
    for what, value, target, unit in rows:
        met = value is not None and (value >= target if "least" in unit else value <= target)
        all_met = all_met and met
        sign = unit.split()[0]
        shown = "not measured" if value is None else f"{value:.2f} {sign}"
        table.add_row(what, shown, f"{target:g} {unit}", "yes" if met else "no" if value is not None else "-")
    console.print(table)
    for server in (BEST, AGENTCORE):
        if value := figures.median(server, "slow p95"):
            console.print(
                f"p95 on the 3 s model, {server.name}: {value:.1f} s ({value / SLOW_MODEL_SECONDS:.1f}x)"
            )
    return all_met


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load, each")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--turns", type=int, default=TURNS, help="of the soak")
    parser.add_argument("--boto3", action="store_true", help="our server on boto3's path as well")
    parser.add_argument(
        "--python", type=Path, help="an interpreter with requirements/bench.txt (default: made)"
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.starts = 1, 4.0, 2
    console = Console(width=140)
    python = options.python or environment("bench", console.print)
    pin(psutil.Process(os.getpid()), LOAD_CORE)
    bedrock = Bedrock(Path(sys.executable))
    try:
        figures = measure(options, python, bedrock, console)
    finally:
        bedrock.stop()
    if not report(figures, console):
        console.print("Not every target was met.")


if __name__ == "__main__":
    main()
