"""The schema is read out of the bindings, cached, and served as the protocol carries it."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.provider import wire
from localcloud.provider.schema import cache, extract, wheel
from tests.unit.provider import bindings


@pytest.fixture
def thing() -> extract.Block:
    return extract.parse(bindings.THING)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("name", {"type": "string", "required": True}),
        ("size", {"type": "number", "optional": True, "computed": True}),
        ("description", {"type": "string", "optional": True}),
        ("password_wo", {"type": "string", "optional": True, "write_only": True, "sensitive": True}),
        ("subnets", {"type": ["set", "string"], "optional": True}),
        ("tags", {"type": ["map", "string"], "optional": True}),
        ("rules", {"type": ["set", ["object", {"port": "number"}]], "optional": True}),
        ("arn", {"type": "string", "computed": True}),
        ("zones", {"type": ["set", "string"], "computed": True}),
        ("labels", {"type": ["map", "string"], "computed": True}),
        (
            "endpoints",
            {
                "type": ["list", ["object", {"address": "string", "ports": ["list", "number"]}]],
                "computed": True,
            },
        ),
    ],
)
def test_attributes(thing: extract.Block, name: str, attribute: dict[str, object]) -> None:
    assert thing["attributes"][name] == attribute


def test_blocks(thing: extract.Block) -> None:
    check, part = thing["block_types"]["check"], thing["block_types"]["part"]
    assert (check["nesting_mode"], check["max_items"], check.get("min_items")) == ("list", 1, None)
    assert check["block"]["attributes"]["matcher"] == {"type": "string", "optional": True, "computed": True}
    assert (part["nesting_mode"], part["min_items"], part.get("max_items")) == ("set", 1, None)


def test_source_without_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="no configuration interface"):
        extract.parse("import x;\nexport class Y {\n}\n")


def test_sources_of_a_wheel(tmp_path: Path) -> None:
    found = list(wheel.sources(bindings.wheel(tmp_path / "bindings.whl")))
    assert {(source.kind, source.name) for source in found} == {
        ("provider", "aws"),
        ("resource", "aws_thing"),
        ("data", "aws_thing"),
    }


def test_package_without_bindings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"provider-schema\.txt"):
        list(wheel.sources(tmp_path))


def test_cache_holds_types_and_the_served_answer(tmp_path: Path) -> None:
    package, directory = bindings.wheel(tmp_path / "bindings.whl"), tmp_path / "schema"
    assert cache.build(package, directory, least_types=1) == 3
    schema = cache.SchemaCache(directory)
    assert schema.block("resource", "aws_thing") == extract.parse(bindings.THING)
    assert schema.block("data", "aws_thing")["attributes"]["arn"] == {"type": "string", "computed": True}
    with pytest.raises(KeyError):
        schema.block("resource", "aws_other")

    answer = wire.decode("GetProviderSchemaResponse", schema.response())
    assert [attribute.name for attribute in answer.provider.block.attributes] == ["region"]
    attributes = {item.name: item for item in answer.resource_schemas[0].value.block.attributes}
    assert attributes["password_wo"].write_only
    assert attributes["subnets"].type == b'["set","string"]'
    assert answer.server_capabilities.get_provider_schema_optional


def test_incomplete_package_leaves_the_old_cache(tmp_path: Path) -> None:
    package, directory = bindings.wheel(tmp_path / "bindings.whl"), tmp_path / "schema"
    cache.build(package, directory, least_types=1)
    with pytest.raises(ValueError, match="only 3 types"):
        cache.build(package, directory)
    assert cache.SchemaCache(directory).response()
    assert [path.name for path in tmp_path.iterdir()] == ["bindings.whl", "schema"] or len(
        list(tmp_path.iterdir())
    ) == 2


def test_other_provider_version_is_refused(tmp_path: Path) -> None:
    package = bindings.wheel(tmp_path / "bindings.whl", thing=bindings.THING.replace("6.25.0'", "6.26.0'"))
    with pytest.raises(ValueError, match=r"generated from provider 6\.26\.0, expected 6\.25\.0"):
        cache.build(package, tmp_path / "schema", least_types=1)


def test_type_that_terraform_can_not_load_is_left_out(tmp_path: Path) -> None:
    """The bindings cut off a block that contains itself; inside a set Terraform refuses what is left."""
    source = bindings.THING.replace(
        'type: "simple",\n        storageClassType: "string",\n      },\n    };\n}\n\nexport interface ThingEndpoints',
        "",
    )
    assert extract.is_complete(extract.parse(source))
    recursive = bindings.THING.replace("aws_thing", "aws_recursive").replace(
        bindings.arguments([("id", "simple", "string")]), bindings.arguments([("id", "simple", "any")])
    )
    package = bindings.wheel(tmp_path / "bindings.whl", recursive=recursive)
    assert cache.build(package, tmp_path / "schema", least_types=1) == 3
    with pytest.raises(KeyError):
        cache.SchemaCache(tmp_path / "schema").block("resource", "aws_recursive")
