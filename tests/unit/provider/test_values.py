"""Terraform's values survive the way to Python and back."""

from __future__ import annotations

import pytest

from localcloud.provider import values, wire
from localcloud.provider.values import UNKNOWN

BLOCK = {
    "attributes": {"name": {"type": "string"}, "size": {"type": "number"}},
    "block_types": {
        "part": {
            "nesting_mode": "set",
            "block": {"attributes": {"id": {"type": "string"}}, "block_types": {}},
        },
        "timeouts": {"nesting_mode": "single", "block": {"attributes": {}, "block_types": {}}},
    },
}


def test_round_trip_keeps_what_is_unknown() -> None:
    value = {"name": "x", "size": 1.5, "on": True, "none": None, "list": ["a", UNKNOWN], "later": UNKNOWN}
    assert values.decode(values.encode(value)) == value


def test_json_is_read_too() -> None:
    assert values.decode(wire.message("DynamicValue", json=b'{"a": [1]}')) == {"a": [1]}


def test_what_terraform_has_no_type_for_is_refused() -> None:
    with pytest.raises(TypeError, match="no Terraform type"):
        values.encode({"when": object()})


def test_unknown_inside_is_found_and_dropped() -> None:
    value = {"a": [{"b": UNKNOWN}], "c": 1}
    assert values.has_unknown(value)
    assert values.known(value) == {"a": [{"b": None}], "c": 1}
    assert not values.has_unknown(values.known(value))


def test_conform_cuts_and_fills() -> None:
    value = {"name": "x", "extra": 1, "part": [{"id": "1", "extra": 2}]}
    assert values.conform(value, BLOCK) == {
        "name": "x",
        "size": None,
        "part": [{"id": "1"}],
        "timeouts": None,
    }


def test_first_position_of_a_path_is_on_the_wire() -> None:
    """Position 0 is a value, not an absent one."""
    step = wire.message("Step", element_key_int=0)
    assert step.SerializeToString() == b"\x18\x00"
