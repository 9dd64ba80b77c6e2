"""Secrets and their values."""

from __future__ import annotations

import base64
import secrets

from localcloud.provider.arguments import POLICY, Argument, Values, receive
from localcloud.provider.aws import ApiError, Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_MISSING = ("ResourceNotFoundException",)
# a secret that waits for its deletion answers so
_DELETED = (*_MISSING, "InvalidRequestException")


class Secret(Resource):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""

    type_name = "aws_secretsmanager_secret"
    generated_name = ("name", "name_prefix", 512)
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("name", "Name", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("description", "Description"),
        Argument("kms_key_id", "KmsKeyId"),
        Argument("policy", kind=POLICY),
        Argument(
            "recovery_window_in_days",
            default=30,
            choices=(0, *range(7, 31)),
            terraform_only="says how long the secret can be restored after a destroy",
        ),
        Argument("force_overwrite_replica_secret", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "secretsmanager", "create_secret", **self.request(values), Tags=tag_list(values.get("tags_all"))
        )
        return {"id": answer["ARN"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if values.get("policy"):
            self._put_policy(aws, state["id"], values["policy"])

    def read(self, aws: Aws, state: Values) -> Values | None:
        secret = aws.find("secretsmanager", "describe_secret", _MISSING, SecretId=state["id"])
        if secret is None or secret.get("DeletedDate"):
            return None
        policy = aws.call("secretsmanager", "get_resource_policy", SecretId=state["id"])
        return {
            **receive(self.arguments, secret),
            "arn": secret["ARN"],
            "name_prefix": state.get("name_prefix") or "",
            "policy": policy.get("ResourcePolicy") or "",
            "tags_all": tag_map(secret.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        secret = prior["id"]
        if changed & {"description", "kms_key_id"}:
            aws.call(
                "secretsmanager",
                "update_secret",
                SecretId=secret,
                Description=values.get("description") or "",
                KmsKeyId=values.get("kms_key_id"),
            )
        if "policy" in changed:
            if values.get("policy"):
                self._put_policy(aws, secret, values["policy"])
            else:
                aws.call("secretsmanager", "delete_resource_policy", SecretId=secret)

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("secretsmanager", "untag_resource", SecretId=state["id"], TagKeys=drop)
        if put:
            aws.call("secretsmanager", "tag_resource", SecretId=state["id"], Tags=tag_list(put))

    def delete(self, aws: Aws, state: Values) -> None:
        window = state.get("recovery_window_in_days")
        window = 30 if window is None else window
        how = {"RecoveryWindowInDays": window} if window else {"ForceDeleteWithoutRecovery": True}
        aws.find("secretsmanager", "delete_secret", _MISSING, SecretId=state["id"], **how)

    @staticmethod
    def _put_policy(aws: Aws, secret: str, policy: str) -> None:
        aws.call("secretsmanager", "put_resource_policy", SecretId=secret, ResourcePolicy=policy)


class SecretVersion(Resource):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html"""

    type_name = "aws_secretsmanager_secret_version"
    conflicts = (("secret_string", "secret_string_wo", "secret_binary"),)
    arguments = (
        Argument("secret_id", replace=True),
        Argument("secret_string", replace=True),
        Argument("secret_string_wo"),
        # a value that Terraform never sees again can only be told apart by this number
        Argument(
            "secret_string_wo_version",
            replace=True,
            terraform_only="says that the write-only value is a new one",
        ),
        Argument("secret_binary", replace=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        binary, text = (
            values.get("secret_binary"),
            values.get("secret_string_wo") or values.get("secret_string"),
        )
        answer = aws.call(
            "secretsmanager",
            "put_secret_value",
            SecretId=values["secret_id"],
            ClientRequestToken=secrets.token_hex(32),
            SecretString=None if binary else text,
            SecretBinary=base64.b64decode(binary) if binary else None,
        )
        return {
            "id": f"{values['secret_id']}|{answer['VersionId']}",
            "version_id": answer["VersionId"],
            "has_secret_string_wo": values.get("secret_string_wo") is not None,
        }

    def read(self, aws: Aws, state: Values) -> Values | None:
        secret_id, version_id = state["id"].split("|", 1)
        try:
            answer = aws.call("secretsmanager", "get_secret_value", SecretId=secret_id, VersionId=version_id)
        except ApiError as error:
            if error.code in _DELETED:
                return None
            raise
        binary = answer.get("SecretBinary")
        write_only = bool(state.get("has_secret_string_wo"))
        return {
            "secret_id": secret_id,
            "arn": answer["ARN"],
            "version_id": version_id,
            "version_stages": answer.get("VersionStages", []),
            "has_secret_string_wo": write_only,
            # the value of a write-only argument must not come back into the state
            "secret_string": None if write_only else answer.get("SecretString"),
            "secret_binary": base64.b64encode(binary).decode() if binary else None,
        }

    def delete(self, aws: Aws, state: Values) -> None:
        """A current value can't be deleted: it goes with its secret."""

    def start_import(self, aws: Aws, identifier: str) -> Values:
        secret_id, _, version_id = identifier.partition("|")
        return {"id": identifier, "secret_id": secret_id, "version_id": version_id}


RESOURCES: tuple[Resource, ...] = (Secret(), SecretVersion())
