"""How late past its deadline a caller has its 504, and how soon the stream of the model is closed then.

Run it with `./inv bench deadlines`. The Bedrock stand-in's own count of open streams and requests says when nothing
goes on any more.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from collections.abc import Callable

import httpx
from rich.console import Console
from rich.table import Table

from localcloud.bedrock.server import BedrockThread
from tests.bench.runtime_kit.load import quantile
from tests.unit.agent_runtime.process_kit import Process

DEADLINE = 1.0
ANSWERED_WITHIN, FREED_WITHIN = 0.25, 1.0
FAULTS = {
    "slow first token": {"latency_ms": 20_000},
    "stalled stream": {"stall": 1},
    "slow tokens": {"tokens": 500, "token_ms": 100},
}


def ask(url: str, sse: bool) -> float:
    """Seconds past the deadline at which the answer is complete."""
    headers = {"accept": "text/event-stream"} if sse else {}
    began = time.perf_counter()
    answer = httpx.post(f"{url}/invocations", json={"prompt": "Hello"}, headers=headers, timeout=30)
    took = time.perf_counter() - began - DEADLINE
    assert "deadline-exceeded" in answer.text, answer.text
    return took


def leave(url: str, sse: bool, begun: Callable[[], bool]) -> None:
    """Ask, and hang up when the model works on it."""
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"prompt": "Hello"}).encode()
    accept = "text/event-stream" if sse else "application/json"
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: {accept}\r\n"
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait(begun)


def wait(condition: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > 30:
            raise SystemExit("What should have ended goes on.")
        time.sleep(0.002)
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--transport", choices=["native", "boto3"], default="native")
    arguments = parser.parse_args()
    bedrock = BedrockThread(["127.0.0.1"], 0)
    port = bedrock.start()
    stats = bedrock.server.stats

    def busy() -> bool:
        return stats.open_streams + stats.inflight > 0

    service = Process(
        f"http://127.0.0.1:{port}",
        AGENT_TIMEOUT_SECONDS=str(DEADLINE),
        AGENT_BEDROCK_TRANSPORT=arguments.transport,
    )
    table = Table(
        "the model", "the caller", "answered after the deadline: median / most", "freed: median / most", "met",
        title=f"deadline {DEADLINE:g} s, {arguments.rounds} rounds, transport {arguments.transport}",
    )  # fmt: skip
    met = True
    try:
        service.wait_until_up()
        for fault, order in FAULTS.items():
            for caller in ("JSON", "SSE", "leaves JSON", "leaves SSE"):
                late, freed = [], []
                for _ in range(arguments.rounds):
                    bedrock.server.behaviour.control({"reset": True, **order})
                    if caller.startswith("leaves"):
                        leave(service.url, "SSE" in caller, busy)
                    else:
                        late.append(ask(service.url, "SSE" in caller))
                    freed.append(wait(lambda: not busy()))
                right = max(late, default=0) <= ANSWERED_WITHIN and max(freed) <= FREED_WITHIN
                met &= right
                table.add_row(
                    fault, caller, milliseconds(late), milliseconds(freed), "yes" if right else "no"
                )
    finally:
        service.kill()
        bedrock.stop()
    Console().print(table)
    return 0 if met else 1


def milliseconds(values: list[float]) -> str:
    return f"{quantile(values, 0.5) * 1000:.0f} / {max(values) * 1000:.0f} ms" if values else ""


if __name__ == "__main__":
    sys.exit(main())
