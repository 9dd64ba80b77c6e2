"""S3 buckets and what is configured on them."""

from __future__ import annotations

from localcloud.provider.arguments import POLICY, Argument, Values, receive, send
from localcloud.provider.aws import PARTITION, Aws
from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import Resource, tag_list, tag_map

_NO_BUCKET = ("NoSuchBucket", "404", "NotFound")
_REGION_OF_NO_CONSTRAINT = "us-east-1"  # S3's oldest region has no location constraint


class Bucket(Resource):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""

    type_name = "aws_s3_bucket"
    generated_name = ("bucket", "bucket_prefix", 63)
    conflicts = (("bucket", "bucket_prefix"),)
    arguments = (
        Argument("bucket", replace=True),
        Argument("bucket_prefix", replace=True, terraform_only="makes up the name"),
        Argument("force_destroy", default=False, terraform_only="says what a destroy may delete"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        region = None if aws.region == _REGION_OF_NO_CONSTRAINT else {"LocationConstraint": aws.region}
        aws.call("s3", "create_bucket", Bucket=values["bucket"], CreateBucketConfiguration=region)
        return {"id": values["bucket"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if values.get("tags_all"):
            self._put_tags(aws, state["id"], values["tags_all"])

    def read(self, aws: Aws, state: Values) -> Values | None:
        bucket = state["id"]
        head = aws.find("s3", "head_bucket", _NO_BUCKET, Bucket=bucket)
        if head is None:
            return None
        region = head.get("BucketRegion") or aws.region
        tags = aws.find("s3", "get_bucket_tagging", ("NoSuchTagSet",), Bucket=bucket) or {}
        return {
            "bucket": bucket,
            "bucket_prefix": state.get("bucket_prefix") or "",
            "arn": f"arn:{PARTITION}:s3:::{bucket}",
            "bucket_domain_name": f"{bucket}.s3.amazonaws.com",
            "bucket_region": region,
            "bucket_regional_domain_name": f"{bucket}.s3.{region}.amazonaws.com",
            "object_lock_enabled": False,
            "request_payer": "BucketOwner",
            "tags_all": tag_map(tags.get("TagSet")),
        }

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        tags = aws.find("s3", "get_bucket_tagging", ("NoSuchTagSet",), Bucket=state["id"]) or {}
        wanted = {name: text for name, text in tag_map(tags.get("TagSet")).items() if name not in drop} | put
        if wanted:
            self._put_tags(aws, state["id"], wanted)
        else:
            aws.call("s3", "delete_bucket_tagging", Bucket=state["id"])

    def delete(self, aws: Aws, state: Values) -> None:
        if state.get("force_destroy"):
            self._empty(aws, state["id"])
        aws.find("s3", "delete_bucket", _NO_BUCKET, Bucket=state["id"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "bucket": identifier}

    @staticmethod
    def _put_tags(aws: Aws, bucket: str, tags: dict[str, str]) -> None:
        aws.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tag_list(tags)})

    @staticmethod
    def _empty(aws: Aws, bucket: str) -> None:
        while True:
            page = aws.find("s3", "list_object_versions", _NO_BUCKET, Bucket=bucket) or {}
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not found:
                return
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
            answer = aws.call(
                "s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise ProviderError(
                    f"The bucket {bucket} can't be emptied: {first.get('Key')}: {first.get('Code')}.",
                    "Empty it by hand.",
                )


class _OfBucket(Resource):
    """A configuration of a bucket; its identity is the bucket's name."""

    _missing: tuple[str, ...] = _NO_BUCKET

    def create(self, aws: Aws, values: Values) -> Values:
        self._put(aws, values)
        return {"id": values["bucket"]}

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        self._put(aws, values)

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "bucket": identifier}

    def _put(self, aws: Aws, values: Values) -> None:
        raise NotImplementedError


class BucketVersioning(_OfBucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html"""

    type_name = "aws_s3_bucket_versioning"
    _configuration = (
        Argument(
            "versioning_configuration",
            "VersioningConfiguration",
            block=(
                Argument("status", "Status", choices=("Enabled", "Suspended", "Disabled")),
                Argument("mfa_delete", "MFADelete", choices=("Enabled", "Disabled")),
            ),
        ),
    )
    arguments = (Argument("bucket", replace=True), *_configuration)

    def _put(self, aws: Aws, values: Values) -> None:
        wanted = send(self._configuration, values)["VersioningConfiguration"]
        if not wanted.get("MFADelete"):
            wanted.pop("MFADelete", None)  # what `read` answers for a bucket without it
        # "Disabled" is Terraform's word for a bucket that never was versioned: there is no call for it
        if wanted["Status"] != "Disabled":
            aws.call("s3", "put_bucket_versioning", Bucket=values["bucket"], VersioningConfiguration=wanted)

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("s3", "get_bucket_versioning", self._missing, Bucket=state["id"])
        if answer is None:
            return None
        status = answer.get("Status") or "Disabled"
        mfa_delete = answer.get("MFADelete") or ""
        return {
            "bucket": state["id"],
            "versioning_configuration": [{"status": status, "mfa_delete": mfa_delete}],
        }

    def delete(self, aws: Aws, state: Values) -> None:
        if (state.get("versioning_configuration") or [{}])[0].get("status") == "Enabled":
            suspended = {"Status": "Suspended"}
            aws.find(
                "s3",
                "put_bucket_versioning",
                _NO_BUCKET,
                Bucket=state["id"],
                VersioningConfiguration=suspended,
            )


class BucketEncryption(_OfBucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html"""

    type_name = "aws_s3_bucket_server_side_encryption_configuration"
    _missing = (*_NO_BUCKET, "ServerSideEncryptionConfigurationNotFoundError")
    _rules = (
        Argument(
            "rule",
            "Rules",
            many=True,
            block=(
                Argument("bucket_key_enabled", "BucketKeyEnabled"),
                Argument(
                    "apply_server_side_encryption_by_default",
                    "ApplyServerSideEncryptionByDefault",
                    block=(
                        Argument(
                            "sse_algorithm", "SSEAlgorithm", choices=("AES256", "aws:kms", "aws:kms:dsse")
                        ),
                        Argument("kms_master_key_id", "KMSMasterKeyID"),
                    ),
                ),
            ),
        ),
    )
    arguments = (Argument("bucket", replace=True), *_rules)

    def _put(self, aws: Aws, values: Values) -> None:
        configuration = send(self._rules, values)
        aws.call(
            "s3",
            "put_bucket_encryption",
            Bucket=values["bucket"],
            ServerSideEncryptionConfiguration=configuration,
        )

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("s3", "get_bucket_encryption", self._missing, Bucket=state["id"])
        if answer is None:
            return None
        return {"bucket": state["id"], **receive(self._rules, answer["ServerSideEncryptionConfiguration"])}

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("s3", "delete_bucket_encryption", self._missing, Bucket=state["id"])


class BucketPublicAccessBlock(_OfBucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html"""

    type_name = "aws_s3_bucket_public_access_block"
    _missing = (*_NO_BUCKET, "NoSuchPublicAccessBlockConfiguration")
    _flags = (
        Argument("block_public_acls", "BlockPublicAcls", default=False),
        Argument("block_public_policy", "BlockPublicPolicy", default=False),
        Argument("ignore_public_acls", "IgnorePublicAcls", default=False),
        Argument("restrict_public_buckets", "RestrictPublicBuckets", default=False),
    )
    arguments = (
        Argument("bucket", replace=True),
        *_flags,
        Argument("skip_destroy", terraform_only="says whether a destroy leaves it"),
    )

    def _put(self, aws: Aws, values: Values) -> None:
        block = send(self._flags, values)
        aws.call(
            "s3", "put_public_access_block", Bucket=values["bucket"], PublicAccessBlockConfiguration=block
        )

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("s3", "get_public_access_block", self._missing, Bucket=state["id"])
        if answer is None:
            return None
        return {"bucket": state["id"], **receive(self._flags, answer["PublicAccessBlockConfiguration"])}

    def delete(self, aws: Aws, state: Values) -> None:
        if not state.get("skip_destroy"):
            aws.find("s3", "delete_public_access_block", self._missing, Bucket=state["id"])


class BucketPolicy(_OfBucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html"""

    type_name = "aws_s3_bucket_policy"
    _missing = (*_NO_BUCKET, "NoSuchBucketPolicy")
    arguments = (Argument("bucket", replace=True), Argument("policy", "Policy", POLICY))

    def _put(self, aws: Aws, values: Values) -> None:
        aws.call("s3", "put_bucket_policy", Bucket=values["bucket"], Policy=values["policy"])

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("s3", "get_bucket_policy", self._missing, Bucket=state["id"])
        return None if answer is None else {"bucket": state["id"], **receive(self.arguments, answer)}

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("s3", "delete_bucket_policy", self._missing, Bucket=state["id"])


RESOURCES: tuple[Resource, ...] = (
    Bucket(),
    BucketVersioning(),
    BucketEncryption(),
    BucketPublicAccessBlock(),
    BucketPolicy(),
)
