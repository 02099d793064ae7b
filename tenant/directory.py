"""Reads the organization, Security Defaults and the directory roles: everything small that is read once, in one batch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tenant.batch import Answer, batch_any, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, Json, is_licence_error, items_of, stumbled
from tenant.model import Gap, RoleAssignment
from tenant.shapes import ORGANIZATION, ROLE_ASSIGNMENT, ROLE_DEFINITION, parse_time, shaped

_ROLES = "/roleManagement/directory"
_PATHS = (
    ("/organization?$select=id,displayName", "/organization"),
    ("/policies/identitySecurityDefaultsEnforcementPolicy",),
    (f"{_ROLES}/roleDefinitions?$select=id,templateId,displayName,isBuiltIn", f"{_ROLES}/roleDefinitions"),
    (f"{_ROLES}/roleAssignments",),
    (f"{_ROLES}/roleAssignmentScheduleInstances",),
    (f"{_ROLES}/roleEligibilityScheduleInstances",),
)
_SHAPES = (ROLE_DEFINITION, ROLE_ASSIGNMENT, ROLE_ASSIGNMENT, ROLE_ASSIGNMENT)
"""Of the last four."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who holds which directory role."""

    active: tuple[RoleAssignment, ...] | Gap
    eligible: tuple[RoleAssignment, ...] | Gap
    names: dict[str, str]
    definitions: Gap | None = None
    """Set where the definitions could not be read."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What is read once, apart from Conditional Access."""

    id: str
    display_name: str
    security_defaults: bool | Gap
    roles: Roles


@dataclass(frozen=True, slots=True)
class _Definition:
    template_id: str
    name: str
    built_in: bool | None


async def read_directory(graph: Graph, gaps: Gaps, now: Callable[[], datetime]) -> Directory:
    """Read it all; an input that Graph refuses becomes a gap. ``now`` is asked once Graph has answered.

    Raises ``GraphError`` where there is no answer at all, or where everything is refused as one: nothing else would be
    answered either.
    """
    answers = await batch_any(graph, _PATHS)
    organization, defaults, *lists = answers
    as_one = all(answer is organization for answer in answers)
    if as_one and isinstance(organization, GraphError) and not stumbled(organization):
        raise organization
    id, name = _organization(organization, gaps)
    definitions, assigned, activated, eligible = [
        await collect(graph, answer, shape) for answer, shape in zip(lists, _SHAPES, strict=True)
    ]
    roles = _roles(definitions, assigned, _current(activated, now()), _current(eligible, now()), gaps)
    return Directory(id, name, _security_defaults(defaults, gaps), roles)


def _organization(answer: Answer, gaps: Gaps) -> tuple[str, str]:
    """The tenant's id and name. No verdict depends on them, but without the id nobody knows whose accounts are missing."""
    try:
        if isinstance(answer, GraphError):
            raise answer
        for item in items_of(answer):
            return str(shaped(item, ORGANIZATION)["id"]).lower(), str(item.get("displayName") or "")
    except GraphError as error:
        gaps.add("organization", error)
    else:
        gaps.add("organization", "the answer names none")
    return "", ""


def _security_defaults(answer: Answer, gaps: Gaps) -> bool | Gap:
    if isinstance(answer, GraphError):
        return gaps.add("security_defaults", answer)
    enabled = answer.get("isEnabled")
    return enabled if isinstance(enabled, bool) else gaps.add("security_defaults", "the answer has no isEnabled value")


def _roles(
    definitions: list[Json] | GraphError,
    assigned: list[Json] | GraphError,
    activated: list[Json] | GraphError,
    eligible: list[Json] | GraphError,
    gaps: Gaps,
) -> Roles:
    """Active and eligible role assignments, with the definitions they refer to."""
    known = None if isinstance(definitions, GraphError) else _definitions(definitions)
    active = _active(assigned, activated, known, gaps)
    eligibilities = _eligible(eligible, known, gaps)
    anybody = any(held or isinstance(held, Gap) for held in (active, eligibilities))  # as far as is known
    unread = gaps.add("role_definitions", definitions) if isinstance(definitions, GraphError) and anybody else None
    names = {one.template_id: one.name for one in (known or {}).values()}
    return Roles(active, eligibilities, names, unread)


def _active(
    assigned: list[Json] | GraphError,
    activated: list[Json] | GraphError,
    known: dict[str, _Definition] | None,
    gaps: Gaps,
) -> tuple[RoleAssignment, ...] | Gap:
    if isinstance(assigned, GraphError):
        return gaps.add("role_assignments", assigned)
    # An activated eligible role is in both lists; the second adds nothing where it can't be read.
    rows = assigned + ([] if isinstance(activated, GraphError) else activated)
    return tuple(dict.fromkeys(_assignment(row, known) for row in rows))


def _eligible(
    eligible: list[Json] | GraphError, known: dict[str, _Definition] | None, gaps: Gaps
) -> tuple[RoleAssignment, ...] | Gap:
    if isinstance(eligible, GraphError):
        return () if is_licence_error(eligible) else gaps.add("role_eligibilities", eligible)
    return tuple(dict.fromkeys(_assignment(row, known) for row in eligible))


def _current(rows: list[Json] | GraphError, now: datetime) -> list[Json] | GraphError:
    """Those of the assignments that hold now; one that doesn't say when it does holds."""
    if isinstance(rows, GraphError):
        return rows
    return [
        row
        for row in rows
        if (parse_time(row.get("startDateTime")) or now) <= now <= (parse_time(row.get("endDateTime")) or now)
    ]


def _assignment(row: Json, known: dict[str, _Definition] | None) -> RoleAssignment:
    role = str(row.get("roleDefinitionId") or "").lower()
    definition = (known or {}).get(role) or _Definition(role, role, None)
    return RoleAssignment(
        principal_id=str(row.get("principalId") or "").lower(),
        template_id=definition.template_id,
        role_name=definition.name,
        built_in=definition.built_in,
        scope=str(row.get("directoryScopeId") or ("/" if not row.get("appScopeId") else "")),
    )


def _definitions(rows: list[Json]) -> dict[str, _Definition]:
    found = {}
    for row in rows:
        id = str(row.get("id") or "").lower()
        built_in = row.get("isBuiltIn")
        template = str(row.get("templateId") or id).lower()
        definition = _Definition(
            template, str(row.get("displayName") or id), built_in if isinstance(built_in, bool) else None
        )
        found[id] = found[template] = definition
    return found
