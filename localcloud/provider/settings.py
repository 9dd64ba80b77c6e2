"""The provider block of a configuration, as far as this provider honours it."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from localcloud.provider import PROVIDER_NAME
from localcloud.provider.errors import ProviderError
from localcloud.provider.values import UNKNOWN, has_unknown, is_set

#: Arguments of the provider block that say something about real AWS only; against loopback there is nothing to
#: do for them.
_WITHOUT_EFFECT = {
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
    "s3_use_path_style",  # always: a bucket has no host name of its own on loopback
    "max_retries",
    "retry_mode",
    "profile",
    "shared_config_files",
    "shared_credentials_files",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "token",
}
_HONOURED = {
    "region",
    "access_key",
    "secret_key",
    "allowed_account_ids",
    "forbidden_account_ids",
    "default_tags",
    "endpoints",
}

# Where a service's variable is not named like its boto3 client.
# https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
_SERVICE_IDS = {
    "elbv2": "ELASTIC_LOAD_BALANCING_V2",
    "logs": "CLOUDWATCH_LOGS",
    "secretsmanager": "SECRETS_MANAGER",
}


@dataclass(frozen=True)
class Settings:
    """Region, tags and where AWS answers."""

    region: str = "us-east-1"
    access_key: str = "test"
    secret_key: str = "test"  # noqa: S105 - the emulator takes any
    default_tags: dict[str, str] = field(default_factory=dict)
    allowed_account_ids: tuple[str, ...] = ()
    forbidden_account_ids: tuple[str, ...] = ()
    endpoints: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, config: dict[str, Any]) -> Settings:
        """Raises ProviderError for an argument that would change what happens and that this provider does not
        honour."""
        for name, value in config.items():
            if is_set(value) and name not in _HONOURED | _WITHOUT_EFFECT and value is not False:
                raise ProviderError(
                    f"The {PROVIDER_NAME} does not honour the provider argument {name}.",
                    "Remove it from this environment's provider block, or add it to localcloud/provider/settings.py.",
                    [name],
                )
        if has_unknown(config.get("region")) or has_unknown(config.get("endpoints")):
            raise ProviderError(
                "The provider's region or endpoints are only known after apply.", "Give them as variables."
            )
        environment = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return cls(
            region=config.get("region") or environment or "us-east-1",
            access_key=config.get("access_key") or "test",
            secret_key=config.get("secret_key") or "test",
            default_tags=_default_tags(config.get("default_tags")),
            allowed_account_ids=tuple(config.get("allowed_account_ids") or ()),
            forbidden_account_ids=tuple(config.get("forbidden_account_ids") or ()),
            endpoints={
                service: url
                for block in config.get("endpoints") or []
                for service, url in block.items()
                if is_set(url) and url
            },
        )

    def endpoint(self, service: str) -> str:
        """The URL of a service, as the real provider finds it: provider block, the service's variable,
        AWS_ENDPOINT_URL.

        Raises ProviderError unless it is on this machine.
        """
        variable = f"AWS_ENDPOINT_URL_{_SERVICE_IDS.get(service, service.upper())}"
        url = (
            self.endpoints.get(service.replace("-", ""))
            or os.environ.get(variable)
            or os.environ.get("AWS_ENDPOINT_URL", "")
        )
        if not url:
            raise ProviderError(
                f"The {PROVIDER_NAME} has no endpoint for {service}, and it never calls real AWS.",
                "Set AWS_ENDPOINT_URL=http://127.0.0.1:PORT to the emulator's address, or use --provider registry.",
            )
        if not is_loopback(url):
            raise ProviderError(
                f"The {PROVIDER_NAME} refuses the endpoint {url} of {service}: it only talks to this machine.",
                "Set AWS_ENDPOINT_URL to a loopback address, or use --provider registry for an AWS elsewhere.",
            )
        return url


def is_loopback(url: str) -> bool:
    """Whether the host of an http(s) URL is this machine by its very name: nothing is resolved."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _default_tags(blocks: Any) -> dict[str, str]:
    tags = (blocks or [{}])[0].get("tags") or {}
    # A tag whose value is not known yet counts as absent here; planning marks tags_all unknown for it.
    return {} if tags is UNKNOWN else dict(tags)
