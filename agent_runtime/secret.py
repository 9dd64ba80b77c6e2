"""The secret that holds the API keys."""

from __future__ import annotations

import json

KEY_CHARACTERS_AT_LEAST = 16
_SHAPE = f'{{"keys": ["...", ...]}} with keys of at least {KEY_CHARACTERS_AT_LEAST} characters'


class SecretError(Exception):
    """The keys can't be had. The text is the reason, and quotes nothing of the secret."""


class KeySecret:
    """A secret in Secrets Manager."""

    def __init__(self, name: str, region: str) -> None:
        """`name`: its ARN or name. Raises: SecretError."""
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
        )
        self._name = name
        try:
            self._client = boto3.client("secretsmanager", region_name=region, config=config)
        except BotoCoreError as error:
            raise SecretError(type(error).__name__) from None

    def read(self) -> list[str]:
        """The keys that it holds now. Blocks. Raises: SecretError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            text = self._client.get_secret_value(SecretId=self._name)["SecretString"]
        except ClientError as error:
            raise SecretError(error.response["Error"].get("Code", "ClientError")) from None
        except BotoCoreError as error:
            raise SecretError(type(error).__name__) from None
        except KeyError:
            raise SecretError("it holds bytes, not text") from None
        return parse(text)


def parse(text: str) -> list[str]:
    """The keys in a secret's value. Raises: SecretError."""
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError):
        raise SecretError(f"its value must be JSON: {_SHAPE}") from None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise SecretError(f"its value must be JSON: {_SHAPE}")
    if any(len(key.strip()) < KEY_CHARACTERS_AT_LEAST for key in keys):
        raise SecretError(f"a key in it has fewer than {KEY_CHARACTERS_AT_LEAST} characters")
    return [key.strip() for key in keys]
