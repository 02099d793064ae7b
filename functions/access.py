"""Who may call the HTTP functions: the principal that App Service authentication vouches for, and its app roles.

App Service authentication (Entra ID) stands in front of the app and writes the validated principal into the header
``X-MS-CLIENT-PRINCIPAL``. The header is worth exactly as much as that front: where it is switched off, anybody could write
it, so then nobody is let in. On a developer's machine, against a Graph on the loopback interface, there is no front and no
tenant behind: there the caller is the developer, and a principal header can only be forged.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from basics.documents import read_json
from settings.sources import in_azure

READER = "Reader"
"""App role that may read findings, runs, exceptions and the report."""
OPERATOR = "Operator"
"""App role that may also start scans, change exceptions and send test alerts."""

_HEADER = "x-ms-client-principal"
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_LONGEST_ID = 100
"""Characters; an object id has 36."""
_OBJECT_ID_CLAIMS = ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier")


class Refused(Exception):
    """A request that may not be served. ``status`` is 401 or 403; the text is one sentence for the caller."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: object id (or ``local``) and app roles."""

    id: str
    roles: frozenset[str]

    @property
    def may_act(self) -> bool:
        """Whether they may do something, and not only look."""
        return OPERATOR in self.roles


def require(
    role: str, headers: Mapping[str, str], environment: Mapping[str, str], *, graph_is_local: bool
) -> Principal:
    """The caller, if the role is theirs.

    Takes the wanted app role, the request's headers (any case), the process environment and whether Graph is on the
    loopback interface. Raises :class:`Refused`.
    """
    header = next((value for name, value in headers.items() if name.lower() == _HEADER), None)
    if not in_azure(environment) and graph_is_local and not environment.get("WEBSITE_AUTH_ENABLED"):
        if header is not None:
            raise Refused(401, "The request carries a principal, but no authentication stands in front of this app.")
        return Principal("local", frozenset({READER, OPERATOR}))
    if environment.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        raise Refused(
            403, "App Service authentication is switched off for this app, so nobody can be let in: switch it on first."
        )
    if header is None:
        raise Refused(401, "Sign in with Microsoft Entra ID first: the request has no principal.")
    principal = _parse(header)
    if role not in principal.roles and OPERATOR not in principal.roles:
        raise Refused(
            403, f"The app role {role} is missing: an administrator assigns it in the enterprise application."
        )
    return principal


def _parse(header: str) -> Principal:
    try:
        content = read_json(base64.b64decode(header, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in content["claims"]]
        issuer, role_claim = content["auth_typ"], str(content.get("role_typ") or "roles")
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
        raise Refused(401, "The principal of the request can't be read.") from None
    if issuer != "aad":
        raise Refused(401, "The principal of the request doesn't come from Microsoft Entra ID.")
    ids = [value for name, value in claims if name in _OBJECT_ID_CLAIMS]
    if ids and len(ids[0]) > _LONGEST_ID:  # it becomes a key, and is kept with what its owner does
        raise Refused(401, "The principal of the request can't be read.")
    roles = frozenset(value for name, value in claims if name in (*_ROLE_CLAIMS, role_claim))
    return Principal(ids[0] if ids else "unknown", roles)
