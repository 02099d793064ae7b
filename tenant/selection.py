"""Which accounts are service accounts: by list, by group, by pattern, by attribute; and why an account is one."""

import fnmatch
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from tenant.graph import Graph, GraphRefused, Json

PROPERTIES = (
    "id,userPrincipalName,displayName,accountEnabled,userType,onPremisesSyncEnabled,externalUserState,"
    "onPremisesExtensionAttributes,employeeType"
)
"""What is read of every account."""
_PAGE = 999
_ADVANCED = {"ConsistencyLevel": "eventual"}
_EXTENSION_ATTRIBUTE = re.compile(r"extensionAttribute\d+", re.IGNORECASE)
_REFUSED_FILTER = frozenset({400, 404, 501})


class AttributeMatch(Protocol):
    """A user property and the value that marks service accounts."""

    @property
    def name(self) -> str:
        """The property, e.g. ``extensionAttribute7`` or ``employeeType``."""

    @property
    def value(self) -> str:
        """Its value, compared without case."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The ways in which accounts are selected; an account may be selected in several."""

    accounts: tuple[str, ...] = ()
    """User principal names or object ids."""
    groups: tuple[str, ...] = ()
    """Object ids."""
    patterns: tuple[str, ...] = ()
    """Globs on the user principal name, without case."""
    attribute: AttributeMatch | None = None


def properties_for(selection: Selection) -> str:
    """The ``$select`` of an account: also the property that selects."""
    if selection.attribute is None or _EXTENSION_ATTRIBUTE.fullmatch(selection.attribute.name):
        return PROPERTIES
    known = PROPERTIES.split(",")
    name = selection.attribute.name
    return PROPERTIES if name in known else f"{PROPERTIES},{name}"


def key_segment(value: str) -> str:
    """An id or user principal name as one path segment: odd characters, quotes and non-Latin letters encoded."""
    return quote(value, safe="@.-_~")


def members_of(graph: Graph, group: str, select: str) -> AsyncIterator[Json]:
    """The users in a group, nested ones included. Raises ``GraphError``."""
    path = f"/groups/{key_segment(group)}/transitiveMembers/microsoft.graph.user?$select={select}&$top={_PAGE}"
    return graph.pages(path)


async def matching_pattern(graph: Graph, pattern: str, select: str) -> AsyncIterator[Json]:
    """The users whose user principal name matches a glob. Raises ``GraphError``.

    A literal beginning or ending is filtered by Graph; otherwise, and where Graph refuses the filter, every user is looked
    at, one page at a time.
    """
    literal = re.split(r"[*?\[]", pattern)
    prefix, suffix = literal[0], literal[-1]
    if prefix:
        users = _filtered(graph, f"startswith(userPrincipalName,{_quoted(prefix)})", select, advanced=False)
    elif suffix:
        users = _filtered(graph, f"endswith(userPrincipalName,{_quoted(suffix)})", select, advanced=True)
    else:
        users = graph.pages(f"/users?$select={select}&$top={_PAGE}")
    async for user in users:
        if matches(pattern, str(user.get("userPrincipalName") or "")):
            yield user


async def matching_attribute(graph: Graph, wanted: AttributeMatch, select: str) -> AsyncIterator[Json]:
    """The users with a property value. Raises ``GraphError``."""
    extension = _EXTENSION_ATTRIBUTE.fullmatch(wanted.name)
    name = f"onPremisesExtensionAttributes/{wanted.name}" if extension else wanted.name
    async for user in _filtered(graph, f"{name} eq {_quoted(wanted.value)}", select, advanced=True):
        if has_attribute(user, wanted):
            yield user


def matches(pattern: str, user_principal_name: str) -> bool:
    """Whether a glob matches a user principal name, without case."""
    return fnmatch.fnmatchcase(user_principal_name.lower(), pattern.lower())


def has_attribute(user: Json, wanted: AttributeMatch) -> bool:
    """Whether a user has the property value, without case of the value (as Graph compares)."""
    values: Mapping[str, Any] = user
    if _EXTENSION_ATTRIBUTE.fullmatch(wanted.name):
        values = user.get("onPremisesExtensionAttributes") or {}
    named = {name.lower(): value for name, value in values.items()}
    return str(named.get(wanted.name.lower()) or "").lower() == wanted.value.lower()


def reasons_for(
    user: Json, groups: frozenset[str], selection: Selection, group_names: Mapping[str, str], listed: Sequence[str]
) -> tuple[str, ...]:
    """All the ways in which an account is selected, in words. ``listed`` are the accounts named one by one."""
    names = {str(user.get("id") or "").lower(), str(user.get("userPrincipalName") or "").lower()}
    reasons = ["list"] if names & {one.lower() for one in listed} else []
    chosen = [group for group in selection.groups if group.lower() in groups]
    reasons += [f"group: {group_names.get(group.lower()) or group}" for group in chosen]
    upn = str(user.get("userPrincipalName") or "")
    reasons += [f"pattern: {pattern}" for pattern in selection.patterns if matches(pattern, upn)]
    if selection.attribute and has_attribute(user, selection.attribute):
        reasons.append(f"attribute: {selection.attribute.name}={selection.attribute.value}")
    return tuple(reasons)


async def _filtered(graph: Graph, expression: str, select: str, *, advanced: bool) -> AsyncIterator[Json]:
    """Users by filter; all users where Graph refuses it."""
    path = f"/users?$select={select}&$filter={quote(expression, safe='()/,')}&$top={_PAGE}"
    try:
        users = graph.pages(f"{path}&$count=true" if advanced else path, headers=_ADVANCED if advanced else None)
        async for user in users:
            yield user
    except GraphRefused as refused:
        if refused.status not in _REFUSED_FILTER:
            raise
        async for user in graph.pages(f"/users?$select={select}&$top={_PAGE}"):
            yield user


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
