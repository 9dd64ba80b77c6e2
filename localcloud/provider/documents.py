"""JSON documents inside strings: when two spellings say the same."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

# IAM stores the bare account id and the root user's ARN as the latter.
_ACCOUNT = re.compile(r"\d{12}")
_ONE_OR_MANY = {"Action", "NotAction", "Resource", "NotResource"}


def text(value: Any) -> Any:
    """A document as an API answers it (text, URL-encoded text or already parsed) as text."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, str) and value.startswith("%7B"):
        return unquote(value)
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two strings hold the same JSON."""
    try:
        return json.loads(one) == json.loads(other)
    except (TypeError, ValueError):
        return one == other


def same_policy(one: Any, other: Any) -> bool:
    """Whether two strings hold equivalent IAM policies: lists of one, order within lists and account
    principals do not matter."""
    try:
        return _canonical(json.loads(one)) == _canonical(json.loads(other))
    except (TypeError, ValueError, AttributeError):
        return one == other


def _canonical(policy: dict[str, Any]) -> Any:
    statements = policy.get("Statement") or []
    members = statements if isinstance(statements, list) else [statements]
    return {**policy, "Statement": [_canonical_statement(member) for member in members]}


def _canonical_statement(statement: dict[str, Any]) -> dict[str, Any]:
    canonical = dict(statement)
    for name, value in statement.items():
        if name in _ONE_OR_MANY:
            canonical[name] = _sorted(value)
        elif name in ("Principal", "NotPrincipal"):
            by_type = {"AWS": "*"} if value == "*" else value
            canonical[name] = {kind: _sorted(members, principal=True) for kind, members in by_type.items()}
        elif name == "Condition":
            canonical[name] = {
                test: {variable: _sorted(members) for variable, members in by_variable.items()}
                for test, by_variable in value.items()
            }
    return canonical


def _sorted(value: Any, *, principal: bool = False) -> list[str]:
    members = value if isinstance(value, list) else [value]
    texts = [str(member).lower() if isinstance(member, bool) else str(member) for member in members]
    if principal:
        texts = [f"arn:aws:iam::{member}:root" if _ACCOUNT.fullmatch(member) else member for member in texts]
    return sorted(texts)
