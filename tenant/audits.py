"""Reads from the directory audit log what may be behind a verdict: who changed which policy, account or membership, and when.

Four questions are asked, each filtered by Graph: what the service Conditional Access logged (policies and Security Defaults),
some activities by name, the members of the groups that policies name, and the updates of users, for some show per-user MFA only
there. One change may stand in the log under several names: which of them a portal or an API writes is documented nowhere, so all
are asked for. Activity names are compared without case: the documentation and the log write them differently. Source: Microsoft
Entra documentation, "Microsoft Entra audit log categories and activities".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from basics.documents import read_json
from basics.times import iso
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphRefused, Json, items_of, next_link
from tenant.model import AuditEvent, Policy
from tenant.odata import literal
from tenant.policies import parse_policy
from tenant.shapes import parse_time
from tenant.turns import Turns

AT_ONCE = 15
"""Groups or accounts in one filter."""
MOST_PAGES = 10
"""Pages of one time span; a longer answer is asked for in halves."""
SAME_CHANGE = timedelta(minutes=2)
"""How far apart one change can stand in the log under two names."""
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
_ACTIVITIES = {
    "Enable Strong Authentication": "mfa_enabled",
    "Disable Strong Authentication": "mfa_disabled",
    "Update per-user multifactor authentication state": "mfa_changed",
    "Create application password for user": "app_password_created",
    "Delete application password for user": "app_password_deleted",
    "Add member to role": "role_added",
    "Remove member from role": "role_removed",
    "MFA Service Policy Update": "tenant_switch",
    "Set Company Information": "company",
    "Update User Risk and MFA Registration Policy": "mfa_registration_policy",
    "Update User RIsk and MFA Registration Policy": "mfa_registration_policy",  # as Microsoft's list once had it
}
_USER_ACTIVITIES = {"Update user": "user_updated"}
_GROUP_ACTIVITIES = {"Add member to group": "group_added", "Remove member from group": "group_removed"}
_POLICY_ACTIVITIES = {
    "Add Conditional Access policy": "policy_added",
    "Update Conditional Access policy": "policy_updated",
    "Delete Conditional Access policy": "policy_deleted",
    "Update security defaults": "security_defaults",
}
ACTIVITIES = tuple({**_ACTIVITIES, **_USER_ACTIVITIES, **_GROUP_ACTIVITIES})
"""The names of all activities that are asked for by name."""
SERVICE = "Conditional Access"
"""The service all of whose activities are asked for."""
_KINDS = {
    name.casefold(): kind
    for name, kind in {**_ACTIVITIES, **_USER_ACTIVITIES, **_GROUP_ACTIVITIES, **_POLICY_ACTIVITIES}.items()
}
_OF_TENANT = frozenset({"tenant_switch", "company", "mfa_registration_policy"})
_PER_USER = frozenset({"mfa_enabled", "mfa_disabled", "mfa_changed", "user_updated"})
_MEMBERSHIPS = frozenset({"group_added", "group_removed", "role_added", "role_removed"})
OF_MEMBERS = _PER_USER | _MEMBERSHIPS | {"app_password_created", "app_password_deleted"}
"""The kinds of events that concern the account or group alone that they happened to; others may concern everybody."""


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """What is asked of the log: ``policies``, ``activities``, the members of ``groups``, or the updates of ``users``."""

    about: str
    groups: tuple[str, ...] = ()
    """Ids of groups, lower-cased; at most :data:`AT_ONCE`."""
    accounts: tuple[str, ...] = ()
    """For ``users``: ids of accounts, lower-cased; at most :data:`AT_ONCE`, and none for everybody."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The ids to which the answer is limited; empty where it isn't."""
        return self.groups or self.accounts

    def expression(self, since: datetime, until: datetime, *, by_target: bool = True) -> str:
        """The ``$filter`` for a time span; its end doesn't belong to it."""
        span = f"activityDateTime ge {_instant(since)} and activityDateTime lt {_instant(until)}"
        if self.about == "policies":
            return f"{span} and loggedByService eq {literal(SERVICE)}"
        wanted = " or ".join(f"activityDisplayName eq {literal(name)}" for name in self._activities)
        if not (self.targets and by_target):
            return f"{span} and ({wanted})"
        targets = " or ".join(f"t/id eq {literal(id)}" for id in self.targets)
        return f"{span} and ({wanted}) and targetResources/any(t: {targets})"

    def asks_for(self, row: Json) -> bool:
        """Whether a row of the log belongs to the answer."""
        if self.about == "policies":
            return text_of(row, "loggedByService").casefold() == SERVICE.casefold()
        return text_of(row, "activityDisplayName").casefold() in {name.casefold() for name in self._activities}

    @property
    def _activities(self) -> Mapping[str, str]:
        return {"activities": _ACTIVITIES, "users": _USER_ACTIVITIES}.get(self.about, _GROUP_ACTIVITIES)


@dataclass(frozen=True, slots=True)
class Lately:
    """Every row of the log since a time that any question asks for, and others."""

    since: datetime
    rows: Sequence[Json]


@dataclass(slots=True)
class AuditReader:
    """Reads the log within the limit of Graph and a number of requests."""

    graph: Graph
    turns: Turns
    lately: Lately | None = None
    """What needn't be asked for any more."""
    _by_target: bool = field(default=True, init=False)

    async def read(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json]:
        """The rows of a time span that matter, reduced to what :func:`parse_event` needs.

        Raises ``GraphError``, and :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests.
        """
        if self.lately and self.lately.since <= since:
            rows = [row for row in self.lately.rows if question.asks_for(row)]
            return [reduced(row) for row in rows if _matters(row, question)]
        try:
            return await self._span(question, since, until)
        except GraphRefused as refused:
            if refused.status not in REFINEMENT_REFUSED or not (question.targets and self._by_target):
                raise
        self._by_target = False  # Graph doesn't filter by target here: ask for all, and look for ourselves
        return await self._span(question, since, until)

    async def _span(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json]:
        found = await self._pages(question, since, until)
        if found is not None:
            return found
        middle = since + (until - since) / 2
        newer = await self._span(question, middle, until)
        if question.about == "users":
            return newer  # where users are updated that often, the older half isn't worth the requests
        return [*await self._span(question, since, middle), *newer]

    async def _pages(self, question: AuditQuestion, since: datetime, until: datetime) -> list[Json] | None:
        """The rows of the span; None where it has too many pages and can still be halved."""
        expression = question.expression(since, until, by_target=self._by_target)
        await self.turns.take()
        page = await self.graph.get(f"/auditLogs/directoryAudits?$filter={quote(expression)}&$top=1000")
        rows: list[Json] = []
        for _ in range(MOST_PAGES):
            rows += (reduced(row) for row in items_of(page) if _matters(row, question))
            link = next_link(page)
            if not link:
                return rows
            await self.turns.take()
            page = await self.graph.page(link)
        return None if until - since > _SHORTEST else rows


def reduced(row: Mapping[str, Any]) -> Json:
    """A row of the log without what nobody needs: no addresses, no correlation ids."""
    initiated = _object(row.get("initiatedBy"))
    return {
        "id": text_of(row, "id"),
        "activityDisplayName": text_of(row, "activityDisplayName"),
        "activityDateTime": text_of(row, "activityDateTime"),
        "initiatedBy": {
            who: {name: _object(initiated.get(who)).get(name) for kind, name in _ACTOR_NAMES if kind == who}
            for who in ("user", "app")
        },
        "targetResources": [
            {
                **{name: target.get(name) for name in ("id", "displayName", "type", "userPrincipalName")},
                "modifiedProperties": [
                    {name: changed.get(name) for name in ("displayName", "oldValue", "newValue")}
                    for changed in objects(target.get("modifiedProperties"))
                ],
            }
            for target in objects(row.get("targetResources"))
        ],
    }


def parse_event(row: Mapping[str, Any]) -> AuditEvent | None:
    """The event of a row, whole or reduced; None for one that is about something else, failed, or can't be read."""
    kind = _KINDS.get(text_of(row, "activityDisplayName").casefold())
    time = parse_time(row.get("activityDateTime"))
    targets = objects(row.get("targetResources"))
    if kind is None or time is None or has_failed(row):
        return None
    actor = actor_of(row)
    if kind in _OF_TENANT:
        return _of_tenant(time, kind, actor, targets)
    if not targets:
        return None
    if kind in _PER_USER:
        return _per_user(time, kind, actor, targets)
    if kind in _MEMBERSHIPS:
        return _membership(time, kind, actor, targets)
    target = targets[0]
    id, name = text_of(target, "id").lower(), text_of(target, "displayName") or text_of(target, "userPrincipalName")
    if kind == "security_defaults":
        was, became = _switch(target)
        return None if became and was == became else AuditEvent(time, kind, actor, id, name, became)
    if kind.startswith("policy"):
        before, after = _policies(target)
        name = name or (after or before or Policy("", "", "")).display_name
        return AuditEvent(time, kind, actor, id, name, before=before, after=after)
    return AuditEvent(time, kind, actor, id, text_of(target, "userPrincipalName") or name)


def without_repeats(events: Iterable[AuditEvent]) -> list[AuditEvent]:
    """The events without those that tell a change of per-user MFA or of the tenant switch again, under another name.

    Takes and returns them newest first. Of two that tell the same the one stays that says more.
    """
    found: list[AuditEvent] = []
    for event in events:
        place = _place_of_same(found, event)
        if place is None:
            found.append(event)
            continue
        more, less = sorted((found[place], event), key=_says_less)
        found[place] = replace(more, actor=more.actor or less.actor, time=found[place].time)
    return found


def _place_of_same(found: Sequence[AuditEvent], event: AuditEvent) -> int | None:
    for place in range(len(found) - 1, -1, -1):
        if found[place].time - event.time > SAME_CHANGE:
            return None
        if _is_same_change(found[place], event):
            return place
    return None


def _is_same_change(one: AuditEvent, other: AuditEvent) -> bool:
    if one.kind != other.kind and not ("mfa_changed" in (one.kind, other.kind) and {one.kind, other.kind} <= _PER_USER):
        return False
    return (
        (one.kind in _PER_USER or one.kind == "tenant_switch")
        and (one.kind == "tenant_switch" or one.target_id == other.target_id)
        and (one.detail == other.detail or "" in (one.detail, other.detail))
    )


def _says_less(event: AuditEvent) -> tuple[bool, bool]:
    return event.kind == "mfa_changed", not event.detail


def _matters(row: Json, question: AuditQuestion) -> bool:
    event = parse_event(row)
    if event is None:
        return False
    return not question.targets or (event.container_id if question.groups else event.target_id) in question.targets


def _per_user(time: datetime, kind: str, actor: str | None, targets: Sequence[Json]) -> AuditEvent | None:
    """A change of per-user MFA, with the state afterwards where the log says it.

    Whoever sets the state that there is already changes nothing. An update of a user is one only where it shows a state: the same
    property also tells since when remembered devices count.
    """
    target = next((one for one in targets if text_of(one, "type") == "User"), targets[0])
    before, after = _states(target, anywhere=kind == "mfa_changed")
    if (after is None and kind == "user_updated") or (after is not None and after == before):
        return None
    if kind in ("user_updated", "mfa_changed") and after:
        kind = "mfa_disabled" if after == "disabled" else "mfa_enabled"
    detail = after if after and (after == "disabled") == (kind == "mfa_disabled") else ""
    name = text_of(target, "userPrincipalName") or text_of(target, "displayName")
    return AuditEvent(time, kind, actor, text_of(target, "id").lower(), name, detail)


def _states(target: Mapping[str, Any], *, anywhere: bool) -> tuple[str | None, str | None]:
    """The per-user MFA state before and after, as far as modified properties say it; ``anywhere``: whatever they are called."""
    for changed in objects(target.get("modifiedProperties")):
        if text_of(changed, "displayName").casefold() == "strongauthenticationrequirement":
            return _required(changed.get("oldValue")), _required(changed.get("newValue"))
    for changed in objects(target.get("modifiedProperties")) if anywhere else ():
        before, after = (_named_state(decoded(changed.get(name))) for name in ("oldValue", "newValue"))
        if after:
            return before, after
    return None, None


# What the directory keeps: no requirement, Enabled, Enforced. (Microsoft Graph's enumeration counts in another order.)
_REQUIRED = {0: "disabled", 1: "enabled", 2: "enforced"}


def _required(text: object) -> str | None:
    """The state in a ``StrongAuthenticationRequirement``: a list with one item for all relying parties, or with none."""
    value = decoded(text)
    if isinstance(value, str):  # JSON text within JSON text
        value = decoded(value)
    if not isinstance(value, list) or len(value) > 1:
        return None
    if not value:
        return "disabled"
    item = _object(value[0])
    if item.get("RelyingParty", "*") != "*":
        return None
    state = item.get("State")
    return _REQUIRED.get(state) if type(state) is int else _named_state(state)


def _named_state(value: object) -> str | None:
    """A state by its name, or in an object with a member of that name."""
    if isinstance(value, Mapping):
        members = {str(name).casefold(): member for name, member in value.items()}
        value = members.get("perusermfastate", members.get("state"))
    state = value.casefold() if isinstance(value, str) else ""
    return state if state in _REQUIRED.values() else None


def _of_tenant(time: datetime, kind: str, actor: str | None, targets: Sequence[Json]) -> AuditEvent | None:
    """A change of the whole tenant; of its MFA service settings only one that is, or may be, of the switch for app passwords."""
    target = targets[0] if targets else {}
    id, name = text_of(target, "id").lower(), text_of(target, "displayName")
    if kind == "mfa_registration_policy":
        return AuditEvent(time, kind, actor, id, name)
    before, after = _app_passwords(targets)
    if after is None and kind == "company":
        return None  # the name of the organization, its contacts, ...
    if after is not None and after == before:
        return None
    detail = "" if after is None else "on" if after else "off"
    return AuditEvent(time, "tenant_switch", actor, id, name, detail)


def _app_passwords(targets: Sequence[Json]) -> tuple[bool | None, bool | None]:
    """Whether the tenant allowed app passwords before, and does afterwards, where modified properties say it."""
    for changed in (one for target in targets for one in objects(target.get("modifiedProperties"))):
        name = text_of(changed, "displayName")
        before, after = (_allowed(name, decoded(changed.get(which))) for which in ("oldValue", "newValue"))
        if after is not None:
            return before, after
    return None, None


def _allowed(name: str, value: Any, depth: int = 4) -> bool | None:
    """What a property, or a member of its value, says about app passwords: each name is another way to put it."""
    if isinstance(value, Mapping):
        found = (_allowed(str(member), value[member], depth - 1) for member in value) if depth else ()
        return next((one for one in found if one is not None), None)
    if isinstance(value, list):
        return _allowed(name, value[0], depth - 1) if depth and len(value) == 1 else None
    switch = {"allowapppasswords": True, "isapplicationpasswordblocked": False}.get(name.rpartition(".")[2].casefold())
    said = {"true": True, "false": False}.get(str(value).lower())
    return None if switch is None or said is None else said is switch


def _membership(time: datetime, kind: str, actor: str | None, targets: Sequence[Json]) -> AuditEvent | None:
    """The member's modified properties, or else the other target, name the group or role; of two groups the first is the member where
    neither has any.
    """
    what = "Group" if kind.startswith("group") else "Role"
    others = [one for one in targets if text_of(one, "type") != what]
    naming = [one for one in targets if any(_plain(id) for name, id in _changes(one) if name == f"{what}.ObjectID")]
    member = next(iter((*others, *naming)), targets[0])
    other = next((one for one in targets if one is not member), {})
    named = dict(_changes(member))
    id = _plain(named.get(f"{what}.ObjectID")) or text_of(other, "id")
    if what == "Role":  # policies name roles by template id
        id = _plain(named.get("Role.TemplateId")) or id
    name = _plain(named.get(f"{what}.DisplayName")) or text_of(other, "displayName")
    if not id:
        return None
    shown = text_of(member, "userPrincipalName") or text_of(member, "displayName")
    return AuditEvent(
        time, kind, actor, text_of(member, "id").lower(), shown, container_id=id.lower(), container_name=name
    )


def _changes(target: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of modified properties with their new value, or the old one where there is no new one."""
    for changed in objects(target.get("modifiedProperties")):
        new, old = text_of(changed, "newValue"), text_of(changed, "oldValue")
        yield text_of(changed, "displayName"), new if _plain(new) else old


def _policies(target: Mapping[str, Any]) -> tuple[Policy | None, Policy | None]:
    for changed in objects(target.get("modifiedProperties")):
        before, after = _policy(changed.get("oldValue")), _policy(changed.get("newValue"))
        if before or after:
            return before, after
    return None, None


def _policy(text: object) -> Policy | None:
    value = decoded(text)
    return parse_policy(_as_graph_words_it(value)) if isinstance(value, Mapping) and "state" in value else None


_GUESTS = {
    1: "internalGuest",
    2: "b2bCollaborationGuest",
    4: "b2bCollaborationMember",
    8: "b2bDirectConnectUser",
    16: "otherExternalUser",
    32: "serviceProvider",
}
"""Microsoft Graph's ``conditionalAccessGuestOrExternalUserTypes`` by the bits that the log writes."""


def _as_graph_words_it(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """A policy with kinds of guests as words, where the log has a number: Graph has words, and a number would read as malformed."""
    conditions = _object(policy.get("conditions"))
    users = {**_object(conditions.get("users"))}
    for name in ("includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"):
        guests = _object(users.get(name))
        kinds = guests.get("guestOrExternalUserTypes")
        if type(kinds) is int and 0 <= kinds < 64:
            words = [word for bit, word in _GUESTS.items() if kinds & bit] or ["none"]
            users[name] = {**guests, "guestOrExternalUserTypes": ",".join(words)}
    return {**policy, "conditions": {**conditions, "users": users}} if users else policy


def _switch(target: Mapping[str, Any]) -> tuple[str, str]:
    """Whether it was ``on`` or ``off`` before, and is afterwards, where modified properties say it."""
    for changed in objects(target.get("modifiedProperties")):
        before, after = (_on_or_off(decoded(changed.get(which))) for which in ("oldValue", "newValue"))
        if after:
            return before, after
    return "", ""


def _on_or_off(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("isEnabled", value.get("IsEnabled"))
    return {"true": "on", "false": "off"}.get(str(value).lower(), "")


def _plain(text: str | None) -> str:
    """A value of a modified property: JSON text, where the log has it so, or a list of one."""
    value = decoded(text)
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return value if isinstance(value, str) else "" if value is None else str(text)


def decoded(text: object) -> Any:
    """A value of a modified property: what its JSON text says, or the text itself; None where there is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return read_json(text)
    except ValueError:
        return text


def has_failed(row: Mapping[str, Any]) -> bool:
    """Whether a row is about something that was tried, and didn't happen."""
    return text_of(row, "result").lower() in ("failure", "timeout")


def actor_of(row: Mapping[str, Any]) -> str | None:
    """Who or what did it, by the best name that the log has; an application may have its id only."""
    initiated = _object(row.get("initiatedBy"))
    names = (text_of(_object(initiated.get(who)), name) for who, name in _ACTOR_NAMES)
    return next((name for name in names if name), None)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Json]:
    """The objects of a list; of anything else none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(item: Mapping[str, Any], name: str) -> str:
    """A member that is a text; empty for any other."""
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _instant(moment: datetime) -> str:
    return iso(moment)
