"""Which accounts are service accounts: by list, by group, by pattern, by attribute; and why an account is one. Pure."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tenant.graph import Json

PROPERTIES = (
    "id,userPrincipalName,displayName,accountEnabled,userType,onPremisesSyncEnabled,externalUserState,"
    "onPremisesExtensionAttributes,employeeType"
)
"""What is read of every account."""
_EXTENSION_ATTRIBUTE = re.compile(r"extensionattribute(\d+)", re.IGNORECASE)


class AttributeMatch(Protocol):
    """A user property and the value that marks service accounts."""

    @property
    def name(self) -> str:
        """Graph's name of the property; ``extensionAttribute1`` to ``15`` without a path."""

    @property
    def value(self) -> str:
        """The value that marks service accounts."""


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
    attribute = selected_property(selection.attribute) if selection.attribute else None
    return PROPERTIES if attribute is None or attribute in PROPERTIES.split(",") else f"{PROPERTIES},{attribute}"


def selected_property(wanted: AttributeMatch) -> str:
    """The property of a user that holds the attribute."""
    return "onPremisesExtensionAttributes" if extension_attribute(wanted.name) else wanted.name


def extension_attribute(name: str) -> str | None:
    """Graph's spelling of an extension attribute's name; None for any other property."""
    found = _EXTENSION_ATTRIBUTE.fullmatch(name)
    return f"extensionAttribute{int(found[1])}" if found else None


def literal_ends(pattern: str) -> tuple[str, str]:
    """What a glob begins and ends with for certain; either may be empty."""
    literals = re.split(r"[*?\[]", pattern)
    return literals[0], "" if "[" in pattern else literals[-1]


def matches(pattern: str, user_principal_name: str) -> bool:
    """Whether a glob matches a user principal name, without case."""
    return fnmatch.fnmatchcase(user_principal_name.lower(), pattern.lower())


def names(selection: Selection, user_principal_name: str) -> bool:
    """Whether the list or a pattern selects the user principal name."""
    listed = {one.lower() for one in selection.accounts}
    return user_principal_name.lower() in listed or any(
        matches(pattern, user_principal_name) for pattern in selection.patterns
    )


def has_attribute(user: Json, wanted: AttributeMatch) -> bool:
    """Whether a user has the property value, without case of the value (as Graph compares)."""
    values: Any = user
    if extension_attribute(wanted.name):
        values = user.get("onPremisesExtensionAttributes")
    if not isinstance(values, dict):
        return False
    named = {name.lower(): value for name, value in values.items()}
    value = named.get(wanted.name.lower())
    return value is not None and str(value).lower() == wanted.value.lower()


def shows_attribute(user: Json, asked: str, wanted: AttributeMatch) -> bool:
    """Whether an answer to ``$select=asked`` tells if a user has the property value: a property that Graph refused to show, or that
    is of the wrong kind, is no other value.
    """
    name = selected_property(wanted)
    value = user.get(name)
    if name not in asked.split(","):
        return False
    return value is None or isinstance(value, dict if extension_attribute(wanted.name) else str | int | float)


def reasons_for(
    user: Json, groups: frozenset[str], selection: Selection, group_names: Mapping[str, str]
) -> tuple[str, ...]:
    """All the ways in which an account is selected, in words; ``groups`` are the ids of all groups it is in."""
    upn = str(user.get("userPrincipalName") or "")
    names = {str(user.get("id") or "").lower(), upn.lower()}
    reasons = ["list"] if names & {one.lower() for one in selection.accounts} else []
    chosen = [group for group in selection.groups if group.lower() in groups]
    reasons += [f"group: {group_names.get(group.lower()) or group}" for group in chosen]
    reasons += [f"pattern: {pattern}" for pattern in selection.patterns if matches(pattern, upn)]
    if selection.attribute and has_attribute(user, selection.attribute):
        reasons.append(f"attribute: {selection.attribute.name}={selection.attribute.value}")
    return tuple(reasons)
