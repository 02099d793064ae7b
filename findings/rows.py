"""Records as entities of Table Storage, and back.

Table ``findings`` has a partition per account, so that what belongs together is written together::

    account                                  the account's latest judgement; its ETag guards the whole partition
    change;<alert id>;<check id>;<kind>      a change whose telling isn't finished
    finding;<check id>                       a finding

``account`` sorts first on purpose: a reader whose pages straddle somebody else's write then holds an ETag that is too
old, and its own write fails, instead of one that is newer than the findings it read.

Table ``history`` has the same partitions, with rows ``<time>;<check id>;<kind>``.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from findings.accepted import dump_exception, load_exception
from findings.keys import from_key, join, time_key, to_key
from findings.model import AccountRecord, Change, ChangeKind, FindingState, Flap, Silence, Status
from findings.packing import TEXT_CHARACTERS, clean, pack, unpack
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
    *("per_user_mfa", "on_evidence", "switched_off_from", "selected_as", "lost_since", "visibility", "usability"),
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
        switched_off_from=record.switched_off_from,
        selected_as=record.selected_as,
        lost_since=record.lost_since,
        visibility=record.visibility,
        usability=record.usability,
        **pack(record.document),
    )


def account_from_row(row: Mapping[str, Any]) -> AccountRecord:
    """The record in an account's row; its ``document`` is None where the row was read without it."""
    return AccountRecord(
        account_id=from_key(row["PartitionKey"]),
        user_principal_name=row["user_principal_name"],
        display_name=row["display_name"],
        run_id=row["run_id"],
        judged_at=utc(row["judged_at"]),
        complete=row["complete"],
        selected=row["selected"],
        per_user_mfa=row.get("per_user_mfa"),
        on_evidence=bool(row.get("on_evidence", False)),
        switched_off_from=row.get("switched_off_from"),
        selected_as=row.get("selected_as", row["user_principal_name"]),
        lost_since=utc_or_none(row.get("lost_since")),
        visibility=row["visibility"],
        usability=row["usability"],
        document=unpack(row),
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
    """The finding in a row."""
    return FindingState(
        account_id=from_key(row["PartitionKey"]),
        user_principal_name=row["user_principal_name"],
        display_name=row["display_name"],
        check_id=row["check_id"],
        title=row["title"],
        severity=row["severity"],
        status=Status(row["status"]),
        first_ever=utc(row["first_ever"]),
        first_seen=utc(row["first_seen"]),
        last_seen=utc(row["last_seen"]),
        changed_at=utc(row["changed_at"]),
        fingerprint=row["fingerprint"],
        summary=row["summary"],
        cause=row.get("cause"),
        run_id=row["run_id"],
        resolved_at=utc_or_none(row.get("resolved_at")),
        resolution=row.get("resolution"),
        occurrences=row["occurrences"],
        transitions=tuple(datetime.fromisoformat(time) for time in json.loads(row["transitions"])),
        flapping_since=utc_or_none(row.get("flapping_since")),
        pending=bool(row.get("pending", False)),
        exception=load_exception(row.get("exception")),
    )


def change_to_row(change: Change, detail: Mapping[str, bytes]) -> Entity:
    """The row of a change whose telling isn't finished; ``detail`` is ``change.detail``, packed."""
    return _change_row(change, join(CHANGE, change.alert_id, change.check_id, change.kind.value), detail)


def change_to_history(change: Change, detail: Mapping[str, bytes]) -> Entity:
    """The row of a change in the history: the same one however often it is written."""
    return _change_row(change, f"{time_key(change.at)};{join(change.check_id, change.kind.value)}", detail)


def change_from_row(row: Mapping[str, Any]) -> Change:
    """The change in a row of either table."""
    flapping, silence = row.get("flapping"), row.get("silence")
    return Change(
        id=row["change_id"],
        alert_id=row["alert_id"],
        kind=ChangeKind(row["kind"]),
        status=Status(row["status"]),
        account_id=from_key(row["PartitionKey"]),
        user_principal_name=row["user_principal_name"],
        display_name=row["display_name"],
        check_id=row["check_id"],
        title=row["title"],
        severity=row["severity"],
        summary=row["summary"],
        cause=row.get("cause"),
        at=utc(row["at"]),
        first_seen=utc(row["first_seen"]),
        run_id=row["run_id"],
        previous_severity=row.get("previous_severity"),
        resolution=row.get("resolution"),
        flapping=Flap(flapping) if flapping else None,
        silence=Silence(silence) if silence else None,
        closing=bool(row.get("closing", False)),
        channels=tuple(filter(None, str(row.get("channels") or "").split(","))),
        exception=load_exception(row.get("exception")),
        detail=unpack(row) or {},
    )


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


def utc_or_none(value: datetime | None) -> datetime | None:
    """``utc``, where there may be no time."""
    return utc(value) if value is not None else None
