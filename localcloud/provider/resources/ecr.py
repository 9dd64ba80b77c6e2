"""ECR repositories."""

from __future__ import annotations

from localcloud.provider.arguments import JSON, Argument, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_MISSING = ("RepositoryNotFoundException",)
_MUTABILITY = ("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")


class Repository(Resource):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"""

    type_name = "aws_ecr_repository"
    arguments = (
        Argument("name", "repositoryName", replace=True),
        Argument("image_tag_mutability", "imageTagMutability", default="MUTABLE", choices=_MUTABILITY),
        Argument(
            "image_scanning_configuration",
            "imageScanningConfiguration",
            block=(Argument("scan_on_push", "scanOnPush"),),
        ),
        Argument(
            "encryption_configuration",
            "encryptionConfiguration",
            replace=True,
            block=(
                Argument(
                    "encryption_type",
                    "encryptionType",
                    default="AES256",
                    choices=("AES256", "KMS", "KMS_DSSE"),
                ),
                Argument("kms_key", "kmsKey"),
            ),
        ),
        Argument("force_delete", terraform_only="says whether a destroy deletes images"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        tags = tag_list(values.get("tags_all"))
        answer = aws.call("ecr", "create_repository", **self.request(values), tags=tags)
        return {"id": answer["repository"]["repositoryName"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("ecr", "describe_repositories", _MISSING, repositoryNames=[state["id"]])
        if answer is None:
            return None
        repository = answer["repositories"][0]
        observed = receive(self.arguments, repository)
        if not state.get("encryption_configuration") and repository.get("encryptionConfiguration") == {
            "encryptionType": "AES256"
        }:
            observed["encryption_configuration"] = []  # what a repository has that nobody configured
        if not state.get("image_scanning_configuration") and observed["image_scanning_configuration"] == [
            {"scan_on_push": False}
        ]:
            observed["image_scanning_configuration"] = []
        tags = aws.call("ecr", "list_tags_for_resource", resourceArn=repository["repositoryArn"])
        return {
            **observed,
            "arn": repository["repositoryArn"],
            "registry_id": repository["registryId"],
            "repository_url": repository["repositoryUri"],
            "tags_all": tag_map(tags.get("tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        request = self.request(values)
        if "image_tag_mutability" in changed:
            aws.call(
                "ecr",
                "put_image_tag_mutability",
                repositoryName=prior["id"],
                imageTagMutability=request["imageTagMutability"],
            )
        if "image_scanning_configuration" in changed:
            aws.call(
                "ecr",
                "put_image_scanning_configuration",
                repositoryName=prior["id"],
                imageScanningConfiguration=request.get("imageScanningConfiguration", {"scanOnPush": False}),
            )

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("ecr", "untag_resource", resourceArn=state["arn"], tagKeys=drop)
        if put:
            aws.call("ecr", "tag_resource", resourceArn=state["arn"], tags=tag_list(put))

    def delete(self, aws: Aws, state: Values) -> None:
        force = bool(state.get("force_delete"))
        aws.find("ecr", "delete_repository", _MISSING, repositoryName=state["id"], force=force)

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "name": identifier}


class LifecyclePolicy(Resource):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html"""

    type_name = "aws_ecr_lifecycle_policy"
    arguments = (
        Argument("repository", "repositoryName", replace=True),
        # the real type replaces itself; one put does the same
        Argument("policy", "lifecyclePolicyText", JSON, replace=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call("ecr", "put_lifecycle_policy", **self.request(values))
        return {"id": answer["repositoryName"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        missing = (*_MISSING, "LifecyclePolicyNotFoundException")
        answer = aws.find("ecr", "get_lifecycle_policy", missing, repositoryName=state["id"])
        if answer is None:
            return None
        return {**receive(self.arguments, answer), "registry_id": answer.get("registryId")}

    def delete(self, aws: Aws, state: Values) -> None:
        missing = (*_MISSING, "LifecyclePolicyNotFoundException")
        aws.find("ecr", "delete_lifecycle_policy", missing, repositoryName=state["id"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "repository": identifier}


RESOURCES: tuple[Resource, ...] = (Repository(), LifecyclePolicy())
