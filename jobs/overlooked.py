"""When the audit log says that a finding began; and what a scheduled scan found although a look at the log should have found it before, so
that it is known how good the looks are. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from checks.catalog import causing_effects
from findings.model import Change, ChangeKind
from jobs.log_bookmark import LATE
from reports.words import count
from tenant.shapes import parse_time

_BEGAN = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.CHANGED})


def overlooked(changes: Iterable[Change], last: datetime, now: datetime) -> str | None:
    """A sentence about findings that began with an event of the audit log since the last scan of everything, and over an hour ago.

    ``last`` is when that scan began, ``now`` when this one did. None where there are no such findings.
    """
    late = [change for change in changes if any(last <= began <= now - LATE for began in _beginnings(change))]
    if not late:
        return None
    what = count(len(late), "finding began", "findings began")
    return (
        f"{what} with a change that the audit log showed over an hour before this scan, and that no look at it found: doctor says "
        "when it was last looked at."
    )


def newest_event(changes: Iterable[Change]) -> datetime | None:
    """When the newest event of the audit log was with which a finding of these changes began; None where the log says it of none."""
    return max((began for change in changes for began in _beginnings(change)), default=None)


def says_when(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What of a change's detail the functions here look at: for who can't hold all of it of every change."""
    reasons = detail.get("reasons")
    told = [one for one in reasons if _is_of_the_log(one)] if isinstance(reasons, list | tuple) else []
    return {"reasons": [{name: one[name] for name in ("effect", "since", "cause")} for one in told]}


def _is_of_the_log(reason: object) -> bool:
    """Whether it says since when it has been so, by the log; a policy's own date is none of the log's."""
    return (
        isinstance(reason, Mapping)
        and bool(reason.get("effect") and reason.get("since") and reason.get("cause"))
        and not reason.get("since_is_policy_date")
    )


def _beginnings(change: Change) -> Iterator[datetime]:
    """Since when it has been so by the log, for each reason."""
    reasons = change.detail.get("reasons")
    if change.kind not in _BEGAN or not isinstance(reasons, list | tuple):
        return
    effects = causing_effects(change.check_id)
    for reason in reasons:
        if _is_of_the_log(reason) and reason["effect"] in effects and (since := parse_time(reason["since"])):
            yield since
