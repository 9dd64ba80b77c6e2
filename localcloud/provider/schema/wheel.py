"""Finds the generated TypeScript sources inside the bindings' package as PyPI ships it."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["provider", "resource", "data"]

_ROOT = "package/lib/"
_SOURCE_MAP = "sourceMappingURL=data:application/json;base64,"
_TYPE_NAME = re.compile(r'tfResourceType = "(\w+)"')
_VERSION = re.compile(r"providerVersion: '([\d.]+)'")


@dataclass(frozen=True)
class TypeSource:
    """One type of the provider and the TypeScript source that describes it."""

    kind: Kind
    name: str
    source: str
    provider_version: str


def archive(package: Path) -> bytes:
    """The bindings' JavaScript archive (tar.gz), from a wheel or from the folder a wheel was installed to.

    Raises FileNotFoundError when there is none.
    """
    if package.is_dir():
        for found in sorted(package.glob("cdktf_cdktf_provider_aws/_jsii/*.jsii.tgz")):
            return found.read_bytes()
    elif package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for name in wheel.namelist():
                if name.endswith(".jsii.tgz"):
                    return wheel.read(name)
    raise FileNotFoundError(
        f"{package} holds no *.jsii.tgz: it is not the package that requirements/provider-schema.txt pins"
    )


def sources(package: Path) -> Iterator[TypeSource]:
    """Every type's source: the provider itself, about 1,600 resource types and 600 data sources.

    The sources are read from the source map at the end of each `index.js`: the TypeScript is there with its
    comments, and the comments say which optional arguments the provider computes when they are not set (the
    compiled JavaScript has lost them).
    """
    parts: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive(package)), mode="r:gz") as tar:
        for member in tar:
            if (
                not (member.name.startswith(_ROOT) and member.name.endswith(".js"))
                or member.name.count("/") != 3
            ):
                continue
            file = tar.extractfile(member)
            if file is not None:  # the biggest types are spread over several files of their folder
                parts.setdefault(member.name.split("/")[2], []).append(_original(file.read()))
    for folder, texts in parts.items():
        found = _describe(folder, "\n".join(texts))
        if found is not None:
            yield found


def _original(javascript: bytes) -> str:
    start = javascript.rfind(_SOURCE_MAP.encode())
    if start < 0:
        return ""
    source_map = base64.b64decode(javascript[start + len(_SOURCE_MAP) :])
    content = source_map[source_map.rindex(b',"sourcesContent":[') + len(',"sourcesContent":') : -1]
    return "\n".join(json.loads(content))


def _describe(folder: str, source: str) -> TypeSource | None:
    version = _VERSION.search(source)
    if folder == "provider":
        return TypeSource("provider", "aws", source, version[1] if version else "")
    name = _TYPE_NAME.search(source)
    if name is None or version is None:
        return None
    kind: Kind = "data" if "extends cdktf.TerraformDataSource" in source else "resource"
    return TypeSource(kind, name[1], source, version[1])
