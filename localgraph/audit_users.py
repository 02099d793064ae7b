"""What the audit log records of users: the accounts, their per-user MFA, their authentication methods.

Names of activities, services and categories: Microsoft Entra documentation, "Microsoft Entra audit log categories and activities".
App passwords ("Create application password for user") leave no trace here: a local tenant doesn't know them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from localgraph.audit_rows import (
    AUTHENTICATION_METHODS,
    CORE_DIRECTORY,
    DEVICE_REGISTRATION,
    Change,
    Entry,
    as_list,
    as_text,
    by_user,
    modified,
    updated_properties,
    user_target,
)
from localgraph.schema import Json
from localgraph.tenant import ABSENT, LocalUser
from localgraph.times import iso

_CATEGORY = "UserManagement"
# Graph's name -> the log's. The log leaves some properties out (the usage location, by design); of which others than these is unknown.
_PROPERTIES = {
    "accountEnabled": "AccountEnabled",
    "companyName": "CompanyName",
    "department": "Department",
    "displayName": "DisplayName",
    "employeeId": "EmployeeId",
    "jobTitle": "JobTitle",
    "userPrincipalName": "UserPrincipalName",
    "userType": "UserType",
}
_MFA_STATES = {"disabled": None, "enabled": 1, "enforced": 2}
"""What the directory keeps: no requirement, Enabled, Enforced."""
# Seen in published rows; for the other methods the words aren't known, and the reason stays empty.
_METHODS = {
    "fido2AuthenticationMethod": ("Fido", "Fido"),
    "microsoftAuthenticatorAuthenticationMethod": ("Authenticator App with Notification and Code",) * 2,
    "phoneAuthenticationMethod": ("Mobile Phone SMS", "Mobile Phone Call and SMS"),
}


def appeared(change: Change) -> Iterator[Entry]:
    """Users that were added or restored."""
    for user in change.after.users.values():
        if user.id in change.before.users:
            continue
        if user.id in change.deleted:
            # A guess after the deletion: that it names the flag that was taken back.
            flag = modified("Is Hard Deleted", None, as_text("False"))
            yield _account("Restore user", "Restore", user, [flag, _type(user)])
            continue
        held = {log: _value(user, name) for name, log in _PROPERTIES.items()}
        changes = [modified(log, "[]", as_list(value)) for log, value in held.items() if value is not None]
        yield _account("Add user", "Add", user, [*updated_properties(changes), _type(user)])


def altered(change: Change, *, classic: bool) -> Iterator[Entry]:
    """Users whose properties, per-user MFA or methods changed. New ones begin with neither a requirement nor a method."""
    for user in change.after.users.values():
        was = change.before.users.get(user.id)
        if was == user or (was is None and user.id in change.deleted):
            continue
        if was is not None:
            yield from _updates(was, user)
        yield from _mfa(change, "disabled" if was is None else was.mfa, user, classic=classic)
        yield from _methods({} if was is None else _by_id(was), user)


def disappeared(change: Change) -> Iterator[Entry]:
    """Users that were deleted. The row has the name that the account has in the recycle bin: its id before the old one."""
    for user in change.before.users.values():
        if user.id not in change.after.users:
            flag = modified("Is Hard Deleted", None, as_text("False"))
            entry = _account("Delete user", "Delete", user, [flag, _type(user)])
            gone = {**entry.targets[0], "userPrincipalName": user.id.replace("-", "") + user.upn}
            yield replace(entry, targets=(gone,))


def _updates(was: LocalUser, user: LocalUser) -> Iterator[Entry]:
    """An update, and beside it what became of the account: both come from one request."""
    old, new = ({name: _value(one, name) for name in _PROPERTIES} for one in (was, user))
    changed = [name for name in _PROPERTIES if old[name] != new[name]]
    if "accountEnabled" in changed and None in (old["accountEnabled"], new["accountEnabled"]):
        changed.remove("accountEnabled")  # Graph left it out once: nobody changed it
    if not changed:
        return
    changes = {name: modified(_PROPERTIES[name], as_list(old[name]), as_list(new[name])) for name in changed}
    yield _account("Update user", "Update", user, [*updated_properties(list(changes.values())), _type(user)])
    if "accountEnabled" in changes:
        activity = "Enable account" if new["accountEnabled"] else "Disable account"
        yield _account(activity, "Update", user, [*updated_properties([changes["accountEnabled"]]), _type(user)])


def _mfa(change: Change, old: str | None, user: LocalUser, *, classic: bool) -> Iterator[Entry]:
    """One row under today's name, or under the directory's. A state that Graph doesn't say tells of no change."""
    new = user.mfa
    if old == new or old not in _MFA_STATES or new not in _MFA_STATES:
        return
    if not classic:
        # Which modified property says the state isn't documented: the name is Graph's, and a guess.
        states = [modified("PerUserMfaState", as_text(old), as_text(new))]
        activity = "Update per-user multifactor authentication state"
        request = ("mfa", user.id)
        targets = (user_target(user, states),)
        yield Entry(activity, AUTHENTICATION_METHODS, _CATEGORY, "Update", targets, request)
        return
    texts = [_requirement(old), _requirement(new, since=iso(change.at))]
    changes = updated_properties([modified("StrongAuthenticationRequirement", *texts)])
    # Between Enabled and Enforced the requirement only changes. That this is no more than an update is a guess.
    activity = {"disabled": "Enable Strong Authentication"}.get(old, "Update user")
    activity = "Disable Strong Authentication" if new == "disabled" else activity
    yield Entry(activity, CORE_DIRECTORY, _CATEGORY, "Update", (user_target(user, changes),), ("mfa", user.id))


def _requirement(state: str, since: str | None = None) -> str:
    """A ``StrongAuthenticationRequirement``. Since when remembered devices count is known of the new one only."""
    number = _MFA_STATES[state]
    if number is None:
        return "[]"
    item: Json = {"RelyingParty": "*", "State": number}
    return as_text([item if since is None else {**item, "RememberDevicesNotIssuedBefore": since}])


def _methods(old: dict[str, Json], user: LocalUser) -> Iterator[Entry]:
    new = _by_id(user)
    for id, method in old.items():
        if id not in new:
            yield _method(user, method, "deleted")
    for id, method in new.items():
        if id not in old:
            yield _method(user, method, "registered")
        elif method != old[id]:
            yield _method(user, method, "updated")


def _method(user: LocalUser, method: Json, verb: str) -> Entry:
    """People see to their own methods; a Temporary Access Pass comes from an administrator, Windows Hello from the device."""
    kind = str(method.get("@odata.type")).removeprefix("#microsoft.graph.")
    operation = {"registered": "Add", "deleted": "Delete"}.get(verb, "Update")
    request = ("method", user.id, str(method.get("id")))
    if kind == "windowsHelloForBusinessAuthenticationMethod" and operation != "Update":
        activity = f"{operation} Windows Hello for Business credential"
        return Entry(activity, DEVICE_REGISTRATION, _CATEGORY, operation, (user_target(user),), request)
    admin = kind == "temporaryAccessPassAuthenticationMethod"
    return Entry(
        activity=f"{'Admin' if admin else 'User'} {verb} security info",
        service=AUTHENTICATION_METHODS,
        category=_CATEGORY,
        operation=operation,
        targets=(user_target(user),),
        request=request,
        reason=f"Admin {verb} temporary access pass method for user" if admin else _reason(kind, verb),
        initiator=None if admin else by_user(user.id, user.upn),
    )


def _reason(kind: str, verb: str) -> str:
    registered, deleted = _METHODS.get(kind, ("", ""))
    name = {"registered": registered, "deleted": deleted}.get(verb)
    return f"User {verb} {name}" if name else ""


def _account(activity: str, operation: str, user: LocalUser, changes: list[Json]) -> Entry:
    details = ({"key": "UserType", "value": user.user_type},) if user.user_type else ()
    targets = (user_target(user, changes),)
    return Entry(activity, CORE_DIRECTORY, _CATEGORY, operation, targets, ("user", user.id), details=details)


def _type(user: LocalUser) -> Json:
    return modified("TargetId.UserType", None, None if user.user_type is None else as_text(user.user_type))


def _value(user: LocalUser, name: str) -> Any:
    """A property as Graph serves it; None where it is null or left out."""
    own = {
        "accountEnabled": user.enabled,
        "displayName": user.name,
        "userPrincipalName": user.upn,
        "userType": user.user_type,
    }
    value = (user.extra or {}).get(name, own.get(name))
    return None if value == ABSENT else value


def _by_id(user: LocalUser) -> dict[str, Json]:
    return {str(method.get("id")): method for method in user.methods}
