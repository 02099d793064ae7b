"""What a scheduled scan found although a look at the audit log should have found it before: so that it is known how good the looks are. Pure."""

from collections.abc import Iterable, Mapping
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
    late = [change for change in changes if change.kind in _BEGAN and _shown(change, last, now)]
    if not late:
        return None
    what = count(len(late), "finding began", "findings began")
    return (
        f"{what} with a change that the audit log showed over an hour before this scan, and that no look at it found: doctor says "
        "when it was last looked at."
    )


def _shown(change: Change, last: datetime, now: datetime) -> bool:
    reasons = change.detail.get("reasons")
    effects = causing_effects(change.check_id)
    return isinstance(reasons, list | tuple) and any(
        isinstance(one, Mapping) and one.get("effect") in effects and _began_between(one, last, now) for one in reasons
    )


def _began_between(reason: Mapping[str, Any], last: datetime, now: datetime) -> bool:
    """Whether the log says that it has been so since a time between the two scans; a policy's own date is none of the log's."""
    since = parse_time(reason.get("since"))
    logged = bool(reason.get("cause")) and not reason.get("since_is_policy_date")
    return logged and since is not None and last <= since <= now - LATE
