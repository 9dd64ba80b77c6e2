"""test-agent: its tools, and that it is built as the runtime asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from agent_runtime import AgentContext, Deployment
from agent_runtime.settings import Settings
from agents.test_agent import agent, arithmetic, tools

FACTS = Deployment("test-agent", "1.2.3", "staging", "eu-west-1", "a-model", "aarch64", "3.11.9")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        (" (3 + 4) * 2.5 ", 17.5),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("9 ** 0.5", 3.0),
        ("10 ** 300 * 10", 10**301),
        ("--1", 1),
        ("0.1 + 0.2", 0.30000000000000004),
    ],
)
def test_arithmetic(expression, value):
    assert arithmetic.evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "__import__('os')",
        "x",
        "True",
        "'a' * 3",
        "[1]",
        "1 if 1 else 2",
        "1 < 2",
        "lambda: 1",
        "1j",
        "~1",
        "1 << 100",
        "(1).real",
        "1\x00",
        "9 ** 9 ** 9 ** 9",
        "10 ** 10000",
        "2 ** 2000 * 2 ** 2000",
        "1e308 * 10",
        "1e999",
        "2.0 ** 5000",
        "1 / 0",
        "0 ** -1",
        "(-8) ** 0.5",
        "1" * 201,
        "(" * 150 + "1" + ")" * 49,
        "-" * 199 + "1x",
    ],
)
def test_what_is_not_arithmetic_or_too_large_is_refused_in_a_sentence(expression):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        arithmetic.evaluate(expression)


async def test_the_time_is_told_anywhere():
    berlin = datetime.fromisoformat(await tools.current_time("Europe/Berlin"))
    assert abs((berlin - datetime.now(UTC)).total_seconds()) < 5
    assert berlin.utcoffset() != datetime.now(UTC).utcoffset()
    assert (await tools.current_time()).endswith("+00:00")


@pytest.mark.parametrize("zone", ["Nowhere/City", "../../etc/passwd", "/etc/passwd", "", "a\x00b"])
async def test_a_time_zone_that_is_none(zone):
    with pytest.raises(ValueError, match="There is no time zone called"):
        await tools.current_time(zone)


async def test_facts_are_those_of_the_deployment():
    result = await tools.deployment_facts(FACTS)()
    assert result["content"][0]["json"] == {
        "agent": "test-agent",
        "version": "1.2.3",
        "environment": "staging",
        "region": "eu-west-1",
        "model": "a-model",
        "architecture": "aarch64",
        "python": "3.11.9",
    }


def test_it_is_built_fresh_each_time_with_documented_tools():
    from strands.models.bedrock import BedrockModel

    context = AgentContext(
        model=BedrockModel(model_id="m", region_name="us-east-1"),
        settings=Settings(require_auth=False),
        deployment=FACTS,
    )
    first, second = agent.build(context), agent.build(context)
    assert first is not second
    assert first.model is second.model is context.model
    assert set(first.tool_names) == {"current_time", "calculate", "deployment_facts"}
    for spec in first.tool_registry.get_all_tool_specs():
        assert len(spec["description"]) > 20
        for parameter in spec["inputSchema"]["json"]["properties"].values():
            assert len(parameter["description"]) > 20
    assert "test-agent" in (first.system_prompt or "")
    assert json.dumps(first.messages) == "[]"
