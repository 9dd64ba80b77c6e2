"""`./inv dev` on a runtime that is a few lines long: processes, reloads, and the address that stays."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from ops import paths
from ops.console import Console
from ops.dev import Options, develop, watch
from ops.dev import run as dev_run
from ops.dev.launch import Launch
from ops.dev.lines import readable
from ops.errors import OpsError
from ops.settings import load_agent

# Logs as the runtime does, and answers with the agent's word; /slow takes its time, /die ends the process.
RUNTIME = """
import asyncio, json, os, signal, sys
from agents.word.agent import WORD

async def handle(reader, writer):
    head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
    if " /die " in head:
        os._exit(3)
    if " /slow " in head:
        print("slow begins", flush=True)
        await asyncio.sleep(1.5)
    if " /forever " in head:
        writer.write(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
        await writer.drain()
        await reader.read()
        print("caller gone", flush=True)
    if " /head " in head:
        WORDS = head
    else:
        WORDS = WORD + " " + os.environ["AGENT_VERSION"]
    body = WORDS.encode()
    writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    writer.close()

async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", int(os.environ["PORT"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: os._exit(0))
    print(json.dumps({"event": "ready"}), file=sys.stderr, flush=True)
    print('{"_aws": {}}', flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Dev:
    """A runner over a folder with a tiny agent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.agent = root / "agents" / "word" / "agent.py"
        self.agent.parent.mkdir(parents=True)
        (root / "agent_runtime").mkdir()
        (root / "agent_runtime" / "__init__.py").write_text("")
        (root / "agent_runtime" / "__main__.py").write_text(RUNTIME)
        self.say("one")
        self.console = Console()
        self.out = io.StringIO()
        self.console.rich.file = self.out
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        launch = Launch(
            "word",
            [sys.executable],
            {**os.environ, "PYTHONPATH": str(root)},
            root,
            [root / "agent_runtime", self.agent.parent],
        )
        self.runner = dev_run.Runner(load_agent("test-agent"), launch, self.console, patience=10)
        self._task: asyncio.Task[None] | None = None

    def say(self, word: str) -> None:
        self.agent.write_text(f"import json\nimport httpx\nWORD = {word!r}\n")

    async def start(self) -> None:
        self._task = asyncio.create_task(self.runner.run(self.port, "nothing"))
        await self.until(lambda: "Saved files" in self.printed)

    async def end(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.runner.end()

    @property
    def printed(self) -> str:
        return self.out.getvalue()

    async def get(self, path: str = "/", **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}", **options)

    async def word(self) -> str:
        return (await self.get()).text.split()[0]

    async def until(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while True:
                met = condition()
                if await met if asyncio.iscoroutine(met) else met:
                    return
                await asyncio.sleep(0.02)

    async def says(self, word: str) -> None:
        async def same() -> bool:
            return await self.word() == word

        await self.until(same)

    def processes(self) -> list[psutil.Process]:
        found = []
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                if "warm.py" in " ".join(child.cmdline()):
                    found.append(child)
        return found


@pytest.fixture
async def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Dev]:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    made = Dev(tmp_path)
    yield made
    await made.end()


async def test_it_serves_what_was_saved_last_and_leaves_nothing(dev: Dev):
    await dev.start()
    assert await dev.word() == "one"
    dev.say("two")  # as long as before, and perhaps within the same second
    await dev.says("two")
    dev.say("six")
    await dev.says("six")
    assert "agents/word/agent.py: picked up in" in dev.printed
    assert "_aws" not in dev.printed
    await dev.until(lambda: len(dev.processes()) == 2)  # the one that serves and the one that is warm
    await dev.end()
    assert dev.processes() == []


async def test_what_was_begun_is_finished_by_the_version_that_began_it(dev: Dev):
    await dev.start()
    slow = asyncio.create_task(dev.get("/slow"))
    await dev.until(lambda: "slow begins" in dev.printed)
    dev.say("two")
    await dev.says("two")
    assert not slow.done()
    assert (await slow).text.startswith("one ")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("WORD = (", "agents/word/agent.py:1: '(' was never closed"),
        ("import nowhere", "No module named 'nowhere'"),
        ("raise SystemExit(5)", "The agent does not start."),
    ],
)
async def test_what_does_not_start_is_told_and_the_version_before_goes_on(dev: Dev, code: str, told: str):
    await dev.start()
    dev.agent.write_text(code)
    await dev.until(lambda: "goes on answering" in dev.printed)
    assert told in dev.printed
    assert await dev.word() == "one"
    dev.say("two")
    await dev.says("two")


async def test_an_agent_that_is_broken_from_the_start_can_be_mended(dev: Dev):
    dev.agent.write_text("WORD = ")
    await dev.start()
    answer = await dev.get()
    assert answer.status_code == 503
    assert "agent.py:1: invalid syntax" in answer.json()["detail"]
    dev.say("two")

    async def up() -> bool:
        return (await dev.get()).status_code == 200

    await dev.until(up)


async def test_a_process_that_dies_is_started_again(dev: Dev):
    await dev.start()
    with pytest.raises(httpx.RemoteProtocolError):
        await dev.get("/die")
    await dev.until(lambda: "process ended (status 3)" in dev.printed)

    async def up() -> bool:
        return (await dev.get()).status_code == 200

    await dev.until(up)
    assert await dev.word() == "one"


async def test_a_caller_that_goes_away_is_gone_for_the_agent_too(dev: Dev):
    await dev.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", dev.port)
    writer.write(f"GET /forever HTTP/1.1\r\nHost: localhost:{dev.port}\r\n\r\n".encode())
    assert b"200 OK" in await reader.readline()
    writer.close()
    await dev.until(lambda: "caller gone" in dev.printed)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", ""])
async def test_a_name_that_is_not_its_own_is_refused(dev: Dev, host: str):
    """Otherwise any web page could reach the agent, and spend its owner's money, by a name that leads here."""
    await dev.start()
    refused = await dev.get(headers={"host": host.format(port=dev.port)})
    assert refused.status_code == 421
    assert (await dev.get(headers={"host": f"localhost:{dev.port}"})).status_code == 200


async def test_a_request_arrives_as_it_was_but_for_its_connection(dev: Dev):
    await dev.start()
    head = (await dev.get("/head", headers={"x-some": "thing", "connection": "keep-alive"})).text.lower()
    assert head.startswith("get /head http/1.1\r\n")
    assert "x-some: thing\r\n" in head
    assert head.count("connection:") == 1
    assert "connection: close\r\n" in head


async def test_modules_from_elsewhere_are_imported_beforehand_and_own_ones_are_not(dev: Dev):
    launch = dev.runner._launch
    assert launch.modules() == ["httpx"]


async def test_a_port_that_was_taken_meanwhile_is_named(dev: Dev):
    with (
        socket.create_server(("127.0.0.1", dev.port)),
        pytest.raises(OpsError, match=f"Port {dev.port} can't be had"),
    ):
        await dev.runner.run(dev.port, "nothing")


def test_a_taken_port_is_told_with_who_has_it_and_another_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OpsError) as told:
            develop("test-agent", Options(port=port), Console(quiet=True))
    assert f"Port {port} is taken by python" in told.value.what
    assert f"(pid {os.getpid()})" in told.value.what
    assert "./inv dev --agent test-agent --port " in told.value.next_step


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(bedrock=True, model_server="http://127.0.0.1:1"), "two sources of answers"),
        (Options(model="small"), "--model names a model of a model server"),
    ],
)
def test_options_that_do_not_go_together(options: Options, told: str):
    with pytest.raises(OpsError, match=told):
        develop("test-agent", options, Console(quiet=True))


def test_an_agent_that_does_not_exist():
    with pytest.raises(OpsError, match='There is no agent "nobody"'):
        develop("nobody", Options(), Console(quiet=True))


def test_only_what_people_edit_counts(tmp_path: Path):
    for name in (
        "agent.py",
        "prompt.md",
        ".agent.py.swp",
        "agent.py~",
        "__pycache__/agent.pyc",
        ".git/index",
        "scenarios/a.toml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert {path.name for path in watch.snapshot([tmp_path])} == {"agent.py", "prompt.md"}


async def test_several_saves_at_once_are_one_change(tmp_path: Path):
    (tmp_path / "gone.py").write_text("")
    seen = watch.changes([tmp_path])
    first = asyncio.create_task(anext(seen))
    await asyncio.sleep(0)
    (tmp_path / "gone.py").unlink()
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1")
    assert [path.name for path in await first] == ["a.py", "b.py", "gone.py"]
    await seen.aclose()


def test_an_invocation_is_one_line_for_people():
    line = {
        "event": "invocation",
        "outcome": "answered",
        "duration_ms": 1234.5,
        "input_tokens": 9,
        "output_tokens": 2,
    }
    assert readable({**line, "cost_usd": 0.5, "tool_calls": 1}) == (
        "  answered, 1.23 s, 9 tokens in, 2 out, $0.500000, 1 tool call"
    )
    assert "$" not in readable({**line, "cost_usd": None})
    assert readable({"event": "invocation failed", "level": "warning", "error": "x", "request_id": "1"}) == (
        "  warning: invocation failed error=x"
    )
