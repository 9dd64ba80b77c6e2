"""The data sources that the offline provider reads."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from localcloud.provider.aws import Aws
from localcloud.provider.errors import ProviderError

Reader = Callable[[Aws, dict[str, Any]], dict[str, Any]]

_READERS = {
    "aws_iam_policy_document": "policy_document",
    "aws_caller_identity": "account",
    "aws_region": "account",
    "aws_partition": "account",
    "aws_availability_zones": "account",
}


def find(type_name: str) -> Reader:
    """The function that reads a data source. Raises ProviderError with the folder where it would be when there
    is none."""
    module = _READERS.get(type_name)
    if module is None:
        raise ProviderError(
            f"The offline provider has the schema of data.{type_name} but can't read it.",
            "Give the value as a variable, use mock_provider or override_data in a test, "
            "or add it to localcloud/provider/data_sources/.",
        )
    return getattr(import_module(f"{__name__}.{module}"), type_name.removeprefix("aws_"))
