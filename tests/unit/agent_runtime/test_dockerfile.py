"""The image's recipe, as far as it can be read without building it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def only(instructions, name: str) -> str:
    [found] = [rest for word, rest in instructions if word == name]
    return found


def test_nothing_runs_while_it_is_built(instructions):
    """So that an image for another architecture is made without emulating it."""
    assert {word for word, _ in instructions} == {
        "ARG", "FROM", "LABEL", "ENV", "COPY", "VOLUME", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "CMD",
    }  # fmt: skip


def test_it_is_not_root_and_on_the_agreed_port(instructions):
    assert only(instructions, "USER") == "10001:10001"
    assert only(instructions, "EXPOSE") == "8000"
    assert only(instructions, "WORKDIR") == "/app"
    assert json.loads(only(instructions, "CMD")) == ["python3", "-m", "agent_runtime"]


def test_the_base_is_the_one_that_is_required(instructions):
    assert instructions[0] == ("ARG", "BASE_IMAGE=python:3.11-slim")


def test_the_health_check_is_a_program(instructions):
    options, _, command = only(instructions, "HEALTHCHECK").partition("CMD")
    assert "--start-period=60s" in options
    python, flag, program = json.loads(command)
    assert (python, flag) == ("python3", "-c")
    compile(program, "healthcheck", "exec")
    assert "/ready" in program
