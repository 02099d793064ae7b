"""What Microsoft Entra's directory audit log records of a change of a tenant."""

from collections.abc import Collection, Iterator
from datetime import datetime

from localgraph import audit_memberships as memberships
from localgraph import audit_users as users
from localgraph.audit_policies import policy_entries, setting_entries
from localgraph.audit_rows import Change, Entry, by_app, by_user, written
from localgraph.schema import Json
from localgraph.tenant import LocalTenant


def events_between(
    before: LocalTenant,
    after: LocalTenant,
    *,
    at: datetime,
    by: str | None = "ada@contoso.com",
    classic: bool = False,
    deleted: Collection[str] = (),
) -> list[Json]:
    """The rows of ``auditLogs/directoryAudits`` that the change from one state of a tenant to the next leaves, oldest first.

    ``before`` must be another object than ``after``: copy a tenant before it is changed. ``at`` is when it happened (with a
    zone); each row comes a microsecond after the one before. ``by``: a user principal name, or the name of an application, or
    None where the log doesn't say; what people, PIM or dynamic groups do themselves is theirs. ``classic``: per-user MFA under
    the directory's names instead of today's one. ``deleted``: ids of users and groups that lay in the recycle bin, so that they
    were restored, not added.

    The same change at the same time has the same rows; another time gives other ids. Not logged, for Entra logs it neither or
    nobody knows how: what a deleted object took with it and a restored one brought back, and another end of a role. Not covered: applications, their permissions,
    licences, policy plans. Raises ``ValueError`` for a time without a zone, and where both states are the same object.
    """
    if before is after:
        raise ValueError("A tenant that was changed in place says nothing of what it was: copy it before.")
    if at.tzinfo is None:
        raise ValueError("The audit log's times have a zone.")
    change = Change(before, after, at, frozenset(deleted))
    return written(_entries(change, classic=classic), change, _initiator(by, change))


def _entries(change: Change, *, classic: bool) -> Iterator[Entry]:
    """Everything in an order in which it can have happened: what comes is there before it is used, what goes was used before."""
    yield from users.appeared(change)
    yield from memberships.groups_appeared(change)
    yield from users.altered(change, classic=classic)
    yield from memberships.groups_altered(change)
    yield from memberships.members_removed(change)
    yield from memberships.members_added(change)
    yield from memberships.roles_taken(change)
    yield from memberships.roles_given(change)
    yield from policy_entries(change)
    yield from setting_entries(change)
    yield from memberships.groups_disappeared(change)
    yield from users.disappeared(change)


def _initiator(by: str | None, change: Change) -> Json:
    if by is None:
        return {"app": None, "user": None}
    if "@" in by:
        user = change.after.find_user(by) or change.before.find_user(by)
        return by_user(user.id if user else None, user.upn if user else by)
    known = {**change.before.service_principals, **change.after.service_principals}
    return by_app(by, next((id for id, app in known.items() if app.get("displayName") == by), None))
