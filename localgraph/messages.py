"""What goes in and out of the local Graph, apart from HTTP."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Request:
    """A request, alone or as a member of a batch."""

    method: str
    version: str
    path: str
    """Raw path below the version, with its leading slash."""
    query: str
    """Raw, without the question mark."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """Parsed JSON, or plain text; None without a body."""
    base: str
    """Scheme, host and port that the client used."""
    in_batch: bool = False

    @property
    def root(self) -> str:
        """Base and version, for ``@odata.context`` and ``@odata.nextLink``."""
        return f"{self.base}/{self.version}"


@dataclass(slots=True)
class Answer:
    """What comes back. ``body`` is JSON, or bytes to be sent as they are, or None."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    disconnect: bool = False
    """The connection is closed before anything is said; a member of a batch times out instead."""
    broken: bool = False
    """The connection is closed in the middle of the body."""
    lost: bool = False
    """A member that its batch leaves out; alone it is as ``disconnect``."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that arrived."""

    method: str
    path: str
    """Decoded, with version."""
    query: str
    """Decoded."""
    version: str
    in_batch: bool
    template: str | None
    """E.g. ``GET /users/{id}/transitiveMemberOf``; None where nothing is served."""
    status: int
    headers: Mapping[str, str]


def encode(body: Any) -> bytes:
    """A body as it is sent."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair has no UTF-8: JSON escapes it, as \ud83d
