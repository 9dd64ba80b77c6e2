"""What read-only credentials can see of an account: what a deploy needs, and what was deployed as it was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ops import outputs
from ops.cloud import Cloud, check_credentials
from ops.doctor.finding import Finding
from ops.errors import OpsError
from ops.lock import holder_of
from ops.settings import load_agents
from ops.settings.load import model_of, service_of

CERTIFICATE_LEFT = timedelta(days=21)
"""ACM renews a certificate 60 days before it ends; with less left than this something is in its way.
https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html"""
FARGATE_QUOTA = "L-3032A538"
"""Fargate On-Demand vCPU resource count. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"""


class Account:
    """The checks, on one environment's account."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._environment = cloud.environment

    def credentials(self) -> Iterator[Finding]:
        try:
            identity = check_credentials(self._cloud)
        except OpsError as error:
            yield Finding("credentials", "failed", f"{error.what} {error.why}".strip(), error.next_step)
        else:
            yield Finding("credentials", "ok", identity.arn)

    def state_bucket(self) -> Iterator[Finding]:
        """Versions, encryption by a key of ours, and no public access: it holds what Terraform knows."""
        s3, name = self._cloud.client("s3"), self._environment.state_bucket
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            yield Finding("state bucket", "absent", f"{name}: the first deploy makes it")
            return
        versioned = s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"
        encrypted = any(algorithm.startswith("aws:kms") for algorithm in _encryption(s3, name))
        blocked = all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        missing = [
            word
            for word, there in (("versions", versioned), ("KMS", encrypted), ("no public access", blocked))
            if not there
        ]
        yield self._judged("state bucket", missing, f"{name}: versions, KMS, no public access")

    def lock(self) -> Iterator[Finding]:
        holder = holder_of(self._cloud)
        if holder is None:
            yield Finding("lock", "ok", "nobody is changing the environment")
        elif holder.is_dead:
            yield Finding("lock", "ok", f"left by {holder}, which is dead: the next change takes it over")
        else:
            yield Finding(
                "lock", "unknown", f"held by {holder}", "wait, or --break-lock if that process is gone"
            )

    def repositories(self) -> Iterator[Finding]:
        ecr = self._cloud.client("ecr")
        for agent in load_agents():
            name, what = f"{self._environment.project}/{agent.name}", f"repository of {agent.name}"
            try:
                found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
            except ClientError as error:
                if error.response["Error"]["Code"] != "RepositoryNotFoundException":
                    raise
                yield Finding(what, "absent", f"{name}: the first deploy makes it")
                continue
            missing = [] if found["imageTagMutability"] == "IMMUTABLE" else ["immutable tags"]
            if found["encryptionConfiguration"]["encryptionType"] == "AES256":
                missing.append("KMS")
            yield self._judged(what, missing, f"{name}: immutable tags, KMS")

    def models(self) -> Iterator[Finding]:
        """Whether the account may call them, which takes a form that somebody has to fill in once."""
        bedrock = self._cloud.client("bedrock")
        for agent in load_agents():
            called = model_of(agent, self._environment)
            what = f"model of {agent.name}"
            # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html
            answer = bedrock.get_foundation_model_availability(modelId=agent.model.id)
            missing = [
                word
                for word, there in (
                    (
                        "access: ask for it on the Bedrock console's page Model access",
                        answer["authorizationStatus"] == "AUTHORIZED",
                    ),
                    ("an agreement to its terms", answer["agreementAvailability"]["status"] == "AVAILABLE"),
                    (f"it in {self._environment.region}", answer["regionAvailability"] == "AVAILABLE"),
                )
                if not there
            ]
            if missing:
                yield Finding(
                    what, "failed", f"{called}: no {', no '.join(missing)}", "grant it in the Bedrock console"
                )
                continue
            status = bedrock.get_foundation_model(modelIdentifier=agent.model.id)["modelDetails"][
                "modelLifecycle"
            ]["status"]
            alive = status == "ACTIVE"
            yield Finding(
                what,
                "ok" if alive else "failed",
                f"{called}: {status}",
                "" if alive else "move the agent to its successor",
            )

    def certificate(self) -> Iterator[Finding]:
        arn = self._environment.load_balancer.certificate_arn
        if not arn:
            yield Finding(
                "certificate", "absent", "none is set: callers reach the load balancer over plain HTTP"
            )
            return
        found = self._cloud.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
        if found["Status"] != "ISSUED":
            yield Finding(
                "certificate", "failed", f"{found['DomainName']}: {found['Status']}", "validate it in ACM"
            )
            return
        ends = found["NotAfter"]
        left = ends - datetime.now(UTC)
        good = left > CERTIFICATE_LEFT
        detail = f"{found['DomainName']} until {ends:%Y-%m-%d}"
        yield Finding(
            "certificate", "ok" if good else "failed", detail, "" if good else "see why ACM does not renew it"
        )

    def quotas(self) -> Iterator[Finding]:
        """Room for every task twice, since a rolling update runs the new ones beside the old ones."""
        services = [service_of(agent, self._environment) for agent in load_agents()]
        needed = 2 * sum(service.cpu_units * service.desired_count for service in services) / 1024
        quota = self._cloud.client("service-quotas").get_service_quota(
            ServiceCode="fargate", QuotaCode=FARGATE_QUOTA
        )["Quota"]["Value"]
        enough = quota >= needed
        detail = f"{quota:g} vCPU on Fargate, {needed:g} needed at most during a deploy"
        yield Finding(
            "quotas",
            "ok" if enough else "failed",
            detail,
            "" if enough else f"ask Service Quotas for more of {FARGATE_QUOTA}",
        )

    def secrets(self) -> Iterator[Finding]:
        manager = self._cloud.client("secretsmanager")
        for agent in load_agents():
            if not service_of(agent, self._environment).require_api_key:
                continue
            name = f"{self._environment.project}/{self._environment.name}/{agent.name}/api-keys"
            what = f"API keys of {agent.name}"
            try:
                versions = manager.describe_secret(SecretId=name).get("VersionIdsToStages", {})
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                yield Finding(what, "absent", f"{name}: the first deploy makes it")
                continue
            there = any("AWSCURRENT" in stages for stages in versions.values())
            fix = "" if there else f'put {{"keys": ["..."]}} into the secret {name}'
            yield Finding(
                what, "ok" if there else "failed", f"{name}: {'a value' if there else 'no value'}", fix
            )

    def alarm_mail(self) -> Iterator[Finding]:
        topic = outputs.platform(self._cloud).get("alarm_topic_arn")
        if not topic:
            yield Finding("alarm mail", "absent", "the platform is not deployed")
            return
        pages = (
            self._cloud.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        )
        found = [one for page in pages for one in page["Subscriptions"]]
        pending = [one["Endpoint"] for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
        if pending:
            yield Finding(
                "alarm mail",
                "failed",
                f"not confirmed: {', '.join(pending)}",
                "follow the link in AWS's mail",
            )
        elif not found:
            fix = f"set observability.alarm_emails in environments/{self._environment.name}.toml and deploy"
            yield Finding("alarm mail", "failed", "nobody is told of alarms", fix)
        else:
            yield Finding("alarm mail", "ok", f"{len(found)} told")

    def _judged(self, what: str, missing: list[str], good: str) -> Finding:
        if not missing:
            return Finding(what, "ok", good)
        return Finding(
            what, "failed", f"it lacks {', '.join(missing)}", f"./inv deploy --env {self._environment.name}"
        )


def _encryption(s3: Any, bucket: str) -> list[str]:
    """The algorithms that a bucket's objects are encrypted with by default."""
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return []
    return [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules]
