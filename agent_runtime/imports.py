"""What libraries do when they are imported that nobody here needs, left out: each costs a start tens of milliseconds.

A process that takes a session of its own on AgentCore starts while its caller waits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel


@contextmanager
def models_built_late() -> Iterator[None]:
    """pydantic models that are declared in this block are built when they are first used.

    FastAPI declares the OpenAPI document's: 30 ms, for a document that is hardly ever asked for.
    """
    before = BaseModel.model_config
    BaseModel.model_config = {**before, "defer_build": True}
    try:
        yield
    finally:
        BaseModel.model_config = before


@contextmanager
def no_certificates() -> Iterator[None]:
    """TLS contexts that are made in this block trust nobody.

    aiohttp makes two when it is imported: 40 ms, for connections that are told of no other context. Ours are.
    """
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before
