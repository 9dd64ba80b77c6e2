"""Some hundreds of cases that nobody thought of; `./inv bench fuzz` sends 10,000."""

from __future__ import annotations

import json

from tests.unit.agent_runtime import fuzz_kit

CASES = 200


def test_prompts_sessions_and_headers(serve, script, monkeypatch):
    monkeypatch.setenv("AGENT_TEST_CANARY", fuzz_kit.CANARY)
    agent = serve(script.says("Hi."))
    seen = fuzz_kit.fields(agent, CASES)
    assert seen.total() == CASES
    assert {200, 422} <= set(seen), seen


def test_the_openapi_document_is_true(serve, script):
    agent = serve(script.says("Hi."), keys=None)
    seen = fuzz_kit.document(agent, CASES)
    assert seen[200] > 0


def test_no_session_reaches_anothers_history(serve, script):
    """Whatever two callers are called, neither sees what the other has said."""
    from hypothesis import given
    from hypothesis import strategies as st

    names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,12}", fullmatch=True)
    pairs = st.tuples(st.none() | names, names)
    agent = serve(script.says("Yes."))
    said = 0
    with fuzz_kit.loop() as runner:

        @fuzz_kit.bounded(100)
        @given(mine=pairs, other=pairs)
        def one(mine: tuple[str | None, str], other: tuple[str | None, str]) -> None:
            nonlocal said
            if mine == other:
                return
            said += 1
            secret = f"secret-{said}-of-mine"
            for (user, session), prompt in ((mine, secret), (other, "tell me")):
                who = {"session_id": session, **({} if user is None else {"user_id": user})}
                assert runner.run(agent.ask(prompt, **who)).status_code == 200
            assert secret not in json.dumps(agent.model.seen[-1])

        one()
    assert said > 50
