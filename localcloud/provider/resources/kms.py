"""KMS keys and aliases."""

from __future__ import annotations

from localcloud.provider.arguments import POLICY, Argument, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map, unique_name

_MISSING = ("NotFoundException",)


class Key(Resource):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""

    type_name = "aws_kms_key"
    arguments = (
        Argument("description", "Description"),
        Argument("key_usage", "KeyUsage", default="ENCRYPT_DECRYPT", replace=True),
        Argument("customer_master_key_spec", "KeySpec", default="SYMMETRIC_DEFAULT", replace=True),
        Argument("multi_region", "MultiRegion", replace=True),
        Argument("policy", "Policy", POLICY),
        Argument("enable_key_rotation", default=False),
        Argument("rotation_period_in_days"),
        Argument("is_enabled", default=True),
        Argument(
            "deletion_window_in_days",
            choices=tuple(range(7, 31)),
            terraform_only="says how long KMS keeps the key after a destroy",
        ),
        Argument(
            "bypass_policy_lockout_safety_check",
            default=False,
            terraform_only="waives a check that the emulator has not",
        ),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        tags = tag_list(values.get("tags_all"), "TagKey", "TagValue")
        answer = aws.call("kms", "create_key", **self.request(values), Tags=tags)
        return {"id": answer["KeyMetadata"]["KeyId"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        self._rotate(aws, state["id"], values)
        if not values["is_enabled"]:
            aws.call("kms", "disable_key", KeyId=state["id"])

    def read(self, aws: Aws, state: Values) -> Values | None:
        key = state["id"]
        answer = aws.find("kms", "describe_key", _MISSING, KeyId=key)
        if answer is None or answer["KeyMetadata"]["KeyState"] in (
            "PendingDeletion",
            "PendingReplicaDeletion",
        ):
            return None
        metadata = answer["KeyMetadata"]
        policy = aws.call("kms", "get_key_policy", KeyId=key, PolicyName="default")
        rotation = aws.call("kms", "get_key_rotation_status", KeyId=key)
        tags = aws.call("kms", "list_resource_tags", KeyId=key)
        enabled = rotation.get("KeyRotationEnabled", False)
        return {
            **receive(self.arguments, {**metadata, **policy}),
            "arn": metadata["Arn"],
            "key_id": metadata["KeyId"],
            "is_enabled": metadata["Enabled"],
            "enable_key_rotation": enabled,
            "rotation_period_in_days": rotation.get("RotationPeriodInDays") if enabled else None,
            "tags_all": tag_map(tags.get("Tags"), "TagKey", "TagValue"),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        key = prior["id"]
        if "is_enabled" in changed and values["is_enabled"]:
            aws.call("kms", "enable_key", KeyId=key)
        if changed & {"enable_key_rotation", "rotation_period_in_days"}:
            self._rotate(aws, key, values)
        if "description" in changed:
            aws.call("kms", "update_key_description", KeyId=key, Description=values["description"] or "")
        if "policy" in changed:
            aws.call("kms", "put_key_policy", KeyId=key, PolicyName="default", Policy=values["policy"])
        if "is_enabled" in changed and not values["is_enabled"]:
            aws.call("kms", "disable_key", KeyId=key)

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("kms", "untag_resource", KeyId=state["id"], TagKeys=drop)
        if put:
            aws.call("kms", "tag_resource", KeyId=state["id"], Tags=tag_list(put, "TagKey", "TagValue"))

    def delete(self, aws: Aws, state: Values) -> None:
        window = state.get("deletion_window_in_days") or 30
        missing = (*_MISSING, "KMSInvalidStateException")
        aws.find("kms", "schedule_key_deletion", missing, KeyId=state["id"], PendingWindowInDays=window)

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier.rsplit("/", 1)[-1]}

    @staticmethod
    def _rotate(aws: Aws, key: str, values: Values) -> None:
        if values["enable_key_rotation"]:
            aws.call(
                "kms",
                "enable_key_rotation",
                KeyId=key,
                RotationPeriodInDays=values.get("rotation_period_in_days"),
            )
        elif aws.call("kms", "get_key_rotation_status", KeyId=key).get("KeyRotationEnabled"):
            aws.call("kms", "disable_key_rotation", KeyId=key)


def _same_key(one: str, other: str) -> bool:
    """An id and the ARN that ends in it name the same key."""
    return one.rsplit("/", 1)[-1] == other.rsplit("/", 1)[-1]


class Alias(Resource):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"""

    type_name = "aws_kms_alias"
    conflicts = (("name", "name_prefix"),)
    volatile = ("target_key_arn",)
    arguments = (
        Argument("name", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("target_key_id"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        name = values.get("name") or unique_name(values.get("name_prefix") or "alias/", 256)
        aws.call("kms", "create_alias", AliasName=name, TargetKeyId=values["target_key_id"])
        return {"id": name, "name": name}

    def read(self, aws: Aws, state: Values) -> Values | None:
        aliases: list[Values] = []
        page = aws.call("kms", "list_aliases")
        while True:
            aliases += page["Aliases"]
            if not page.get("Truncated"):
                break
            page = aws.call("kms", "list_aliases", Marker=page["NextMarker"])
        found = next((alias for alias in aliases if alias["AliasName"] == state["id"]), None)
        if found is None:
            return None
        key, known = found["TargetKeyId"], state.get("target_key_id")
        return {
            "name": state["id"],
            "name_prefix": state.get("name_prefix") or "",
            "arn": found["AliasArn"],
            "target_key_id": known if known and _same_key(known, key) else key,
            "target_key_arn": aws.arn("kms", f"key/{key.rsplit('/', 1)[-1]}"),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        aws.call("kms", "update_alias", AliasName=prior["id"], TargetKeyId=values["target_key_id"])

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("kms", "delete_alias", _MISSING, AliasName=state["id"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "name": identifier}


RESOURCES: tuple[Resource, ...] = (Key(), Alias())
