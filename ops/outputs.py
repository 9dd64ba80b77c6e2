"""What a stack's last apply answered, read from its state: a colleague's deploy is seen as well as one's own."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from ops.cloud import Cloud
from ops.errors import OpsError

PLATFORM = "{environment}/platform/terraform.tfstate"
AGENT = "{environment}/agents/{agent}/terraform.tfstate"
FOUNDATION = "foundation/terraform.tfstate"


def platform(cloud: Cloud) -> dict[str, Any]:
    """Outputs of the environment's platform; empty where it was never applied."""
    return _read(cloud, PLATFORM.format(environment=cloud.environment.name))


def agent(cloud: Cloud, name: str) -> dict[str, Any]:
    """Outputs of the agent's stack; empty where it was never applied or is destroyed."""
    return _read(cloud, AGENT.format(environment=cloud.environment.name, agent=name))


def deployed_agents(cloud: Cloud) -> list[str]:
    """The agents that have a state here, in alphabetical order, whether the checkout still knows them or not."""
    prefix = f"{cloud.environment.name}/agents/"
    try:
        pages = (
            cloud.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=cloud.environment.state_bucket, Prefix=prefix)
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "404"):
            return []
        raise
    return sorted(key.split("/")[2] for key in keys if key.endswith("/terraform.tfstate"))


def require_agent(cloud: Cloud, name: str) -> dict[str, Any]:
    """Like `agent`. Raises OpsError where it is not deployed."""
    found = agent(cloud, name)
    if not found:
        raise OpsError(
            f"{name} is not deployed to {cloud.environment.name}.",
            next_step=f"./inv deploy --env {cloud.environment.name} --agent {name}",
        )
    return found


def _read(cloud: Cloud, key: str) -> dict[str, Any]:
    try:
        answer = cloud.client("s3").get_object(Bucket=cloud.environment.state_bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            return {}
        raise
    # Format 4 of the state: https://developer.hashicorp.com/terraform/internals/json-format speaks of the same values.
    state = json.loads(answer["Body"].read())
    return {name: item["value"] for name, item in state.get("outputs", {}).items()}
