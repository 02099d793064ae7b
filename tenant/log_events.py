"""Everything in the directory audit log that may concern a service account, whatever it says: for somebody who watches the log.

One filter asks for all of it, so that a quiet tenant costs one request. What services log under names that Microsoft's list
lacks comes along as well: of Conditional Access everything counts. Source of the names: Microsoft Entra documentation,
"Microsoft Entra audit log categories and activities". That Graph takes a filter of this length is known of no page: where it
refuses, the whole log of the time is read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from basics.times import iso
from tenant import audits
from tenant.audits import Lately, actor_of, decoded, has_failed, objects, parse_event, text_of
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphRefused, Json, items_of, next_link
from tenant.odata import literal
from tenant.shapes import parse_time

_POLICIES = frozenset({"policy", "conditionalaccesspolicy"})
SERVICES = (audits.SERVICE, "Authentication Methods", "PIM")
ACTIVITIES = tuple(
    dict.fromkeys(
        (
            "Add user",
            "Delete user",
            "Hard Delete user",
            "Restore user",
            "Enable account",
            "Disable account",
            "Update group",
            "Delete group",
            "Restore group",
            "Update security defaults",
            *audits.ACTIVITIES,
        )
    )
)
"""Activities of other services: those from which causes are made, and others that may change a verdict."""
_FOR_ALL = frozenset(
    {"update security defaults", "mfa service policy update", "update user risk and mfa registration policy"}
)
"""Activities that count for everybody whatever the event says of them (the second one: trusted addresses, too), in lower case."""
_STRENGTHS = "authentication strength"
"""How the activities of authentication strengths begin, in lower case; the service Authentication Methods logs them."""
MOST_PAGES = 10
"""Pages that one look takes: of more it is enough to know that there are many."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an event is about."""

    id: str
    """In lower case."""
    type: str
    """``user``, ``group``, ``role``, ``policy`` and so on, in lower case."""
    name: str = ""
    """A user's principal name; the display name of anything else."""
    changed: Mapping[str, str] = field(default_factory=dict)
    """Names of its properties that the event set, in lower case -> the new values as text."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Something that happened, and succeeded."""

    id: str
    time: datetime
    activity: str
    service: str
    actor: str
    """Who or what did it; empty where the log doesn't say."""
    targets: tuple[Target, ...]
    container: str = ""
    """Id of the group or role that a member came to, or left, in lower case; empty for anything else."""
    about_tenant: bool = False
    """Whether it changed something of the tenant itself that counts for everybody."""

    @property
    def about_conditional_access(self) -> bool:
        """Whether the service Conditional Access logged it."""
        return self.service.casefold() == audits.SERVICE.casefold()

    @property
    def about_policy(self) -> bool:
        """Whether it is about a policy, whatever service logged it."""
        return any(target.type in _POLICIES for target in self.targets) and not self.container

    @property
    def about_role(self) -> bool:
        """Whether somebody came to a role, or left one."""
        return "role" in self.activity.casefold()

    @property
    def groups(self) -> frozenset[str]:
        """Ids of the groups that it is about, in lower case; of a group that came into another, or left it, its own.

        What the log gives no type may be one.
        """
        return frozenset(target.id for target in self.targets if target.type in ("group", "")) - {self.container}


class TooManyEvents(Exception):
    """There were more events than one look takes."""

    def __init__(self, rows: list[Json], since: datetime | None) -> None:
        """Takes the rows that were read, and from when on these are all; None where nobody can say."""
        super().__init__("There were more events than one look takes.")
        self.rows, self.since = rows, since


def expression(since: datetime, *, refined: bool = True) -> str:
    """The ``$filter`` for what happened since a time; not ``refined``: for everything."""
    span = f"activityDateTime ge {iso(since)}"
    if not refined:
        return span
    named = [f"loggedByService eq {literal(name)}" for name in SERVICES]
    named += [f"activityDisplayName eq {literal(name)}" for name in ACTIVITIES]
    return f"{span} and ({' or '.join(named)})"


async def read_lately(graph: Graph, since: datetime, pages: int = MOST_PAGES) -> Lately:
    """The log since a time, as far as it may concern anybody, from so many pages at most.

    Raises ``GraphError``, and :class:`TooManyEvents`, with those that were read, where there are more.
    """
    try:
        rows, whole = await _rows(graph, expression(since), pages)
    except GraphRefused as refused:
        if refused.status not in REFINEMENT_REFUSED:
            raise
        rows, whole = await _rows(graph, expression(since, refined=False), pages)
    if not whole:
        raise TooManyEvents(rows, _all_since(rows))
    return Lately(since, rows)


def events_of(rows: Iterable[Json], now: datetime) -> list[LogEvent]:
    """The events of rows of the log, oldest first; one without a readable time counts as one of ``now``."""
    found = {event.id: event for row in rows if (event := parse(row, now))}  # the log shows some twice
    return sorted(found.values(), key=lambda event: (event.time, event.id))


async def _rows(graph: Graph, wanted: str, pages: int) -> tuple[list[Json], bool]:
    """The rows of so many pages, and whether these are all."""
    page = await graph.get(f"/auditLogs/directoryAudits?$filter={quote(wanted)}&$top=1000")
    rows = [*items_of(page)]
    for _ in range(pages - 1):
        link = next_link(page)
        if not link:
            return rows, True
        page = await graph.page(link)
        rows += items_of(page)
    return rows, not next_link(page)


def _all_since(rows: list[Json]) -> datetime | None:
    """From when on the first pages hold everything: Graph has the newest first, unless it shows otherwise."""
    times = [parse_time(row.get("activityDateTime")) for row in rows]
    known = [time for time in times if time]
    in_order = len(known) == len(times) and all(one >= other for one, other in pairwise(known))
    return known[-1] if known and in_order and known[0] > known[-1] else None


def parse(row: Mapping[str, Any], now: datetime) -> LogEvent | None:
    """The event of a row; None for one that failed. One that can't be read in full counts with what can be."""
    if has_failed(row):
        return None
    time, activity = parse_time(row.get("activityDateTime")) or now, text_of(row, "activityDisplayName")
    known = parse_event({**row, "activityDateTime": iso(time)})
    return LogEvent(
        text_of(row, "id") or _made_up_id(row),
        time,
        activity,
        text_of(row, "loggedByService"),
        actor_of(row) or "",
        tuple(map(_target, objects(row.get("targetResources")))),
        known.container_id if known else "",
        about_tenant=_counts_for_all(activity) or (known is not None and known.kind == "tenant_switch"),
    )


def _counts_for_all(activity: str) -> bool:
    name = activity.casefold()
    return name in _FOR_ALL or name.startswith(_STRENGTHS)


def _made_up_id(row: Mapping[str, Any]) -> str:
    """The same for the same row, and another for any other; it tells nothing of what the row says."""
    return sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


def _target(target: Json) -> Target:
    changed = {
        text_of(one, "displayName").rpartition(".")[2].casefold(): _plain(one.get("newValue"))
        for one in objects(target.get("modifiedProperties"))
    }
    name = text_of(target, "userPrincipalName") or text_of(target, "displayName")
    return Target(text_of(target, "id").lower(), text_of(target, "type").lower(), name, changed)


def _plain(text: object) -> str:
    """A new value as text: the log has JSON text, and a list of one where a property has one value."""
    value = decoded(text)
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return value if isinstance(value, str) else "" if value is None else str(value)
