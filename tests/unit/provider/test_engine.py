"""What stays in the state when something goes wrong half-way, and who is asked first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localcloud.provider import engine as engines
from localcloud.provider import resources, wire
from localcloud.provider.arguments import Argument, Values
from localcloud.provider.aws import Aws
from localcloud.provider.errors import CreatedButFailed, ProviderError
from localcloud.provider.resource import Resource
from localcloud.provider.schema import cache
from localcloud.provider.service import ProviderService
from localcloud.provider.settings import Settings
from localcloud.provider.values import decode, encode
from tests.unit.provider import bindings


class Thing(Resource):
    """A type whose second step fails on demand; `there` is the API."""

    type_name = "aws_thing"
    arguments = (
        Argument("name", "Name", replace=True),
        Argument("description", "Description"),
        Argument("size", "Size"),
        Argument("password_wo"),
    )

    def __init__(self) -> None:
        self.there: dict[str, Values] = {}
        self.fail: Exception | None = None
        self.received: list[Values] = []

    def create(self, aws: Aws, values: Values) -> Values:
        self.received.append(values)
        self.there["1"] = {
            "name": values["name"],
            "description": values["description"],
            "size": 1,
            "arn": "arn:1",
        }
        return {"id": "1"}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if self.fail:
            raise self.fail

    def read(self, aws: Aws, state: Values) -> Values | None:
        return self.there.get("1")

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        self.there["1"]["description"] = values["description"]
        if self.fail:
            raise self.fail

    def delete(self, aws: Aws, state: Values) -> None:
        del self.there["1"]


@pytest.fixture
def thing(monkeypatch: pytest.MonkeyPatch) -> Thing:
    made = Thing()
    monkeypatch.setattr(resources, "mapped", lambda: {"aws_thing": made})
    return made


@pytest.fixture
def schema(tmp_path: Path) -> cache.SchemaCache:
    cache.build(bindings.wheel(tmp_path / "bindings.whl"), tmp_path / "schema", least_types=1)
    return cache.SchemaCache(tmp_path / "schema")


@pytest.fixture
def engine(schema: cache.SchemaCache) -> engines.Engine:
    return engines.Engine(schema, Settings())


def config(schema: cache.SchemaCache, **values: Any) -> Values:
    from localcloud.provider.values import empty

    return {**empty(schema.block("resource", "aws_thing")), "name": "x", **values}


def create(engine: engines.Engine, wanted: Values) -> Values:
    planned, _ = engine.plan("aws_thing", prior=None, proposed=wanted, config=wanted)
    state = engine.apply("aws_thing", prior=None, planned=planned, config=wanted)
    assert state is not None
    return state


def test_create_read_update_delete(engine: engines.Engine, schema: cache.SchemaCache, thing: Thing) -> None:
    state = create(engine, config(schema, description="one"))
    assert (state["arn"], state["size"]) == ("arn:1", 1)
    assert engine.read("aws_thing", state) == state

    wanted = {**state, "description": "two"}
    planned, replace = engine.plan(
        "aws_thing", prior=state, proposed=wanted, config=config(schema, description="two")
    )
    assert replace == []
    changed = engine.apply(
        "aws_thing", prior=state, planned=planned, config=config(schema, description="two")
    )
    assert changed == wanted
    assert engine.apply("aws_thing", prior=changed, planned=None, config=None) is None
    assert engine.read("aws_thing", wanted) is None


def test_write_only_value_is_sent_and_forgotten(
    engine: engines.Engine, schema: cache.SchemaCache, thing: Thing
) -> None:
    state = create(engine, config(schema, password_wo="s3cr3t"))
    assert thing.received[0]["password_wo"] == "s3cr3t"
    assert "s3cr3t" not in str(state)


@pytest.mark.parametrize("failure", [ProviderError("second step failed"), RuntimeError("second step failed")])
def test_failure_after_the_creation_keeps_what_there_is(
    engine: engines.Engine, schema: cache.SchemaCache, thing: Thing, failure: Exception
) -> None:
    thing.fail = failure
    with pytest.raises(CreatedButFailed, match="second step failed") as error:
        create(engine, config(schema, password_wo="s3cr3t"))
    assert error.value.state["name"] == "x"
    assert error.value.state["arn"] == "arn:1"
    assert error.value.state["password_wo"] is None


def test_failure_in_an_update_remembers_what_was_done(
    engine: engines.Engine, schema: cache.SchemaCache, thing: Thing
) -> None:
    state = create(engine, config(schema, description="one"))
    thing.fail = ProviderError("second step failed")
    with pytest.raises(CreatedButFailed) as error:
        engine.apply("aws_thing", prior=state, planned={**state, "description": "two"}, config=config(schema))
    assert error.value.state["description"] == "two"


def test_wrong_account_is_refused_before_anything_else(
    schema: cache.SchemaCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(Aws, "account_id", "000000000000")
    engines.Engine(schema, Settings(allowed_account_ids=("000000000000",))).check_account()
    with pytest.raises(ProviderError, match="one of 111122223333"):
        engines.Engine(schema, Settings(allowed_account_ids=("111122223333",))).check_account()
    with pytest.raises(ProviderError, match="any but 000000000000"):
        engines.Engine(schema, Settings(forbidden_account_ids=("000000000000",))).check_account()


def test_service_answers_errors_with_the_state_to_keep(
    schema: cache.SchemaCache, thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    service = ProviderService(schema)
    configured = service.answer(
        "ConfigureProvider", wire.message("ConfigureProviderRequest", config=encode({}))
    )
    assert not configured.diagnostics
    thing.fail = ProviderError("It broke.", "Mend it.", ["part", 0, "id"])
    wanted = config(schema)
    request = wire.message(
        "ApplyResourceChangeRequest",
        type_name="aws_thing",
        prior_state=encode(None),
        planned_state=encode(wanted),
        config=encode(wanted),
        planned_private=b"kept",
    )
    answer = service.answer("ApplyResourceChange", request)
    assert decode(answer.new_state)["name"] == "x"
    assert answer.private == b"kept"
    said = answer.diagnostics[0]
    assert (said.severity, said.summary, said.detail) == (wire.ERROR, "It broke.", "Mend it.")
    assert [step.attribute_name or step.element_key_int for step in said.attribute.steps] == ["part", 0, "id"]


def test_defect_names_itself_and_keeps_the_prior_state(schema: cache.SchemaCache, thing: Thing) -> None:
    request = wire.message(
        "ApplyResourceChangeRequest", type_name="aws_thing", prior_state=encode({"name": "x"})
    )
    answer = ProviderService(schema).answer("ApplyResourceChange", request)
    assert decode(answer.new_state) == {"name": "x"}
    assert "before it was configured" in answer.diagnostics[0].summary


def test_unmapped_type_is_refused_at_the_plan(engine: engines.Engine, schema: cache.SchemaCache) -> None:
    with pytest.raises(ProviderError, match=r"can't apply it"):
        engine.plan("aws_thing", prior=None, proposed=config(schema), config=config(schema))
    assert engine.plan("aws_thing", prior=config(schema), proposed=None, config=None) == (None, [])
