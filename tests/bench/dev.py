"""`./inv dev`: how long it takes until it answers, and from a saved file to the answer of the new version."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from ops.paths import ROOT
from tests.local.checkout import Checkout

PROMPT = "agents/test_agent/prompt.md"
TOOLS = "agents/test_agent/tools.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    folder = Path(tempfile.mkdtemp(prefix="bench-dev-"))
    try:
        checkout = Checkout(folder)
        starts, processes, url = [], [], ""
        for _ in range(3):
            seconds, process, url = start(checkout)
            starts.append(seconds)
            processes.append(process)
            if len(starts) < 3:
                stop(process)
        saves = [save(checkout, url, number) for number in range(rounds)]
        ended = stop(processes[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{ROOT.name}: {rounds} saved files\n")
    row("what", "median s", "slowest s")
    row("./inv dev to the first 200", f"{statistics.median(starts):.2f}", f"{max(starts):.2f}")
    row("saved file to the new version's first 200", f"{statistics.median(saves):.2f}", f"{max(saves):.2f}")
    row("Ctrl-C to its end", f"{ended:.2f}", "")


def row(*cells: str) -> None:
    print(f"{cells[0]:<45} {cells[1]:>10} {cells[2]:>10}")


def start(checkout: Checkout) -> tuple[float, subprocess.Popen[str], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    process = checkout.start("dev", "--port", str(port))
    wait_for(lambda: version(url) != "")
    return time.monotonic() - began, process, url


def save(checkout: Checkout, url: str, number: int) -> float:
    """Save a file of the agent once the machine has come to rest, as a person at work would."""
    time.sleep(3)
    before = version(url)
    name = (PROMPT, TOOLS)[number % 2]
    path = checkout.root / name
    text = path.read_text()
    began = time.monotonic()
    path.write_text(f"{text}\n# edit {number}\n")
    wait_for(lambda: version(url) not in ("", before))
    return time.monotonic() - began


def stop(process: subprocess.Popen[str]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return time.monotonic() - began


def version(url: str) -> str:
    try:
        answer = httpx.get(f"{url}/health")
    except httpx.TransportError:
        return ""
    found = re.search(r'"version":\s*"([^"]+)"', answer.text)
    return found[1] if found else ""


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it did not happen")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
