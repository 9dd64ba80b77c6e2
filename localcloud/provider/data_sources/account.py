"""Data sources that say where and who we are."""

from __future__ import annotations

from typing import Any

from localcloud.provider.aws import PARTITION, Aws
from localcloud.provider.errors import ProviderError


def caller_identity(aws: Aws, config: dict[str, Any]) -> dict[str, Any]:
    """`aws_caller_identity`."""
    identity = aws.call("sts", "get_caller_identity")
    return {
        "id": identity["Account"],
        "account_id": identity["Account"],
        "arn": identity["Arn"],
        "user_id": identity["UserId"],
    }


def region(aws: Aws, config: dict[str, Any]) -> dict[str, Any]:
    """`aws_region`: the configured one, or the one that is asked for."""
    name = config.get("region") or config.get("name") or config.get("id") or aws.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
        "description": name,  # the long name is in the SDK's data only, and nothing uses it
    }


def partition(aws: Aws, config: dict[str, Any]) -> dict[str, Any]:
    """`aws_partition`: the emulator only knows the commercial one."""
    return {
        "id": PARTITION,
        "partition": PARTITION,
        "dns_suffix": "amazonaws.com",
        "reverse_dns_prefix": "com.amazonaws",
    }


def availability_zones(aws: Aws, config: dict[str, Any]) -> dict[str, Any]:
    """`aws_availability_zones`, with `state`, `exclude_names`, `exclude_zone_ids` and `filter`."""
    if config.get("all_availability_zones"):
        raise ProviderError(
            "The offline provider does not know data.aws_availability_zones.all_availability_zones.",
            "Leave it out, or add it to localcloud/provider/data_sources/account.py.",
            ["all_availability_zones"],
        )
    filters = [{"Name": block["name"], "Values": block["values"]} for block in config.get("filter") or []]
    answer = aws.call("ec2", "describe_availability_zones", Filters=filters or None)
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: zone["ZoneName"])
        if config.get("state") in (None, zone.get("State", "available"))
        and zone["ZoneName"] not in (config.get("exclude_names") or [])
        and zone.get("ZoneId") not in (config.get("exclude_zone_ids") or [])
    ]
    return {
        "id": aws.region,
        "region": aws.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zone_ids": [zone.get("ZoneId", "") for zone in zones],
        "group_names": sorted({zone.get("GroupName") or aws.region for zone in zones}),
    }
