"""Microsoft's published schema of what is served (``graph_types.json``): property names, types, enum members."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Property:
    """The declared type of a property."""

    type: str
    """Name of the type without namespace, e.g. ``String``, ``conditionalAccessUsers``."""
    collection: bool
    nullable: bool


@cache
def schema(version: str) -> "Schema":
    """The schema of ``v1.0`` or ``beta``."""
    declared: Json = json.loads(Path(__file__).with_name("graph_types.json").read_text(encoding="utf-8"))
    # The beta cut-out leaves out what is the same in v1.0.
    return Schema({**declared["v1.0"], **declared[version]})


class Schema:
    """The types of one version of Graph."""

    def __init__(self, types: Json) -> None:
        self._types = types
        self._properties: dict[str, dict[str, Property]] = {}
        self._evolving: dict[str, bool] = {}

    def knows(self, type_name: str) -> bool:
        """Whether the type is declared."""
        return type_name in self._types

    def is_open(self, type_name: str) -> bool:
        """Whether objects of the type may have undeclared properties."""
        declared = self._types[type_name]
        return bool(declared.get("open")) or ("base" in declared and self.is_open(declared["base"]))

    def properties(self, type_name: str) -> dict[str, Property]:
        """Declared properties by name, inherited ones included; empty for enums."""
        if type_name not in self._properties:
            declared = self._types[type_name]
            found = dict(self.properties(declared["base"])) if "base" in declared else {}
            found |= {name: _property(text) for name, text in declared.get("properties", {}).items()}
            self._properties[type_name] = found
        return self._properties[type_name]

    def navigation(self, type_name: str) -> dict[str, Property]:
        """Declared navigation properties by name, inherited ones included."""
        declared = self._types[type_name]
        inherited = self.navigation(declared["base"]) if "base" in declared else {}
        return inherited | {name: _property(text) for name, text in declared.get("navigation", {}).items()}

    def enum(self, type_name: str) -> dict[str, int] | None:
        """Members and values of an enum type; None for other types."""
        members: dict[str, int] | None = self._types.get(type_name, {}).get("enum")
        return members

    def is_flags(self, type_name: str) -> bool:
        """Whether values of the enum are comma-separated lists of members."""
        return bool(self._types.get(type_name, {}).get("flags"))

    def evolves(self, type_name: str) -> bool:
        """Whether objects of the type hold an enum that has ``unknownFutureValue``, at any depth."""
        if type_name not in self._evolving:
            self._evolving[type_name] = False  # ends the recursion of types that refer to each other
            self._evolving[type_name] = "unknownFutureValue" in (self.enum(type_name) or {}) or any(
                self.evolves(item.type) for item in self.properties(type_name).values() if self.knows(item.type)
            )
        return self._evolving[type_name]

    def as_old_client(self, type_name: str, value: Any) -> Any:
        """What a client sees that doesn't send ``Prefer: include-unknown-enum-members``.

        Takes a JSON value of the type. Members that came after ``unknownFutureValue`` become ``unknownFutureValue``
        (Microsoft Graph best practices, "Handling future members in evolvable enumerations").
        """
        if not self.knows(type_name) or not self.evolves(type_name):
            return value
        members = self.enum(type_name)
        if members is not None:
            return self._old_member(type_name, members, value)
        if not isinstance(value, dict):
            return value
        actual = str(value.get("@odata.type", "")).removeprefix("#microsoft.graph.")
        declared = self.properties(actual if self.knows(actual) else type_name)
        return {name: self._old_property(declared.get(name), item) for name, item in value.items()}

    def _old_property(self, declared: Property | None, value: Any) -> Any:
        if declared is None:
            return value
        if isinstance(value, list):
            return [self.as_old_client(declared.type, item) for item in value]
        return self.as_old_client(declared.type, value)

    def _old_member(self, type_name: str, members: dict[str, int], value: Any) -> Any:
        if not isinstance(value, str):
            return value
        last = members["unknownFutureValue"]
        parts = value.split(",") if self.is_flags(type_name) else [value]
        seen = [part if members.get(part, last) < last else "unknownFutureValue" for part in parts]
        return ",".join(dict.fromkeys(seen))


def _property(text: str) -> Property:
    plain = text.rstrip("!")
    collection = plain.startswith("Collection(")
    return Property(plain.removeprefix("Collection(").removesuffix(")"), collection, not text.endswith("!"))
