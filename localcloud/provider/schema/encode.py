"""Schema blocks as the plugin protocol carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from localcloud.provider import wire
from localcloud.provider.schema.extract import Block

_FLAGS = ("required", "optional", "computed", "sensitive", "write_only")


def block_message(block: Block) -> Any:
    """A block and everything nested in it; names are sorted, so that the same schema gives the same bytes."""
    attributes = [
        wire.message(
            "Attribute",
            name=name,
            type=json.dumps(attribute["type"], separators=(",", ":")).encode(),
            **{flag: True for flag in _FLAGS if attribute.get(flag)},
        )
        for name, attribute in sorted(block["attributes"].items())
    ]
    nested = [
        wire.message(
            "NestedBlock",
            type_name=name,
            nesting=wire.NESTING[inner["nesting_mode"]],
            block=block_message(inner["block"]),
            min_items=inner.get("min_items", 0),
            max_items=inner.get("max_items", 0),
        )
        for name, inner in sorted(block["block_types"].items())
    ]
    return wire.message("Block", attributes=attributes, block_types=nested)


def response(
    provider: Block, resources: Iterable[tuple[str, Block]], data_sources: Iterable[tuple[str, Block]]
) -> bytes:
    """The answer to GetProviderSchema."""
    return wire.message(
        "GetProviderSchemaResponse",
        provider=wire.message("Schema", block=block_message(provider)),
        resource_schemas=[_named(name, block) for name, block in resources],
        data_source_schemas=[_named(name, block) for name, block in data_sources],
        # The schema may be kept by Terraform between two starts of the provider within one command.
        server_capabilities=wire.message(
            "ServerCapabilities", plan_destroy=True, get_provider_schema_optional=True
        ),
    ).SerializeToString()


def _named(name: str, block: Block) -> Any:
    return wire.message("NamedSchema", key=name, value=wire.message("Schema", block=block_message(block)))
