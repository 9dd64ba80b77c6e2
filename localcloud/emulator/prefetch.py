"""Unpacks an image as soon as it was pushed: while Terraform plans, the tasks' files get ready."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from localcloud.oci.reference import DIGEST
from localcloud.oci.store import PullError

MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<version>[^/]+)")

log = logging.getLogger(__name__)


def wrap(app: Callable[..., Awaitable[None]], pull: Callable[[str], object], port: int) -> Any:
    """The application, with every manifest that is put into its registry unpacked on a thread."""

    async def prefetching(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if (
            scope["type"] == "http"
            and scope["method"] == "PUT"
            and (put := MANIFEST.fullmatch(scope["path"]))
        ):
            separator = "@" if DIGEST.fullmatch(put["version"]) else ":"
            reference = f"127.0.0.1:{port}/{put['repository']}{separator}{put['version']}"
            threading.Thread(target=_fetch, args=(pull, reference), daemon=True, name="prefetch").start()

    return prefetching


def _fetch(pull: Callable[[str], object], reference: str) -> None:
    try:
        pull(reference)
    except PullError as error:
        # Whoever starts a task from it is told; a push alone is no failure.
        log.info("not unpacked ahead of time: %s", error)
