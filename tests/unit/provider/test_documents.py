"""When two JSON documents say the same."""

from __future__ import annotations

import json

import pytest

from localcloud.provider import documents
from localcloud.provider.resources.ecs import same_containers


def policy(**changes: object) -> str:
    statement = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*", **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (policy(), policy(Action=["s3:List*", "s3:Get*"])),
        (policy(), policy(Resource=["*"])),
        (policy(Principal="*"), policy(Principal={"AWS": "*"})),
        (
            policy(Principal={"AWS": "111122223333"}),
            policy(Principal={"AWS": ["arn:aws:iam::111122223333:root"]}),
        ),
        (policy(Condition={"Bool": {"x": "true"}}), policy(Condition={"Bool": {"x": ["true"]}})),
        (policy(Condition={"Bool": {"x": True}}), policy(Condition={"Bool": {"x": "true"}})),
        (policy(), json.dumps({"Statement": json.loads(policy())["Statement"][0], "Version": "2012-10-17"})),
    ],
)
def test_equivalent_policies(one: str, other: str) -> None:
    assert documents.same_policy(one, other)


@pytest.mark.parametrize(
    "other",
    [
        policy(Effect="Deny"),
        policy(Action=["s3:Get*"]),
        policy(Principal="*"),
        policy(Condition={"Bool": {"aws:SecureTransport": "true"}}),
        "not json",
    ],
)
def test_different_policies(other: str) -> None:
    assert not documents.same_policy(policy(), other)


def test_spelling_of_json_does_not_matter() -> None:
    assert documents.same('{"a": 1, "b": [2]}', '{"b":[2],"a":1}')
    assert not documents.same('{"a": 1}', '{"a": 2}')


def test_documents_as_apis_answer_them() -> None:
    assert documents.text("%7B%22a%22%3A1%7D") == '{"a":1}'
    assert json.loads(documents.text({"a": 1})) == {"a": 1}


def containers(**changes: object) -> str:
    container = {
        "name": "x",
        "image": "y",
        "portMappings": [{"containerPort": 8000}],
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    return json.dumps([{**container, **changes}])


@pytest.mark.parametrize(
    "other",
    [
        containers(cpu=0, essential=True, volumesFrom=[], mountPoints=None),
        containers(environment=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
        containers(portMappings=[{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]),
    ],
)
def test_containers_with_what_ecs_fills_in_are_the_same(other: str) -> None:
    assert same_containers(containers(), other)


@pytest.mark.parametrize(
    "other",
    [
        containers(image="z"),
        containers(essential=False),
        containers(environment=[{"name": "A", "value": "1"}]),
        containers(portMappings=[{"containerPort": 8001}]),
        containers(readonlyRootFilesystem=True),
    ],
)
def test_containers_that_differ(other: str) -> None:
    assert not same_containers(containers(), other)
