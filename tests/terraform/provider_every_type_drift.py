"""Changes made behind Terraform's back, at least one per type: which resource has to show it in the next plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.terraform.provider_kit import Aws

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Drift", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)
ROLE_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}
)


def make(aws: Aws, state: dict[str, Any]) -> Iterator[str]:
    """Changes something of each resource and yields its address."""
    yield from _storage(aws, state)
    yield from _network(aws, state)
    yield from _load_balancer(aws, state)
    yield from _rest(aws, state)


def _storage(aws: Aws, state: dict[str, Any]) -> Iterator[str]:
    kms, s3, ecr = aws("kms"), aws("s3"), aws("ecr")
    key = state["aws_kms_key.this"]["key_id"]
    kms.disable_key_rotation(KeyId=key)
    yield "aws_kms_key.this"
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName="alias/every-type", TargetKeyId=other)
    yield "aws_kms_alias.this"
    s3.put_bucket_tagging(Bucket="every-type", Tagging={"TagSet": [{"Key": "Name", "Value": "drift"}]})
    yield "aws_s3_bucket.this"
    s3.put_bucket_versioning(Bucket="every-type", VersioningConfiguration={"Status": "Suspended"})
    yield "aws_s3_bucket_versioning.this"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket="every-type", ServerSideEncryptionConfiguration={"Rules": [rule]})
    yield "aws_s3_bucket_server_side_encryption_configuration.this"
    s3.put_public_access_block(
        Bucket="every-type",
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True},
    )
    yield "aws_s3_bucket_public_access_block.this"
    s3.put_bucket_policy(Bucket="every-type", Policy=POLICY)
    yield "aws_s3_bucket_policy.this"
    ecr.put_image_tag_mutability(repositoryName="every/type", imageTagMutability="MUTABLE")
    yield "aws_ecr_repository.this"
    ecr.delete_lifecycle_policy(repositoryName="every/type")
    yield "aws_ecr_lifecycle_policy.this"


def _network(aws: Aws, state: dict[str, Any]) -> Iterator[str]:
    ec2 = aws("ec2")
    ec2.modify_vpc_attribute(VpcId=state["aws_vpc.this"]["id"], EnableDnsHostnames={"Value": False})
    yield "aws_vpc.this"
    ec2.modify_subnet_attribute(
        SubnetId=state["aws_subnet.this[0]"]["id"], MapPublicIpOnLaunch={"Value": True}
    )
    yield "aws_subnet.this[0]"
    ec2.delete_tags(Resources=[state["aws_route_table.this"]["id"]], Tags=[{"Key": "Owner"}])
    yield "aws_route_table.this"
    ec2.disassociate_route_table(AssociationId=state["aws_route_table_association.this[0]"]["id"])
    yield "aws_route_table_association.this[0]"
    group = state["aws_security_group.this"]["id"]
    ec2.create_tags(Resources=[group], Tags=[{"Key": "Added", "Value": "by hand"}])
    yield "aws_security_group.this"
    changed = {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "CidrIpv4": "0.0.0.0/0"}
    rule = state["aws_vpc_security_group_ingress_rule.this"]["id"]
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}]
    )
    yield "aws_vpc_security_group_ingress_rule.this"
    rule = state["aws_vpc_security_group_egress_rule.group"]["id"]
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule])
    yield "aws_vpc_security_group_egress_rule.group"
    endpoint = state["aws_vpc_endpoint.interface"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["id"], RemoveSubnetIds=[endpoint["subnet_ids"][0]])
    yield "aws_vpc_endpoint.interface"


def _load_balancer(aws: Aws, state: dict[str, Any]) -> Iterator[str]:
    elbv2 = aws("elbv2")
    elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=state["aws_lb.this"]["arn"],
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "10"}],
    )
    yield "aws_lb.this"
    elbv2.modify_target_group(
        TargetGroupArn=state["aws_lb_target_group.this"]["arn"], HealthCheckPath="/drift"
    )
    yield "aws_lb_target_group.this"
    body = {"ContentType": "text/plain", "MessageBody": "drift", "StatusCode": "200"}
    elbv2.modify_listener(
        ListenerArn=state["aws_lb_listener.this"]["arn"],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": body}],
    )
    yield "aws_lb_listener.this"
    elbv2.modify_rule(
        RuleArn=state["aws_lb_listener_rule.this"]["arn"],
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/drift"]}}],
    )
    yield "aws_lb_listener_rule.this"


def _rest(aws: Aws, state: dict[str, Any]) -> Iterator[str]:
    sns, logs, iam = aws("sns"), aws("logs"), aws("iam")
    topic = state["aws_sns_topic.this"]["arn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="drift")
    yield "aws_sns_topic.this"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=POLICY)
    yield "aws_sns_topic_policy.this"
    sns.unsubscribe(SubscriptionArn=state["aws_sns_topic_subscription.this"]["arn"])
    yield "aws_sns_topic_subscription.this"
    logs.delete_retention_policy(logGroupName="/every/type")
    yield "aws_cloudwatch_log_group.this"
    alarm = aws("cloudwatch").describe_alarms(AlarmNames=["every-type-metric"])["MetricAlarms"][0]
    names = (
        "AlarmName",
        "ComparisonOperator",
        "Threshold",
        "Namespace",
        "MetricName",
        "ExtendedStatistic",
        "Period",
    )
    aws("cloudwatch").put_metric_alarm(**{name: alarm[name] for name in names}, EvaluationPeriods=1)
    yield "aws_cloudwatch_metric_alarm.metric"
    aws("cloudwatch").disable_alarm_actions(AlarmNames=["every-type-math"])
    yield "aws_cloudwatch_metric_alarm.math"
    iam.update_role(RoleName="every-type", Description="drift")
    yield "aws_iam_role.this"
    iam.put_role_policy(RoleName="every-type", PolicyName="write", PolicyDocument=ROLE_POLICY)
    yield "aws_iam_role_policy.this"
    aws("secretsmanager").update_secret(SecretId="every/type", Description="drift")
    yield "aws_secretsmanager_secret.this"
    ecs = aws("ecs")
    ecs.update_cluster(cluster="every-type", settings=[{"name": "containerInsights", "value": "disabled"}])
    yield "aws_ecs_cluster.this"
    ecs.deregister_task_definition(taskDefinition=state["aws_ecs_task_definition.this"]["arn"])
    yield "aws_ecs_task_definition.this"
    ecs.update_service(cluster="every-type", service="every-type", healthCheckGracePeriodSeconds=1)
    yield "aws_ecs_service.this"
