"""Metrics, by the embedded metric format's rules."""

from __future__ import annotations

import json
import time

import jsonschema
import pytest

# The specification's own schema:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                        "Unit": {"enum": ["Count", "Milliseconds", "None"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


async def test_every_line_is_valid_and_complete(serve, script):
    agent = serve(script.says("Hi.", cacheReadInputTokens=100), script.says("Hi."), environment="staging")
    assert (await agent.ask()).is_success
    assert (await agent.ask()).is_success
    assert len(agent.metrics) == 2
    for line in agent.metrics:
        jsonschema.validate(line, SCHEMA)
        assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Vitracka/Agents"
        assert directive["Dimensions"] == [["Agent", "Environment"]]
        assert (line["Agent"], line["Environment"]) == ("test-agent", "staging")
        units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert units == {
            "Invocations": "Count",
            "Errors": "Count",
            "Throttles": "Count",
            "Duration": "Milliseconds",
            "TimeToFirstToken": "Milliseconds",
            "InputTokens": "Count",
            "OutputTokens": "Count",
            "CostUSD": "None",
            "InFlight": "Count",
        }
        for name in units:
            assert isinstance(line[name], int | float), name
    assert agent.metrics[0]["InputTokens"] == 112
    assert agent.metrics[0]["CostUSD"] == pytest.approx((12 * 0.1 + 100 * 0.01 + 5 * 0.5) / 1e6)


async def test_the_table_of_the_design_is_what_is_sent():
    from agent_runtime.metrics import UNITS

    assert set(UNITS) == {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "TimeToFirstToken",
        "InputTokens",
        "OutputTokens",
        "CostUSD",
        "InFlight",
    }


async def test_a_model_without_a_price_has_no_cost(serve):
    agent = serve(model_id="arn:aws:bedrock:us-east-1:1:application-inference-profile/x")
    assert (await agent.ask()).json()["usage"]["cost_usd"] is None
    assert "CostUSD" not in agent.metrics[0]


async def test_tokens_of_a_failed_invocation_count_too(serve, script):
    agent = serve(script.says("Hi.", tokens=(100, 10)) + [RuntimeError("late")])
    assert (await agent.ask()).status_code == 502
    assert (agent.metrics[0]["InputTokens"], agent.metrics[0]["Errors"]) == (100, 1)


async def test_a_line_is_one_line(serve):
    agent = serve()
    await agent.ask()
    text = agent.metrics_out.getvalue()
    assert text.count("\n") == 1
    assert json.loads(text)
