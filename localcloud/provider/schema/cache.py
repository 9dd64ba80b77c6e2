"""The extracted schema on disk: written once, then read in pieces.

Three files in one folder: `schema.pb`, the answer to GetProviderSchema as Terraform reads it; `types.jsonl`,
one line per type; `index.json`, where each type's line is. A provider that plans three types reads three
lines, not the whole.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

from localcloud.provider import PROVIDER_VERSION
from localcloud.provider.schema.extract import Block

Group = Literal["provider", "resource", "data"]

#: A schema with fewer types than this was cut short. Version 6.25.0 has 1,581 resource types and 630 data sources.
_LEAST_TYPES = 2000


def build(package: Path, directory: Path, *, least_types: int = _LEAST_TYPES) -> int:
    """Extracts the schema of every type of `package` into `directory`, all or nothing. Returns the number of types.

    Raises ValueError when the package describes another version of the provider or too few types.
    """
    # imported here: who only reads the cache needs neither
    from localcloud.provider.schema import encode, extract, wheel

    blocks: dict[tuple[Group, str], Block] = {}
    for found in wheel.sources(package):
        if found.provider_version != PROVIDER_VERSION:
            raise ValueError(
                f"{found.name} is generated from provider {found.provider_version}, expected {PROVIDER_VERSION}: "
                "change PROVIDER_VERSION together with requirements/provider-schema.in"
            )
        block = extract.parse(found.source)
        if extract.is_complete(block):
            blocks[found.kind, found.name] = block
    if len(blocks) < least_types or ("provider", "aws") not in blocks:
        raise ValueError(
            f"{package} describes only {len(blocks)} types of the provider: it is incomplete or its layout has changed"
        )

    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        members = sorted(blocks.items())
        (staging / "schema.pb").write_bytes(
            encode.response(
                blocks["provider", "aws"],
                ((name, block) for (group, name), block in members if group == "resource"),
                ((name, block) for (group, name), block in members if group == "data"),
            )
        )
        index: dict[str, tuple[int, int]] = {}
        with (staging / "types.jsonl").open("wb") as lines:
            for (group, name), block in members:
                line = json.dumps(block, separators=(",", ":")).encode() + b"\n"
                index[f"{group} {name}"] = (lines.tell(), len(line))
                lines.write(line)
        (staging / "index.json").write_text(json.dumps(index), encoding="utf-8")
        if directory.exists():
            shutil.rmtree(directory)
        staging.replace(directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(blocks)


class SchemaCache:
    """Reads what `build` wrote."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._index: dict[str, tuple[int, int]] | None = None

    def response(self) -> bytes:
        """The answer to GetProviderSchema, ready to send."""
        return (self._directory / "schema.pb").read_bytes()

    def block(self, group: Group, name: str) -> Block:
        """The schema block of a type. Raises KeyError for a type that the provider does not have."""
        return self._block(group, name)

    @cache  # noqa: B019 - one instance lives as long as the process
    def _block(self, group: Group, name: str) -> Block:
        if self._index is None:
            self._index = json.loads((self._directory / "index.json").read_text(encoding="utf-8"))
        start, length = self._index[f"{group} {name}"]
        with (self._directory / "types.jsonl").open("rb") as lines:
            lines.seek(start)
            return json.loads(lines.read(length))
