"""The audit log as far as it was read: what is still to be asked for, and what is known of it altogether.

For each question it is remembered up to when it was answered, so that the next scan asks for what came since. What was read
is kept for longer than Entra ID keeps it. Where that becomes too much, those events stay that may concern a verdict: what happened
to people whom nobody watches crowds out nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from basics.times import iso
from evidence.store import Evidence
from findings.clocks import is_ahead
from tenant.audits import AT_ONCE, OF_MEMBERS, AuditQuestion, AuditReader, Lately, parse_event, without_repeats
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError
from tenant.log_events import TooManyEvents, read_lately
from tenant.model import AuditTrail, Gap, Tenant
from tenant.reader import groups_named_by
from tenant.shapes import parse_time
from tenant.turns import OutOfTurns, Turns

DAYS = 30
"""How far back the audit log reaches at most. Source: Microsoft Entra data retention (7 days without a P1 licence)."""
KEPT_DAYS = 180
MOST_KEPT = 3000
"""Events that are kept: the newest of those that count, and then of the others."""
LATE = timedelta(hours=2)
"""How late an event may turn up in the log."""
MOST_GROUPS = 20 * AT_ONCE
ONE_LOOK = timedelta(days=2)
"""How far back one request asks for everything that any question asks for: of a longer time that is too much."""
MOST_PAGES = 1
"""Pages that it takes: where a thousand events aren't all, each question asks for its own."""
_OMITTED = "rows_omitted"
"""The member of what is kept that says how many rows didn't fit (``findings/packing.py``)."""
_QUESTIONS = frozenset({"policies", "activities", "groups", "users"})

Json = dict[str, Any]


async def read_trail(
    graph: Graph,
    evidence: Evidence,
    turns: Turns,
    gaps: Gaps,
    now: datetime,
    tenant: Tenant,
    accounts: Sequence[str] = (),
    lately: Lately | None = None,
    watched: Collection[str] | None = None,
) -> AuditTrail | None:
    """Read what the audit log got since the last scan, and return all that is known of it; None where nothing is.

    ``accounts``: ids of those that are judged, whose updates matter. ``lately``: what was read of the log already. ``watched``: ids of
    all accounts that are, and of the groups that they are in, whose events are kept rather than others; None where nobody looked at
    all of them: then no event is dropped, and what is too much is left to a scan that does. What can't be read becomes an optional
    gap, once. Raises ``StorageError`` where it can't be kept.
    """
    log = _AuditLog(await evidence.recall("audits"), now)
    if log.odd:
        evidence.note("audits")
    changed = False
    try:
        questions = list(log.questions(groups_that_count(tenant), accounts))
        lately = lately or await _lately(graph, turns, [since for since, _ in questions], now)
        reader = AuditReader(graph, turns, lately)
        for since, question in questions:
            rows = await reader.read(question, since, now)
            log.add(question, since, rows)
            changed = True
    except OutOfTurns:
        text = "it is long, and Microsoft Graph allows 5 requests in 10 seconds: the next scan goes on from here"
        gaps.add_optional("audit_log", text)
    except GraphError as error:
        gaps.add_audit_log(error)
    counting = None if watched is None else frozenset(watched) | tenant.groups.keys() | _nested_in_any(tenant)
    if changed and (counting is not None or not log.is_too_much):
        await evidence.remember("audits", log.document(counting or frozenset()))
    return log.trail()


def _nested_in_any(tenant: Tenant) -> frozenset[str]:
    return frozenset[str]().union(*tenant.nesting.values())


async def _lately(graph: Graph, turns: Turns, starts: Iterable[datetime], now: datetime) -> Lately | None:
    """The log since the earliest of the starts of questions, apart from those far back, where that costs less than asking each."""
    recent = [since for since in starts if now - since <= ONE_LOOK]
    if len(recent) < 2:
        return None
    await turns.take()
    try:
        return await read_lately(graph, min(recent), pages=MOST_PAGES)
    except (GraphError, TooManyEvents):
        return None  # each question is asked for itself, and says what is wrong


def groups_that_count(tenant: Tenant) -> list[str]:
    """Ids of the groups about whose members the log is asked: of those that matter to a verdict not more than it can be asked about."""
    return sorted(_groups_of_policies(tenant))[:MOST_GROUPS]


def groups_of_verdicts(tenant: Tenant) -> frozenset[str]:
    """Ids of the groups through whose members, or whose end, a verdict may change: those that policies name, those nested in them,
    and those that hold a role and have a service account in them.
    """
    holders = {
        one.principal_id.lower()
        for held in (tenant.role_assignments, tenant.role_eligibilities)
        if not isinstance(held, Gap)
        for one in held
    }
    return _groups_of_policies(tenant) | (holders & tenant.groups.keys())


def _groups_of_policies(tenant: Tenant) -> frozenset[str]:
    return tenant.with_nested(groups_named_by(tenant.policies))


async def ids_asked_about(evidence: Evidence) -> frozenset[str]:
    """Ids of the groups, and of a few accounts, about which the last scans asked the log: the groups that count. Raises ``StorageError``."""
    read = (await evidence.recall("audits")).get("read")
    return frozenset(read) - _QUESTIONS if isinstance(read, dict) else frozenset()


class _AuditLog:
    """What is kept: ``read`` (question or group -> up to when it was answered), ``since`` and ``rows``.

    ``odd``: whether not all of it can be read. Then what can be is used, and everything is asked for again. So is what a clock that
    was ahead says was read up to a time that is yet to come: up to when it was really read nobody knows. Where it wasn't read for longer
    than it reaches back, it is known from then on again.
    """

    def __init__(self, kept: Json, now: datetime) -> None:
        self._now = now
        since = parse_time(kept.get("since"))
        read, rows = kept.get("read"), kept.get("rows")
        times = {name: parse_time(text) for name, text in read.items()} if isinstance(read, dict) else {"": None}
        readable = [row for row in rows if _is_row(row)] if isinstance(rows, list) else []
        self._rows: dict[str, Json] = {row["id"]: row for row in readable}
        self.odd = bool(kept) and (since is None or None in times.values() or readable != rows)
        self._read = {name: time for name, time in times.items() if time and not self.odd and not is_ahead(time, now)}
        last = self._read.get("policies")
        if self._read.keys() != times.keys() or is_ahead(since, now) or (last and last < now - timedelta(days=DAYS)):
            since = None  # something is missing in between, or may be
        elif since and kept.get(_OMITTED):
            since = max([since, *self._read.values()])  # rows that didn't fit, of whatever time
        self._since = since
        self._begins_anew = since is None

    def questions(self, groups: Sequence[str], accounts: Sequence[str]) -> Iterable[tuple[datetime, AuditQuestion]]:
        """What is to be asked, and from when on; last what may be long: the updates of users, by account where they are few."""
        for about in ("policies", "activities"):
            yield self._from(about), AuditQuestion(about)
        for since, ids in self._together(groups):
            yield since, AuditQuestion("groups", groups=ids)
        if len(accounts) > AT_ONCE:
            yield self._from("users"), AuditQuestion("users")
            return
        for since, ids in self._together(accounts):
            yield since, AuditQuestion("users", accounts=ids)

    def _together(self, ids: Sequence[str]) -> Iterable[tuple[datetime, tuple[str, ...]]]:
        """Ids that can be asked about at once, and from when on."""
        together: dict[datetime, list[str]] = {}
        for id in ids:
            together.setdefault(self._from(id), []).append(id)
        for since, alike in together.items():
            for start in range(0, len(alike), AT_ONCE):
                yield since, tuple(alike[start : start + AT_ONCE])

    def add(self, question: AuditQuestion, since: datetime, rows: Iterable[Json]) -> None:
        """Note the answer to a question."""
        self._rows |= {row["id"]: row for row in rows if row["id"]}
        for name in question.targets or (question.about,):
            self._read[name] = self._now
        if self._begins_anew:  # otherwise it says of one group what isn't true of the others
            self._since = min(self._since or since, since)

    @property
    def is_too_much(self) -> bool:
        """Whether not all of it can be kept."""
        return len(self._rows) > MOST_KEPT

    def document(self, counting: Collection[str]) -> Json:
        """What to keep, as plain JSON: first what may concern a verdict, which is what happened to those ids or to policies.

        What is dropped isn't known any more: the log counts as read from then on.
        """
        first = self._now - timedelta(days=KEPT_DAYS)
        rows = sorted(self._rows.values(), key=lambda row: str(row["activityDateTime"]), reverse=True)
        rows = [row for row in rows if str(row["activityDateTime"]) >= iso(first)]
        rows.sort(key=lambda row: not _counts(row, counting))
        dropped = [time for row in rows[MOST_KEPT:] if (time := parse_time(row["activityDateTime"]))]
        recent = {name: time for name, time in self._read.items() if time >= self._now - timedelta(days=DAYS)}
        return {
            "read": {name: time.isoformat() for name, time in recent.items()},
            "since": max(self._since or self._now, first, *dropped).isoformat(),
            "rows": rows[:MOST_KEPT],
        }

    def trail(self) -> AuditTrail | None:
        """All that is known, newest first."""
        if self._since is None and not self._rows:
            return None
        events = [event for row in self._rows.values() if (event := parse_event(row))]
        events.sort(key=lambda event: (event.time, event.kind, event.target_id), reverse=True)
        return AuditTrail(tuple(without_repeats(events)), (self._since or self._now).astimezone(UTC))

    def _from(self, name: str) -> datetime:
        first = self._now - timedelta(days=DAYS)
        return max(self._read.get(name, first) - LATE, first)


def _counts(row: Json, ids: Collection[str]) -> bool:
    event = parse_event(row)
    return event is not None and (event.kind not in OF_MEMBERS or event.target_id in ids)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("id", "activityDateTime"))
