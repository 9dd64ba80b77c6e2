"""Log lines: one an invocation, JSON, and nothing private in them."""

from __future__ import annotations

import io
import json
import logging

from agent_runtime import logs


async def test_one_line_an_invocation_with_what_it_took(serve, script):
    agent = serve(script.says("Your answer."))
    answer = await agent.ask("My question.", session_id="s-1")
    [line] = agent.log
    assert line["event"] == "invocation"
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["session"], line["model"], line["outcome"], line["status"]) == (
        "s-1",
        "anthropic.claude-haiku-5-5",
        "answered",
        200,
    )
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (12, 5, 3.7e-06)
    assert line["duration_ms"] > 0
    assert line["first_token_ms"] > 0
    assert "question" not in agent.log_out.getvalue() + agent.metrics_out.getvalue()
    assert "answer." not in agent.log_out.getvalue() + agent.metrics_out.getvalue()


def test_nothing_reaches_a_line_unescaped():
    out = io.StringIO()
    logs.configure(stream=out)
    hostile = 'a\n{"event": "forged"}\r\x1b[2J\u2028\u202e'
    logs.logger.info("x", value=hostile)
    logging.getLogger("other").warning("%s", hostile)
    lines = out.getvalue().split("\n")
    assert len(lines) == 3
    assert json.loads(lines[0])["value"] == hostile
    assert json.loads(lines[1])["event"] == hostile
    assert all(character == "\n" or " " <= character <= "~" for character in out.getvalue())


def test_libraries_exceptions_are_logged_without_their_texts():
    out = io.StringIO()
    logs.configure(stream=out)
    try:
        raise ValueError("what the user said")
    except ValueError:
        logging.getLogger("strands.tools").exception("a tool failed")
    line = json.loads(out.getvalue())
    assert (line["event"], line["error_type"]) == ("a tool failed", "ValueError")
    assert "what the user said" not in out.getvalue()


def test_libraries_that_log_conversations_are_not_let_to_at_debug_level():
    out = io.StringIO()
    logs.configure("debug", stream=out)
    logging.getLogger("strands.models.bedrock").debug("request=<the prompt>")
    logging.getLogger("botocore.endpoint").debug("body: the prompt")
    logs.logger.debug("ours")
    assert "prompt" not in out.getvalue()
    assert "ours" in out.getvalue()
