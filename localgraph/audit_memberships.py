"""What the audit log records of groups, of their members, and of roles.

Names of activities, services and categories: Microsoft Entra documentation, "Microsoft Entra audit log categories and activities".
"""

from collections.abc import Iterator
from datetime import datetime

from localgraph.audit_rows import (
    CORE_DIRECTORY,
    PIM,
    Change,
    Entry,
    as_list,
    as_text,
    beside,
    by_app,
    by_user,
    group_target,
    modified,
    target,
    updated_properties,
    user_target,
)
from localgraph.ids import make_id
from localgraph.schema import Json
from localgraph.tenant import LocalGroup, LocalRole, LocalRoleAssignment, LocalTenant

_GROUPS, _ROLES = "GroupManagement", "RoleManagement"
_DYNAMIC = by_app("Microsoft Approval Management")
"""Who puts members into dynamic groups, as administrators report it."""
_PIM_APP = by_app("MS-PIM")
_PIM_CLOCK = by_user(None, None, "Azure AD PIM")
"""Who ends what is over."""


def groups_appeared(change: Change) -> Iterator[Entry]:
    """Groups that were added or restored."""
    for group in change.after.groups.values():
        if group.id in change.before.groups:
            continue
        if group.id in change.deleted:
            yield _group("Restore group", "Restore", group, [])
            continue
        changes = [modified(name, "[]", as_list(value)) for name, value in _shown(group).items() if value is not None]
        yield _group("Add group", "Add", group, updated_properties(changes))


def groups_altered(change: Change) -> Iterator[Entry]:
    """Groups that were renamed, or got another membership rule."""
    for group in change.after.groups.values():
        was = change.before.groups.get(group.id)
        if was is None or was == group:
            continue
        old, new = _shown(was), _shown(group)
        changes = [modified(name, as_list(old[name]), as_list(new[name])) for name in old if old[name] != new[name]]
        if changes:
            yield _group("Update group", "Update", group, updated_properties(changes))


def groups_disappeared(change: Change) -> Iterator[Entry]:
    """Groups that were deleted."""
    for group in change.before.groups.values():
        if group.id not in change.after.groups:
            yield _group("Delete group", "Delete", group, [modified("Is Hard Deleted", None, as_text("False"))])


def members_removed(change: Change) -> Iterator[Entry]:
    """Members that left a group which is still there."""
    for group in change.after.groups.values():
        was = change.before.groups.get(group.id)
        if was is not None and was != group:
            stay = set(group.members)
            for id in dict.fromkeys(was.members):
                if id not in stay and not change.is_silent(id):
                    yield _member(change, group, id, added=False)


def members_added(change: Change) -> Iterator[Entry]:
    """Members that came into a group; those of a restored group came back with it."""
    for group in change.after.groups.values():
        was = change.before.groups.get(group.id)
        if was == group or (was is None and group.id in change.deleted):
            continue
        there = set() if was is None else set(was.members)
        for id in dict.fromkeys(group.members):
            if id not in there and not change.is_silent(id):
                yield _member(change, group, id, added=True)


def roles_taken(change: Change) -> Iterator[Entry]:
    """Roles that nobody holds any more as they did. What was deleted with its holder isn't logged."""
    still = _by_holder(change.after)
    for holder, item in _by_holder(change.before).items():
        if holder not in still and not change.is_silent(item.principal_id):
            yield from _role_entries(change, item, added=False)


def roles_given(change: Change) -> Iterator[Entry]:
    """Roles given, for ever or for a time, and roles for which somebody became eligible."""
    before = _by_holder(change.before)
    for holder, item in _by_holder(change.after).items():
        if holder not in before and not change.is_silent(item.principal_id):
            yield from _role_entries(change, item, added=True)


def _shown(group: LocalGroup) -> dict[str, str | None]:
    return {"DisplayName": group.name, "MembershipRule": group.rule}


def _group(activity: str, operation: str, group: LocalGroup, changes: list[Json]) -> Entry:
    targets = (group_target(group, changes, name=group.name),)
    return Entry(activity, CORE_DIRECTORY, _GROUPS, operation, targets, ("group", group.id))


def _member(change: Change, group: LocalGroup, id: str, *, added: bool) -> Entry:
    """The member is the first target, and its modified properties name the group; the group itself comes second."""
    named = {"ObjectID": group.id, "DisplayName": group.name, "WellKnownObjectName": None}
    return Entry(
        activity="Add member to group" if added else "Remove member from group",
        service=CORE_DIRECTORY,
        category=_GROUPS,
        operation="Assign" if added else "Unassign",
        targets=(_principal(change, id, beside("Group", named, added=added)), group_target(group)),
        request=("member", group.id, id),
        initiator=_DYNAMIC if group.rule else None,
    )


def _role_entries(change: Change, item: LocalRoleAssignment, *, added: bool) -> Iterator[Entry]:
    """The directory's row for a role in force, and PIM's for all that PIM has a hand in: what is eligible, activated, or ends."""
    by_pim = item.kind == "activated" or item.end is not None
    if item.kind != "eligible":
        yield _directory_role(change, item, added=added, initiator=_PIM_APP if by_pim else None)
    if item.kind == "eligible" or by_pim:
        yield _pim_role(change, item, added=added)


def _directory_role(change: Change, item: LocalRoleAssignment, *, added: bool, initiator: Json | None) -> Entry:
    role = _role(change, item.role_id)
    named: dict[str, str | None] = {"ObjectID": role.id, "DisplayName": role.name, "TemplateId": _template(role)}
    return Entry(
        activity=_role_activity(role, item.scope, added=added),
        service=CORE_DIRECTORY,
        category=_ROLES,
        operation="Assign" if added else "Unassign",
        targets=(
            _principal(change, item.principal_id, beside("Role", named, added=added)),
            target(role.id, "Role"),
        ),
        request=_role_request(item),
        initiator=initiator,
    )


def _role_activity(role: LocalRole, scope: str, *, added: bool) -> str:
    """The names are documented; that a custom role is an assignment to its definition is a guess after Graph's API."""
    if not role.built_in:
        return "Add role assignment to role definition" if added else "Remove role assignment from role definition"
    if scope != "/":
        return "Add scoped member to role" if added else "Remove scoped member from role"
    return "Add member to role" if added else "Remove member from role"


def _pim_role(change: Change, item: LocalRoleAssignment, *, added: bool) -> Entry:
    """PIM's row. Its targets: the role, the request, the holder, the directory."""
    role = _role(change, item.role_id)
    named = {"RoleDefinitionOriginId": role.id, "TemplateId": _template(role)}
    named["RoleDefinitionOriginType"] = "BuiltInRole" if role.built_in else "CustomRole"
    changes = [modified(name, as_text(""), as_text(value)) for name, value in named.items()]
    user = change.user(item.principal_id)
    holder = _principal(change, item.principal_id, [])
    tenant, request = change.after, make_id(change.after.id, *_role_request(item), change.at.isoformat())
    over = item.kind == "activated" and not added and _is_over(item, change.at)
    own = item.kind == "activated" and not over and user is not None
    return Entry(
        activity="Remove member from role (PIM activation expired)" if over else _pim_activity(item, added=added),
        service=PIM,
        category=_ROLES,
        operation="Update"
        if added
        else "Delete",  # of an addition seen: Update; of an expiry: Delete; the others are a guess
        targets=(
            target(role.id, "Role", role.name, changes),
            target(request, "Request"),
            {**holder, "displayName": holder["displayName"] or (user.name if user else None)},
            target(tenant.id, "Directory", tenant.name),
        ),
        request=("pim", *_role_request(item)),
        initiator=_PIM_CLOCK if over else by_user(user.id, user.upn, user.name) if own and user else None,
        details=tuple({"key": name, "value": value} for name, value in named.items()),
    )


def _pim_activity(item: LocalRoleAssignment, *, added: bool) -> str:
    if item.kind == "activated":
        return (
            "Add member to role completed (PIM activation)"
            if added
            else "Remove member from role completed (PIM deactivate)"
        )
    how = "permanent" if item.end is None else "timebound"
    member = "eligible member" if item.kind == "eligible" else "member"
    return (
        f"Add {member} to role in PIM completed ({how})"
        if added
        else f"Remove {member} from role in PIM completed ({how})"
    )


def _is_over(item: LocalRoleAssignment, at: datetime) -> bool:
    return item.end is not None and datetime.fromisoformat(item.end) <= at


def _by_holder(tenant: LocalTenant) -> dict[tuple[str, ...], LocalRoleAssignment]:
    return {_role_request(item): item for item in tenant.role_assignments}


def _role_request(item: LocalRoleAssignment) -> tuple[str, ...]:
    return item.kind, item.principal_id, item.role_id, item.scope


def _role(change: Change, id: str) -> LocalRole:
    """The definition of a role; of one that isn't there any more the id is known only."""
    return change.after.roles.get(id) or change.before.roles.get(id) or LocalRole(id, "", template_id=id)


def _template(role: LocalRole) -> str:
    return role.template_id or role.id


def _principal(change: Change, id: str, changes: list[Json]) -> Json:
    """A member or holder as target: user, group, application, or something of which the tenant knows the id only."""
    user, group = change.user(id), change.group(id)
    if user is not None:
        return user_target(user, changes)
    if group is not None:
        return group_target(group, changes, name=group.name)
    app = change.after.service_principals.get(id) or change.before.service_principals.get(id)
    if app is not None:
        return target(id, "ServicePrincipal", app.get("displayName"), changes)
    return target(id, "Other", None, changes)
