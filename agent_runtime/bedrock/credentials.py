"""Credentials that are refreshed on a thread, so that signing a request never holds the event loop up."""

from __future__ import annotations

import asyncio
from typing import Any

import boto3
import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials

from agent_runtime.bedrock.bridge import is_inside, wait_for

MANDATORY_SECONDS = 10 * 60
"""Credentials with less time than this left are not used any more. As botocore has it."""


class LoopCredentials(Credentials):
    """Stands before credentials that expire. One refresh at a time, however many calls ask for them."""

    def __init__(self, source: RefreshableCredentials) -> None:
        self._source = source
        self._frozen: ReadOnlyCredentials | None = None
        self._refresh: asyncio.Future[ReadOnlyCredentials] | None = None
        self.method = source.method

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Credentials to sign with. Raises what botocore raises when they can't be had."""
        if not is_inside():
            return self._source.get_frozen_credentials()
        if self._frozen is None or self._source.refresh_needed(MANDATORY_SECONDS):
            # Shielded: a caller who leaves does not take the refresh away from the others.
            wait_for(asyncio.shield(self._refreshing()))
        elif self._source.refresh_needed():
            self._refreshing()
        assert self._frozen is not None
        return self._frozen

    def get_deferred_property(self, property_name: str) -> Any:
        return self._source.get_deferred_property(property_name)

    def _refreshing(self) -> asyncio.Future[ReadOnlyCredentials]:
        if self._refresh is None:
            loop = asyncio.get_running_loop()
            self._refresh = loop.run_in_executor(None, self._source.get_frozen_credentials)
            self._refresh.add_done_callback(self._refreshed)
        return self._refresh

    def _refreshed(self, refresh: asyncio.Future[ReadOnlyCredentials]) -> None:
        self._refresh = None
        if not refresh.cancelled() and refresh.exception() is None:
            self._frozen = refresh.result()


class _Provider:
    """boto's chain of credential providers, with what it finds made fit for the event loop."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def load_credentials(self) -> Credentials | None:
        found = self._chain.load_credentials()
        return LoopCredentials(found) if isinstance(found, RefreshableCredentials) else found


def session(region: str) -> boto3.Session:
    """A session whose credentials come from where boto's always come from."""
    inner = botocore.session.get_session()
    inner.register_component("credential_provider", _Provider(inner.get_component("credential_provider")))
    return boto3.Session(botocore_session=inner, region_name=region)
