"""Which permissions the app holds, found out by asking: one cheap request for each.

Entra ID could list what was granted, but reading that takes a permission of its own; and what counts is whether the endpoint
answers. A broader permission than the named one opens it just as well.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from tenant.graph import NOT_FOUND, Graph, GraphError, GraphRefused, is_missing
from tenant.permissions import PERMISSIONS, Permission

NOBODY = "00000000-0000-0000-0000-000000000000"
"""An id that no object has: whoever may read the kind gets 404 for it, and 403 otherwise."""

PROBES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Policy.Read.All": (
        ("v1.0", "/policies/identitySecurityDefaultsEnforcementPolicy"),
        ("beta", "/users/{id}/authentication/requirements"),
    ),
    "User.Read.All": (("v1.0", "/users?$top=1&$select=id"),),
    "GroupMember.Read.All": (("v1.0", f"/groups/{NOBODY}?$select=id"),),
    "RoleManagement.Read.Directory": (("v1.0", "/roleManagement/directory/roleDefinitions?$top=1&$select=id"),),
    "Organization.Read.All": (("v1.0", "/subscribedSkus"),),
    "AuditLog.Read.All": (("v1.0", "/reports/authenticationMethods/userRegistrationDetails/{id}"),),
    "Application.Read.All": (("v1.0", "/servicePrincipals?$top=1&$select=id"),),
    "DelegatedPermissionGrant.Read.All": (("v1.0", "/oauth2PermissionGrants?$top=1"),),
    "Directory.Read.All": (("v1.0", "/users/{id}/appRoleAssignments?$top=1"),),
    "MailboxSettings.Read": (("v1.0", "/users/{id}/mailboxSettings/userPurpose"),),
    "UserAuthenticationMethod.Read.All": (("v1.0", "/users/{id}/authentication/methods"),),
    "DirectoryRecommendations.Read.All": (("beta", "/directory/recommendations"),),
}
"""Version and path of the cheapest requests that a permission opens; ``{id}`` becomes an account's id."""

_NOTHING_OF_THEM: Mapping[str, str] = {
    "AuditLog.Read.All": "UnknownError",
    "MailboxSettings.Read": "MailboxNotEnabledForRESTAPI",
}
"""The code of a 404 by which the endpoint of a permission says that it has nothing of an account: whoever may not read it gets 403."""

UNPROBED: Mapping[str, str] = {
    "Member.Read.Hidden": "only a group that hides its members would show it; a scan says so when it meets one",
    "Mail.Send": "only sending a mail shows it; cli.py alerts test does",
}
"""Permissions that nothing harmless can show, and why."""


class Holding(StrEnum):
    """What a probe found out."""

    GRANTED = "granted"
    MISSING = "missing"
    UNKNOWN = "cannot tell"
    UNPROBED = "not tried"


@dataclass(frozen=True, slots=True)
class Probed:
    """A permission, and whether the app holds it."""

    permission: Permission
    holding: Holding
    why: str = ""
    """What Graph answered, or why nothing was asked; empty when granted."""


async def probe_permissions(graph: Graph, account: str | None = None) -> list[Probed]:
    """Ask for every permission of the map, in its order. ``account``: whom to ask about, a user principal name or id.

    Without one, any user of the tenant is taken. What can't be told is said to be so; nothing is raised for an answer of
    Graph. Raises ``GraphUnreachable`` when there is no answer at all.
    """
    id = await _id_of(graph, account)
    return list(await asyncio.gather(*(_probe(graph, one, id) for one in PERMISSIONS)))


async def _id_of(graph: Graph, account: str | None) -> str:
    """The object id of the account, or of any user; ``NOBODY`` when users can't be read."""
    paths = [f"/users/{quote(account, safe='')}?$select=id"] if account else []
    for path in [*paths, "/users?$top=1&$select=id"]:
        try:
            answer = await graph.get(path)
        except GraphRefused:
            continue
        found = answer if "id" in answer else next(iter(answer.get("value") or ()), None)
        if isinstance(found, dict) and found.get("id"):
            return quote(str(found["id"]), safe="")
    return NOBODY


async def _probe(graph: Graph, permission: Permission, id: str) -> Probed:
    if permission.name in UNPROBED:
        return Probed(permission, Holding.UNPROBED, UNPROBED[permission.name])
    nothing = _NOTHING_OF_THEM.get(permission.name, "")
    asked = PROBES[permission.name]
    found = [await _ask(graph, version, path.replace("{id}", id), nothing) for version, path in asked]
    worst = max(found, key=lambda one: _WORSE.index(one[0]))
    return Probed(permission, *worst)


_WORSE = (Holding.GRANTED, Holding.UNKNOWN, Holding.MISSING)


async def _ask(graph: Graph, version: str, path: str, nothing: str) -> tuple[Holding, str]:
    """What an endpoint answers; ``nothing``: the code of a 404 that says as much as a missing object."""
    try:
        await graph.get(path, version=version)
    except GraphRefused as refused:
        if is_missing(refused) or (refused.status == NOT_FOUND and nothing and refused.code == nothing):
            return Holding.GRANTED, ""
        if "NonPremium" in refused.code or "NonPremium" in refused.message:
            return Holding.UNKNOWN, f"the tenant has no Microsoft Entra ID P1 ({refused})"
        return (Holding.MISSING if refused.status in (401, 403) else Holding.UNKNOWN), str(refused).rstrip(".")
    except GraphError as error:
        if type(error) is not GraphError:
            raise
        return Holding.UNKNOWN, str(error).rstrip(".")
    return Holding.GRANTED, ""
