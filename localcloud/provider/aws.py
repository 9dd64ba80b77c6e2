"""Calls to the AWS APIs on loopback, with errors as sentences."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

from localcloud.provider.errors import ProviderError
from localcloud.provider.settings import Settings

PARTITION = "aws"


class ApiError(ProviderError):
    """An API answered with an error; `code` is AWS's name for it."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation} failed: {code}: {message}".rstrip(": "), "")
        self.code = code


class Aws:
    """The APIs of one region. Safe to use from several threads."""

    # Clients are built from a session, which is not thread-safe; the clients themselves are. One session for
    # all of them reads the SDK's data files once: twelve clients in 0.3 s instead of 1.3 s.
    _lock = threading.Lock()

    def __init__(self, settings: Settings, region: str | None = None, shared: Aws | None = None) -> None:
        self.settings = settings
        self.region = region or settings.region
        self._clients: dict[tuple[str, str], Any] = shared._clients if shared else {}
        self._root = shared or self
        self._session: Any = None

    def in_region(self, region: str | None) -> Aws:
        """The APIs of another region, for a resource that names one."""
        return self if region in (None, self.region) else Aws(self.settings, region, self._root)

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Calls an operation by boto3's names; parameters that are None are not sent. Raises ApiError or
        ProviderError."""
        from botocore import exceptions

        client = self._client(service)
        try:
            return getattr(client, operation)(
                **{name: value for name, value in parameters.items() if value is not None}
            )
        except exceptions.ClientError as error:
            answer = error.response.get("Error", {})
            raise ApiError(
                error.operation_name, answer.get("Code", "Unknown"), answer.get("Message", "")
            ) from error
        except exceptions.ParamValidationError as error:
            raise ProviderError(f"{service}.{operation} refuses its parameters: {error}.", "") from error
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise ProviderError(
                f"The emulator does not answer at {client.meta.endpoint_url} ({operation}: {type(error).__name__}).",
                "Run the same command again: it starts the emulator when it is not running and finishes what is left.",
            ) from error

    def find(
        self, service: str, operation: str, missing: tuple[str, ...], /, **parameters: Any
    ) -> dict[str, Any] | None:
        """Like `call`, but None when the error's code is one of `missing`."""
        try:
            return self.call(service, operation, **parameters)
        except ApiError as error:
            if error.code in missing:
                return None
            raise

    @cached_property
    def account_id(self) -> str:
        """The account that the credentials belong to."""
        return self.call("sts", "get_caller_identity")["Account"]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this region and account."""
        return f"arn:{PARTITION}:{service}:{self.region}:{self.account_id}:{resource}"

    def _client(self, service: str) -> Any:
        key = (service, self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(service)
            return self._clients[key]

    def _new_client(self, service: str) -> Any:
        import botocore.session
        from botocore.config import Config

        if self._root._session is None:
            self._root._session = botocore.session.Session()
        return self._root._session.create_client(
            service,
            region_name=self.region,
            endpoint_url=self.settings.endpoint(service),
            aws_access_key_id=self.settings.access_key,
            aws_secret_access_key=self.settings.secret_key,
            config=Config(
                connect_timeout=5,
                read_timeout=60,  # seconds; the emulator answers in milliseconds, a task's image may take longer
                retries={"mode": "standard", "total_max_attempts": 2},
                proxies={},  # a proxy of the environment must not see loopback traffic
                s3={"addressing_style": "path"},
                max_pool_connections=16,
            ),
        )
