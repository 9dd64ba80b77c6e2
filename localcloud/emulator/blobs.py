"""Keeps the registry's blobs in files, next to the emulator's JSON state instead of inside it.

The emulator would write every layer as base64 into one JSON file with every save: tens of megabytes a second.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import ecr

from localcloud.files import write_atomically

STORES = ("layer_blobs", "manifest_blobs")

log = logging.getLogger(__name__)


def install(folder: Path) -> None:
    """Replace the registry's save and load. To be called before the emulator loads its state."""
    original_get = ecr.get_state
    original_load = ecr.load_persisted_state

    def get_state() -> dict[str, Any]:
        state = original_get()
        kept: set[str] = set()
        for store in STORES:
            state[store] = _write_store(folder, state[store], kept)
        _remove_others(folder, kept)
        return state

    def load_persisted_state(state: dict[str, Any]) -> None:
        for store in STORES:
            state[store] = _read_store(folder, state.get(store))
        original_load(state)

    ecr.get_state = get_state
    ecr.load_persisted_state = load_persisted_state


def _write_store(folder: Path, store: AccountRegionScopedDict, kept: set[str]) -> AccountRegionScopedDict:
    index = AccountRegionScopedDict()
    for key, blobs in store.all_items():
        index._data[key] = sorted(blobs)
        for digest, data in blobs.items():
            kept.add(_name(digest))
            file = folder / _name(digest)
            if not file.exists():
                write_atomically(file, bytes(data))
    return index


def _read_store(folder: Path, index: object) -> AccountRegionScopedDict:
    store = AccountRegionScopedDict()
    if not isinstance(index, AccountRegionScopedDict):
        return store
    for key, digests in index.all_items():
        blobs = {digest: _read(folder / _name(digest), digest) for digest in digests}
        store._data[key] = {digest: data for digest, data in blobs.items() if data is not None}
    return store


def _read(file: Path, digest: str) -> bytes | None:
    try:
        data = file.read_bytes()
    except OSError as error:
        log.warning("The registry's blob %s is lost: %s", digest, error)
        return None
    if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
        log.warning("The registry's blob %s is damaged and was dropped; push the image again.", digest)
        file.unlink(missing_ok=True)
        return None
    return data


def _remove_others(folder: Path, kept: set[str]) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            if file.name not in kept:
                file.unlink(missing_ok=True)


def _name(digest: str) -> str:
    return digest.removeprefix("sha256:")
