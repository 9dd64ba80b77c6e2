"""Which models live, and what a call costs."""

from __future__ import annotations

import pytest

from agent_runtime import catalogue
from agent_runtime.catalogue import Usage
from agent_runtime.errors import StartError

HAIKU = "anthropic.claude-haiku-5-5"


def test_a_thousand_turns_on_haiku_cost_what_the_plan_says():
    turn = catalogue.find(HAIKU).cost(Usage(input=1500, output=150))
    assert turn is not None
    assert turn * 1000 == pytest.approx(0.225)


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        (HAIKU, Usage(input=1_000_000), 0.5),
        (HAIKU, Usage(input=100_000), 0.01),
        (HAIKU, Usage(input=1, cache_read=100_000), 0.5e-6 + 0.005),
        (HAIKU, Usage(cache_read=10_000, cache_write=10_000), 0.0001 + 0.00125),
        (f"global.{HAIKU}", Usage(output=1000), 0.0005),
        (f"eu.{HAIKU}", Usage(output=1000), 0.00055),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-5-5", Usage(output=1000), 0.01),
        (f"arn:aws:bedrock:us-east-1:1:inference-profile/us.{HAIKU}", Usage(output=1000), 0.00055),
    ],
)
def test_prices(model, usage, usd):
    assert catalogue.find(model).cost(usage) == pytest.approx(usd)


def test_an_unknown_model_is_usable_and_has_no_price():
    entry = catalogue.usable("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123")
    assert entry.cost(Usage(input=5)) is None


@pytest.mark.parametrize("prefix", ["", "us.", "arn:aws:bedrock:us-east-1:1:inference-profile/us."])
def test_a_dead_model_is_refused_by_name_with_its_successor(prefix):
    with pytest.raises(StartError) as refused:
        catalogue.usable(f"{prefix}anthropic.claude-3-5-sonnet-20241022-v2:0")
    for part in ("Claude 3.5 Sonnet", "2026-03-01", "anthropic.claude-sonnet-5-5", "AGENT_MODEL_ID"):
        assert part in str(refused.value)


def test_thinking_is_off_where_it_can_be():
    assert catalogue.find(HAIKU).request_fields == {"thinking": {"type": "disabled"}}
    assert not catalogue.find("anthropic.claude-sonnet-5-5").request_fields


def test_the_table_says_when_and_where_it_was_read():
    data = catalogue._data()
    assert data["retrieved"].startswith("20")
    assert "price" in data["source"]
    assert all(
        entry["successor"] in data["models"] for entry in data["models"].values() if "successor" in entry
    )
