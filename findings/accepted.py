"""Which exception covers a finding, and exceptions as text: pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

from basics.documents import read_json
from findings.model import AcceptedException, FindingState
from findings.odd import parsed_time


def exception_for(
    exceptions: Iterable[AcceptedException], account_id: str, check_id: str, now: datetime
) -> AcceptedException | None:
    """The exception that holds for this check of this account at ``now``: the one that holds longest. One that is unread holds nothing."""
    matching = (
        exception
        for exception in exceptions
        if exception.account_id == account_id
        and exception.check_id in (None, check_id)
        and exception.active(now)
        and not exception.unread
    )
    return max(matching, key=lambda exception: (exception.until, exception.created_at, exception.id), default=None)


def with_exception(state: FindingState, exceptions: Iterable[AcceptedException], now: datetime) -> FindingState:
    """The finding with the exception that covers it at ``now``; a resolved one has none."""
    exception = exception_for(exceptions, state.account_id, state.check_id, now) if state.open else None
    return replace(state, exception=exception)


def dump_exception(exception: AcceptedException | None) -> str | None:
    """The exception as JSON, for one string property; None for None."""
    if exception is None:
        return None
    return json.dumps(
        {
            **exception.extra,
            "id": exception.id,
            "account_id": exception.account_id,
            "user_principal_name": exception.user_principal_name,
            "check_id": exception.check_id,
            "reason": exception.reason,
            "owner": exception.owner,
            "until": exception.until.isoformat(),
            "created_at": exception.created_at.astimezone(UTC).isoformat(),
            "created_by": exception.created_by,
            "ended_at": exception.ended_at.astimezone(UTC).isoformat() if exception.ended_at else None,
            "ended_by": exception.ended_by,
        }
    )


def load_exception(text: str | None) -> AcceptedException | None:
    """The exception that ``dump_exception`` wrote, in this version or another.

    Raises:
        ValueError: What it accepts, and until when, can't be read: such an exception must not silence anything.
    """
    if not text:
        return None
    values = read_json(text)
    check_id, ended_at = _part(values, "check_id"), _part(values, "ended_at")
    exception = AcceptedException(
        id=_text(values, "id"),
        account_id=_text(values, "account_id"),
        user_principal_name=_words(values, "user_principal_name"),
        check_id=None if check_id is None else _text(values, "check_id"),
        reason=_words(values, "reason"),
        owner=_words(values, "owner"),
        until=date.fromisoformat(_text(values, "until")),
        created_at=_time(values, "created_at"),
        created_by=_words(values, "created_by"),
        ended_at=None if ended_at is None else _time(values, "ended_at"),
        ended_by=_words(values, "ended_by") or None,
    )
    return replace(exception, extra={name: value for name, value in values.items() if name not in _KNOWN})


_KNOWN = frozenset(field.name for field in fields(AcceptedException)) - {"extra", "unread"}


def _part(values: Any, name: str) -> Any:
    """A part that must be there, be it null: one that is missing may have said anything."""
    if not isinstance(values, dict) or name not in values:
        raise ValueError(f"an exception has {name}")
    return values[name]


def _text(values: Mapping[str, Any], name: str) -> str:
    value = _part(values, name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a text")
    return value


def _words(values: Mapping[str, Any], name: str) -> str:
    """What is only shown, and may be missing."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _time(values: Mapping[str, Any], name: str) -> datetime:
    time = parsed_time(_text(values, name))
    if time is None:
        raise ValueError(f"{name} is a time")
    return time
