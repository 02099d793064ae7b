"""What Conditional Access policies name by id, and whether the tenant has it. Pure; what it takes was read before."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tenant.locations import EVERYWHERE, FIXED_LOCATIONS
from tenant.model import Gap, Policy, Tenant

BUILT_IN_STRENGTHS = frozenset(f"00000000-0000-0000-0000-{number:012}" for number in (2, 3, 4))
"""Multifactor authentication, passwordless MFA and phishing-resistant MFA: the same ids in every tenant, and all of them MFA.

Source: Microsoft Entra documentation, "Conditional Access authentication strength".
"""
_USER_WORDS = frozenset({"all", "none", "guestsorexternalusers", "allagentidusers"})
_OBJECT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Kind = Literal["group", "user", "role", "location", "authentication_strength"]
Use = Literal["included", "excluded", "required"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that policies name by its id, all of them in the same way."""

    kind: Kind
    id: str
    use: Use
    """``required`` is an authentication strength."""
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """What policies name and the tenant doesn't have, and what nobody could look up."""

    missing: tuple[Reference, ...] = ()
    unknown: tuple[tuple[Reference, Gap], ...] = ()
    reaching_nobody: tuple[Policy, ...] = ()
    """Policies that include some by id, none of which is there."""


def is_object_id(text: str) -> bool:
    """Whether the text has the form of an id; a name or a placeholder in its place is nothing that a tenant can have."""
    return _OBJECT_ID.fullmatch(text.lower()) is not None


def groups_named_by(policies: Sequence[Policy]) -> frozenset[str]:
    """Everything that stands in the place of a group."""
    return frozenset().union(*(policy.include_groups | policy.exclude_groups for policy in policies))


def users_named_by(policies: Sequence[Policy]) -> frozenset[str]:
    """Everything that stands in the place of a user, apart from Graph's words such as ``All``."""
    return frozenset().union(*(policy.include_users | policy.exclude_users for policy in policies)) - _USER_WORDS


def unresolved(tenant: Tenant, users: Mapping[str, bool | Gap], policies: Sequence[Policy]) -> Unresolved:
    """What the policies name and the tenant doesn't have, included ones first.

    Takes the tenant with everything that was looked up for these policies, whether each user that they name exists, and the
    policies. Those that never reach a user are passed over.
    """
    missing: list[Reference] = []
    unknown: list[tuple[Reference, Gap]] = []
    policies = [policy for policy in policies if not policy.workload_identities]
    for reference in _references(policies):
        answer = _exists(tenant, users, reference)
        if isinstance(answer, Gap):
            unknown.append((reference, answer))
        elif not answer:
            missing.append(reference)
    gone = {(one.kind, one.id) for one in missing}
    nobody = tuple(policy for policy in policies if (named := _included(policy)) and named <= gone)
    return Unresolved(tuple(missing), tuple(unknown), nobody)


def _references(policies: Sequence[Policy]) -> list[Reference]:
    """Every reference once, with all policies that make it."""
    found: dict[tuple[Use, Kind, str], list[Policy]] = {}
    for policy in policies:
        for key in _named_by(policy):
            found.setdefault(key, []).append(policy)
    order = ("included", "required", "excluded")
    ordered = sorted(found.items(), key=lambda one: (order.index(one[0][0]), *one[0][1:]))
    return [Reference(kind, id, use, tuple(named)) for (use, kind, id), named in ordered]


def _named_by(policy: Policy) -> set[tuple[Use, Kind, str]]:
    named: tuple[tuple[Use, Kind, Sequence[str] | frozenset[str]], ...] = (
        ("included", "user", policy.include_users - _USER_WORDS),
        ("excluded", "user", policy.exclude_users - _USER_WORDS),
        ("included", "group", policy.include_groups),
        ("excluded", "group", policy.exclude_groups),
        ("included", "role", policy.include_roles),
        ("excluded", "role", policy.exclude_roles),
        ("included", "location", _places(policy.include_locations)),
        ("excluded", "location", _places(policy.exclude_locations)),
    )
    found = {(use, kind, id) for use, kind, ids in named for id in ids}
    strength = policy.grant.strength if policy.grant else None
    if strength and strength.requirements_satisfied is None:  # what it means depends on the tenant
        found.add(("required", "authentication_strength", strength.id))
    return found


def _places(locations: tuple[str, ...]) -> frozenset[str]:
    return frozenset(place.lower() for place in locations) - {EVERYWHERE, *FIXED_LOCATIONS}


def _included(policy: Policy) -> set[tuple[Kind, str]]:
    """Whom the policy includes; nothing where it also includes in a way that no id stands for."""
    if policy.include_users & (_USER_WORDS - {"none"}) or policy.names_guests or policy.unknown_user_members:
        return set()
    return {(kind, id) for use, kind, id in _named_by(policy) if use == "included" and kind != "location"}


def _exists(tenant: Tenant, users: Mapping[str, bool | Gap], reference: Reference) -> bool | Gap:
    id = reference.id
    if not is_object_id(id):
        return False
    if reference.kind == "group":
        group = tenant.groups.get(id)
        return (group.gap or not group.deleted) if group else Gap("groups", "nobody looked it up")
    if reference.kind == "user":
        return users.get(id, Gap("account_properties", "nobody looked it up"))
    if reference.kind == "role":
        return id in tenant.role_names if tenant.role_names else Gap("role_definitions", "they were not read")
    if reference.kind == "location":
        locations = tenant.named_locations
        return locations if isinstance(locations, Gap) else id in locations
    if id in BUILT_IN_STRENGTHS:
        return True
    return tenant.strengths if isinstance(tenant.strengths, Gap) else id in tenant.strengths
