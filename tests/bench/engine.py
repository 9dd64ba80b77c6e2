"""What the process engine and the Bedrock stand-in do under load, crashes and bad versions. Prints a table.

Run it with `./inv bench engine`. The limits are the figures of a first prototype, which this must not fall behind. The
service is a trivial one: the figures are the engine's and the emulator's, not an agent's.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from localcloud import control
from localcloud.daemon import REPOSITORY
from ops.bootstrap import environment
from tests.local.engine_kit import Load, answers, deploy, get, start_cloud, wait_until
from tests.unit.localcloud.kit import Stack, push, service_image

FLOOD_SECONDS = 4.0


@dataclass
class Figures:
    """Everything measured, by name."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """One more round's figure."""
        self.values[name].append(value)

    def lost(self, name: str, load: Load) -> None:
        """How many requests of a load were lost."""
        self.add(name, len(load.failed))
        self.notes[name] = f"of {load.sent}"


def image(stack: Stack, version: str) -> str:
    return push(stack.port, stack.REPOSITORY, version, service_image(version))


def lifecycle(figures: Figures, directory: Path) -> Stack:
    """Start, first service, crash, rolling update, bad version, pause, kill -9 of the emulator."""
    began = time.perf_counter()
    session = start_cloud(directory)
    figures.add("start", time.perf_counter() - began)
    stack = Stack(session.endpoint)
    stack.create_platform()
    definition = stack.register(image(stack, "1"))
    began = time.perf_counter()
    stack.create_service(definition, count=2)
    wait_until(lambda: answers(stack.url + "/x"))
    figures.add("create", time.perf_counter() - began)
    wait_until(lambda: stack.is_steady(definition))
    crash(figures, stack)
    with Load(stack.url + "/x", 40) as load:
        time.sleep(0.5)
        seconds = deploy(stack, stack.register(image(stack, "2"), {"START_DELAY": "2"}))
        time.sleep(0.5)
    figures.add("roll", seconds)
    figures.lost("roll lost", load)
    bad_version(figures, stack)
    pause(figures, stack)
    emulator_crash(figures, stack, directory, session)
    return stack


def crash(figures: Figures, stack: Stack) -> None:
    with Load(stack.url + "/x", 20) as load:
        time.sleep(0.5)
        victim = get(stack.url + "/x")["pid"]
        began = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: stack.service()["runningCount"] == 1)
        figures.add("crash seen", time.perf_counter() - began)
        wait_until(lambda: stack.service()["runningCount"] == 2)
        figures.add("crash full", time.perf_counter() - began)
        time.sleep(0.5)
    figures.lost("crash lost", load)


def bad_version(figures: Figures, stack: Stack) -> None:
    before = stack.service()["taskDefinition"]
    definition = stack.register(image(stack, "bad"), {"BROKEN": "kaputt"})
    with Load(stack.url + "/x", 40) as load:
        began = time.perf_counter()
        stack.update(taskDefinition=definition)
        wait_until(lambda: stack.primary()["taskDefinition"] == before)
        figures.add("bad", time.perf_counter() - began)
        wait_until(lambda: stack.is_steady(before))
    figures.lost("bad lost", load)


def pause(figures: Figures, stack: Stack) -> None:
    began = time.perf_counter()
    stack.update(desiredCount=0)
    wait_until(lambda: not answers(stack.url + "/x"))
    figures.add("pause", time.perf_counter() - began)
    began = time.perf_counter()
    stack.update(desiredCount=2)
    wait_until(lambda: answers(stack.url + "/x"))
    figures.add("resume", time.perf_counter() - began)
    wait_until(lambda: stack.is_steady(stack.service()["taskDefinition"]))


def emulator_crash(figures: Figures, stack: Stack, directory: Path, session: control.Session) -> None:
    time.sleep(1.0)
    os.kill(session.pid, signal.SIGKILL)
    began = time.perf_counter()
    start_cloud(directory, port=session.port)
    wait_until(lambda: answers(stack.url + "/x"))
    figures.add("emulator crash", time.perf_counter() - began)


def flood(request: Callable[[httpx.Client], httpx.Response], callers: int, seconds: float) -> float:
    """Requests per second that `callers` connections get through."""
    ended = time.perf_counter() + seconds
    counts = [0] * callers

    def one(number: int) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while time.perf_counter() < ended:
                request(client).raise_for_status()
                counts[number] += 1

    threads = [threading.Thread(target=one, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def balancer(figures: Figures, stack: Stack) -> None:
    figures.add("balancer", flood(lambda client: client.get(stack.url + "/x"), 8, FLOOD_SECONDS))


def bedrock(figures: Figures) -> None:
    """The stand-in by itself on one process: what a stream of 20 tokens costs it."""
    for name, options in (("fixed", ["--tokens", "20", "--no-validate"]), ("rules", [])):
        command = [environment("localcloud"), "-m", "localcloud.bedrock", "--port", "0", *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        try:
            assert server.stdout
            url = server.stdout.readline().split()[-1]
            calls(url, 1, 0.3)  # the first request loads botocore's model
            process = psutil.Process(server.pid)
            before = sum(process.cpu_times()[:2])
            rate = calls(url, 8, FLOOD_SECONDS)
            spent = sum(process.cpu_times()[:2]) - before
            figures.add(f"bedrock {name}", spent / (rate * FLOOD_SECONDS) * 1000)
        finally:
            server.terminate()
            server.wait()


def calls(url: str, callers: int, seconds: float) -> float:
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "What is 12*7?"}]}]}).encode()
    target = f"{url}/model/anthropic.claude-haiku-5-5/converse-stream"
    return flood(lambda client: client.post(target, content=body), callers, seconds)


ROWS = (
    ("start", "start of the local cloud", "s", "2"),
    ("create", "create service to first 200 through the load balancer", "s", "1.7"),
    ("crash seen", "kill -9 of a task at 20 rps: seen after", "s", "0.13"),
    ("crash full", "… full capacity after", "s", "1.7"),
    ("crash lost", "… requests lost", "", "3"),
    ("roll", "rolling update at 40 rps, new version 2 s slower to start", "s", ""),
    ("roll lost", "… requests lost", "", "0"),
    ("bad", "version that exits at start: rolled back after", "s", "0.64"),
    ("bad lost", "… requests lost", "", "0"),
    ("pause", "pause (desired count 0)", "s", "0.5"),
    ("resume", "resume (2 s of it the service's own start)", "s", "4"),
    ("emulator crash", "kill -9 of the emulator: serving again (2 s as above) after", "s", "2.4"),
    ("balancer", "load balancer, trivial target, 8 callers", "rps", ""),
    ("bedrock fixed", "Bedrock stand-in: CPU per stream of 20 tokens, no checks", "ms", ""),
    ("bedrock rules", "… checked and answered by rules", "ms", ""),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures = Figures()
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            directory = Path(scratch) / "cloud"
            try:
                balancer(figures, lifecycle(figures, directory))
            finally:
                control.reset(directory)
        bedrock(figures)
    table = Table("what", "median", "", "all", "prototype")
    for name, what, unit, prototype in ROWS:
        values = figures.values[name]
        shown = " ".join(f"{value:.2f}" if unit else f"{value:.0f}" for value in values)
        median = statistics.median(values)
        note = figures.notes.get(name, unit)
        table.add_row(what, f"{median:.2f}" if unit else f"{median:.0f}", note, shown, prototype)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
