"""Reads the Bicep files of ``infra/`` for the tests: parsed by pycep, walked as plain dicts and lists.

pycep turns an expression into ``{"function": ...}`` or ``{"operator": ...}``, a loop into ``{"loop_type": ..., "config": ...}``,
and a condition into ``{"condition": ..., "config": ...}``. It doesn't tell a string from a name: both come as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).parents[2] / "infra"
BICEP_FILES = sorted(INFRA.rglob("*.bicep"))

_BICEP_ONLY = {"parent", "scope", "dependsOn", "name"}
"""Members of a resource that Bicep itself reads; the rest is the body that Azure gets."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as declared.

    ``existing`` says that it only refers to one; ``loop`` is what it is repeated over (None: it isn't); ``body`` its members.
    """

    file: Path
    symbol: str
    type: str
    api_version: str
    existing: bool
    loop: Any
    body: dict[str, Any]

    @property
    def versioned(self) -> str:
        """Type and version the way Bicep writes them."""
        return f"{self.type}@{self.api_version}"


@cache
def parsed(file: Path) -> dict[str, Any]:
    """What pycep makes of ``file``; raises what pycep raises."""
    # Bicep's formatter breaks a choice before its marks, which pycep doesn't know.
    text = re.sub(r"\n\s*(?=[?:] )", " ", file.read_text(encoding="utf-8"))
    return dict(BicepParser().parse(text=text))


def resources() -> list[Resource]:
    """Every resource of every Bicep file."""
    return [
        Resource(
            file,
            symbol,
            item["type"],
            item["api_version"],
            item["existing"],
            item["config"].get("loop_type", {}).get("detail", {}).get("array_name"),
            _unwrapped(item["config"]),
        )
        for file in BICEP_FILES
        for symbol, item in parsed(file).get("resources", {}).items()
    ]


def resource(file_name: str, symbol: str) -> Resource:
    """The resource ``symbol`` of the file with that name. Raises LookupError."""
    for candidate in resources():
        if candidate.file.name == file_name and candidate.symbol == symbol:
            return candidate
    raise LookupError(f"{file_name} has no resource {symbol}")


def literals(value: object) -> Iterator[object]:
    """Every scalar anywhere below ``value``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from literals(item)
    elif isinstance(value, list):
        for item in value:
            yield from literals(item)
    else:
        yield value


def paths(item: Resource) -> Iterator[tuple[str, object]]:
    """Every property path of the body with its value, e.g. ``("properties.minimumTlsVersion", "TLS1_2")``.

    Elements of a list count as their list; keys made by an expression are ``*``. Both branches of a choice are followed.
    """
    for key, value in item.body.items():
        if key not in _BICEP_ONLY:
            yield from _below(key, value)


def _below(path: str, value: object) -> Iterator[tuple[str, object]]:
    yield path, value
    for branch in _branches(value):
        if isinstance(branch, list):
            for element in branch:
                for sub_path, sub_value in _below(path, element):
                    if sub_path != path:
                        yield sub_path, sub_value
        elif isinstance(branch, dict):
            for key, item in branch.items():
                name = key.strip("'")
                yield from _below(f"{path}.{'*' if '${' in name else name}", item)


def _branches(value: object) -> Iterator[object]:
    """The literal objects, lists and scalars that ``value`` can turn into; results of other functions are left out."""
    value = _unwrapped(value)
    if not isinstance(value, dict):
        yield value
    elif isinstance(value.get("operator"), dict):  # as text it is the property of an alert rule
        operator = value["operator"]
        if operator["type"] == "conditional":
            yield from _branches(operator["operands"]["true_value"])
            yield from _branches(operator["operands"]["false_value"])
        else:
            # pycep binds a choice tighter than a comparison or a negation, so the choice hides in an operand.
            for operand in operator["operands"].values():
                if isinstance(operand, dict) and isinstance(operand.get("operator"), dict):
                    yield from _branches(operand)
    elif "function" in value:
        if value["function"]["type"] == "union":
            for argument in value["function"]["parameters"].values():
                yield from _branches(argument)
    else:
        yield value


def written_values(item: Resource, value: object) -> list[object]:
    """The scalars that a property of ``item`` can be set to, as far as they are written out; null is left out."""
    tree = parsed(item.file)
    symbols = {"null", None} | tree.get("parameters", {}).keys() | tree.get("variables", {}).keys()
    scalars = [branch for branch in _branches(value) if not isinstance(branch, dict | list)]
    return [scalar for scalar in scalars if scalar not in symbols and "${" not in str(scalar)]


def _unwrapped(value: Any) -> Any:
    """``value`` without its loop or condition."""
    while isinstance(value, dict) and "config" in value and ("loop_type" in value or "condition" in value):
        value = value["config"]
    return value
