"""Records as entities of Table Storage, and back.

Table ``findings`` has a partition per account, so that what belongs together is written together::

    account                                  the account's latest judgement; its ETag guards the whole partition
    change;<alert id>;<check id>;<kind>      a change whose telling isn't finished
    finding;<check id>                       a finding

``account`` sorts first on purpose: a reader whose pages straddle somebody else's write then holds an ETag that is too
old, and its own write fails, instead of one that is newer than the findings it read.

Table ``history`` has the same partitions, with rows ``<time>;<check id>;<kind>``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from basics.documents import read_json
from findings.accepted import dump_exception, load_exception
from findings.clocks import LONG_AGO
from findings.compare import change_id
from findings.keys import from_key, join, time_key, time_of, to_key
from findings.model import AccountRecord, Change, ChangeKind, FindingState, Flap, Silence, Status
from findings.odd import Columns, UnreadableRow, columns_of, parsed_time, readable
from findings.packing import TEXT_CHARACTERS, clean, pack
from findings.tables import Entity

ACCOUNT = "account"
CHANGE = "change"
FINDING = "finding"
STRING_CHARACTERS = 32 * 1024
"""What a string property can hold."""
JSON_COLUMNS = frozenset({"exception", "transitions"})
"""Of bounded length, and worthless when cut."""
KEYS = ("PartitionKey", "RowKey", "account_id")
ACCOUNT_COLUMNS = (
    *KEYS,
    *("user_principal_name", "display_name", "run_id", "judged_at", "complete", "selected"),
    *(
        "per_user_mfa",
        "on_evidence",
        "needs_no_log",
        "off_for_the_tenant",
        "switched_off_from",
        "selected_as",
        "lost_since",
        "visibility",
        "usability",
        "digest",
    ),
)
"""An account's row without its document."""
FINDING_COLUMNS = (
    *KEYS,
    *("user_principal_name", "display_name", "check_id", "title", "severity", "status", "first_ever", "first_seen"),
    *(
        "last_seen",
        "changed_at",
        "fingerprint",
        "summary",
        "cause",
        "run_id",
        "resolved_at",
        "resolution",
        "occurrences",
    ),
    *("transitions", "flapping_since", "pending", "exception"),
)
CHANGE_COLUMNS = (
    *KEYS,
    *("change_id", "alert_id", "kind", "status", "user_principal_name", "display_name", "check_id", "title"),
    *(
        "severity",
        "summary",
        "cause",
        "at",
        "first_seen",
        "run_id",
        "previous_severity",
        "previous_visibility",
        "resolution",
        "flapping",
        "silence",
        "closing",
        "channels",
    ),
    "exception",
)
"""A change without its detail."""


def fold(text: str) -> str:
    """``text`` for comparison: UPNs and ids differ in case from place to place."""
    return clean(text.casefold())


def account_to_row(record: AccountRecord) -> Entity:
    """The row of an account.

    Raises:
        ValueError: The record was read without its document, which writing it would destroy.
    """
    if record.document is None:
        raise ValueError("An account can't be kept without its document.")
    return make_row(
        record.account_id,
        ACCOUNT,
        user_principal_name=record.user_principal_name,
        upn_folded=fold(record.user_principal_name),
        display_name=record.display_name,
        run_id=record.run_id,
        judged_at=record.judged_at,
        complete=record.complete,
        selected=record.selected,
        per_user_mfa=record.per_user_mfa,
        on_evidence=record.on_evidence or None,
        needs_no_log=record.needs_no_log or None,
        off_for_the_tenant=record.off_for_the_tenant or None,
        switched_off_from=record.switched_off_from,
        selected_as=record.selected_as,
        selected_as_folded=fold(record.selected_as) or None,
        lost_since=record.lost_since,
        visibility=record.visibility,
        usability=record.usability,
        digest=record.digest or digest_of(record.document),
        **pack(record.document),
    )


def digest_of(document: Mapping[str, Any]) -> str:
    """Equal for equal documents, on every machine and in every version."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def account_from_row(row: Mapping[str, Any]) -> AccountRecord:
    """The record in an account's row; its ``document`` is None where the row was read without it.

    Of a damaged one, whatever can be read; any judgement is later than one whose time can't be. Raises ``UnreadableRow``
    where there is neither a time nor a name.
    """
    read = columns_of(row)
    account_id, judged_at = from_key(read["PartitionKey"]), read.time("judged_at")
    upn = read.text("user_principal_name", account_id)
    if {"judged_at", "user_principal_name"} <= set(read.odd):
        raise UnreadableRow("judged_at, user_principal_name")
    return AccountRecord(
        account_id=account_id,
        user_principal_name=upn,
        display_name=read.text("display_name", upn),
        run_id=read.text("run_id", ""),
        judged_at=judged_at or LONG_AGO,
        complete=read.flag("complete", False),
        selected=read.flag("selected", True),
        per_user_mfa=read.text_or_none("per_user_mfa"),
        on_evidence=read.mark("on_evidence"),
        needs_no_log=read.mark("needs_no_log"),
        off_for_the_tenant=read.mark("off_for_the_tenant"),
        switched_off_from=read.text_or_none("switched_off_from"),
        selected_as=read.text("selected_as", upn) if "selected_as" in read else upn,
        lost_since=read.time_or_none("lost_since"),
        visibility=read.text("visibility", "unknown"),
        usability=read.text("usability", "unknown"),
        document=read.document(),
        digest=read.text_or_none("digest") or "",
    )


def finding_to_row(state: FindingState) -> Entity:
    """The row of a finding."""
    return make_row(
        state.account_id,
        join(FINDING, state.check_id),
        user_principal_name=state.user_principal_name,
        upn_folded=fold(state.user_principal_name),
        display_name=state.display_name,
        check_id=state.check_id,
        title=state.title,
        severity=state.severity,
        status=state.status.value,
        first_ever=state.first_ever,
        first_seen=state.first_seen,
        last_seen=state.last_seen,
        changed_at=state.changed_at,
        fingerprint=state.fingerprint,
        summary=state.summary,
        cause=state.cause,
        run_id=state.run_id,
        resolved_at=state.resolved_at,
        resolution=state.resolution,
        occurrences=state.occurrences,
        transitions=json.dumps([time.astimezone(UTC).isoformat() for time in state.transitions]),
        flapping_since=state.flapping_since,
        pending=state.pending or None,
        exception=dump_exception(state.exception),
    )


def finding_from_row(row: Mapping[str, Any]) -> FindingState:
    """The finding in a row; of a damaged one, whatever can be read.

    What the next judgement finds out anew may be missing: until then a finding without a severity is a severe one, and one without
    any time is as old as can be. Raises ``UnreadableRow`` for a status or a severity that this version doesn't know, and where
    nothing says whether the finding is open.
    """
    read = columns_of(row)
    account_id, check_id = from_key(read["PartitionKey"]), check_of(read["RowKey"])
    status, severity = read.word("status", Status), read.word("severity", _Severity)
    if check_id is None:
        raise UnreadableRow("RowKey")
    if status is None:
        raise UnreadableRow("status")
    if severity is None:
        read.odd.append("severity")
    first_ever, first_seen, changed_at, last_seen = _times(read)
    upn = read.text("user_principal_name", account_id)
    return FindingState(
        account_id=account_id,
        user_principal_name=upn,
        display_name=read.text("display_name", upn),
        check_id=check_id,
        title=read.text("title", check_id),
        severity=(severity or _Severity.HIGH).value,
        status=status,
        first_ever=first_ever,
        first_seen=first_seen,
        last_seen=last_seen,
        changed_at=changed_at,
        # Without a severity, that it has another one is no change.
        fingerprint=read.text("fingerprint", "") if severity else "",
        summary=read.text("summary", ""),
        cause=read.text_or_none("cause"),
        run_id=read.text("run_id", ""),
        resolved_at=read.time_or_none("resolved_at"),
        resolution=read.text_or_none("resolution"),
        occurrences=read.count("occurrences", 1),
        transitions=read.loaded("transitions", _transitions, ()),
        flapping_since=read.time_or_none("flapping_since"),
        pending=read.mark("pending"),
        exception=read.loaded("exception", load_exception, None),
    )


def check_of(row_key: str) -> str | None:
    """The check whose finding has this key; None for a key that no finding of this version has."""
    parts = row_key.split(";")
    return from_key(parts[1]) if len(parts) == 2 and parts[0] == FINDING and parts[1] else None


def change_to_row(change: Change, detail: Mapping[str, bytes]) -> Entity:
    """The row of a change whose telling isn't finished; ``detail`` is ``change.detail``, packed."""
    return _change_row(change, join(CHANGE, change.alert_id, change.check_id, change.kind.value), detail)


def change_to_history(change: Change, detail: Mapping[str, bytes]) -> Entity:
    """The row of a change in the history: the same one however often it is written."""
    return _change_row(change, f"{time_key(change.at)};{join(change.check_id, change.kind.value)}", detail)


def alert_of(row: Mapping[str, Any]) -> str:
    """The alert in the key of a change whose telling isn't finished. Raises ``UnreadableRow`` for any other key."""
    return _ChangeKey.of(row["RowKey"]).alert_id or ""


def change_from_row(row: Mapping[str, Any]) -> Change:
    """The change in a row of either table; of a damaged one, whatever can be read.

    Raises ``UnreadableRow`` where it says something that this version doesn't know, so that nobody can tell of it.
    """
    read = columns_of(row)
    account_id, key = from_key(read["PartitionKey"]), _ChangeKey.of(read["RowKey"])
    kind = read.word("kind", ChangeKind) or key.kind
    status = read.word("status", Status, Status.RESOLVED if kind is ChangeKind.RESOLVED else Status.OPEN)
    severity, previous = read.word("severity", _Severity), read.word("previous_severity", _Severity)
    at, first_seen = read.time("at"), read.time("first_seen")
    moment = at or key.time() or first_seen
    if status is None or moment is None:
        raise UnreadableRow("at, first_seen")
    upn = read.text("user_principal_name", account_id)
    if severity is None:
        read.odd.append("severity")
    alert_id = read.text("alert_id", "") if key.alert_id is None else key.alert_id
    return Change(
        id=read.text("change_id", change_id(alert_id, account_id, key.check_id, kind)),
        alert_id=alert_id,
        kind=kind,
        status=status,
        account_id=account_id,
        user_principal_name=upn,
        display_name=read.text("display_name", upn),
        check_id=key.check_id,
        title=read.text("title", key.check_id),
        severity=severity.value if severity else _Severity.HIGH.value,
        summary=read.text("summary", ""),
        cause=read.text_or_none("cause"),
        at=moment,
        first_seen=first_seen or moment,
        run_id=read.text("run_id", ""),
        previous_severity=previous.value if previous else None,
        previous_visibility=read.text_or_none("previous_visibility"),
        resolution=read.text_or_none("resolution"),
        flapping=read.word("flapping", Flap),
        silence=read.word("silence", Silence),
        closing=read.mark("closing"),
        channels=tuple(filter(None, (read.text_or_none("channels") or "").split(","))),
        exception=read.loaded("exception", load_exception, None),
        detail=read.document() or {},
    )


@dataclass(frozen=True, slots=True)
class _ChangeKey:
    """What the key of a change says: it must be found again by it, whatever the columns say."""

    check_id: str
    kind: ChangeKind
    alert_id: str | None
    """None in the history, where the time is in its place."""
    first: str

    @classmethod
    def of(cls, row_key: str) -> "_ChangeKey":
        first, *others = [from_key(part) for part in row_key.split(";")]
        if len(others) != (3 if first == CHANGE else 2):
            raise UnreadableRow("RowKey")
        try:
            return cls(others[-2], ChangeKind(others[-1]), others[0] if first == CHANGE else None, first)
        except ValueError:
            raise UnreadableRow(f'kind "{readable(others[-1])}"') from None

    def time(self) -> datetime | None:
        """The time in the key of the history."""
        try:
            return time_of(self.first)
        except ValueError:
            return None


class _Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def _times(read: Columns) -> tuple[datetime, datetime, datetime, datetime]:
    """When a finding was first opened, last opened, changed and seen; in place of one that is missing, the next best."""
    names = ("first_ever", "first_seen", "changed_at", "last_seen")
    found = [read.time(name) for name in names]
    known = [time for time in found if time is not None]
    first_ever, first_seen, changed_at, last_seen = found
    earliest, latest = min(known, default=LONG_AGO), max(known, default=LONG_AGO)
    return first_ever or earliest, first_seen or earliest, changed_at or latest, last_seen or latest


def _transitions(text: str) -> tuple[datetime, ...]:
    times = [parsed_time(time) for time in read_json(text)]
    if None in times:
        raise ValueError("transitions are times")
    return tuple(time for time in times if time is not None)


def _change_row(change: Change, row_key: str, detail: Mapping[str, bytes]) -> Entity:
    return make_row(
        change.account_id,
        row_key,
        change_id=change.id,
        alert_id=change.alert_id,
        kind=change.kind.value,
        status=change.status.value,
        user_principal_name=change.user_principal_name,
        display_name=change.display_name,
        check_id=change.check_id,
        title=change.title,
        severity=change.severity,
        summary=change.summary,
        cause=change.cause,
        at=change.at,
        first_seen=change.first_seen,
        run_id=change.run_id,
        previous_severity=change.previous_severity,
        previous_visibility=change.previous_visibility,
        resolution=change.resolution,
        flapping=change.flapping.value if change.flapping else None,
        silence=change.silence.value if change.silence else None,
        closing=change.closing or None,
        channels=",".join(change.channels) or None,
        exception=dump_exception(change.exception),
        **detail,
    )


def make_row(account_id: str, row_key: str, **values: Any) -> Entity:
    """A row in the partition of an account."""
    keys = {"PartitionKey": to_key(account_id), "RowKey": row_key}
    return keys | present(account_id=account_id, **values)


def present(**values: Any) -> Entity:
    """The values that there are, with strings made fit for storage."""
    return {
        name: clean(value, STRING_CHARACTERS if name in JSON_COLUMNS else TEXT_CHARACTERS)
        if isinstance(value, str)
        else value
        for name, value in values.items()
        if value is not None
    }


def utc(value: datetime) -> datetime:
    """A stored time as a plain datetime: the SDK's own subclass compares equal, but can't be changed faithfully."""
    return datetime.combine(value.date(), value.time(), UTC)
