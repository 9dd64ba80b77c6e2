"""What boto3 has to read after `provider_every_type` was applied: written from the configuration, not from the
provider's code."""

from __future__ import annotations

import json
from typing import Any

from tests.terraform.provider_kit import SECRET, Aws

ACCOUNT = "000000000000"
DEFAULT_TAGS = {"Project": "every-type", "Owner": "provider"}
TAGS = {"Name": "every-type", **DEFAULT_TAGS}


def check(aws: Aws) -> None:
    """Asserts every applied argument of every type that the emulator stores."""
    key = _kms(aws)
    bucket(aws, key)
    _ecr(aws, key)
    network = _network(aws)
    _load_balancer(aws, network)
    _alarms(aws, key)
    _tasks(aws, key, network)


def tags(listed: list[dict[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in listed}


def contains(actual: dict[str, Any], **expected: Any) -> None:
    assert {name: actual.get(name) for name in expected} == expected


def _kms(aws: Aws) -> str:
    kms = aws("kms")
    alias = next(alias for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/every-type")
    key = alias["TargetKeyId"]
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    contains(
        metadata,
        Description="every type",
        KeyUsage="ENCRYPT_DECRYPT",
        KeySpec="SYMMETRIC_DEFAULT",
        MultiRegion=False,
        Enabled=True,
    )
    contains(kms.get_key_rotation_status(KeyId=key), KeyRotationEnabled=True, RotationPeriodInDays=180)
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert tags(kms.list_resource_tags(KeyId=key)["Tags"], "TagKey", "TagValue") == TAGS
    return metadata["Arn"]


def bucket(aws: Aws, key: str) -> None:
    s3 = aws("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert len(names) == 2
    assert all(name.startswith("every-type") for name in names)
    assert tags(s3.get_bucket_tagging(Bucket="every-type")["TagSet"]) == TAGS
    contains(s3.get_bucket_versioning(Bucket="every-type"), Status="Enabled")
    encryption = s3.get_bucket_encryption(Bucket="every-type")["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption == [
        {
            "BucketKeyEnabled": True,
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        }
    ]
    block = s3.get_public_access_block(Bucket="every-type")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert len(block) == 4
    policy = json.loads(s3.get_bucket_policy(Bucket="every-type")["Policy"])
    assert policy["Statement"] == [
        {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*"],
            "Resource": ["arn:aws:s3:::every-type", "arn:aws:s3:::every-type/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def _ecr(aws: Aws, key: str) -> None:
    ecr = aws("ecr")
    repository = ecr.describe_repositories(repositoryNames=["every/type"])["repositories"][0]
    contains(
        repository,
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
    )
    assert tags(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]) == TAGS
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName="every/type")["lifecyclePolicyText"])
    assert policy["rules"][0]["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 30,
    }


def _network(aws: Aws) -> dict[str, Any]:
    ec2 = aws("ec2")
    vpc = _named(ec2.describe_vpcs()["Vpcs"], "every-type")
    contains(vpc, CidrBlock="10.20.0.0/16", InstanceTenancy="default")
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
        assert answer[attribute[0].upper() + attribute[1:]]["Value"] is True

    subnets = [_named(ec2.describe_subnets()["Subnets"], f"every-type-{index}") for index in range(2)]
    for index, subnet in enumerate(subnets):
        contains(
            subnet,
            VpcId=vpc["VpcId"],
            CidrBlock=f"10.20.{index}.0/24",
            AvailabilityZone=f"us-east-1{'ab'[index]}",
            MapPublicIpOnLaunch=False,
        )
    table = _named(ec2.describe_route_tables()["RouteTables"], "every-type")
    assert table["VpcId"] == vpc["VpcId"]
    ids = {subnet["SubnetId"] for subnet in subnets}
    assert {association["SubnetId"] for association in table["Associations"]} == ids

    group = _named(ec2.describe_security_groups()["SecurityGroups"], "every-type")
    contains(group, GroupName="every-type", Description="Every type", VpcId=vpc["VpcId"])
    by_group = [{"Name": "group-id", "Values": [group["GroupId"]]}]
    rules = ec2.describe_security_group_rules(Filters=by_group)["SecurityGroupRules"]
    incoming = [rule for rule in rules if not rule["IsEgress"]]
    assert len(incoming) == 1
    contains(
        incoming[0], CidrIpv4="10.0.0.0/8", IpProtocol="tcp", FromPort=80, ToPort=80, Description="callers"
    )
    assert tags(incoming[0]["Tags"]) == TAGS
    outgoing = [rule for rule in rules if rule["IsEgress"]]
    assert len(outgoing) == 3, "the rule that EC2 makes by itself has to go"
    to_itself = next(rule for rule in outgoing if rule.get("ReferencedGroupInfo"))
    contains(to_itself, IpProtocol="tcp", FromPort=443, ToPort=443, Description="itself")
    assert to_itself["ReferencedGroupInfo"]["GroupId"] == group["GroupId"]
    everywhere = next(rule for rule in outgoing if rule.get("CidrIpv6"))
    contains(everywhere, CidrIpv6="::/0", IpProtocol="-1")

    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    gateway, interface = _named(endpoints, "every-type-s3"), _named(endpoints, "every-type-sts")
    contains(
        gateway,
        VpcEndpointType="Gateway",
        ServiceName="com.amazonaws.us-east-1.s3",
        RouteTableIds=[table["RouteTableId"]],
    )
    contains(
        interface, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sts", VpcId=vpc["VpcId"]
    )
    assert set(interface["SubnetIds"]) == ids
    return {"vpc": vpc["VpcId"], "subnets": ids, "group": group["GroupId"]}


def _load_balancer(aws: Aws, network: dict[str, Any]) -> None:
    elbv2 = aws("elbv2")
    balancer = elbv2.describe_load_balancers(Names=["every-type"])["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    contains(balancer, Scheme="internal", Type="application", SecurityGroups=[network["group"]])
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == network["subnets"]
    attributes = tags(elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"])
    contains(
        attributes,
        **{
            "idle_timeout.timeout_seconds": "120",
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "deletion_protection.enabled": "false",
            # what the provider sends for arguments that are not configured
            "routing.http2.enabled": "true",
            "routing.http.desync_mitigation_mode": "defensive",
            "client_keep_alive.seconds": "3600",
        },
    )
    assert _elb_tags(aws, arn) == TAGS

    group = elbv2.describe_target_groups(Names=["every-type"])["TargetGroups"][0]
    contains(
        group,
        Port=8000,
        Protocol="HTTP",
        TargetType="ip",
        VpcId=network["vpc"],
        HealthCheckEnabled=True,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=4,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=4,
        HealthCheckPort="traffic-port",
        HealthCheckProtocol="HTTP",
        Matcher={"HttpCode": "200"},
    )
    answer = elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
    contains(
        tags(answer["Attributes"]),
        **{"deregistration_delay.timeout_seconds": "30", "slow_start.duration_seconds": "0"},
    )
    assert _elb_tags(aws, group["TargetGroupArn"]) == TAGS

    listeners = {item["Port"]: item for item in elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    assert set(listeners) == {80, 8080}
    assert {listener["Protocol"] for listener in listeners.values()} == {"HTTP"}
    assert _elb_tags(aws, listeners[80]["ListenerArn"]) == TAGS
    fixed, redirect = listeners[80]["DefaultActions"][0], listeners[8080]["DefaultActions"][0]
    assert fixed["FixedResponseConfig"] == {
        "ContentType": "application/json",
        "MessageBody": "{}",
        "StatusCode": "404",
    }
    assert redirect["RedirectConfig"] == {
        "Port": "443",
        "Protocol": "HTTPS",
        "StatusCode": "HTTP_301",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
    }

    rules = elbv2.describe_rules(ListenerArn=listeners[80]["ListenerArn"])["Rules"]
    rule = next(rule for rule in rules if not rule["IsDefault"])
    assert rule["Priority"] == "10"
    assert rule["Actions"][0]["TargetGroupArn"] == group["TargetGroupArn"]
    conditions = {condition["Field"]: sorted(condition["Values"]) for condition in rule["Conditions"]}
    assert conditions == {
        "path-pattern": ["/agents/every-type", "/agents/every-type/*"],
        "host-header": ["example.org"],
    }
    assert _elb_tags(aws, rule["RuleArn"]) == TAGS


def _alarms(aws: Aws, key: str) -> None:
    sns, logs, cloudwatch = aws("sns"), aws("logs"), aws("cloudwatch")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:every-type"
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    contains(attributes, DisplayName="Every type", KmsMasterKeyId=key.rsplit("/", 1)[-1])
    statement = json.loads(attributes["Policy"])["Statement"][0]
    contains(statement, Sid="Alarms", Principal={"Service": "cloudwatch.amazonaws.com"}, Action="sns:Publish")
    assert tags(sns.list_tags_for_resource(ResourceArn=topic)["Tags"]) == TAGS
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert len(subscriptions) == 1
    contains(subscriptions[0], Protocol="email", Endpoint="oncall@example.org")

    group = logs.describe_log_groups(logGroupNamePrefix="/every/type")["logGroups"][0]
    contains(group, retentionInDays=30, kmsKeyId=key)
    assert logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"] == TAGS

    alarms = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    contains(
        alarms["every-type-metric"],
        AlarmDescription="runbooks/every-type.md",
        ActionsEnabled=True,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=5.0,
        TreatMissingData="notBreaching",
        Namespace="Vitracka/Agents",
        MetricName="Duration",
        ExtendedStatistic="p95",
        Period=60,
        AlarmActions=[topic],
        OKActions=[topic],
    )
    dimensions = tags(alarms["every-type-metric"]["Dimensions"], "Name")
    assert dimensions == {"Agent": "every-type", "Environment": "test"}
    listed = cloudwatch.list_tags_for_resource(ResourceARN=alarms["every-type-metric"]["AlarmArn"])
    assert tags(listed["Tags"]) == TAGS
    contains(
        alarms["every-type-math"],
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=2,
        Threshold=1.5,
        TreatMissingData="missing",
        AlarmActions=[topic],
    )


def _tasks(aws: Aws, key: str, network: dict[str, Any]) -> None:
    iam, secrets, ecs = aws("iam"), aws("secretsmanager"), aws("ecs")
    role = iam.get_role(RoleName="every-type")["Role"]
    contains(role, Path="/", Description="Every type", MaxSessionDuration=7200)
    assert tags(role["Tags"]) == TAGS
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Sid": "Tasks",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]
    inline = iam.get_role_policy(RoleName="every-type", PolicyName="write")["PolicyDocument"]["Statement"][0]
    assert inline["Action"] == ["logs:PutLogEvents", "logs:CreateLogStream"]
    assert inline["Resource"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/every/type:*"

    secret = secrets.describe_secret(SecretId="every/type")
    contains(secret, Description="Every type", KmsKeyId=key)
    assert tags(secret["Tags"]) == TAGS
    assert secrets.get_secret_value(SecretId="every/type")["SecretString"] == SECRET

    include = ["TAGS", "SETTINGS", "CONFIGURATIONS"]
    cluster = ecs.describe_clusters(clusters=["every-type"], include=include)["clusters"][0]
    contains(
        cluster,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        configuration={"executeCommandConfiguration": {"logging": "NONE"}},
    )
    assert tags(cluster["tags"], "key", "value") == TAGS

    service = ecs.describe_services(cluster="every-type", services=["every-type"], include=["TAGS"])[
        "services"
    ][0]
    contains(
        service,
        desiredCount=0,
        launchType="FARGATE",
        platformVersion="1.4.0",
        propagateTags="SERVICE",
        enableECSManagedTags=True,
        enableExecuteCommand=False,
        healthCheckGracePeriodSeconds=60,
        schedulingStrategy="REPLICA",
        deploymentController={"type": "ECS"},
    )
    deployment = service["deploymentConfiguration"]
    contains(deployment, maximumPercent=200, minimumHealthyPercent=100)
    assert deployment["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    vpc = service["networkConfiguration"]["awsvpcConfiguration"]
    assert set(vpc["subnets"]) == network["subnets"]
    contains(vpc, securityGroups=[network["group"]], assignPublicIp="DISABLED")
    contains(service["loadBalancers"][0], containerName="every-type", containerPort=8000)
    assert tags(service["tags"], "key", "value") == TAGS
    _task_definition(aws, service["taskDefinition"], role["Arn"], secret["ARN"])


def _task_definition(aws: Aws, arn: str, role: str, secret: str) -> None:
    answer = aws("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
    definition = answer["taskDefinition"]
    contains(
        definition,
        family="every-type",
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        executionRoleArn=role,
        taskRoleArn=role,
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    )
    assert [volume["name"] for volume in definition["volumes"]] == ["tmp"]
    assert tags(answer["tags"], "key", "value") == TAGS
    container = definition["containerDefinitions"][0]
    contains(
        container,
        name="every-type",
        essential=True,
        user="10001:10001",
        readonlyRootFilesystem=True,
        stopTimeout=60,
        environment=[{"name": "PORT", "value": "8000"}, {"name": "AGENT_VERSION", "value": "0.1.0"}],
        secrets=[{"name": "KEYS", "valueFrom": secret}],
        mountPoints=[{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],
        linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        healthCheck={
            "command": ["CMD", "true"],
            "interval": 10,
            "timeout": 5,
            "retries": 3,
            "startPeriod": 20,
        },
    )
    assert container["image"].endswith(f"/every/type@sha256:{'0' * 64}")
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/every/type"
    contains(container["portMappings"][0], containerPort=8000, protocol="tcp")


def _named(listed: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = [item for item in listed if tags(item.get("Tags", [])).get("Name") == name]
    assert len(found) == 1, f"{len(found)} are called {name}"
    assert tags(found[0]["Tags"]) == {"Name": name, **DEFAULT_TAGS}
    return found[0]


def _elb_tags(aws: Aws, arn: str) -> dict[str, str]:
    return tags(aws("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])
