"""`aws_iam_policy_document`: a policy as text, laid out as the real provider lays it out."""

from __future__ import annotations

import json
import zlib
from typing import Any

from localcloud.provider.aws import Aws
from localcloud.provider.errors import ProviderError

Statement = dict[str, Any]

_LISTS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


def iam_policy_document(aws: Aws, config: dict[str, Any]) -> dict[str, Any]:
    """`json`, `minified_json` and `id`. Raises ProviderError for a source that is no policy or a statement id
    used twice."""
    sources = [config.get("source_json"), *(config.get("source_policy_documents") or [])]
    overrides = [*(config.get("override_policy_documents") or []), config.get("override_json")]
    document: dict[str, Any] = {"Version": config.get("version") or "2012-10-17"}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    statements: list[Statement] = []
    sids: set[str] = set()
    for text in filter(None, sources):
        source = _parse(text)
        document |= {
            name: source[name]
            for name in ("Version", "Id")
            if name in source and not config.get(_ARGUMENT[name])
        }
        for statement in _statements(source):
            sid = statement.get("Sid")
            if sid and sid in sids:
                raise ProviderError(
                    f"Two of source_policy_documents have a statement {sid!r}.",
                    "Statement ids have to be unique.",
                )
            sids.add(sid or "")
            _merge(statements, statement)
    own = [_statement(block) for block in config.get("statement") or []]
    ids = [statement["Sid"] for statement in own if "Sid" in statement]
    if len(ids) != len(set(ids)):
        raise ProviderError(
            f"Two statements have the same sid among {', '.join(ids)}.", "Statement ids have to be unique."
        )
    for statement in own:
        _merge(statements, statement)
    for text in filter(None, overrides):
        override = _parse(text)
        document |= {name: override[name] for name in ("Version", "Id") if name in override}
        for statement in _statements(override):
            _merge(statements, statement)
    if statements:
        document["Statement"] = statements
    text = _dump(document, indent=2)
    return {
        "json": text,
        "minified_json": _dump(document),
        "id": str(zlib.crc32(text.encode())),
        "version": document["Version"],
    }


_ARGUMENT = {"Version": "version", "Id": "policy_id"}


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ProviderError(
            f"A source or override policy document is not JSON: {error}.", "Give a policy as JSON text."
        ) from error
    if not isinstance(document, dict):
        raise ProviderError(
            "A source or override policy document is not a JSON object.", "Give a policy as JSON text."
        )
    return document


def _statements(document: dict[str, Any]) -> list[Statement]:
    statements = document.get("Statement") or []
    return statements if isinstance(statements, list) else [statements]


def _merge(statements: list[Statement], statement: Statement) -> None:
    """Appends, or takes the place of the statement with the same id."""
    for position, present in enumerate(statements):
        if statement.get("Sid") and present.get("Sid") == statement["Sid"]:
            statements[position] = statement
            return
    statements.append(statement)


def _statement(block: dict[str, Any]) -> Statement:
    statement: Statement = {}
    if block.get("sid"):
        statement["Sid"] = block["sid"]
    statement["Effect"] = block.get("effect") or "Allow"
    for argument, member in _LISTS:
        if block.get(argument):
            statement[member] = _one_or_many(sorted(map(_variables, block[argument]), reverse=True))
    for argument, member in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block.get(argument):
            statement[member] = _principals(block[argument])
    conditions: dict[str, dict[str, Any]] = {}
    for condition in block.get("condition") or []:
        values = [_variables(value) for value in condition["values"]]
        conditions.setdefault(condition["test"], {}).setdefault(_variables(condition["variable"]), []).extend(
            values
        )
    if conditions:
        statement["Condition"] = {
            test: {variable: _one_or_many(values) for variable, values in sorted(by_variable.items())}
            for test, by_variable in sorted(conditions.items())
        }
    return statement


def _principals(blocks: list[dict[str, Any]]) -> Any:
    by_type: dict[str, list[str]] = {}
    for block in blocks:
        by_type.setdefault(block["type"], []).extend(map(_variables, block["identifiers"]))
    if by_type.get("*") == ["*"]:
        return "*"
    return {kind: _one_or_many(sorted(set(names), reverse=True)) for kind, names in sorted(by_type.items())}


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _variables(text: str) -> str:
    """IAM's `${aws:username}` is written `&{aws:username}` in Terraform, whose own `${` it would be."""
    return text.replace("&{", "${")


def _dump(document: dict[str, Any], indent: int | None = None) -> str:
    separators = None if indent else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)
    # as Go's encoder writes them, which the real provider uses
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
