"""What the agent stack tells the service of its environment."""

from __future__ import annotations

import pytest

from ops import stacks
from ops.cloud import Cloud
from ops.settings import load_agent, load_environment
from ops.settings.load import model_of


@pytest.mark.parametrize(
    ("name", "shown"), [("local", "true"), ("test", "true"), ("staging", "true"), ("prod", "false")]
)
def test_the_page_is_shown_everywhere_but_to_users(name: str, shown: str) -> None:
    cloud = Cloud(load_environment(name))
    there = {"repository_urls": {"test-agent": "u"}, "repository_arns": {"test-agent": "a"}}
    stack = stacks.agent(cloud, load_agent("test-agent"), {}, there, version="1", digest="sha256:1")
    assert stack.variables["agent"]["environment"]["AGENT_PAGE"] == shown


def test_a_model_is_called_by_the_environments_geography() -> None:
    agent = load_agent("test-agent")
    assert model_of(agent, load_environment("local")) == agent.model.id
    assert model_of(agent, load_environment("prod")) == f"us.{agent.model.id}"
