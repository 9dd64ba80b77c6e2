"""The bucket that holds Terraform's state: there before Terraform is, and adopted by the foundation stack."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ops.cloud import Cloud
from ops.errors import OpsError
from ops.settings import Environment


def ensure_bucket(cloud: Cloud) -> bool:
    """Make the state bucket when it isn't there; True when it was made. Raises OpsError.

    Everything else about it (encryption, versions, who may read it) is the foundation stack's.
    """
    s3, name = cloud.client("s3"), cloud.environment.state_bucket
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=cloud.environment.account_id)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise OpsError(
                f"The state bucket {name} can't be used ({error.response['Error']['Code']}).",
                "It belongs to another account, or these credentials may not read it.",
                "log in with a role that may, or ask who owns the account",
            ) from error
    else:
        return False
    where = (
        {} if cloud.environment.region == "us-east-1" else {"LocationConstraint": cloud.environment.region}
    )
    s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return True


def backend(environment: Environment, key: str) -> dict[str, str]:
    """What `terraform init` is told about the state called `key`."""
    told = {
        "bucket": environment.state_bucket,
        "key": key,
        "region": environment.region,
        "use_lockfile": "true",
        "encrypt": "true",
    }
    if environment.terraform.emulator_flags:
        for flag in ("use_path_style", "skip_credentials_validation", "skip_metadata_api_check"):
            told[flag] = "true"
        told["max_retries"] = "1"  # on loopback what does not answer is gone
    return told
