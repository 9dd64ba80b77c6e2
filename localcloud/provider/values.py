"""Terraform's values: msgpack on the wire, plain Python here, with one mark for what is not known yet."""

from __future__ import annotations

import json
from typing import Any

import msgpack

from localcloud.provider import wire
from localcloud.provider.schema.extract import Block


class Unknown:
    """The value of something that only exists after an apply."""

    def __repr__(self) -> str:
        return "(known after apply)"

    def __deepcopy__(self, memo: dict[int, Any]) -> Unknown:
        return self

    def __bool__(self) -> bool:
        return True


#: The only instance; compare with `is`.
UNKNOWN = Unknown()

Values = dict[str, Any]


def decode(value: Any) -> Any:
    """A DynamicValue as dicts, lists, strings, numbers, bools, None and UNKNOWN."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, ext_hook=lambda code, data: UNKNOWN, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def encode(value: Any) -> Any:
    """The DynamicValue that carries `value`. Raises TypeError for what Terraform has no type for."""
    return wire.message("DynamicValue", msgpack=msgpack.packb(value, default=_unknown))


def _unknown(value: Any) -> msgpack.ExtType:
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\0")
    raise TypeError(f"{value!r} ({type(value).__name__}) has no Terraform type")


def has_unknown(value: Any) -> bool:
    """Whether anything inside `value` is only known after apply."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def known(value: Any) -> Any:
    """`value` with everything unknown replaced by None."""
    if isinstance(value, dict):
        return {name: known(member) for name, member in value.items()}
    if isinstance(value, list):
        return [known(member) for member in value]
    return None if value is UNKNOWN else value


def is_set(value: Any) -> bool:
    """Whether a configuration says anything by `value`: null and an absent block do not."""
    return value is not None and value != []


def empty(block: Block) -> Values:
    """A value of the block's type in which nothing is set."""
    values: Values = dict.fromkeys(block["attributes"])
    for name, nested in block["block_types"].items():
        values[name] = {"list": [], "set": [], "map": {}}.get(nested["nesting_mode"])
    return values


def conform(values: Values, block: Block) -> Values:
    """`values` cut and filled to exactly the block's attributes and nested blocks."""
    whole = empty(block)
    for name in block["attributes"]:
        whole[name] = values.get(name)
    for name, nested in block["block_types"].items():
        given = values.get(name)
        if isinstance(given, list):
            whole[name] = [
                conform(member, nested["block"]) if isinstance(member, dict) else member for member in given
            ]
        elif isinstance(given, dict) and nested["nesting_mode"] == "single":
            whole[name] = conform(given, nested["block"])
        elif given is not None:
            whole[name] = given
    return whole
