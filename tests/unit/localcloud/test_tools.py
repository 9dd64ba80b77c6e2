"""The rule-based responder: which tool for which words, with which input, and what it makes of the results."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.bedrock.responder import SIGNATURE, respond
from localcloud.bedrock.tools import choose, expression_in


def tool(
    name: str, description: str, properties: dict[str, Any] | None = None, *required: str
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    return {"toolSpec": {"name": name, "description": description, "inputSchema": {"json": schema}}}


TEST_AGENT = [
    tool(
        "current_time",
        "Tell the current date and time.",
        {"timezone": {"type": "string", "description": "zone"}},
    ),
    tool(
        "calculate", "Calculate an arithmetic expression.", {"expression": {"type": "string"}}, "expression"
    ),
    tool("deployment_facts", "Tell facts about this deployment: version, environment, region, model."),
]
COACH = [
    tool(
        "log_meal",
        "Write down what the user ate.",
        {"description": {"type": "string"}, "calories": {"type": "integer"}},
        "description",
    ),
    tool(
        "read_weight",
        "Read the user's weight on a day.",
        {"date": {"type": "string"}, "unit": {"enum": ["kg", "lb"]}},
        "unit",
    ),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What time is it?", ["current_time"]),
        ("what is the time in Europe/Berlin", ["current_time"]),
        ("What is 12*7?", ["calculate"]),
        ("6 times 7", ["calculate"]),
        ("Where do you run?", ["deployment_facts"]),
        ("Which version are you?", ["deployment_facts"]),
        ("What time is it and what is 3+4?", ["calculate", "current_time"]),
        ("Hello!", []),
        ("How are you feeling?", []),
    ],
)
def test_the_words_choose_the_tool(text: str, names: list[str]) -> None:
    assert sorted(call.name for call in choose(TEST_AGENT, text)) == names


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("What is 12*7?", "12*7"),
        ("(3 + 4) * 2.5 please", "(3 + 4) * 2.5"),
        ("12 x 7", "12 * 7"),
        ("10 divided by 4", "10 / 4"),
        ("2^10", "2**10"),
        ("17 % 5", "17 % 5"),
        ("on 2026-11-23 I ran", None),
        ("I have 3 apples", None),
    ],
)
def test_expressions_are_found_in_sentences(text: str, expression: str | None) -> None:
    assert expression_in(text) == expression


def test_input_is_filled_from_the_words() -> None:
    (meal,) = choose(COACH, 'I ate "two eggs", log the meal with 180 calories')
    assert meal.input == {"description": "two eggs", "calories": 180}
    (weight,) = choose(COACH, "Read my weight in lb on 2026-11-01")
    assert weight.input == {"date": "2026-11-01", "unit": "lb"}


def test_a_zone_is_an_argument() -> None:
    (time,) = choose(TEST_AGENT, "What time is it in Europe/Berlin?")
    assert time.input == {"timezone": "Europe/Berlin"}


def test_a_forced_tool_is_called_whatever_was_said() -> None:
    (forced,) = choose(TEST_AGENT, "Hello", {"tool": {"name": "calculate"}})
    assert (forced.name, forced.input) == ("calculate", {"expression": "Hello"})
    assert len(choose(TEST_AGENT, "Hello", {"any": {}})) == 1


def ask(text: str, tools: list[dict[str, Any]] = TEST_AGENT) -> str:
    request = {"messages": [{"role": "user", "content": [{"text": text}]}], "toolConfig": {"tools": tools}}
    return respond(request).blocks[0]["text"]


def test_what_can_you_do_lists_the_tools() -> None:
    answer = ask("What can you do?")
    for spec in TEST_AGENT:
        assert spec["toolSpec"]["name"] in answer
    assert SIGNATURE in answer


def test_every_answer_in_words_says_that_there_is_no_model() -> None:
    assert SIGNATURE in ask("Hello!")


def test_results_and_failures_of_tools_are_told() -> None:
    use = [{"toolUse": {"toolUseId": i, "name": n, "input": {}}} for i, n in (("a", "facts"), ("b", "time"))]
    results = [
        {
            "toolResult": {
                "toolUseId": "a",
                "content": [{"json": {"version": "1.2", "cpu": 2}}],
                "status": "success",
            }
        },
        {"toolResult": {"toolUseId": "b", "content": [{"text": "no such zone"}], "status": "error"}},
    ]
    request = {
        "messages": [
            {"role": "user", "content": [{"text": "both"}]},
            {"role": "assistant", "content": use},
            {"role": "user", "content": results},
        ]
    }
    text = respond(request).blocks[0]["text"]
    assert "facts says: version: 1.2, cpu: 2" in text
    assert "time failed: no such zone" in text
