"""Bearer keys: who may invoke the agent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from agent_runtime import problems
from agent_runtime.errors import StartError
from agent_runtime.logs import logger
from agent_runtime.secret import KEY_CHARACTERS_AT_LEAST, KeySecret, SecretError
from agent_runtime.settings import Settings

UNKNOWN_KEY_SECONDS = 10.0
"""An unknown key has the secret read again, but not more often than this: strangers can't run up its bill."""


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


class KeyRing:
    """Lets callers in by their keys, and keeps the keys as the secret has them while the process runs."""

    def __init__(self, keys: ApiKeys, read: Callable[[], list[str]] | None = None) -> None:
        """`read` fetches the keys, blocks, and raises SecretError; without it they never change."""
        self._keys = keys
        self._read = read
        self._next_for_unknown = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def check(self, authorization: str | None) -> None:
        """Raises: Problem 401, unless the Authorization header is `Bearer <one of the keys>`."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not await self._accepts(key):
            raise problems.Problem(
                problems.UNAUTHORIZED,
                "Send the header Authorization: Bearer <API key>.",
                {"WWW-Authenticate": "Bearer"},
            )

    async def _accepts(self, key: str) -> bool:
        if self._keys.accepts(key):
            return True
        if len(key) < KEY_CHARACTERS_AT_LEAST or self._read is None:
            return False
        if self._reading is None:
            if time.monotonic() < self._next_for_unknown:
                return False
            self._next_for_unknown = time.monotonic() + UNKNOWN_KEY_SECONDS
        await self.reload()
        return self._keys.accepts(key)

    async def reload(self) -> None:
        """Take the keys that the secret holds now; where it can't be read, those that were valid stay so."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._reload())
        # Of many who wait for one reading, one that leaves must not end it for the others.
        await asyncio.shield(self._reading)

    async def _reload(self) -> None:
        assert self._read is not None
        try:
            # The event loop's executor may be full of work, and nobody gets in until this is done.
            self._keys.replace(await _aside(self._read))
        except SecretError as error:
            logger.error("API keys not reloaded", reason=str(error))
        finally:
            self._reading = None

    async def keep_fresh(self, seconds: float) -> None:
        """Reload every so often. Does not return."""
        while self._read is not None:
            await asyncio.sleep(seconds)
            await self.reload()


async def _aside(read: Callable[[], list[str]]) -> list[str]:
    """Run it on a thread made for it."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, read)
    finally:
        thread.shutdown(wait=False)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def check(settings: Settings) -> None:
    """Raises: StartError, where no secret is named though keys are required, or one is where it can't be used."""
    if settings.platform == "agentcore" and settings.api_keys_secret is not None:
        raise StartError(
            "AGENT_API_KEYS_SECRET is set, but on AgentCore callers are authenticated by IAM, and the header "
            "Authorization is theirs for that. Leave it unset with AGENT_PLATFORM=agentcore."
        )
    if settings.api_keys_secret is None and settings.needs_keys:
        raise StartError(
            "The service refuses to start without API keys, since anybody who reaches it could spend money. "
            "Set AGENT_API_KEYS_SECRET to the ARN of a secret, or, where something else keeps strangers out, "
            "AGENT_REQUIRE_AUTH=false."
        )


def load(settings: Settings) -> KeyRing | None:
    """The keys from Secrets Manager, or None where something else keeps strangers out. Blocks.

    Raises:
        StartError: what `check` refuses, or they can't be read.
    """
    check(settings)
    name = settings.api_keys_secret
    if name is None:
        return None
    try:
        secret = KeySecret(name, settings.region)
        return KeyRing(ApiKeys(secret.read()), secret.read)
    except SecretError as error:
        raise StartError(
            f"The API keys could not be loaded from the secret {name}: {error}. "
            "Check that the secret exists, has a value and that the task's role may read it."
        ) from None
