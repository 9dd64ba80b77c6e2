"""From a checkout to an answer, and what a person does next. Real Terraform, real HTTP, no container."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.local.checkout import Checkout

pytestmark = pytest.mark.local


def test_the_first_deploy_ends_with_a_real_answer(first: dict[str, Any]) -> None:
    assert first["agent"] == "test-agent"
    assert first["changed"]
    assert "42" in first["answer"]
    assert first["tasks"] == 2
    assert first["digest"].startswith("sha256:")
    assert httpx.get(f"{first['address']}/health").json()["version"] == first["version"]


def test_a_second_deploy_changes_nothing(deployed: Checkout, first: dict[str, Any]) -> None:
    before = {process.pid for process in deployed.task_processes()}
    result = deployed.inv("deploy", "--env", "local")
    assert result.status == 0, result.text
    assert result.out.count(": no change") == 3
    assert "was there" in result.out
    assert "offline stand-in for hashicorp/aws" in result.out
    assert f"deployed test-agent {first['version']} to local in" in result.out
    assert {process.pid for process in deployed.task_processes()} == before


def test_ask_prints_the_answer_and_its_facts(deployed: Checkout) -> None:
    result = deployed.inv("ask", "What is 12 * 12?")
    assert result.status == 0, result.text
    assert "144" in result.out
    assert "tools: calculate" in result.out
    assert "tokens" in result.out
    told = deployed.inv("ask", "What can you do?", "--json").json()
    assert told["model"] == "anthropic.claude-haiku-5-5"
    assert told["usage"]["input_tokens"] > 0
    assert told["session_id"]


def test_a_session_goes_on(deployed: Checkout) -> None:
    """Two tasks and a memory store: only the file and S3 stores of the next issue make this hold across tasks."""
    told = deployed.inv("ask", "Hello", "--session", "s-1", "--json").json()
    assert told["session_id"] == "s-1"


def test_status_tells_what_runs_and_where(deployed: Checkout, first: dict[str, Any]) -> None:
    result = deployed.inv("status")
    assert result.status == 0, result.text
    for part in ("test-agent", "healthy", first["version"], "2/2", first["address"], "does not prove"):
        assert part in result.out
    report = deployed.status()
    assert report["healthy"]
    assert report["engine"] == "process"


def test_logs_tell_of_the_invocation_but_not_what_was_said(deployed: Checkout) -> None:
    told = deployed.inv("ask", "What is 1234567 + 1?", "--json").json()
    lines = [json.loads(line) for line in deployed.inv("logs", "--since", "5m", "--json").out.splitlines()]
    structured = [line["line"] for line in lines if isinstance(line["line"], dict)]
    mine = [line for line in structured if line.get("session") == told["session_id"]]
    assert mine, structured[-5:]
    assert mine[0]["request_id"]
    assert "1234567" not in json.dumps(lines)
    assert "1234568" not in json.dumps(lines)
    people = deployed.inv("logs", "--agent", "test-agent", "--since", "5m")
    assert mine[0]["request_id"] in people.out
    assert '"_aws"' not in people.out
    assert '"_aws"' in deployed.inv("logs", "--since", "5m", "--metrics").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["deploy", "--env", "lokal"], ['no environment "lokal"', 'Did you mean "local"?']),
        (["deploy", "--env", "local", "--agent", "nobody"], ['no agent "nobody"', "test-agent"]),
        (["ask", "hi", "--agent", "nobody"], ["nobody is not deployed to local", "./inv deploy"]),
        (["ask", " "], ["There is no question"]),
        (["logs", "--since", "yesterday"], ["is not a time span", "2h"]),
        (["deploy", "--env", "prod"], ["somebody must agree", "no terminal"]),
        (["deploy", "--env", "test"], ["somebody must agree", "--yes"]),
    ],
)
def test_bad_input_is_a_sentence(deployed: Checkout, arguments: list[str], told: list[str]) -> None:
    result = deployed.inv(*arguments)
    assert result.status == 1
    assert "Traceback" not in result.text
    for part in told:
        assert part in result.out


def test_an_environment_without_credentials_is_refused_before_anything_starts(deployed: Checkout) -> None:
    result = deployed.inv(
        "deploy",
        "--env",
        "test",
        "--yes",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE="/nonexistent",
        AWS_SHARED_CREDENTIALS_FILE="/nonexistent",
        AWS_ACCESS_KEY_ID="",
    )
    assert result.status == 1
    assert "no usable AWS credentials" in result.out
    assert "aws sso login" in result.out
    assert "Apply" not in result.out


def test_without_a_terminal_it_wants_a_yes(deployed: Checkout) -> None:
    result = deployed.inv("destroy", "--env", "local")
    assert result.status == 1
    assert "--yes" in result.out
    assert deployed.status()["healthy"]


def test_destroy_leaves_nothing(deployed: Checkout) -> None:
    result = deployed.inv("destroy", "--env", "local", "--yes")
    assert result.status == 0, result.text
    assert "destroyed local" in result.out
    assert not deployed.told()
    left = {name for name in deployed.files() - deployed.before if not name.startswith(".tools/")}
    assert not left
    cloud = deployed.local / "cloud"
    assert not [path for path in cloud.rglob("*") if path.is_file()] if cloud.exists() else True
    again = deployed.inv("destroy", "--env", "local", "--yes")
    assert again.status == 0
    assert "nothing to destroy" in again.out
