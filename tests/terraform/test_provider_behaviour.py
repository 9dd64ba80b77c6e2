"""How the offline provider refuses, imports, fails half-way, is interrupted and works in parallel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import control
from tests.terraform.provider_kit import Aws, Workspace, start_cloud, write

pytestmark = [pytest.mark.terraform, pytest.mark.local]

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    directory = tmp_path_factory.mktemp("cloud")
    yield Aws(start_cloud(directory).endpoint)
    control.reset(directory)


def test_unmapped_argument_is_refused_before_anything_is_made(aws: Aws, tmp_path: Path) -> None:
    body = """
    resource "aws_ecs_cluster" "this" { name = "refused" }
    resource "aws_ecs_service" "this" {
      name            = "refused"
      cluster         = aws_ecs_cluster.this.arn
      task_definition = "refused"
      ordered_placement_strategy { type = "random" }
    }
    """
    said = Workspace(write(tmp_path, body), aws.endpoint).fails("apply", "-auto-approve", "-input=false")
    assert "would not send aws_ecs_service.ordered_placement_strategy" in said
    assert "localcloud/provider/resources/ecs.py" in said
    assert "on main.tf line" in said, "Terraform has to point at the line"
    assert aws("ecs").list_clusters()["clusterArns"] == []


def test_argument_known_with_one_value_only_is_refused_with_another(aws: Aws, tmp_path: Path) -> None:
    body = 'resource "aws_sns_topic" "this" {\n  name = "x.fifo"\n  fifo_topic = true\n}'
    said = Workspace(write(tmp_path, body), aws.endpoint).fails("plan", "-input=false")
    assert "only knows aws_sns_topic.fifo_topic = False, not True" in said


def test_unmapped_type_is_refused_and_its_file_named(aws: Aws, tmp_path: Path) -> None:
    body = 'resource "aws_sqs_queue" "this" { name = "x" }'
    workspace = Workspace(write(tmp_path, body), aws.endpoint)
    workspace.run("validate")
    said = workspace.fails("plan", "-input=false")
    assert "can't apply it" in said
    assert "localcloud/provider/resources/sqs.py" in said


def test_mocked_tests_know_unmapped_types_and_arguments(tmp_path: Path) -> None:
    body = """
    resource "aws_sqs_queue" "this" { name = "x" }
    resource "aws_sns_topic" "this" {
      name       = "x.fifo"
      fifo_topic = true
    }
    output "arn" { value = aws_sqs_queue.this.arn }
    """
    tests = write(tmp_path, body) / "mocked.tftest.hcl"
    tests.write_text(
        'mock_provider "aws" {}\nrun "applies" {\n  assert {\n'
        '    condition     = output.arn != "" && aws_sns_topic.this.fifo_topic\n    error_message = "no"\n  }\n}\n'
    )
    assert "1 passed" in Workspace(tmp_path, NOWHERE).run("test").stdout


@pytest.mark.parametrize(
    "url", ["https://sns.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.example.org"]
)
def test_endpoint_elsewhere_is_refused(tmp_path: Path, url: str) -> None:
    body = 'resource "aws_sns_topic" "this" { name = "x" }'
    said = Workspace(write(tmp_path, body), url).fails("plan", "-input=false")
    assert f"refuses the endpoint {url}" in said


def test_no_endpoint_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(write(tmp_path, 'resource "aws_sns_topic" "this" { name = "x" }'), NOWHERE)
    del workspace.environment["AWS_ENDPOINT_URL"]
    assert "it never calls real AWS" in workspace.fails("plan", "-input=false")


def test_wrong_account_is_refused(aws: Aws, tmp_path: Path) -> None:
    directory = write(
        tmp_path, 'resource "aws_sns_topic" "this" { name = "x" }', 'allowed_account_ids = ["111122223333"]'
    )
    said = Workspace(directory, aws.endpoint).fails("plan", "-input=false")
    assert "belong to account 000000000000, the provider block wants one of 111122223333" in said


def test_dead_emulator_is_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(write(tmp_path, 'resource "aws_sns_topic" "this" { name = "x" }'), NOWHERE)
    said = workspace.fails("apply", "-auto-approve", "-input=false")
    assert f"The emulator does not answer at {NOWHERE}" in said
    assert "Run the same command again" in said


def test_import_blocks_adopt_what_exists(aws: Aws, tmp_path: Path) -> None:
    aws("s3").create_bucket(Bucket="adopted")
    aws("s3").put_bucket_versioning(Bucket="adopted", VersioningConfiguration={"Status": "Enabled"})
    aws("logs").create_log_group(logGroupName="/adopted")
    aws("ecr").create_repository(repositoryName="adopted", imageTagMutability="IMMUTABLE")
    vpc = aws("ec2").create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    aws("ecs").create_cluster(clusterName="adopted")
    cluster = aws("ecs").describe_clusters(clusters=["adopted"])["clusters"][0]["clusterArn"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}
        ],
    }
    aws("iam").create_role(RoleName="adopted", AssumeRolePolicyDocument=json.dumps(trust))
    topic = aws("sns").create_topic(Name="adopted")["TopicArn"]
    key = aws("kms").create_key(Description="adopted")["KeyMetadata"]["KeyId"]
    body = f"""
    import {{
      to = aws_s3_bucket.this
      id = "adopted"
    }}
    resource "aws_s3_bucket" "this" {{ bucket = "adopted" }}

    import {{
      to = aws_s3_bucket_versioning.this
      id = "adopted"
    }}
    resource "aws_s3_bucket_versioning" "this" {{
      bucket = aws_s3_bucket.this.id
      versioning_configuration {{ status = "Enabled" }}
    }}

    import {{
      to = aws_cloudwatch_log_group.this
      id = "/adopted"
    }}
    resource "aws_cloudwatch_log_group" "this" {{ name = "/adopted" }}

    import {{
      to = aws_ecr_repository.this
      id = "adopted"
    }}
    resource "aws_ecr_repository" "this" {{
      name                 = "adopted"
      image_tag_mutability = "IMMUTABLE"
    }}

    import {{
      to = aws_vpc.this
      id = "{vpc}"
    }}
    resource "aws_vpc" "this" {{ cidr_block = "10.77.0.0/16" }}

    import {{
      to = aws_ecs_cluster.this
      id = "{cluster}"
    }}
    resource "aws_ecs_cluster" "this" {{ name = "adopted" }}

    import {{
      to = aws_iam_role.this
      id = "adopted"
    }}
    resource "aws_iam_role" "this" {{
      name               = "adopted"
      assume_role_policy = jsonencode({json.dumps(trust)})
    }}

    import {{
      to = aws_sns_topic.this
      id = "{topic}"
    }}
    resource "aws_sns_topic" "this" {{ name = "adopted" }}

    import {{
      to = aws_kms_key.this
      id = "{key}"
    }}
    resource "aws_kms_key" "this" {{ description = "adopted" }}
    """
    workspace = Workspace(write(tmp_path, body), aws.endpoint)
    assert "9 imported, 0 added, 0 changed, 0 destroyed" in workspace.apply()
    assert workspace.plan() == {}


def test_import_of_nothing_is_refused(aws: Aws, tmp_path: Path) -> None:
    body = """
    import {
      to = aws_s3_bucket.this
      id = "there-is-none"
    }
    resource "aws_s3_bucket" "this" { bucket = "there-is-none" }
    """
    assert "Cannot import non-existent remote object" in Workspace(write(tmp_path, body), aws.endpoint).fails(
        "plan"
    )


def test_failure_after_the_creation_keeps_the_resource_in_the_state(aws: Aws, tmp_path: Path) -> None:
    body = """
    variable "days" { type = number }
    resource "aws_kms_key" "this" {
      description             = "half-made"
      enable_key_rotation     = true
      rotation_period_in_days = var.days
      deletion_window_in_days = 7
    }
    """
    workspace = Workspace(write(tmp_path, body), aws.endpoint)
    said = workspace.fails("apply", "-auto-approve", "-var=days=5")
    assert "kms.enable_key_rotation refuses its parameters" in said
    half_made = workspace.state()["aws_kms_key.this"]["key_id"]
    # made once more and properly, and the first one does not stay behind
    workspace.apply(days=90)
    assert workspace.state()["aws_kms_key.this"]["key_id"] != half_made
    assert aws("kms").describe_key(KeyId=half_made)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert workspace.plan(days=90) == {}


def test_interrupt_in_an_apply_loses_nothing(aws: Aws, tmp_path: Path) -> None:
    body = """
    resource "aws_cloudwatch_log_group" "this" {
      count             = 30
      name              = "/interrupted/${count.index}"
      retention_in_days = 7
    }
    """
    workspace = Workspace(write(tmp_path, body), aws.endpoint)
    apply = subprocess.Popen(
        ["terraform", "apply", "-no-color", "-auto-approve", "-parallelism=1"],
        cwd=tmp_path,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert apply.stdout is not None
    for line in apply.stdout:
        if "Creation complete" in line:
            os.killpg(apply.pid, signal.SIGINT)  # as Ctrl-C does: Terraform and the provider both get it
            break
    rest = apply.stdout.read()
    assert apply.wait(60) != 0
    assert "Interrupt received" in rest
    there = aws("logs").describe_log_groups(logGroupNamePrefix="/interrupted/")["logGroups"]
    known = [values["name"] for values in workspace.state().values()]
    assert 0 < len(there) < 30
    assert sorted(known) == sorted(group["logGroupName"] for group in there)

    workspace.apply()
    assert workspace.plan() == {}


def test_thirty_at_once(aws: Aws, tmp_path: Path) -> None:
    body = """
    resource "aws_sns_topic" "this" {
      count = 30
      name_prefix = "parallel-"
      tags = { Index = count.index }
    }
    output "names" { value = aws_sns_topic.this[*].name }
    """
    workspace = Workspace(write(tmp_path, body), aws.endpoint)
    workspace.run("apply", "-auto-approve", "-parallelism=30")
    names = json.loads(workspace.run("output", "-json", "names").stdout)
    assert len(set(names)) == 30
    assert all(name.startswith("parallel-") for name in names)
    assert workspace.plan() == {}


def test_tags_and_defaults(aws: Aws, tmp_path: Path) -> None:
    """Default tags, a tag that overrides one, tags removed, and a resource in another region."""
    provider = 'default_tags { \n tags = { Owner = "all", Stage = "test" } \n }'
    body = """
    variable "tags" { type = map(string) }
    resource "aws_sns_topic" "this" {
      name = "tagged"
      tags = var.tags
    }
    resource "aws_sns_topic" "elsewhere" {
      name   = "tagged"
      region = "eu-west-1"
    }
    """
    workspace = Workspace(write(tmp_path, body, provider), aws.endpoint)

    def tags(arn: str) -> dict[str, str]:
        listed = aws("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    both = '{"Owner":"me","Extra":"1"}'
    workspace.apply(tags=both)
    state = workspace.state()
    arn = state["aws_sns_topic.this"]["arn"]
    assert tags(arn) == {"Owner": "me", "Stage": "test", "Extra": "1"}
    assert workspace.plan(tags=both) == {}
    assert state["aws_sns_topic.elsewhere"]["arn"] == "arn:aws:sns:eu-west-1:000000000000:tagged"

    workspace.apply(tags="{}")
    assert tags(arn) == {"Owner": "all", "Stage": "test"}
    assert workspace.plan(tags="{}") == {}


def test_wrong_words_fail_validation(tmp_path: Path) -> None:
    body = """
    resource "aws_ecr_repository" "this" {
      name                 = "x"
      image_tag_mutability = "FROZEN"
    }
    resource "aws_iam_role" "this" {
      name               = "x"
      name_prefix        = "x"
      assume_role_policy = "not json"
    }
    """
    said = Workspace(write(tmp_path, body), NOWHERE).fails("validate")
    assert "expected image_tag_mutability to be one of MUTABLE, IMMUTABLE" in said
    assert "name and name_prefix exclude each other" in said
    assert "assume_role_policy is not JSON" in said
