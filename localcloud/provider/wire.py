"""The messages of Terraform's plugin protocol, version 6, that this provider exchanges.

Terraform documents them in docs/plugin-protocol of its repository. Only names of RPCs, field numbers and field
types reach the wire, so they are written here as one table. The stubs that PyPI offers (package `tf`) predate
write-only arguments (protocol 6.8): served through them, `secret_string_wo` would be stored in the state.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: Message -> fields as "name type number"; `*` marks a repeated field. A protobuf map is a repeated message of
#: key and value.
_MESSAGES: dict[str, str] = {
    "DynamicValue": "msgpack bytes 1, json bytes 2",
    "Step": "attribute_name string 1, element_key_string string 2, element_key_int int64 3",
    "AttributePath": "steps *Step 1",
    "Diagnostic": "severity int32 1, summary string 2, detail string 3, attribute AttributePath 4",
    "RawState": "json bytes 1",
    "ServerCapabilities": "plan_destroy bool 1, get_provider_schema_optional bool 2, move_resource_state bool 3",
    # schema
    "Attribute": "name string 1, type bytes 2, required bool 4, optional bool 5, computed bool 6, sensitive bool 7,"
    " deprecated bool 9, write_only bool 11",
    "NestedBlock": "type_name string 1, block Block 2, nesting int32 3, min_items int64 4, max_items int64 5",
    "Block": "version int64 1, attributes *Attribute 2, block_types *NestedBlock 3",
    "Schema": "version int64 1, block Block 2",
    "NamedSchema": "key string 1, value Schema 2",
    "GetProviderSchemaRequest": "",
    "GetProviderSchemaResponse": "provider Schema 1, resource_schemas *NamedSchema 2,"
    " data_source_schemas *NamedSchema 3, diagnostics *Diagnostic 4, server_capabilities ServerCapabilities 6",
    # provider
    "ValidateProviderConfigRequest": "config DynamicValue 1",
    "ValidateProviderConfigResponse": "diagnostics *Diagnostic 2",
    "ConfigureProviderRequest": "terraform_version string 1, config DynamicValue 2",
    "ConfigureProviderResponse": "diagnostics *Diagnostic 1",
    "StopProviderRequest": "",
    "StopProviderResponse": "error string 1",
    "GetFunctionsRequest": "",
    "GetFunctionsResponse": "diagnostics *Diagnostic 2",
    # resources
    "ValidateResourceConfigRequest": "type_name string 1, config DynamicValue 2",
    "ValidateResourceConfigResponse": "diagnostics *Diagnostic 1",
    "UpgradeResourceStateRequest": "type_name string 1, version int64 2, raw_state RawState 3",
    "UpgradeResourceStateResponse": "upgraded_state DynamicValue 1, diagnostics *Diagnostic 2",
    "ReadResourceRequest": "type_name string 1, current_state DynamicValue 2, private bytes 3",
    "ReadResourceResponse": "new_state DynamicValue 1, diagnostics *Diagnostic 2, private bytes 3",
    "PlanResourceChangeRequest": "type_name string 1, prior_state DynamicValue 2, proposed_new_state DynamicValue 3,"
    " config DynamicValue 4, prior_private bytes 5",
    "PlanResourceChangeResponse": "planned_state DynamicValue 1, requires_replace *AttributePath 2,"
    " planned_private bytes 3, diagnostics *Diagnostic 4, legacy_type_system bool 5",
    "ApplyResourceChangeRequest": "type_name string 1, prior_state DynamicValue 2, planned_state DynamicValue 3,"
    " config DynamicValue 4, planned_private bytes 5",
    "ApplyResourceChangeResponse": "new_state DynamicValue 1, private bytes 2, diagnostics *Diagnostic 3,"
    " legacy_type_system bool 4",
    "ImportResourceStateRequest": "type_name string 1, id string 2",
    "ImportedResource": "type_name string 1, state DynamicValue 2, private bytes 3",
    "ImportResourceStateResponse": "imported_resources *ImportedResource 1, diagnostics *Diagnostic 2",
    # data sources
    "ValidateDataResourceConfigRequest": "type_name string 1, config DynamicValue 2",
    "ValidateDataResourceConfigResponse": "diagnostics *Diagnostic 1",
    "ReadDataSourceRequest": "type_name string 1, config DynamicValue 2",
    "ReadDataSourceResponse": "state DynamicValue 1, diagnostics *Diagnostic 2",
}

#: Diagnostic.severity
ERROR, WARNING = 1, 2

#: NestedBlock.nesting
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}

#: Every RPC that the provider answers.
RPCS: tuple[str, ...] = tuple(name.removesuffix("Request") for name in _MESSAGES if name.endswith("Request"))


def _file() -> descriptor_pb2.FileDescriptorProto:
    scalar = {
        "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
        "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
        "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
        "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
        "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    }
    # proto2 keeps an index of 0 in an attribute path apart from no index; on the wire it is the same.
    file = descriptor_pb2.FileDescriptorProto(
        name="vitracka/tfplugin6.proto", package="vitracka_tfplugin6", syntax="proto2"
    )
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for text in filter(None, (part.strip() for part in fields.split(","))):
            name, kind, number = text.split()
            repeated, kind = kind.startswith("*"), kind.removeprefix("*")
            item = described.field.add(name=name, number=int(number))
            item.label = item.LABEL_REPEATED if repeated else item.LABEL_OPTIONAL
            if kind in scalar:
                item.type = scalar[kind]
            else:
                item.type, item.type_name = item.TYPE_MESSAGE, f".vitracka_tfplugin6.{kind}"
    return file


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"vitracka_tfplugin6.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _classes()


def message(name: str, /, **fields: Any) -> Any:
    """A message of the protocol, e.g. `message("Diagnostic", severity=ERROR, summary="…")`."""
    return _CLASSES[name](**fields)


def decode(name: str, data: bytes) -> Any:
    """The message `name` read from its bytes; fields this provider does not use are ignored."""
    return _CLASSES[name].FromString(data)
