"""The page as people meet it, in a browser, on a real service."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEY, Served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PHONE = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""Pixels by which the page would have to be scrolled sideways."""
MARKDOWN = """# A plan

It has **two** parts and `code`:

1. Walk *daily*
   - before noon
2. Sleep

| Day | Meal |
| --- | --- |
| Mon | Oats |

```python
print("a line that is long enough to be wider than any phone, and so to scroll sideways in its box")
```

> See [the guide](https://example.com/guide) or https://example.com/more.
"""
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> [click](javascript:alert(3)) "
    '[here](https://example.com/"onmouseover=alert(4)) `<b>` **<i>x</i>**'
)


def ask(page: Page, prompt: str) -> None:
    page.get_by_label("Your message").fill(prompt)
    page.get_by_role("button", name="Send").click()


def answered(page: Page, number: int = 1) -> Any:
    """The turn with this number, when it has its answer."""
    turn = page.locator(".turn").nth(number - 1)
    expect(turn.locator(".facts")).to_contain_text("tokens in")
    return turn


def no_violations(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def eventually(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_persons_turn(look, agent: Served):
    page = look(agent.url)
    expect(page).to_have_title("test-agent")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("What can you do?")
    page.keyboard.press("Enter")
    turn = answered(page)
    expect(turn.locator(".said")).to_contain_text("What can you do?")
    expect(turn.locator(".answer")).to_contain_text("I can use these tools:")
    expect(turn.locator(".answer li").first).to_be_visible()
    expect(turn.locator(".facts")).to_contain_text("$0.00")
    expect(page.locator("#total")).to_contain_text(re.compile(r"\d+ tokens \$0\.00"))
    expect(page.get_by_role("status")).to_contain_text("I can use these tools:")
    expect(page.get_by_label("Your message")).to_be_focused()
    no_violations(page)


def test_an_answer_shows_while_it_is_written_and_can_be_stopped(look, agent: Served):
    agent.control(script=[{"text": "first " + "and " * 500 + "last"}], token_ms=30)
    page = look(agent.url)
    ask(page, "Tell me a long story")
    expect(page.locator(".answer")).to_contain_text("first and and")
    expect(page.locator(".answer")).not_to_contain_text("last")
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_focused()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    no_violations(page)
    stop.click()
    expect(page.locator(".facts")).to_contain_text("Stopped")
    expect(page.get_by_label("Your message")).to_be_focused()
    eventually(lambda: agent.open_streams == 0)
    ask(page, "What is 2 + 3?")
    expect(answered(page, 2).locator(".answer")).to_contain_text("5")


def test_a_tool_call_is_visible(look, agent: Served):
    page = look(agent.url)
    ask(page, "What is 6 * 7?")
    turn = answered(page)
    tool = turn.locator("details.tool")
    expect(tool.locator("summary")).to_have_text("calculatedone")
    tool.locator("summary").click()
    expect(tool.locator("dt")).to_have_text("expression")
    expect(tool.locator("dd")).to_have_text("6 * 7")
    expect(turn.locator(".text")).to_contain_text("42")
    no_violations(page)


def test_a_tool_that_fails_says_so(look, agent: Served):
    page = look(agent.url)
    ask(page, "What is 1 / 0?")
    expect(answered(page).locator(".tool .state")).to_have_text("failed")


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"throttle": 1.0}, "The model is very busy right now."),
        ({"unavailable": 1.0}, "Try"),
        ({"stream_error": 1.0, "token_ms": 5}, "The model broke off."),
    ],
)
def test_an_error_is_told_kindly_and_can_be_tried_again(look, agent: Served, order: dict, says: str):
    agent.control(**order)
    page = look(agent.url)
    ask(page, "What can you do?")
    problem = page.locator(".problem")
    expect(problem).to_contain_text(says)
    expect(problem.locator("code")).to_have_text(re.compile("[0-9a-f]{32}"))
    expect(page.get_by_role("status")).to_contain_text(says)
    no_violations(page)
    agent.control(reset=True)
    problem.get_by_role("button", name="Try again").click()
    expect(answered(page).locator(".answer")).to_contain_text("I can use these tools:")
    expect(page.locator(".turn")).to_have_count(1)


def test_an_agent_that_is_gone_is_told(look, agent: Served):
    page = look(agent.url)
    page.context.set_offline(True)
    ask(page, "Hello?")
    expect(page.locator(".problem")).to_contain_text("The agent can't be reached. Check your connection")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    answered(page)


def test_a_conversation_goes_on_after_a_reload_and_ends_with_a_new_one(look, agent: Served):
    page = look(agent.url)
    sent: list[dict] = []
    page.on("request", lambda asked: asked.post_data and sent.append(json.loads(asked.post_data)))
    ask(page, "What is 6 * 7?")
    answered(page)
    page.reload()
    turn = answered(page)
    expect(turn.locator(".text")).to_contain_text("42")
    expect(turn.locator(".tool .state")).to_have_text("done")
    ask(page, "What is 2 + 2?")
    answered(page, 2)
    assert "session_id" not in sent[0]
    assert sent[1]["session_id"]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#total")).to_be_hidden()
    ask(page, "What is 1 + 1?")
    answered(page)
    assert "session_id" not in sent[2]


def test_what_a_model_writes_is_laid_out_and_never_markup(look, agent: Served):
    agent.control(script=[{"text": MARKDOWN}, {"text": HOSTILE}])
    page = look(agent.url)
    ask(page, "A plan, please")
    turn = answered(page)
    for selector, words in [
        ("h3", "A plan"),
        ("strong", "two"),
        ("ol > li > em", "daily"),
        ("ol > li > ul > li", "before noon"),
        ("td >> nth=1", "Oats"),
        ("pre code", "print("),
        ("blockquote a >> nth=0", "the guide"),
    ]:
        expect(turn.locator(".text").locator(selector)).to_contain_text(words)
    expect(turn.locator("ol > li")).to_have_count(2)
    expect(turn.locator("blockquote a >> nth=1")).to_have_attribute("href", "https://example.com/more")
    no_violations(page)
    ask(page, "Now something hostile")
    turn = answered(page, 2)
    expect(turn.locator(".text")).to_contain_text("<script>alert(2)</script>")
    expect(turn.locator("img, script, i, b")).to_have_count(0)
    for link in turn.locator("a").all():
        assert link.get_attribute("href").startswith("https://example.com/")
        assert link.get_attribute("onmouseover") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(look, agent: Served, scheme: str):
    agent.control(script=[{"text": MARKDOWN}])
    page = look(agent.url, color_scheme=scheme)
    no_violations(page)
    ask(page, "A plan, please")
    answered(page)
    ask(page, "What is 6 * 7?")
    answered(page, 2).locator("summary").click()
    no_violations(page)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(","))
    assert brightness < 150 if scheme == "dark" else brightness > 600


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(look, agent: Served, scheme: str):
    agent.control(script=[{"text": MARKDOWN}])
    page = look(agent.url, color_scheme=scheme, **PHONE)
    page.get_by_role("button", name="What can you do?").tap()
    answered(page)
    page.get_by_label("Your message").fill("What is 6 * 7?\nAnd why?")
    page.keyboard.press("Enter")  # on a phone it starts a new line
    expect(page.locator(".turn")).to_have_count(1)
    page.get_by_role("button", name="Send").tap()
    turn = answered(page, 2)
    assert page.evaluate(TOO_WIDE) == 0
    expect(turn.locator(".facts")).to_be_in_viewport()
    for button in page.get_by_role("button").all():
        if button.is_visible() and button.is_enabled() and button.locator("svg").count():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= 44, "too small for a thumb"
    no_violations(page)


def test_an_agent_with_a_key(look, secured: Served):
    page = look(secured.url)
    field = page.get_by_label("API key", exact=True).and_(page.locator("input"))
    expect(field).to_be_focused()
    no_violations(page)
    field.fill("not the right key")
    page.keyboard.press("Enter")
    ask(page, "What can you do?")
    expect(page.locator(".problem")).to_contain_text("answers only with a valid API key")
    expect(page.get_by_label("Your message")).to_have_value("What can you do?")
    expect(field).to_be_focused()
    field.fill(KEY)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Send").click()
    answered(page, 2)
    page.reload()
    ask(page, "What is 1 + 2?")
    answered(page, 3)
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate(TOO_WIDE) == 0
    page.set_viewport_size({"width": 1000, "height": 760})
    assert KEY not in json.dumps(page.evaluate("({...localStorage})"))
    assert not page.context.cookies()
    page.get_by_role("button", name="API key", exact=True).click()
    page.get_by_role("button", name="Forget it").click()
    ask(page, "And now?")
    expect(page.locator(".problem").last).to_contain_text("answers only with a valid API key")
    assert KEY not in json.dumps(page.evaluate("({...sessionStorage})"))


def test_under_the_agents_own_path(look, agent: Served):
    page = look(f"{agent.url}agents/test-agent/")
    ask(page, "What can you do?")
    answered(page)
