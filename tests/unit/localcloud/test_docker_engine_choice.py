"""Which Docker engine can run the tasks, and what is cleared away: asked of a stand-in on a Unix socket."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from localcloud import docker_engine

GOOD = {"OSType": "linux", "OperatingSystem": "Debian GNU/Linux 12", "SecurityOptions": ["name=seccomp"]}


class Engine(socketserver.ThreadingUnixStreamServer):
    """Answers like the Docker Engine API and keeps what was deleted."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        self.answers: dict[str, Any] = {"/info": GOOD}
        self.deleted: list[str] = []
        super().__init__(path, Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, _ = super().get_request()
        return connection, ("local", 0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path.partition("?")[0])
        self.send_response(200 if answer is not None else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    # Not tmp_path: a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory() as folder:
        server = Engine(f"{folder}/s")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/s")
        yield server
        server.shutdown()
        server.server_close()


def test_an_engine_of_this_machine_can_run_the_tasks(engine: Engine) -> None:
    assert docker_engine.problem() is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"OperatingSystem": "Docker Desktop"}, "virtual machine"),
        ({"OSType": "windows"}, "windows containers"),
        ({"SecurityOptions": ["name=seccomp", "name=rootless"]}, "rootless"),
    ],
)
def test_an_engine_that_does_not_share_the_loopback_is_refused(
    engine: Engine, changes: dict[str, Any], word: str
) -> None:
    engine.answers["/info"] = GOOD | changes
    assert word in (docker_engine.problem() or "")


def test_no_engine_and_a_remote_engine_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert "No Docker engine answers" in (docker_engine.problem() or "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert "only an engine of this machine" in (docker_engine.problem() or "")


def test_containers_are_removed_with_their_volumes(engine: Engine) -> None:
    engine.answers["/containers/json"] = [{"Id": "aaa"}, {"Id": "bbb"}]
    assert docker_engine.remove_containers(Path("/somewhere")) == 2
    assert engine.deleted == ["/containers/aaa?force=1&v=1", "/containers/bbb?force=1&v=1"]


def test_images_are_removed_by_the_names_of_this_registry_only(engine: Engine) -> None:
    engine.answers["/images/json"] = [
        {"RepoTags": ["vitracka/test-agent:1", "127.0.0.1:4566/vitracka/test-agent:1"], "RepoDigests": None},
        {"RepoTags": None, "RepoDigests": ["127.0.0.1:45660/vitracka/test-agent@sha256:0"]},
    ]
    assert docker_engine.remove_images("127.0.0.1:4566") == 1
    assert engine.deleted == ["/images/127.0.0.1%3A4566/vitracka/test-agent%3A1"]


def test_nothing_to_remove_without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert docker_engine.remove_containers(tmp_path) == 0
    assert docker_engine.remove_images("127.0.0.1:4566") == 0
