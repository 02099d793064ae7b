"""How the local Graph says no: one exception that carries what the answer will say."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


class GraphRefusal(Exception):
    """A request that is answered with an error: HTTP status, Graph's error code and message, further headers."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def error_body(code: str, message: str, request_id: str | None = None) -> dict[str, Any]:
    """Graph's JSON error object."""
    one_id = request_id or str(uuid4())
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": one_id,
        "client-request-id": one_id,
    }
    return {"error": {"code": code, "message": message, "innerError": inner}}


def bad_request(message: str, code: str = "BadRequest") -> GraphRefusal:
    """400: the request can't be understood."""
    return GraphRefusal(400, code, message)


def unsupported(message: str) -> GraphRefusal:
    """400: understood, but Graph doesn't support this query."""
    return GraphRefusal(400, "Request_UnsupportedQuery", message)


def not_found(id: str) -> GraphRefusal:
    """404: no such directory object."""
    return GraphRefusal(
        404,
        "Request_ResourceNotFound",
        f"Resource '{id}' does not exist or one of its queried reference-property objects are not present.",
    )


def no_such_segment(segment: str) -> GraphRefusal:
    """404: no such path."""
    return GraphRefusal(404, "ResourceNotFound", f"Resource not found for the segment '{segment}'.")


def denied() -> GraphRefusal:
    """403: a permission is missing."""
    return GraphRefusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def not_premium() -> GraphRefusal:
    """403: the tenant has no Microsoft Entra ID P1."""
    return GraphRefusal(
        403,
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        "Neither tenant is B2C or tenant doesn't have premium license",
    )


def no_governance() -> GraphRefusal:
    """400: the tenant has no Microsoft Entra ID P2 or Governance, which privileged identity management needs."""
    return GraphRefusal(
        400,
        "AadPremiumLicenseRequired",
        "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
    )
