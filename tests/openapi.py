"""The HTTP functions as OpenAPI 3.1, made from the functions, what they declare (``functions/operations.py``) and the schemas of what
they answer. ``python -m tests.update_docs`` writes it to docs/openapi.json.
"""

import json
import tomllib
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, is_typeddict

from pydantic import BaseModel

from functions import operations
from functions.operations import OPERATIONS, Answer, Operation
from functions.requests import LARGEST_BODY
from tests.functions.serving import functions

ROOT = Path(__file__).parent.parent
SCAN_SCHEMA = ROOT / "reports" / "schema" / "scan.schema.json"
_PLAIN: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


def document() -> dict[str, Any]:
    """The whole document."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for function in functions():
        bindings = json.loads(function.get_function_json())["bindings"]
        trigger = next((one for one in bindings if one["type"] == "httpTrigger"), None)
        if trigger is None:
            continue
        name, summary = function.get_function_name(), str(function.get_user_function().__doc__).strip()
        for method in trigger["methods"]:
            described = _operation(name, method, summary, OPERATIONS[name, method], schemas)
            paths.setdefault(f"/api/{trigger['route']}", {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "App-password checker",
            "version": tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"],
            "description": "What docs/http.md says in words. Made by: python -m tests.update_docs",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of Microsoft Entra ID for the app, or the cookie of App Service authentication.",
                }
            },
        },
    }


def _operation(name: str, method: str, summary: str, one: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    several = sum(key[0] == name for key in OPERATIONS) > 1
    answers = {
        **{
            status: Answer(text, dict.fromkeys(one.refusal, operations.Refusal))
            for status, text in _refusals(one).items()
        },
        **one.answers,
    }
    found: dict[str, Any] = {
        "operationId": f"{name}_{method.lower()}" if several else name,
        "summary": summary,
        "description": f"App role: {one.role}." if one.role else "Anybody may ask.",
    }
    if one.parameters:
        found["parameters"] = [
            {
                "name": parameter.name,
                "in": parameter.place,
                "description": parameter.text,
                "required": parameter.required or parameter.place == "path",
                "schema": parameter.schema,
            }
            for parameter in one.parameters
        ]
    if one.body:
        kind, model = one.body
        found["requestBody"] = {"required": one.body_required, "content": {kind: {"schema": schema_of(model, schemas)}}}
    found["responses"] = {str(status): _answer(answers[status], schemas) for status in sorted(answers)}
    found["security"] = [{"entra": []}] if one.role else []
    return found


def _refusals(one: Operation) -> dict[int, str]:
    """What the operation answers to what it can't serve, whatever it is."""
    too_large = {413: f"The body is larger than {LARGEST_BODY // 1024} KB."}
    if not one.role:
        return too_large
    return {
        400: "The request is wrong, and the sentence says how.",
        401: "Nobody is signed in, or the principal can't be read.",
        403: "The role is missing, or a page of another site asks.",
        **too_large,
        429: "Too many were asked for: wait a minute.",
        500: "A setting is wrong.",
        502: "Microsoft Graph can't be used now.",
        503: "Table Storage can't be used now.",
    }


def _answer(answer: Answer, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.text}
    if answer.headers:
        found["headers"] = {name: {"schema": {"type": "string"}} for name in answer.headers}
    if answer.content:
        found["content"] = {
            kind: {"schema": schema_of(model, schemas) if kind == operations.JSON else {"type": "string"}}
            for kind, model in answer.content.items()
        }
    return found


def schema_of(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a type; what has a name is added to ``schemas`` and referred to."""
    if model == operations.SCAN_DOCUMENT:
        schemas.update(_scan_document())
        return {"$ref": "#/components/schemas/ScanDocument"}
    if isinstance(model, type) and issubclass(model, BaseModel):
        schemas[model.__name__] = _untitled(model.model_json_schema())
        return {"$ref": f"#/components/schemas/{model.__name__}"}
    if is_typeddict(model):
        members = typing.get_type_hints(model)
        schemas[model.__name__] = {
            "type": "object",
            "description": str(model.__doc__).partition(": docs/openapi.json")[0].rstrip(".") + ".",
            "properties": {name: schema_of(kind, schemas) for name, kind in members.items()},
            "required": list(members),
            "additionalProperties": False,
        }
        return {"$ref": f"#/components/schemas/{model.__name__}"}
    if isinstance(model, type) and issubclass(model, Enum):
        return {"type": "string", "enum": [one.value for one in model]}
    return _built_in(model, schemas)


def _built_in(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    origin, inner = typing.get_origin(model), typing.get_args(model)
    if origin is Literal:
        return {"const": inner[0]} if len(inner) == 1 else {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(one, schemas) for one in inner]}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(inner[1], schemas)}
    return _PLAIN[model]


def _scan_document() -> dict[str, Any]:
    """The published schema of scan documents, its definitions beside it."""
    text = SCAN_SCHEMA.read_text(encoding="utf-8").replace("#/$defs/", "#/components/schemas/scan_")
    whole = json.loads(text)
    parts = {f"scan_{name}": part for name, part in whole.pop("$defs").items()}
    whole.pop("$schema")
    return {"ScanDocument": whole, **parts}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the titles that pydantic makes of the members' names."""
    members = {
        name: {key: value for key, value in one.items() if key != "title"} for name, one in schema["properties"].items()
    }
    return {**{key: value for key, value in schema.items() if key != "title"}, "properties": members}
