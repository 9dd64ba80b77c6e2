"""Plans and states from values alone: defaults, what is unknown, what forces a replacement, drift, tags."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.provider import planning
from localcloud.provider.arguments import JSON, SET, Argument
from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import Resource
from localcloud.provider.settings import Settings
from localcloud.provider.values import UNKNOWN

STRING, OPTIONAL, BOTH = {"type": "string"}, {"optional": True}, {"optional": True, "computed": True}


class Thing(Resource):
    type_name = "aws_thing"
    volatile = ("revision",)
    arguments = (
        Argument("name", "Name", replace=True),
        Argument("mode", "Mode", default="slow"),
        Argument("description", "Description"),
        Argument("policy", "Policy", JSON),
        Argument("zones", "Zones", SET),
        Argument("size", "Size"),
        Argument("force", default=False, terraform_only="says what a destroy may do"),
        Argument("fifo", default=False, only_default=True),
        Argument(
            "check",
            "Check",
            computed_block=True,
            block=(
                Argument("path", "Path"),
                Argument("interval", "Interval", default=30),
                Argument("code", "Code"),
            ),
        ),
        Argument("part", "Parts", many=True, block=(Argument("id", "Id"), Argument("kind", "Kind"))),
    )


def attributes(**described: dict[str, Any]) -> dict[str, Any]:
    return {name: {**STRING, **flags} for name, flags in described.items()}


BLOCK = {
    "attributes": attributes(
        name={"required": True},
        mode=OPTIONAL,
        description=OPTIONAL,
        policy=OPTIONAL,
        zones=OPTIONAL,
        size=BOTH,
        force=OPTIONAL,
        fifo=OPTIONAL,
        id=BOTH,
        arn={"computed": True},
        revision={"computed": True},
        secret_wo={"optional": True, "write_only": True},
        region=BOTH,
        tags=OPTIONAL,
        tags_all=BOTH,
    ),
    "block_types": {
        "check": {
            "nesting_mode": "list",
            "max_items": 1,
            "block": {
                "attributes": attributes(path=OPTIONAL, interval=OPTIONAL, code=BOTH),
                "block_types": {},
            },
        },
        "part": {
            "nesting_mode": "set",
            "block": {"attributes": attributes(id=OPTIONAL, kind=BOTH), "block_types": {}},
        },
    },
}
SETTINGS = Settings(default_tags={"Owner": "all"})
THING = Thing()


def configured(**values: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(BLOCK["attributes"])
    return {**nothing, "check": [], "part": [], "name": "x", **values}


def plan(prior: dict[str, Any] | None = None, **values: Any) -> tuple[dict[str, Any], list[str]]:
    config = configured(**values)
    proposed = dict(config)
    if prior is not None:  # what Terraform proposes: the state's value where the provider computes it
        for name, attribute in BLOCK["attributes"].items():
            if attribute.get("computed") and proposed[name] is None:
                proposed[name] = prior[name]
    return planning.plan(THING, BLOCK, SETTINGS, prior, proposed, config)


@pytest.fixture
def prior() -> dict[str, Any]:
    """The state after an apply of the smallest configuration."""
    planned, _ = plan()
    observed = {"id": "1", "arn": "arn", "revision": "1", "size": "small", "check": [], "part": []}
    return planning.settle(THING, planned, observed)


def refreshed(state: dict[str, Any], **observed: Any) -> dict[str, Any]:
    return planning.refresh(THING, BLOCK, SETTINGS, state, observed)


# ---- refusal


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"speed": "fast"}, "aws_thing.speed"),
        ({"check": [{"path": "/", "grace": 1}]}, "aws_thing.check.grace"),
    ],
)
def test_unmapped_argument_is_refused(config: dict[str, Any], named: str) -> None:
    with pytest.raises(ProviderError) as error:
        planning.refuse_unmapped(THING, {"name": "x", **config})
    assert named in error.value.summary
    assert "test_planning.py" in error.value.detail


def test_path_of_a_refused_argument_leads_to_it() -> None:
    with pytest.raises(ProviderError) as error:
        planning.refuse_unmapped(THING, {"check": [{"grace": 1}]})
    assert error.value.path == ("check", 0, "grace")


def test_second_block_that_would_not_be_sent_is_refused() -> None:
    planning.refuse_unmapped(THING, {"part": [{"id": "1"}, {"id": "2"}]})
    with pytest.raises(ProviderError, match=r"only the first block of aws_thing\.check"):
        planning.refuse_unmapped(THING, {"check": [{"path": "/"}, {"path": "/2"}]})


def test_other_value_than_the_only_known_one_is_refused() -> None:
    planning.refuse_unmapped(THING, {"fifo": False})
    with pytest.raises(ProviderError, match=r"only knows aws_thing\.fifo = False, not True"):
        planning.refuse_unmapped(THING, {"fifo": True})


def test_what_is_not_configured_is_not_refused() -> None:
    planning.refuse_unmapped(
        THING, {"speed": None, "parts": [], "tags": {"a": "b"}, "timeouts": {"create": "1m"}}
    )


# ---- plans


def test_creation_applies_defaults_and_marks_what_is_computed() -> None:
    planned, replace = plan(check=[{"path": "/", "interval": None, "code": None}])
    assert planned["mode"] == "slow"
    assert planned["force"] is False
    assert planned["description"] is None
    assert planned["size"] is UNKNOWN
    assert planned["arn"] is UNKNOWN
    assert planned["region"] == "us-east-1"
    assert planned["tags_all"] == {"Owner": "all"}
    assert planned["check"] == [{"path": "/", "interval": 30, "code": UNKNOWN}]
    assert replace == []


def test_nothing_changed_plans_the_state(prior: dict[str, Any]) -> None:
    assert plan(prior) == (prior, [])


def test_change_in_place_and_what_follows_from_it(prior: dict[str, Any]) -> None:
    planned, replace = plan(prior, description="new")
    assert planned["description"] == "new"
    assert planned["revision"] is UNKNOWN
    assert planned["arn"] == "arn"
    assert replace == []


def test_replacement(prior: dict[str, Any]) -> None:
    assert plan(prior, name="y")[1] == ["name"]


def test_removed_argument_goes_back_to_the_default(prior: dict[str, Any]) -> None:
    state = {**prior, "mode": "fast", "description": "old"}
    planned, _ = plan(state)
    assert (planned["mode"], planned["description"]) == ("slow", None)


def test_removed_computed_argument_keeps_its_value(prior: dict[str, Any]) -> None:
    assert plan({**prior, "size": "large"})[0]["size"] == "large"


def test_other_spelling_is_no_change(prior: dict[str, Any]) -> None:
    state = {**prior, "policy": '{"a":1}'}
    assert plan(state, policy='{ "a": 1 }')[0] == state
    assert plan(state, policy='{ "a": 2 }')[0]["policy"] == '{ "a": 2 }'


def test_write_only_value_is_not_planned() -> None:
    assert plan(secret_wo="s3cr3t")[0]["secret_wo"] is None


def test_computed_block_that_is_not_configured_stays(prior: dict[str, Any]) -> None:
    check = [{"path": "/", "interval": 10, "code": "200"}]
    assert plan({**prior, "check": check})[0]["check"] == check


def test_computed_argument_of_a_nested_block_stays_when_nothing_else_changed(prior: dict[str, Any]) -> None:
    state = {**prior, "part": [{"id": "1", "kind": "a"}, {"id": "2", "kind": "b"}]}
    planned, _ = plan(state, part=[{"id": "2", "kind": None}, {"id": "1", "kind": None}])
    assert planned["part"] == [{"id": "2", "kind": "b"}, {"id": "1", "kind": "a"}]
    planned, _ = plan(state, part=[{"id": "1", "kind": None}, {"id": "3", "kind": None}])
    assert planned["part"] == [{"id": "1", "kind": "a"}, {"id": "3", "kind": UNKNOWN}]


def test_tags_that_are_not_known_yet() -> None:
    assert plan(tags={"a": UNKNOWN})[0]["tags_all"] is UNKNOWN
    assert plan(tags={"a": "1", "Owner": "me"})[0]["tags_all"] == {"a": "1", "Owner": "me"}


# ---- states


def test_settle_takes_answers_only_where_the_plan_could_not_know() -> None:
    planned = configured(
        size=UNKNOWN, description="mine", part=[{"id": "2", "kind": UNKNOWN}, {"id": "1", "kind": UNKNOWN}]
    )
    parts = [{"id": "1", "kind": "a"}, {"id": "2", "kind": "b"}]
    state = planning.settle(THING, planned, {"size": "small", "description": "theirs", "part": parts})
    assert (state["size"], state["description"]) == ("small", "mine")
    assert state["part"] == [{"id": "2", "kind": "b"}, {"id": "1", "kind": "a"}]


def test_unknown_that_nobody_answers_is_null() -> None:
    assert planning.settle(THING, configured(size=UNKNOWN), {})["size"] is None


@pytest.mark.parametrize(
    ("state", "observed"),
    [
        ({"description": "mine"}, {"description": "theirs"}),
        ({"description": None}, {"description": "theirs"}),
        ({"description": "mine"}, {"description": None}),
        ({"mode": "slow"}, {"mode": "fast"}),
        ({"policy": '{"a":1}'}, {"policy": '{"a":2}'}),
        ({"zones": ["a", "b"]}, {"zones": ["a"]}),
        ({"zones": None}, {"zones": ["a"]}),
        ({"part": [{"id": "1", "kind": "a"}]}, {"part": [{"id": "1", "kind": "b"}]}),
        ({"part": [{"id": "1", "kind": "a"}]}, {"part": []}),
        ({"part": []}, {"part": [{"id": "1", "kind": "a"}]}),
    ],
)
def test_drift_shows(prior: dict[str, Any], state: dict[str, Any], observed: dict[str, Any]) -> None:
    before = {**prior, **state}
    assert refreshed(before, **observed) == {**before, **observed}


@pytest.mark.parametrize(
    ("state", "observed"),
    [
        ({"description": None}, {"description": ""}),
        ({"description": ""}, {"description": None}),
        ({"zones": ["a", "b"]}, {"zones": ["b", "a"]}),
        ({"zones": None}, {"zones": []}),
        ({"policy": '{ "a": 1 }'}, {"policy": '{"a":1}'}),
        ({"part": [{"id": "2", "kind": "b"}, {"id": "1", "kind": ""}]},
         {"part": [{"id": "1", "kind": None}, {"id": "2", "kind": "b"}]}),
        ({}, {}),
    ],
)  # fmt: skip
def test_same_thing_in_other_words_is_no_drift(
    prior: dict[str, Any], state: dict[str, Any], observed: dict[str, Any]
) -> None:
    before = {**prior, **state}
    assert refreshed(before, **observed) == before


def test_tags_apart_from_default_tags(prior: dict[str, Any]) -> None:
    state = {**prior, "tags": {"a": "1"}, "tags_all": {"a": "1", "Owner": "all"}}
    assert refreshed(state, tags_all={"a": "1", "Owner": "all"})["tags"] == {"a": "1"}
    assert refreshed(state, tags_all={"a": "1", "Owner": "you"})["tags"] == {"a": "1", "Owner": "you"}
    assert refreshed(state, tags_all={"Owner": "all"})["tags"] == {}
    untagged = {**prior, "tags": None, "tags_all": {"Owner": "all"}}
    assert refreshed(untagged, tags_all={"Owner": "all"})["tags"] is None


def test_import_finds_what_the_api_says_and_the_rest_by_default() -> None:
    nothing: dict[str, Any] = dict.fromkeys(BLOCK["attributes"])
    state = refreshed(
        {**nothing, "id": "1", "check": [], "part": []},
        name="x",
        mode="fast",
        size="small",
        description="",
        part=[{"id": "1", "kind": "a"}],
        tags_all={"Owner": "all", "a": "1"},
    )
    assert state["mode"] == "fast"
    assert state["description"] is None
    assert (state["force"], state["fifo"]) == (False, False)
    assert state["part"] == [{"id": "1", "kind": "a"}]
    assert state["tags"] == {"a": "1"}
    assert state["region"] == "us-east-1"
