"""Does an object look as Microsoft's schema says? (``localgraph/graph_types.json``: microsoftgraph/msgraph-metadata.)"""

import re
from collections.abc import Iterator
from typing import Any

from localgraph.schema import Property, Schema

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z\Z")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_NOT_DECLARED = {
    # In Microsoft's own published answers, though not (or not in every version) in the schema.
    "conditionalAccessPolicy": {"partialEnablementStrategy"},
    "whatIfAnalysisResult": {"partialEnablementStrategy"},
    # insiderRiskLevels: declared by v1.0, and missing from the beta schema that was to be had.
    "conditionalAccessConditionSet": {"clients", "times", "deviceStates", "insiderRiskLevels"},
    # Undocumented, and served by the real service.
    "user": {"perUserMfaState"},
}


def problems(schema: Schema, type_name: str, value: Any, path: str = "") -> Iterator[str]:
    """What is wrong with a JSON object of a type, as sentences."""
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {type_name}"
        return
    actual = str(value.get("@odata.type", "")).removeprefix("#microsoft.graph.") or type_name
    if not schema.knows(actual):
        if actual not in {"iPv4CidrRange", "iPv6CidrRange"}:
            yield f"{path}: the type {actual} isn't declared"
        return
    declared = schema.properties(actual) | schema.navigation(actual)
    for name, item in value.items():
        if "@odata." in name or name in _NOT_DECLARED.get(actual, ()):
            continue
        if name not in declared:
            yield f"{path}/{name} isn't declared by {actual}"
        else:
            yield from _property(schema, declared[name], item, f"{path}/{name}")


def _property(schema: Schema, declared: Property, value: Any, path: str) -> Iterator[str]:
    if declared.collection:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no collection"
            return
        for number, item in enumerate(value):
            yield from _one(schema, declared.type, item, f"{path}[{number}]")
    elif value is None:
        if not declared.nullable:
            yield f"{path} must not be null"
    else:
        yield from _one(schema, declared.type, value, path)


def _one(schema: Schema, type_name: str, value: Any, path: str) -> Iterator[str]:
    members = schema.enum(type_name)
    if members is not None:
        parts = value.split(",") if schema.is_flags(type_name) else [value]
        for part in parts:
            if part not in members:
                yield f"{path}: {part!r} is no member of {type_name}"
    elif schema.knows(type_name):
        yield from problems(schema, type_name, value, path)
    elif not _PRIMITIVE[type_name](value):
        yield f"{path}: {value!r} is no {type_name}"


_PRIMITIVE = {
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "Int32": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Double": lambda value: isinstance(value, (int, float)),
    "DateTimeOffset": lambda value: isinstance(value, str) and bool(_TIME.match(value)),
    "Guid": lambda value: isinstance(value, str) and bool(_GUID.match(value)),
}
