"""The parameters of requests: each knows what it may be, reads itself from a request, and is described in docs/openapi.json."""

from dataclasses import dataclass
from typing import Any, Literal

import azure.functions as func

from functions.requests import BadRequest, parameter, route_part


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that may be any text."""

    name: str
    text: str
    place: Literal["query", "path"] = "query"
    required: bool = False

    def of(self, req: func.HttpRequest) -> str:
        """What a request says; empty where it says nothing."""
        return route_part(req, self.name) if self.place == "path" else parameter(req, self.name)

    @property
    def schema(self) -> dict[str, Any]:
        """What it may be, as JSON Schema."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that is one of some words, in any case."""

    name: str
    text: str
    choices: tuple[str, ...]
    default: str | None = None
    place: Literal["query", "path"] = "query"
    required: bool = False

    def of(self, req: func.HttpRequest) -> str | None:
        """What a request chooses; the default where it says nothing. Raises :class:`BadRequest`: 404 for a part of the path."""
        if self.place == "path":
            value = route_part(req, self.name)
            if value not in self.choices:
                raise BadRequest(f"There is no such {self.name}.", 404)
            return value
        value = parameter(req, self.name).lower()
        if value and value not in self.choices:
            raise BadRequest(f"{self.name} is one of {', '.join(self.choices)}.")
        return value or self.default

    @property
    def schema(self) -> dict[str, Any]:
        """What it may be, as JSON Schema."""
        default = {} if self.default is None else {"default": self.default}
        return {"type": "string", "enum": list(self.choices), **default}


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter that is a whole number from 1 on."""

    name: str
    text: str
    most: int
    place: Literal["query", "path"] = "query"
    required: bool = False

    def of(self, req: func.HttpRequest) -> int:
        """What a request says; the most where it says nothing. Raises :class:`BadRequest`."""
        text = parameter(req, self.name)
        if not text:
            return self.most
        if not (
            text.isascii() and text.isdecimal() and len(text) <= len(str(self.most)) and 1 <= int(text) <= self.most
        ):
            raise BadRequest(f"{self.name} is a number from 1 to {self.most}.")
        return int(text)

    @property
    def schema(self) -> dict[str, Any]:
        """What it may be, as JSON Schema."""
        return {"type": "integer", "minimum": 1, "maximum": self.most, "default": self.most}
