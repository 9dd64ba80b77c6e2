"""Checks of a configuration that the schema can't express; they run in `terraform validate` and in mocked tests too."""

from __future__ import annotations

from typing import Any

from localcloud.provider.errors import ProviderError


def check(type_name: str, config: dict[str, Any]) -> list[ProviderError]:
    return []
