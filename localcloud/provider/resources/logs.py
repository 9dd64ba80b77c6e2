"""CloudWatch log groups."""

from __future__ import annotations

from localcloud.provider.arguments import Argument, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource

_MISSING = ("ResourceNotFoundException",)
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTION_DAYS = (
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


class LogGroup(Resource):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"""

    type_name = "aws_cloudwatch_log_group"
    generated_name = ("name", "name_prefix", 512)
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("name", "logGroupName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("kms_key_id", "kmsKeyId"),
        Argument(
            "log_group_class",
            "logGroupClass",
            replace=True,
            choices=("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
        ),
        Argument("retention_in_days", default=0, choices=_RETENTION_DAYS),
        Argument("skip_destroy", default=False, terraform_only="says whether a destroy leaves it"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        aws.call("logs", "create_log_group", **self.request(values), tags=values.get("tags_all") or None)
        return {"id": values["name"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if values["retention_in_days"]:
            self._retain(aws, state["id"], values["retention_in_days"])

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.call("logs", "describe_log_groups", logGroupNamePrefix=state["id"])
        group = next((group for group in answer["logGroups"] if group["logGroupName"] == state["id"]), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tags = aws.find("logs", "list_tags_for_resource", _MISSING, resourceArn=arn) or {}
        return {
            **receive(self.arguments, group),
            "arn": arn,
            "name_prefix": state.get("name_prefix") or "",
            "log_group_class": group.get("logGroupClass") or "STANDARD",
            "deletion_protection_enabled": group.get("deletionProtectionEnabled", False),
            "retention_in_days": group.get("retentionInDays", 0),
            "tags_all": tags.get("tags", {}),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        if "retention_in_days" in changed:
            if values["retention_in_days"]:
                self._retain(aws, prior["id"], values["retention_in_days"])
            else:
                aws.call("logs", "delete_retention_policy", logGroupName=prior["id"])
        if "kms_key_id" in changed:
            if values["kms_key_id"]:
                aws.call("logs", "associate_kms_key", logGroupName=prior["id"], kmsKeyId=values["kms_key_id"])
            else:
                aws.call("logs", "disassociate_kms_key", logGroupName=prior["id"])

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("logs", "untag_resource", resourceArn=state["arn"], tagKeys=drop)
        if put:
            aws.call("logs", "tag_resource", resourceArn=state["arn"], tags=put)

    def delete(self, aws: Aws, state: Values) -> None:
        if not state.get("skip_destroy"):
            aws.find("logs", "delete_log_group", _MISSING, logGroupName=state["id"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "name": identifier}

    @staticmethod
    def _retain(aws: Aws, name: str, days: int) -> None:
        aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)


RESOURCES: tuple[Resource, ...] = (LogGroup(),)
