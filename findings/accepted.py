"""Which exception covers a finding, and exceptions as text: pure."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from findings.model import AcceptedException, FindingState


def exception_for(
    exceptions: Iterable[AcceptedException], account_id: str, check_id: str, now: datetime
) -> AcceptedException | None:
    """The exception that holds for this check of this account at ``now``: the one that holds longest."""
    matching = (
        exception
        for exception in exceptions
        if exception.account_id == account_id and exception.check_id in (None, check_id) and exception.active(now)
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
    """The exception that ``dump_exception`` wrote."""
    if not text:
        return None
    values = json.loads(text)
    ended_at = values.pop("ended_at")
    return AcceptedException(
        **{
            **values,
            "until": date.fromisoformat(values["until"]),
            "created_at": datetime.fromisoformat(values["created_at"]),
            "ended_at": datetime.fromisoformat(ended_at) if ended_at else None,
        }
    )
