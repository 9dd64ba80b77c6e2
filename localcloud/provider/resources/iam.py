"""IAM roles and their inline policies."""

from __future__ import annotations

from localcloud.provider.arguments import POLICY, Argument, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map, unique_name

_MISSING = ("NoSuchEntity",)


class Role(Resource):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

    type_name = "aws_iam_role"
    generated_name = ("name", "name_prefix", 64)
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("name", "RoleName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("path", "Path", default="/", replace=True),
        Argument("assume_role_policy", "AssumeRolePolicyDocument", POLICY),
        Argument("description", "Description"),
        Argument("max_session_duration", "MaxSessionDuration", default=3600),
        Argument("permissions_boundary"),
        Argument(
            "force_detach_policies", default=False, terraform_only="says whether a destroy detaches policies"
        ),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "iam",
            "create_role",
            **self.request(values),
            PermissionsBoundary=values.get("permissions_boundary") or None,
            Tags=tag_list(values.get("tags_all")),
        )
        return {"id": answer["Role"]["RoleName"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("iam", "get_role", _MISSING, RoleName=state["id"])
        if answer is None:
            return None
        role = answer["Role"]
        tags = aws.call("iam", "list_role_tags", RoleName=state["id"])
        attached = aws.call("iam", "list_attached_role_policies", RoleName=state["id"])
        return {
            **receive(self.arguments, role),
            "arn": role["Arn"],
            "create_date": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "unique_id": role["RoleId"],
            "name_prefix": state.get("name_prefix") or "",
            "permissions_boundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            "managed_policy_arns": [policy["PolicyArn"] for policy in attached["AttachedPolicies"]],
            "tags_all": tag_map(tags.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        name = prior["id"]
        if "assume_role_policy" in changed:
            aws.call(
                "iam", "update_assume_role_policy", RoleName=name, PolicyDocument=values["assume_role_policy"]
            )
        if changed & {"description", "max_session_duration"}:
            aws.call(
                "iam",
                "update_role",
                RoleName=name,
                Description=values["description"] or "",
                MaxSessionDuration=values["max_session_duration"],
            )
        if "permissions_boundary" in changed:
            if values["permissions_boundary"]:
                boundary = values["permissions_boundary"]
                aws.call("iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=boundary)
            else:
                aws.call("iam", "delete_role_permissions_boundary", RoleName=name)

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("iam", "untag_role", RoleName=state["id"], TagKeys=drop)
        if put:
            aws.call("iam", "tag_role", RoleName=state["id"], Tags=tag_list(put))

    def delete(self, aws: Aws, state: Values) -> None:
        name = state["id"]
        if state.get("force_detach_policies"):
            attached = aws.find("iam", "list_attached_role_policies", _MISSING, RoleName=name) or {}
            for policy in attached.get("AttachedPolicies", []):
                aws.find("iam", "detach_role_policy", _MISSING, RoleName=name, PolicyArn=policy["PolicyArn"])
            inline = aws.find("iam", "list_role_policies", _MISSING, RoleName=name) or {}
            for policy_name in inline.get("PolicyNames", []):
                aws.find("iam", "delete_role_policy", _MISSING, RoleName=name, PolicyName=policy_name)
        aws.find("iam", "delete_role", _MISSING, RoleName=name)

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "name": identifier}


class RolePolicy(Resource):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""

    type_name = "aws_iam_role_policy"
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("role", "RoleName", replace=True),
        Argument("name", "PolicyName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("policy", "PolicyDocument", POLICY),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        name = values.get("name") or unique_name(values.get("name_prefix"), 128)
        aws.call("iam", "put_role_policy", **self.request({**values, "name": name}))
        return {"id": f"{values['role']}:{name}", "name": name}

    def read(self, aws: Aws, state: Values) -> Values | None:
        role, name = state["id"].split(":", 1)
        answer = aws.find("iam", "get_role_policy", _MISSING, RoleName=role, PolicyName=name)
        if answer is None:
            return None
        return {**receive(self.arguments, answer), "name_prefix": state.get("name_prefix") or ""}

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        aws.call("iam", "put_role_policy", **self.request({**values, "name": prior["name"]}))

    def delete(self, aws: Aws, state: Values) -> None:
        role, name = state["id"].split(":", 1)
        aws.find("iam", "delete_role_policy", _MISSING, RoleName=role, PolicyName=name)


RESOURCES: tuple[Resource, ...] = (Role(), RolePolicy())
