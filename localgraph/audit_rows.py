"""The rows of the directory audit log: what Graph's ``directoryAudit`` holds, whatever it is about.

Shapes are taken from rows that administrators published (2024 to 2026). Three spellings stand side by side in ``modifiedProperties``:
properties of the directory are JSON lists (``["Ada"]``), names and ids beside them JSON texts (``"Ada"``), policies JSON objects.
What a tenant doesn't hold is null: addresses, application ids, display names where the log has none either.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from localgraph.ids import make_id
from localgraph.schema import Json
from localgraph.tenant import LocalGroup, LocalTenant, LocalUser

CORE_DIRECTORY = "Core Directory"
CONDITIONAL_ACCESS = "Conditional Access"
AUTHENTICATION_METHODS = "Authentication Methods"
DEVICE_REGISTRATION = "Device Registration Service"
PIM = "PIM"

# The first word of a row's id. Seen: these three. The others are a guess: the service without blanks.
_PREFIXES = {CORE_DIRECTORY: "Directory", CONDITIONAL_ACCESS: "IPCGraph", PIM: "PIM"}
_APART = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """Two states of a tenant, when the second came to be, and which objects lay in the recycle bin before (ids)."""

    before: LocalTenant
    after: LocalTenant
    at: datetime
    deleted: frozenset[str] = frozenset()

    def user(self, id: str) -> LocalUser | None:
        """A user by object id, also one that is gone."""
        return self.after.users.get(id) or self.before.users.get(id)

    def group(self, id: str) -> LocalGroup | None:
        """A group by id, also one that is gone."""
        return self.after.groups.get(id) or self.before.groups.get(id)

    def is_silent(self, principal: str) -> bool:
        """Whether memberships and roles come or go with the principal itself: deleting and restoring logs no others.

        A guess: published logs show the deletion alone.
        """
        was, stays = (self._holds(tenant, principal) for tenant in (self.before, self.after))
        return (was and not stays) or (stays and not was and principal in self.deleted)

    @staticmethod
    def _holds(tenant: LocalTenant, id: str) -> bool:
        return id in tenant.users or id in tenant.groups or id in tenant.service_principals


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says, apart from when it was written, and by whom unless that is certain."""

    activity: str
    service: str
    category: str
    operation: str
    targets: tuple[Json, ...]
    request: tuple[str, ...]
    """Tells the requests of one change apart: rows of the same request share a correlation id."""
    reason: str | None = ""
    initiator: Json | None = None
    """None: whoever made the change."""
    details: tuple[Json, ...] = ()


def written(entries: Iterable[Entry], change: Change, initiator: Json) -> list[Json]:
    """The rows of entries, in their order, a microsecond apart: the log has no two events of one directory at once."""
    return [_row(entry, change, change.at + number * _APART, initiator) for number, entry in enumerate(entries)]


def _row(entry: Entry, change: Change, when: datetime, initiator: Json) -> Json:
    moment = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")  # seven digits, as the log has them
    correlation = make_id("audit", change.after.id, change.at.astimezone(UTC).isoformat(), *entry.request)
    row: Json = {
        "category": entry.category,
        "correlationId": correlation,
        "result": "success",
        "resultReason": entry.reason,
        "activityDisplayName": entry.activity,
        "activityDateTime": moment,
        "loggedByService": entry.service,
        "operationType": entry.operation,
        "initiatedBy": initiator if entry.initiator is None else entry.initiator,
        "targetResources": list(entry.targets),
        "additionalDetails": list(entry.details),
    }
    prefix = _PREFIXES.get(entry.service, entry.service.replace(" ", ""))
    return {"id": f"{prefix}_{correlation}_{_fingerprint(row)}", **row}


def _fingerprint(row: Json) -> str:
    """Five letters and a number, as ids end; made from all that the row says, case included (``make_id`` leaves it out)."""
    digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
    return f"{base64.b32encode(digest[:5]).decode()[:5]}_{int.from_bytes(digest[5:12])}"


def as_text(value: Any) -> str:
    """A value of a modified property: JSON as text."""
    return json.dumps(value, separators=(",", ":"))


def as_list(value: Any) -> str:
    """A property of the directory, which keeps each in a list: ``[]`` where there is none."""
    return as_text([] if value is None else [value])


def modified(name: str, old: str | None, new: str | None) -> Json:
    """A modified property; ``old`` and ``new`` are JSON texts already."""
    return {"displayName": name, "oldValue": old, "newValue": new}


def updated_properties(changes: Sequence[Json]) -> list[Json]:
    """Modified properties with the one that names them all, as the directory closes each such list."""
    names = ", ".join(str(change["displayName"]) for change in changes)
    return [*changes, modified("Included Updated Properties", None, as_text(names))]


def beside(prefix: str, values: dict[str, str | None], *, added: bool) -> list[Json]:
    """``Group.ObjectID`` and its like: new values where something was added, old ones where it was removed."""
    texts = {name: None if value is None else as_text(value) for name, value in values.items()}
    return [
        modified(f"{prefix}.{name}", None if added else text, text if added else None) for name, text in texts.items()
    ]


def target(id: str | None, kind: str, name: str | None = None, changes: Sequence[Json] = (), **more: Any) -> Json:
    """A ``targetResource``; ``kind`` is its type. ``more``: ``userPrincipalName`` or ``groupType``."""
    plain = {"id": id, "displayName": name, "type": kind, "userPrincipalName": None, "groupType": None}
    return {**plain, **more, "modifiedProperties": list(changes)}


def user_target(user: LocalUser, changes: Sequence[Json] = (), *, name: str | None = None) -> Json:
    """A user as target. The directory gives the user principal name only, PIM the display name, too."""
    return target(user.id, "User", name, changes, userPrincipalName=user.upn)


def group_target(group: LocalGroup, changes: Sequence[Json] = (), *, name: str | None = None) -> Json:
    """A group as target."""
    unified = "Unified" in ((group.extra or {}).get("groupTypes") or ())
    return target(group.id, "Group", name, changes, groupType="unifiedGroups" if unified else "azureAD")


def by_user(id: str | None, upn: str | None, name: str | None = None) -> Json:
    """``initiatedBy`` of a person. From where isn't known."""
    return {"app": None, "user": {"id": id, "displayName": name, "userPrincipalName": upn, "ipAddress": None}}


def by_app(name: str, principal_id: str | None = None) -> Json:
    """``initiatedBy`` of an application. The log leaves ``appId`` null even where it has one."""
    app = {"appId": None, "displayName": name, "servicePrincipalId": principal_id, "servicePrincipalName": None}
    return {"app": app, "user": None}
