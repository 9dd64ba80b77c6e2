"""Conversations as objects in S3: any task may go on with any of them, and none loses another's turn.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import secrets
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agent_runtime.errors import StartError
from agent_runtime.sessions.store import Conflict, Stored, StoreError, Workers, object_name
from agent_runtime.settings import Settings

THREADS_AT_MOST = 32
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPTS = 3
WRITE = "write"
"""Metadata that tells one write from another."""
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
"""Another version, one being written at this moment, or one that was deleted since."""


class S3Store:
    """One object a conversation, under a prefix; its version is its ETag.

    A task needs s3:GetObject and s3:PutObject on the prefix, and s3:ListBucket, without which S3 answers 403 for a
    conversation that does not exist yet.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, threads: int) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._workers = Workers(threads, "sessions")

    @classmethod
    def at(cls, place: str, settings: Settings) -> S3Store:
        """The store at `//bucket/prefix`. Raises: StartError when the bucket can't be reached."""
        bucket, _, prefix = place.removeprefix("//").partition("/")
        threads = min(settings.concurrency, THREADS_AT_MOST)
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=threads,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        try:
            client = boto3.client("s3", region_name=settings.region, config=config)
            client.head_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            raise StartError(
                f"Conversations can't be kept in {settings.session_store}: {_reason(error)}. "
                "Check that the bucket exists and that the task's role may s3:ListBucket, s3:GetObject and "
                "s3:PutObject there."
            ) from None
        return cls(client, bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "", threads)

    async def load(self, key: str) -> Stored | None:
        return await self._workers.run(self._load, self._prefix + object_name(key))

    async def save(self, key: str, data: bytes, replaces: str | None) -> None:
        await self._workers.run(self._save, self._prefix + object_name(key), data, replaces)

    def _load(self, name: str) -> Stored | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=name)
            return Stored(found["Body"].read(), found["ETag"])
        except ClientError as error:
            if _reason(error) == "NoSuchKey":
                return None
            raise StoreError from error
        except BotoCoreError as error:
            raise StoreError from error

    def _save(self, name: str, data: bytes, replaces: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": replaces}
        write = secrets.token_hex(16)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=data,
                ContentType="application/json",
                Metadata={WRITE: write},
                **condition,
            )
        except ClientError as error:
            if _reason(error) not in CHANGED:
                raise StoreError from error
            if not self._was(name, write):
                raise Conflict from None
        except BotoCoreError as error:
            raise StoreError from error

    def _was(self, name: str, write: str) -> bool:
        """Whether it was this very write that changed the object: a retry finds what the lost answer had done."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if _reason(error) in {"404", "NoSuchKey"}:
                return False
            raise StoreError from error
        except BotoCoreError as error:
            raise StoreError from error
        return bool(found["Metadata"].get(WRITE) == write)


def _reason(error: BotoCoreError | ClientError) -> str:
    """AWS's code, or the exception's name; nothing of its text."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
