"""Arguments become requests, and answers become arguments."""

from __future__ import annotations

from localcloud.provider.arguments import SET, TEXT_AS_BOOL, Argument, is_blank, receive, send, switch

ARGUMENTS = (
    Argument("name", "Name"),
    Argument("public", "Options.Address", switch("ENABLED", "DISABLED")),
    Argument("raw", "Raw", TEXT_AS_BOOL),
    Argument("zones", "Zones", SET),
    Argument("check", "Check", block=(Argument("path", "Path"), Argument("code", "Matcher.Code"))),
    Argument("part", "Parts", many=True, block=(Argument("id", "Id"),)),
    Argument("propagate", "Propagate", unset=("NONE",)),
    Argument("window", terraform_only="says what a destroy does"),
    Argument("policy", "Policy", not_read_back="not stored"),
)


def test_send() -> None:
    values = {
        "name": "x",
        "public": False,
        "raw": True,
        "zones": ["a"],
        "check": [{"path": "/", "code": "200"}],
        "part": [{"id": "1"}, {"id": "2"}],
        "propagate": None,
        "window": 7,
        "policy": "{}",
    }
    assert send(ARGUMENTS, values) == {
        "Name": "x",
        "Options": {"Address": "DISABLED"},
        "Raw": "true",
        "Zones": ["a"],
        "Check": {"Path": "/", "Matcher": {"Code": "200"}},
        "Parts": [{"Id": "1"}, {"Id": "2"}],
        "Policy": "{}",
    }


def test_send_leaves_out_what_is_not_configured_and_what_is_not_asked_for() -> None:
    assert send(ARGUMENTS, {"name": "x", "zones": [], "check": [], "raw": None}) == {"Name": "x"}
    assert send(ARGUMENTS, {"name": "x", "raw": False}, ["raw"]) == {"Raw": "false"}


def test_receive() -> None:
    answer = {
        "Name": "x",
        "Options": {"Address": "ENABLED"},
        "Raw": "false",
        "Check": {"Matcher": {"Code": "200"}},
        "Parts": [{"Id": "1"}],
        "Propagate": "NONE",
        "Policy": "{}",
    }
    assert receive(ARGUMENTS, answer) == {
        "name": "x",
        "public": True,
        "raw": False,
        "zones": None,
        "check": [{"path": None, "code": "200"}],
        "part": [{"id": "1"}],
        "propagate": None,
    }


def test_receive_of_nothing() -> None:
    received = receive(ARGUMENTS, {})
    assert received["check"] == received["part"] == []
    assert received["name"] is None


def test_blank() -> None:
    assert all(map(is_blank, (None, "", False, 0, [], {})))
    assert not any(map(is_blank, ("x", True, 1, [0], {"a": None})))
