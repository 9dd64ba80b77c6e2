"""Reads a resource type's schema out of one generated TypeScript source of the AWS bindings.

The bindings are generated from the provider's own schema, so four things in each source carry it exactly:

- `interface X { readonly name?: T }` with a doc comment that names the Terraform argument: required or not,
  block or attribute;
- `function xToHclTerraform` / `synthesizeHclAttributes`: the argument's type and nesting;
- `// name - computed: …, optional: …, required: …` in the class `XOutputReference`: what the provider may fill in;
- the getter below that comment: the type of what only the provider sets.

What no generated source carries (defaults, what forces a replacement, validators) is declared in `resources/`
for mapped types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

#: A cty type in Terraform's JSON notation: "string" or ["list", "string"] or ["object", {...}].
CtyType = Any
Block = dict[str, Any]

_PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_STORAGE = re.compile(r"(string|number|boolean|any)((?:List|Map|Set)*)")
_PROPERTY = re.compile(r"  /\*\*\n(.*?)\*/\n  readonly \w+(\??): (.*?);\n", re.S)
_LINKED_NAME = re.compile(r"\{@link \S+ \w+#([\w-]+)\}")
_ARGUMENT = re.compile(
    r'"?([\w-]+)"?: \{\n\s+value: .*,\n\s+isBlock: (?:true|false),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",'
)
_FLAGS = re.compile(
    r"// ([\w-]+) - computed: (true|false), optional: (true|false), required: (true|false)\n(.*?);", re.S
)
_NESTED_GETTER = re.compile(r'new (?:cdktf\.)?(\w+?)\(this, "[\w-]+"(?:, (true|false))?')
_SIMPLE_GETTER = re.compile(r"get(String|Number|Boolean|)(List|Map|)Attribute\(")
_MAP_CLASS = re.compile(r"(String|Number|Boolean|Any)(Map(?:List)?)")
_NESTED_CLASS = re.compile(r"(\w+?)(List|Map|OutputReference)")

#: Names of arguments that hold a secret. The bindings do not say which are sensitive; a name too many only
#: hides a value from the screen, so this errs on that side.
_SENSITIVE = re.compile(
    r"(^|_)(password|passphrase|secret_string|secret_binary|secret_key|secret_access_key|private_key|auth_token"
    r"|client_secret|master_password|access_token|session_token|plaintext)(_wo)?$"
)


@dataclass
class _Source:
    """What one source says, by interface or class name."""

    properties: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    arguments: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    flags: dict[str, dict[str, tuple[bool, bool, str]]] = field(default_factory=dict)
    config: str = ""


def parse(source: str) -> Block:
    """The schema block of the one resource type, data source or provider in `source`, in the shape of
    `terraform providers schema`.

    Raises ValueError when the source holds no configuration interface.
    """
    read = _read(source)
    if not read.config:
        raise ValueError("the source has no configuration interface: the layout of the bindings has changed")
    return _block(read, read.config, "Config")


def _read(source: str) -> _Source:
    read = _Source()
    for part in source.split("\nexport ")[1:]:
        kind, _, rest = part.partition(" ")
        name = re.match(r"\w+", rest)[0]  # type: ignore[index]
        if kind == "interface":
            if "extends cdktf.TerraformMetaArguments" in part.split("\n", 1)[0] or (
                name == "AwsProviderConfig"
            ):
                read.config = name
            read.properties[name] = dict(_properties(part))
        elif kind == "function" and name.endswith("ToHclTerraform"):
            struct = name.removesuffix("ToHclTerraform")
            read.arguments[struct[0].upper() + struct[1:]] = _arguments(part)
        elif kind == "class":
            if "synthesizeHclAttributes" in part:
                head, tail = part.split("synthesizeHclAttributes", 1)
                read.arguments["Config"] = _arguments(tail)
                read.flags["Config"] = _flags(head)
            elif name.endswith("OutputReference"):
                read.flags[name.removesuffix("OutputReference")] = _flags(part)
    return read


def _properties(part: str) -> Any:
    for doc, optional, kind in _PROPERTY.findall(part):
        linked = _LINKED_NAME.search(doc)
        if linked:
            name = linked[1]
            block = re.search(rf"^  \* {re.escape(name)} block$", doc, re.M) is not None
            yield name, {"required": not optional, "block": block, "many": "[]" in kind}


def _arguments(part: str) -> dict[str, tuple[str, str]]:
    return {name: (kind, storage) for name, kind, storage in _ARGUMENT.findall(part)}


def _flags(part: str) -> dict[str, tuple[bool, bool, str]]:
    return {
        name: (computed == "true", optional == "true" or required == "true", getter)
        for name, computed, optional, required, getter in _FLAGS.findall(part)
    }


def _block(read: _Source, interface: str, key: str) -> Block:
    attributes: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    arguments, flags = read.arguments.get(key, {}), read.flags.get(key, {})
    for name, prop in read.properties.get(interface, {}).items():
        if name not in arguments or (interface == "AwsProviderConfig" and name == "alias"):
            continue  # the provider's `alias` is Terraform's own, not an argument
        kind, storage = arguments[name]
        mode = "single" if kind == "struct" else kind
        plain = _plain_type(kind, storage)
        if plain is None:
            struct = storage if storage in read.properties else re.sub(r"(List|Map)$", "", storage)
            nested = _block(read, struct, struct)
            if prop["block"]:
                blocks[name] = _nested_block(mode, nested, required=prop["required"], many=prop["many"])
                continue
            plain = _object_type(mode, nested)
        attributes[name] = (
            {"type": plain, "required": True} if prop["required"] else {"type": plain, "optional": True}
        )
        if not prop["required"] and flags.get(name, (False,))[0]:
            attributes[name]["computed"] = True
        if name.endswith("_wo"):
            attributes[name]["write_only"] = True
    for name, (computed, configurable, getter) in flags.items():
        if computed and not configurable and name not in attributes and name not in blocks:
            attributes[name] = {"type": _getter_type(read, getter), "computed": True}
    for name, attribute in attributes.items():
        if _SENSITIVE.search(name) and attribute["type"] == "string":
            attribute["sensitive"] = True
    return {"attributes": attributes, "block_types": blocks}


def _nested_block(mode: str, nested: Block, *, required: bool, many: bool) -> Block:
    block: Block = {"nesting_mode": mode, "block": nested}
    if mode in ("list", "set"):
        if required:
            block["min_items"] = 1
        if not many:
            block["max_items"] = 1
    return block


def _plain_type(kind: str, storage: str) -> CtyType | None:
    """`stringMapList` -> ["list", ["map", "string"]]; None when `storage` names a structure."""
    match = _STORAGE.fullmatch(storage)
    if not match:
        return None
    cty: CtyType = _PRIMITIVES[match[1]]
    wrappers = re.findall("List|Map|Set", match[2])
    for position, wrapper in enumerate(wrappers):
        # the outermost wrapper's kind is written out: `stringList` is a set where type says so
        outermost = position == len(wrappers) - 1 and kind in ("set", "list", "map")
        cty = [kind if outermost else wrapper.lower(), cty]
    return cty


def _object_type(mode: str, nested: Block) -> CtyType:
    """A block-shaped attribute. The real provider speaks a protocol without nested attributes: it is always an
    object."""
    members = {name: attribute["type"] for name, attribute in nested["attributes"].items()}
    members |= {
        name: _object_type(inner["nesting_mode"], inner["block"])
        for name, inner in nested["block_types"].items()
    }
    cty: CtyType = ["object", members]
    return cty if mode == "single" else [mode, cty]


def _getter_type(read: _Source, getter: str) -> CtyType:
    nested = _NESTED_GETTER.search(getter)
    if nested:
        collection = "set" if nested[2] == "true" else "list"
        plain_map = _MAP_CLASS.fullmatch(nested[1])
        if plain_map:
            cty: CtyType = ["map", _PRIMITIVES[plain_map[1].lower()]]
            return [collection, cty] if plain_map[2] == "MapList" else cty
        match = _NESTED_CLASS.fullmatch(nested[1])
        if match is None:
            return "dynamic"
        mode = {"List": collection, "Map": "map", "OutputReference": "single"}[match[2]]
        return _object_type(mode, _block(read, match[1], match[1]))
    simple = _SIMPLE_GETTER.search(getter)
    if not simple:
        return "dynamic"
    element = "number" if "asNumberList" in getter else _PRIMITIVES[(simple[1] or "String").lower()]
    if simple[2] == "List":
        return ["set" if "Fn.tolist" in getter else "list", element]
    return ["map", element] if simple[2] == "Map" else element


def is_complete(block: Block) -> bool:
    """Whether Terraform can load the block: the bindings cut off blocks that contain themselves, and a set
    can't hold what is left."""
    return not any(
        (nested["nesting_mode"] == "set" and _has_dynamic(nested["block"]))
        or not is_complete(nested["block"])
        for nested in block["block_types"].values()
    )


def _has_dynamic(block: Block) -> bool:
    return any(attribute["type"] == "dynamic" for attribute in block["attributes"].values()) or any(
        _has_dynamic(nested["block"]) for nested in block["block_types"].values()
    )
