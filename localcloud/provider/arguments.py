"""How a Terraform argument and a member of an AWS API's structure correspond, in both directions.

One table per resource type serves three purposes: what is sent, what is read back, and (by what it leaves out)
what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.provider import documents

Values = dict[str, Any]

#: What an API answers, or leaves out, for something that nobody configured.
_BLANK: tuple[Any, ...] = (None, "", False, 0, [], {})


def is_blank(value: Any) -> bool:
    """Whether a value says no more than an absent one."""
    return any(value == blank for blank in _BLANK)


@dataclass(frozen=True)
class Kind:
    """A conversion: Terraform's value to the API's, back, and when two of Terraform's mean the same."""

    send: Callable[[Any], Any]
    receive: Callable[[Any], Any]
    same: Callable[[Any, Any], bool] = lambda one, other: one == other


def _same_set(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(member in other for member in one)
    return one == other


PLAIN = Kind(lambda value: value, lambda value: value)
SET = Kind(list, list, _same_set)
#: A JSON document in a string on both sides; spelling does not matter.
JSON = Kind(lambda value: value, documents.text, documents.same)
#: An IAM policy in a string on both sides; neither spelling nor one-element lists matter.
POLICY = Kind(lambda value: value, documents.text, documents.same_policy)
#: A number in the API, a string in Terraform.
NUMBER_AS_TEXT = Kind(int, lambda value: None if value is None else str(value))
#: A string in the API, a number in Terraform.
TEXT_AS_NUMBER = Kind(str, lambda value: None if value in (None, "") else int(value))
#: "true" or "false" in the API, a bool in Terraform.
TEXT_AS_BOOL = Kind(
    lambda value: str(value).lower(), lambda value: None if value in (None, "") else value == "true"
)


def switch(on: str, off: str) -> Kind:
    """Two words in the API, a bool in Terraform."""
    return Kind(lambda value: on if value else off, lambda value: None if value is None else value == on)


@dataclass(frozen=True)
class Argument:
    """One argument of a resource type, or a nested block (then `block` lists the block's own arguments)."""

    name: str
    #: Where it is in the API's structure, e.g. `Options.Name`; empty when the type's own code sends and reads it.
    member: str = ""
    kind: Kind = PLAIN
    #: The provider's default, where it has one.
    default: Any = None
    #: Any change needs another resource.
    replace: bool = False
    #: Answers of the API that mean that nobody configured it.
    unset: tuple[Any, ...] = ()
    block: tuple[Argument, ...] = ()
    #: A block that repeats is a list in the API; one that does not is a structure.
    many: bool = False
    #: A block that the provider fills in when it is not configured.
    computed_block: bool = False
    #: Allowed values; empty when any.
    choices: tuple[Any, ...] = ()
    #: Only this value (the default) is known; another one is refused rather than ignored.
    only_default: bool = False
    #: Why it is never sent: it steers Terraform, not AWS.
    terraform_only: str = ""
    #: Why it is sent but can't be read back from the emulator.
    not_read_back: str = ""

    def same(self, one: Any, other: Any) -> bool:
        """Whether two of Terraform's values mean the same."""
        return one == other or (one is not None and other is not None and self.kind.same(one, other))


def send(arguments: Iterable[Argument], values: Values, only: Sequence[str] | None = None) -> Values:
    """The part of an API request that `values` amount to. What is not configured is left out."""
    request: Values = {}
    for argument in arguments:
        value = values.get(argument.name)
        if (
            not argument.member
            or value is None
            or value == []
            or (only is not None and argument.name not in only)
        ):
            continue
        if argument.block:
            members = [send(argument.block, member or {}) for member in value]
            _put(request, argument.member, members if argument.many else members[0])
        else:
            _put(request, argument.member, argument.kind.send(value))
    return request


def receive(arguments: Iterable[Argument], answer: Any) -> Values:
    """What an API's structure says about the arguments that can be read back."""
    values: Values = {}
    for argument in arguments:
        if not argument.member or argument.terraform_only or argument.not_read_back:
            continue
        value = _take(answer, argument.member)
        if argument.block:
            members = value if argument.many else [value]
            values[argument.name] = [
                receive(argument.block, member) for member in members or [] if not is_blank(member)
            ]
        else:
            value = argument.kind.receive(value) if value is not None else None
            values[argument.name] = None if value in argument.unset else value
    return values


def _put(request: Values, member: str, value: Any) -> None:
    *path, last = member.split(".")
    for name in path:
        request = request.setdefault(name, {})
    request[last] = value


def _take(answer: Any, member: str) -> Any:
    for name in member.split("."):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer
