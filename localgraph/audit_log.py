"""The audit log in time: a row can be read some minutes after what it tells of, and later rows sometimes before earlier ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from localgraph.schema import Json

KEPT: timedelta = timedelta(days=30)
"""How long Entra ID keeps the log with P1 or P2 (Microsoft Entra documentation, "Microsoft Entra data retention")."""


@dataclass(slots=True)
class AuditLog:
    """Rows of the log, and when each of them turns up. ``kept``: how long Graph shows a row."""

    kept: timedelta = KEPT
    _rows: dict[str, tuple[datetime, datetime, Json]] = field(default_factory=dict, init=False)
    """By id: when it happened, when it turns up, the row."""

    def record(self, rows: Iterable[Json], *, delay: timedelta = timedelta()) -> None:
        """Takes rows that turn up together, ``delay`` after each happened. Microsoft names no limit; minutes are usual.

        Raises ``ValueError`` for a row that is in the log already, or that would turn up before it happened.
        """
        if delay < timedelta():
            raise ValueError("No row turns up before it happened.")
        for row in rows:
            id = str(row["id"])
            if id in self._rows:
                raise ValueError(f"The log has the row {id!r} already.")
            happened = datetime.fromisoformat(row["activityDateTime"])
            self._rows[id] = (happened, happened + delay, row)

    def visible(self, now: datetime) -> list[Json]:
        """The rows that Graph shows at a time, newest first, for ``LocalTenant.audits``."""
        shown = [one for one in self._rows.values() if one[1] <= now < one[0] + self.kept]
        return [row for _, _, row in sorted(shown, key=lambda one: (one[0], str(one[2]["id"])), reverse=True)]
