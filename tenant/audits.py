"""Reads from the directory audit log what may be behind a verdict: who changed which policy, account or membership, and when.

Three questions are asked, each filtered by Graph: what the service Conditional Access logged (policies and Security Defaults),
some activities on accounts, and the members of the groups that policies name. Activity names are compared without case: the
documentation and the log write them differently. Source: Microsoft Entra documentation, "Microsoft Entra audit log categories
and activities".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tenant.graph import REFINEMENT_REFUSED, Graph, GraphRefused, Json, items_of
from tenant.model import AuditEvent, Policy
from tenant.policies import parse_policy
from tenant.shapes import parse_time
from tenant.turns import Turns

AT_ONCE = 15
"""Groups in one filter."""
MOST_PAGES = 10
"""Pages of one time span; a longer answer is asked for in halves."""
_ACTOR_NAMES = (
    ("user", "userPrincipalName"),
    ("user", "displayName"),
    ("app", "displayName"),
    ("app", "servicePrincipalName"),
    ("user", "id"),
    ("app", "appId"),
    ("app", "servicePrincipalId"),
)
_SHORTEST = timedelta(hours=1)
_ACCOUNT_ACTIVITIES = {
    "Enable Strong Authentication": "mfa_enabled",
    "Disable Strong Authentication": "mfa_disabled",
    "Create application password for user": "app_password_created",
    "Delete application password for user": "app_password_deleted",
    "Add member to role": "role_added",
    "Remove member from role": "role_removed",
}
_GROUP_ACTIVITIES = {"Add member to group": "group_added", "Remove member from group": "group_removed"}
_POLICY_ACTIVITIES = {
    "Add Conditional Access policy": "policy_added",
    "Update Conditional Access policy": "policy_updated",
    "Delete Conditional Access policy": "policy_deleted",
    "Update security defaults": "security_defaults",
}
_KINDS = {
    name.casefold(): kind for name, kind in {**_ACCOUNT_ACTIVITIES, **_GROUP_ACTIVITIES, **_POLICY_ACTIVITIES}.items()
}
_MEMBERSHIPS = frozenset({"group_added", "group_removed", "role_added", "role_removed"})


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """What is asked of the log: ``policies``, ``accounts``, or the members of ``groups``."""

    about: str
    groups: tuple[str, ...] = ()
    """Ids of groups, lower-cased; at most :data:`AT_ONCE`."""

    def expression(self, since: datetime, until: datetime, *, by_group: bool = True) -> str:
        """The ``$filter`` for a time span; its end doesn't belong to it."""
        span = f"activityDateTime ge {_instant(since)} and activityDateTime lt {_instant(until)}"
        if self.about == "policies":
            return f"{span} and loggedByService eq 'Conditional Access'"
        activities = _ACCOUNT_ACTIVITIES if self.about == "accounts" else _GROUP_ACTIVITIES
        wanted = " or ".join(f"activityDisplayName eq '{name}'" for name in activities)
        if not (self.groups and by_group):
            return f"{span} and ({wanted})"
        groups = " or ".join(f"t/id eq '{_quoted(id)}'" for id in self.groups)
        return f"{span} and ({wanted}) and targetResources/any(t: {groups})"


@dataclass(slots=True)
class AuditReader:
    """Reads the log within the limit of Graph and a number of requests."""

    graph: Graph
    turns: Turns
    _by_group: bool = field(default=True, init=False)

    async def read(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json]:
        """The rows of a time span that matter, reduced to what :func:`parse_event` needs.

        Raises ``GraphError``, and :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests.
        """
        try:
            return await self._span(question, since, until)
        except GraphRefused as refused:
            if refused.status not in REFINEMENT_REFUSED or not (question.groups and self._by_group):
                raise
        self._by_group = False  # Graph doesn't filter by group here: ask for all memberships, and look for ourselves
        return await self._span(question, since, until)

    async def _span(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json]:
        found = await self._pages(question, since, until)
        if found is not None:
            return found
        middle = since + (until - since) / 2
        return [*await self._span(question, since, middle), *await self._span(question, middle, until)]

    async def _pages(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json] | None:
        """The rows of the span; None where it has too many pages and can still be halved."""
        expression = question.expression(since, until, by_group=self._by_group)
        await self.turns.take()
        page = await self.graph.get(f"/auditLogs/directoryAudits?$filter={quote(expression)}&$top=1000")
        rows: list[Json] = []
        for _ in range(MOST_PAGES):
            rows += (reduced(row) for row in items_of(page) if _matters(row, question))
            link = str(page.get("@odata.nextLink") or "")
            if not link:
                return rows
            await self.turns.take()
            page = await self.graph.page(link)
        return None if until - since > _SHORTEST else rows


def reduced(row: Mapping[str, Any]) -> Json:
    """A row of the log without what nobody needs: no addresses, no correlation ids."""
    initiated = _object(row.get("initiatedBy"))
    return {
        "id": _text(row, "id"),
        "activityDisplayName": _text(row, "activityDisplayName"),
        "activityDateTime": _text(row, "activityDateTime"),
        "initiatedBy": {
            who: {name: _object(initiated.get(who)).get(name) for kind, name in _ACTOR_NAMES if kind == who}
            for who in ("user", "app")
        },
        "targetResources": [
            {
                **{name: target.get(name) for name in ("id", "displayName", "type", "userPrincipalName")},
                "modifiedProperties": [
                    {name: changed.get(name) for name in ("displayName", "oldValue", "newValue")}
                    for changed in _objects(target.get("modifiedProperties"))
                ],
            }
            for target in _objects(row.get("targetResources"))
        ],
    }


def parse_event(row: Mapping[str, Any]) -> AuditEvent | None:
    """The event of a row, whole or reduced; None for one that is about something else, failed, or can't be read."""
    kind = _KINDS.get(_text(row, "activityDisplayName").casefold())
    time = parse_time(row.get("activityDateTime"))
    targets = _objects(row.get("targetResources"))
    if kind is None or time is None or not targets or _text(row, "result").lower() in ("failure", "timeout"):
        return None
    actor = _actor(_object(row.get("initiatedBy")))
    if kind in _MEMBERSHIPS:
        return _membership(time, kind, actor, targets)
    target = targets[0]
    id, name = _text(target, "id").lower(), _text(target, "displayName") or _text(target, "userPrincipalName")
    if kind == "security_defaults":
        return AuditEvent(time, kind, actor, id, name, _switch(target))
    if kind.startswith("policy"):
        before, after = _policies(target)
        name = name or (after or before or Policy("", "", "")).display_name
        return AuditEvent(time, kind, actor, id, name, before=before, after=after)
    return AuditEvent(time, kind, actor, id, _text(target, "userPrincipalName") or name)


def _matters(row: Json, question: AuditQuestion) -> bool:
    event = parse_event(row)
    return event is not None and (not question.groups or event.container_id in question.groups)


def _membership(time: datetime, kind: str, actor: str | None, targets: Sequence[Json]) -> AuditEvent | None:
    """The member is the first target; its modified properties, or else the other target, name the group or role."""
    what = "Group" if kind.startswith("group") else "Role"
    member = next((one for one in targets if _text(one, "type") != what), targets[0])
    other = next((one for one in targets if one is not member), {})
    named = dict(_changes(member))
    id = _plain(named.get(f"{what}.ObjectID")) or _text(other, "id")
    if what == "Role":  # policies name roles by template id
        id = _plain(named.get("Role.TemplateId")) or id
    name = _plain(named.get(f"{what}.DisplayName")) or _text(other, "displayName")
    if not id:
        return None
    shown = _text(member, "userPrincipalName") or _text(member, "displayName")
    return AuditEvent(
        time, kind, actor, _text(member, "id").lower(), shown, container_id=id.lower(), container_name=name
    )


def _changes(target: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of modified properties with their new value, or the old one where there is no new one."""
    for changed in _objects(target.get("modifiedProperties")):
        new, old = _text(changed, "newValue"), _text(changed, "oldValue")
        yield _text(changed, "displayName"), new if _plain(new) else old


def _policies(target: Mapping[str, Any]) -> tuple[Policy | None, Policy | None]:
    for changed in _objects(target.get("modifiedProperties")):
        before, after = _policy(changed.get("oldValue")), _policy(changed.get("newValue"))
        if before or after:
            return before, after
    return None, None


def _policy(text: object) -> Policy | None:
    value = _decoded(text)
    return parse_policy(value) if isinstance(value, Mapping) and "state" in value else None


def _switch(target: Mapping[str, Any]) -> str:
    for changed in _objects(target.get("modifiedProperties")):
        value = _decoded(changed.get("newValue"))
        if isinstance(value, Mapping):
            value = value.get("isEnabled", value.get("IsEnabled"))
        if str(value).lower() in ("true", "false"):
            return "on" if str(value).lower() == "true" else "off"
    return ""


def _plain(text: str | None) -> str:
    """A value of a modified property: JSON text, where the log has it so."""
    value = _decoded(text)
    return value if isinstance(value, str) else "" if value is None else str(text)


def _decoded(text: object) -> Any:
    if not isinstance(text, str) or not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _actor(initiated: Mapping[str, Any]) -> str | None:
    """Who or what did it, by the best name that the log has; an application may have its id only."""
    names = (_text(_object(initiated.get(who)), name) for who, name in _ACTOR_NAMES)
    return next((name for name in names if name), None)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
