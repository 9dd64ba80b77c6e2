"""Bindings in the layout of the package on PyPI, small enough to read: a provider, a resource type and a data
source."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import zipfile
from pathlib import Path

DOCS = "https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/resources/thing"


def interface(name: str, properties: list[tuple[str, str, str, str]], base: str = "") -> str:
    """`properties`: Terraform's name, TypeScript's name with ? when optional, type, and "block" or ""."""
    lines = [f"export interface {name}{f' extends {base}' if base else ''} {{"]
    for terraform, typescript, kind, block in properties:
        lines += ["  /**"] + ([f"  * {terraform} block", "  *"] if block else [])
        lines += [f"  * Docs at Terraform Registry: {{@link {DOCS}#{terraform} Thing#{terraform}}}", "  */"]
        lines += [f"  readonly {typescript}: {kind};"]
    return "\n".join([*lines, "}", ""])


def arguments(entries: list[tuple[str, str, str]]) -> str:
    """`entries`: name, kind, storage class."""
    lines = ["    const attrs = {"]
    for name, kind, storage in entries:
        lines += [
            f"      {name}: {{",
            f"        value: cdktf.mapper(struct!.{name}),",
            "        isBlock: false,",
            f'        type: "{kind}",',
            f'        storageClassType: "{storage}",',
            "      },",
        ]
    return "\n".join([*lines, "    };", ""])


def flags(entries: list[tuple[str, str, str]]) -> str:
    """`entries`: name, one of `required`, `optional`, `optional computed`, `computed`, and the code of the getter."""
    text = ""
    for name, how, code in entries:
        computed, optional, required = (word in how.split() for word in ("computed", "optional", "required"))
        text += (
            f"  // {name} - computed: {str(computed).lower()}, optional: {str(optional).lower()},"
            f" required: {str(required).lower()}\n  {code};\n\n"
        )
    return text


def getter(name: str, kind: str = "String") -> str:
    return f"public get x() {{\n    return this.get{kind}Attribute('{name}')"


THING = (
    "import * as cdktf from 'cdktf';\n"
    + interface(
        "ThingConfig",
        [
            ("name", "name", "string", ""),
            ("size", "size?", "number", ""),
            ("description", "description?", "string", ""),
            ("password_wo", "passwordWo?", "string", ""),
            ("subnets", "subnets?", "string[]", ""),
            ("tags", "tags?", "{ [key: string]: string }", ""),
            ("rules", "rules?", "ThingRules[] | cdktf.IResolvable", ""),
            ("check", "check?", "ThingCheck", "block"),
            ("part", "part", "ThingPart[] | cdktf.IResolvable", "block"),
        ],
        "cdktf.TerraformMetaArguments",
    )
    + "\n"
    + interface("ThingRules", [("port", "port?", "number", "")])
    + "export function thingRulesToHclTerraform(struct?: ThingRules): any {\n"
    + arguments([("port", "simple", "number")])
    + "}\n\n"
    + "export class ThingRulesOutputReference extends cdktf.ComplexObject {\n"
    + flags([("port", "optional", getter("port", "Number"))])
    + "}\n"
    + interface("ThingCheck", [("path", "path?", "string", ""), ("matcher", "matcher?", "string", "")])
    + "export function thingCheckToHclTerraform(struct?: ThingCheck): any {\n"
    + arguments([("path", "simple", "string"), ("matcher", "simple", "string")])
    + "}\n\n"
    + "export class ThingCheckOutputReference extends cdktf.ComplexObject {\n"
    + flags([("path", "optional", getter("path")), ("matcher", "optional computed", getter("matcher"))])
    + "}\n"
    + interface("ThingPart", [("id", "id", "string", "")])
    + "export function thingPartToHclTerraform(struct?: ThingPart): any {\n"
    + arguments([("id", "simple", "string")])
    + "}\n\n"
    + interface("ThingEndpoints", [])
    + "export class ThingEndpointsOutputReference extends cdktf.ComplexObject {\n"
    + flags(
        [("address", "computed", getter("address")), ("ports", "computed", getter("ports", "NumberList"))]
    )
    + "}\n\n"
    + "export class Thing extends cdktf.TerraformResource {\n"
    + '  public static readonly tfResourceType = "aws_thing";\n'
    + "      providerVersion: '6.25.0',\n"
    + flags(
        [
            ("arn", "computed", getter("arn")),
            ("name", "required", getter("name")),
            ("size", "optional computed", getter("size", "Number")),
            ("description", "optional", getter("description")),
            ("password_wo", "optional", getter("password_wo")),
            (
                "zones",
                "computed",
                "public get x() {\n return cdktf.Fn.tolist(this.getListAttribute('zones'))",
            ),
            ("labels", "computed", 'private _labels = new cdktf.StringMap(this, "labels")'),
            (
                "endpoints",
                "computed",
                'private _endpoints = new ThingEndpointsList(this, "endpoints", false)',
            ),
            ("check", "optional", 'private _check = new ThingCheckOutputReference(this, "check")'),
        ]
    )
    + "  protected synthesizeHclAttributes(): { [name: string]: any } {\n"
    + arguments(
        [
            ("name", "simple", "string"),
            ("size", "simple", "number"),
            ("description", "simple", "string"),
            ("password_wo", "simple", "string"),
            ("subnets", "set", "stringList"),
            ("tags", "map", "stringMap"),
            ("rules", "set", "ThingRulesList"),
            ("check", "list", "ThingCheckList"),
            ("part", "set", "ThingPartList"),
        ]
    )
    + "  }\n}\n"
)

DATA = (
    "import * as cdktf from 'cdktf';\n"
    + interface("DataAwsThingConfig", [("name", "name", "string", "")], "cdktf.TerraformMetaArguments")
    + "\nexport class DataAwsThing extends cdktf.TerraformDataSource {\n"
    + '  public static readonly tfResourceType = "aws_thing";\n'
    + "      providerVersion: '6.25.0',\n"
    + flags([("name", "required", getter("name")), ("arn", "computed", getter("arn"))])
    + "  protected synthesizeHclAttributes() {\n"
    + arguments([("name", "simple", "string")])
    + "  }\n}\n"
)

PROVIDER = (
    "import * as cdktf from 'cdktf';\n"
    + interface("AwsProviderConfig", [("region", "region?", "string", ""), ("alias", "alias?", "string", "")])
    + "\nexport class AwsProvider extends cdktf.TerraformProvider {\n      providerVersion: '6.25.0',\n"
    + flags([("region", "optional", getter("region")), ("alias", "optional", getter("alias"))])
    + "  protected synthesizeHclAttributes() {\n"
    + arguments([("region", "simple", "string"), ("alias", "simple", "string")])
    + "  }\n}\n"
)


def wheel(path: Path, **sources: str) -> Path:
    """A wheel with these sources (folder name with _ for -) beside the three above."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for folder, source in {
            "thing": THING,
            "data_aws_thing": DATA,
            "provider": PROVIDER,
            **sources,
        }.items():
            source_map = {
                "version": 3,
                "sources": ["index.ts"],
                "mappings": "AAAA",
                "sourcesContent": [source],
            }
            encoded = base64.b64encode(json.dumps(source_map, separators=(",", ":")).encode()).decode()
            script = f'"use strict";\n//# sourceMappingURL=data:application/json;base64,{encoded}'.encode()
            member = tarfile.TarInfo(f"package/lib/{folder.replace('_', '-')}/index.js")
            member.size = len(script)
            archive.addfile(member, io.BytesIO(script))
    with zipfile.ZipFile(path, "w") as wheel_file:
        wheel_file.writestr("cdktf_cdktf_provider_aws/_jsii/provider-aws@21.22.1.jsii.tgz", buffer.getvalue())
    return path
