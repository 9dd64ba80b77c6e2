"""The real provider's schema, as Terraform loads it, and the mappings held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider import data_sources, resources
from localcloud.provider.arguments import Argument
from localcloud.provider.schema.cache import SchemaCache
from ops.paths import ROOT
from tests.terraform.provider_kit import Workspace, provider, write

pytestmark = pytest.mark.terraform

DECISION = ROOT / "docs" / "decisions" / "0002-offline-provider.md"


@pytest.fixture(scope="module")
def schema() -> SchemaCache:
    home = provider().cli_config.parent
    return SchemaCache(next((home / "schema").iterdir()))


def test_terraform_loads_the_whole_provider(tmp_path: Path) -> None:
    workspace = Workspace(write(tmp_path, ""), "http://127.0.0.1:1")
    shown = json.loads(workspace.run("providers", "schema", "-json").stdout)
    loaded = shown["provider_schemas"]["registry.terraform.io/hashicorp/aws"]
    assert len(loaded["resource_schemas"]) > 1500
    assert len(loaded["data_source_schemas"]) > 600
    assert "default_tags" in loaded["provider"]["block"]["block_types"]


@pytest.mark.parametrize(
    ("type_name", "name", "flags"),
    [
        # facts about 6.25.0 that the modules rely on
        ("aws_secretsmanager_secret_version", "secret_string_wo", {"optional", "write_only", "sensitive"}),
        ("aws_secretsmanager_secret_version", "secret_string", {"optional", "sensitive"}),
        ("aws_ecs_service", "desired_count", {"optional"}),
        ("aws_ecs_service", "cluster", {"optional", "computed"}),
        ("aws_kms_key", "description", {"optional", "computed"}),
        ("aws_lb", "name", {"optional", "computed"}),
        ("aws_lb", "arn", {"computed"}),
        ("aws_ecs_task_definition", "container_definitions", {"required"}),
        ("aws_vpc", "region", {"optional", "computed"}),
    ],
)
def test_flags(schema: SchemaCache, type_name: str, name: str, flags: set[str]) -> None:
    attribute = schema.block("resource", type_name)["attributes"][name]
    assert {flag for flag, is_on in attribute.items() if flag != "type" and is_on} == flags


def walk(arguments: tuple[Argument, ...], block: dict[str, Any], path: str) -> Iterator[str]:
    """Arguments that the schema does not have, or has as something else."""
    for argument in arguments:
        where = f"{path}.{argument.name}"
        if argument.block:
            nested = block["block_types"].get(argument.name)
            if nested is None:
                yield f"{where} is no block"
            else:
                yield from walk(argument.block, nested["block"], where)
            continue
        attribute = block["attributes"].get(argument.name)
        if attribute is None:
            yield f"{where} is no attribute"
        elif not attribute.get("required") and not attribute.get("optional"):
            yield f"{where} can't be configured"
        elif argument.default is not None and attribute["type"] in ("string", "number", "bool"):
            kinds = {"string": str, "number": (int, float), "bool": bool}
            if not isinstance(argument.default, kinds[attribute["type"]]):
                yield f"{where}: the default is no {attribute['type']}"


@pytest.mark.parametrize("type_name", resources.mapped())
def test_mapping_fits_the_schema(schema: SchemaCache, type_name: str) -> None:
    block = schema.block("resource", type_name)
    assert list(walk(resources.find(type_name).arguments, block, type_name)) == []


def test_mapped_data_sources_are_in_the_schema(schema: SchemaCache) -> None:
    for name in data_sources._READERS:
        assert schema.block("data", name)
        assert callable(data_sources.find(name))


def test_decision_lists_what_can_not_be_read_back() -> None:
    """A drift of these can't show. The list in the decision record is the one in the code."""
    listed = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", DECISION.read_text(encoding="utf-8"), re.M))
    assert listed == {
        (resource.type_name, argument.name)
        for resource in resources.mapped().values()
        for argument in resource.arguments
        if argument.not_read_back
    }


def test_decision_lists_the_mapped_types() -> None:
    text = DECISION.read_text(encoding="utf-8")
    assert [name for name in (*resources.mapped(), *data_sources._READERS) if f"`{name}`" not in text] == []
