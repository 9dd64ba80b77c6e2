"""`aws_iam_policy_document` writes what the real provider writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.provider.aws import Aws
from localcloud.provider.data_sources.policy_document import iam_policy_document
from localcloud.provider.errors import ProviderError
from localcloud.provider.settings import Settings

AWS = Aws(Settings())


def document(**config: Any) -> dict[str, Any]:
    return json.loads(iam_policy_document(AWS, config)["json"])


def statement(**values: Any) -> dict[str, Any]:
    names = ("sid", "effect", "actions", "not_actions", "resources", "not_resources")
    return {**dict.fromkeys(names), "principals": [], "not_principals": [], "condition": [], **values}


def test_layout_is_that_of_the_real_provider() -> None:
    block = statement(sid="One", actions=["s3:GetObject"], resources=["*"])
    assert iam_policy_document(AWS, {"statement": [block]})["json"] == (
        '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Sid": "One",\n      "Effect": "Allow",\n'
        '      "Action": "s3:GetObject",\n      "Resource": "*"\n    }\n  ]\n}'
    )


def test_lists_are_sorted_as_the_real_provider_sorts_them() -> None:
    found = document(statement=[statement(actions=["a:A", "c:C", "b:B"], not_resources=["x"], effect="Deny")])
    assert found["Statement"] == [{"Effect": "Deny", "Action": ["c:C", "b:B", "a:A"], "NotResource": "x"}]


@pytest.mark.parametrize(
    ("principals", "expected"),
    [
        ([{"type": "*", "identifiers": ["*"]}], "*"),
        ([{"type": "AWS", "identifiers": ["*"]}], {"AWS": "*"}),
        (
            [{"type": "Service", "identifiers": ["a"]}, {"type": "AWS", "identifiers": ["b", "c"]}],
            {"AWS": ["c", "b"], "Service": "a"},
        ),
    ],
)
def test_principals(principals: list[dict[str, Any]], expected: Any) -> None:
    assert document(statement=[statement(principals=principals)])["Statement"][0]["Principal"] == expected


def test_conditions_of_one_test_and_variable_are_one() -> None:
    conditions = [
        {"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]},
        {"test": "StringLike", "variable": "s3:prefix", "values": ["a/*", "&{aws:username}/*"]},
        {"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["2"]},
    ]
    assert document(statement=[statement(condition=conditions)])["Statement"][0]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ["1", "2"]},
        "StringLike": {"s3:prefix": ["a/*", "${aws:username}/*"]},
    }


def test_sources_and_overrides() -> None:
    source = json.dumps(
        {
            "Version": "2008-10-17",
            "Statement": [{"Sid": "A", "Effect": "Allow"}, {"Sid": "B", "Effect": "Allow"}],
        }
    )
    override = json.dumps({"Statement": {"Sid": "B", "Effect": "Deny"}})
    found = document(
        source_policy_documents=[source],
        statement=[statement(sid="C"), statement(sid="A", effect="Deny")],
        override_policy_documents=[override],
    )
    assert [(item["Sid"], item["Effect"]) for item in found["Statement"]] == [
        ("A", "Deny"),
        ("B", "Deny"),
        ("C", "Allow"),
    ]
    assert found["Version"] == "2008-10-17"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"source_policy_documents": ["{"]}, "is not JSON"),
        ({"source_policy_documents": ["[]"]}, "is not a JSON object"),
        ({"source_policy_documents": ['{"Statement": {"Sid": "A"}}'] * 2}, "have a statement 'A'"),
        ({"statement": [statement(sid="A"), statement(sid="A")]}, "have the same sid"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError, match=said):
        iam_policy_document(AWS, config)


def test_minified() -> None:
    found = iam_policy_document(AWS, {"statement": [statement(actions=["a:<b>"])]})
    assert (
        found["minified_json"]
        == '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:\\u003cb\\u003e"}]}'
    )
