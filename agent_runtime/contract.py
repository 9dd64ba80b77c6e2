"""The OpenAPI document's parts about answers.

FastAPI makes them from a route's response model, and with it code that checks every answer, which takes a tenth of a
second when a process starts; our answers are made by their models in the first place.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from agent_runtime.problems import MEDIA_TYPE, Kind

REFERENCES = "#/components/schemas/{model}"


def answers(model: type[BaseModel], *kinds: Kind, **more: Any) -> dict[int | str, dict[str, Any]]:
    """What a route answers, by status: a model as JSON, or one of these problems.

    `more` are other media types of the good answer.
    """
    schema = {"$ref": REFERENCES.format(model=model.__name__)}
    content = {"application/json": {"schema": schema}, **more}
    return {200: {"description": "OK", "content": content}, **_problems(*kinds)}


def declare(app: FastAPI, *models: type[BaseModel], keys: bool) -> None:
    """Add to the document what the routes refer to. `keys`: whether callers are asked for one."""
    generate = app.openapi

    def complete() -> dict[str, object]:
        document = generate()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for model in models:
            schema = model.model_json_schema(ref_template=REFERENCES, mode="serialization")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        if keys:
            components["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        return document

    app.openapi = complete  # type: ignore[method-assign]


def _problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """What an OpenAPI document says about these problems, by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            kind.status, {"description": "", "content": {MEDIA_TYPE: {"schema": _schema(kind.status)}}}
        )
        entry["description"] = " ".join(filter(None, [entry["description"], f"`{kind.name}`: {kind.title}"]))
        entry["content"][MEDIA_TYPE]["schema"]["properties"]["type"]["enum"].append(kind.type)
    return responses


def _schema(status: int) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri", "enum": []},
            "title": {"type": "string"},
            "status": {"type": "integer", "const": status},
            "detail": {"type": "string"},
            "request_id": {"type": "string"},
        },
    }
