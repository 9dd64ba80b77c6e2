"""Bearer keys: who may invoke the agent."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from agent_runtime import problems
from agent_runtime.errors import StartError
from agent_runtime.settings import Settings

KEY_CHARACTERS_AT_LEAST = 16
_SHAPE = f'{{"keys": ["...", ...]}} with keys of at least {KEY_CHARACTERS_AT_LEAST} characters'


class ApiKeys:
    """The keys that are valid now; several, so that one can be replaced while the other still works.

    Only their hashes are held, and every one of them is compared, in constant time.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests: tuple[bytes, ...] = ()
        self.replace(keys)

    def replace(self, keys: Iterable[str]) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    def accepts(self, key: str) -> bool:
        presented = _digest(key)
        matches = [hmac.compare_digest(presented, known) for known in self._digests]
        return any(matches)

    def check(self, authorization: str | None) -> None:
        """Raises: Problem 401, unless the Authorization header is `Bearer <one of the keys>`."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not self.accepts(key.strip()):
            raise problems.Problem(
                problems.UNAUTHORIZED,
                "Send the header Authorization: Bearer <API key>.",
                {"WWW-Authenticate": "Bearer"},
            )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def parse_secret(text: str) -> list[str]:
    """The keys in a secret's value.

    Raises:
        ValueError: says what is wrong with the value's shape, without quoting it.
    """
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"its value must be JSON: {_SHAPE}") from None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"its value must be JSON: {_SHAPE}")
    if any(len(key.strip()) < KEY_CHARACTERS_AT_LEAST for key in keys):
        raise ValueError(f"a key in it has fewer than {KEY_CHARACTERS_AT_LEAST} characters")
    return [key.strip() for key in keys]


def load(settings: Settings) -> ApiKeys | None:
    """The keys from Secrets Manager, or None where the service is open. Blocks.

    Raises:
        StartError: no secret is named though keys are required, or the secret can't be used.
    """
    name = settings.api_keys_secret
    if name is None:
        if settings.require_auth:
            raise StartError(
                "The service refuses to start without API keys, since anybody who reaches it could spend money. "
                "Set AGENT_API_KEYS_SECRET to the ARN of a secret, or, where something else keeps strangers out, "
                "AGENT_REQUIRE_AUTH=false."
            )
        return None
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        client = boto3.client("secretsmanager", region_name=settings.region, config=config)
        text = client.get_secret_value(SecretId=name)["SecretString"]
        return ApiKeys(parse_secret(text))
    except ClientError as error:
        reason = error.response["Error"].get("Code", "ClientError")
    except BotoCoreError as error:
        reason = type(error).__name__
    except KeyError:
        reason = "it holds bytes, not text"
    except ValueError as error:
        reason = str(error)
    raise StartError(
        f"The API keys could not be loaded from the secret {name}: {reason}. "
        "Check that the secret exists, has a value and that the task's role may read it."
    )
