"""When a rollout counts as done, and when as failed."""

from __future__ import annotations

from typing import Any

import pytest

from ops import service, verify
from ops.agent_client import AgentClient
from ops.cloud import Cloud
from ops.service import Deployment, Task
from ops.settings import load_environment

NEW, OLD = "arn:task-definition/a:2", "arn:task-definition/a:1"
CLOUD = Cloud(load_environment("local"))


class Client(AgentClient):
    """Answers `/health` with one version after the other; the last one stays."""

    def __init__(self, *versions: str | None) -> None:
        super().__init__("test-agent", "http://unused")
        self.versions = list(versions)
        self.asked = 0

    def health(self, timeout: float = 5.0) -> dict[str, Any] | None:
        self.asked += 1
        version = self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]
        return {"version": version} if version else None


def deployment(definition: str, state: str = "COMPLETED", running: int = 2, desired: int = 2) -> Deployment:
    return Deployment(definition, desired, running, state, "ECS says so", None)


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """ECS answers with one list of deployments after the other; the last one stays."""

    def set_up(*answers: list[Deployment], stopped: list[Task] = (), words: str = "") -> None:
        left = list(answers)
        monkeypatch.setattr(
            service, "describe", lambda cloud, agent: left.pop(0) if len(left) > 1 else left[0]
        )
        monkeypatch.setattr(verify.logs, "last_words", lambda cloud, agent, task: words)
        monkeypatch.setattr(service, "tasks", lambda cloud, agent, status="RUNNING": list(stopped))

    monkeypatch.setattr(verify.time, "sleep", lambda seconds: None)
    return set_up


def wait(client: Client, timeout: float = 5.0) -> int:
    return verify.wait_for_rollout(CLOUD, client, NEW, "2", timeout=timeout)


def test_ecs_word_alone_is_not_enough(ecs: Any) -> None:
    """A service is COMPLETED at birth; only answers from the new version count, several in a row."""
    ecs([deployment(NEW)])
    client = Client("1", "2", "1", "2")
    assert wait(client) == 2
    assert client.asked >= 3 + verify.ANSWERS_IN_A_ROW


def test_tasks_that_are_missing_are_waited_for(ecs: Any) -> None:
    ecs(
        [deployment(NEW, "IN_PROGRESS", 0), deployment(OLD)],
        [deployment(NEW, "COMPLETED", 1)],
        [deployment(NEW)],
    )
    assert wait(Client("2")) == 2


def test_a_paused_service_is_not_waited_for(ecs: Any) -> None:
    ecs([deployment(NEW, running=0, desired=0)])
    assert wait(Client(None)) == 0


@pytest.mark.parametrize(
    "after",
    [
        [deployment(OLD), deployment(NEW, "FAILED", 0)],
        [deployment(OLD)],
    ],
)
def test_an_open_circuit_breaker_is_told_with_the_tasks_last_words(ecs: Any, after: list[Deployment]) -> None:
    task = Task("1", "STOPPED", NEW, None, "Essential container exited (1): ValueError: broken at import", 1)
    ecs([deployment(NEW, "IN_PROGRESS", 0), deployment(OLD)], after, stopped=[task])
    with pytest.raises(verify.RolloutFailed) as caught:
        wait(Client("1"))
    message = str(caught.value)
    assert "ValueError: broken at import" in message
    assert "1 keeps serving" in message
    assert "./inv logs --env local --agent test-agent" in message


def test_a_rollout_that_never_ends_is_given_up(ecs: Any) -> None:
    ecs([deployment(NEW, "IN_PROGRESS", 1), deployment(OLD)])
    with pytest.raises(verify.RolloutFailed, match="Nothing answers there now"):
        wait(Client(None), timeout=0.05)


def test_what_the_task_said_last_is_told_where_ecs_does_not(ecs: Any) -> None:
    """On AWS the reason is ECS's sentence alone; the traceback's last line is in the log."""
    task = Task("1", "STOPPED", NEW, None, "Essential container in task exited", 1)
    ecs([deployment(NEW, "FAILED", 0)], stopped=[task], words="KeyError: 'PORT'")
    with pytest.raises(verify.RolloutFailed, match="Its last words: KeyError: 'PORT'"):
        wait(Client(None))


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        ([deployment(NEW, "FAILED", 0)], True),
        ([deployment(NEW)], False),
        ([deployment(OLD), deployment(NEW, "FAILED", 0)], False),
        ([], False),
    ],
)
def test_only_a_failed_deployment_of_the_wanted_definition_is_started_again(
    ecs: Any, deployments: list[Deployment], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecs(deployments)
    started: list[str] = []
    monkeypatch.setattr(service, "start_again", lambda cloud, agent: started.append(agent))
    assert verify.restart_if_failed(CLOUD, "test-agent", NEW) is expected
    assert bool(started) is expected
