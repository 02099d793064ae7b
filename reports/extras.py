"""What a report can show beyond one scan, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports import times

Json = Mapping[str, Any]
SHOWN_OF_A_CHANGE = frozenset(
    {
        *("run_id", "account", "user_principal_name", "check_id", "title", "severity", "kind", "at", "summary"),
        *("resolution", "silence", "flapping", "previous_visibility", "cause"),
    }
)


@dataclass(frozen=True, slots=True)
class ReportExtras:
    """History, earlier scans and exceptions. Everything is optional: a report without them shows the scan alone."""

    history: Sequence[Json] = ()
    """What happened to findings, in any order: :data:`SHOWN_OF_A_CHANGE`. ``kind``: opened, changed, resolved, reopened, exception_expired.
    ``previous_visibility``: what the scan before said of the account; null where it wasn't watched. ``cause``: since when and through whom, in
    a sentence, where that is known."""
    runs: Sequence[Json] = ()
    """Scans, oldest first, this one included or not: ``id``, ``status``, ``finished``, ``accounts_total``, ``severities``,
    ``visibility``. One of single accounts only (``partial``) isn't comparable and left out."""
    exceptions: Sequence[Json] = ()
    """Accepted exceptions: ``account``, ``user_principal_name``, ``check_id`` (null: every check), ``reason``, ``owner``,
    ``until``, ``created_by``, ``created_at``, ``ended_at``."""
    admin_center: str = "https://entra.microsoft.com"
    """Microsoft Entra admin center of the tenant's cloud."""

    def whole_runs(self) -> list[Json]:
        """The finished scans of all accounts, in the order of ``runs``."""
        return [
            run
            for run in self.runs
            if run.get("status") in ("complete", "incomplete") and run.get("finished") and not run.get("partial")
        ]

    def previous_run(self, run: Json) -> datetime | None:
        """When the scan before this one finished; None where there was none or it isn't known."""
        this = times.parse(run["finished"])
        earlier = [
            finished
            for one in self.whole_runs()
            if one["id"] != run["id"] and (finished := times.parse(one["finished"])) < this
        ]
        return max(earlier, default=None)

    def changes_of(self, run: Json) -> list[Json]:
        """What was found changed since the scan before this one, in the order of ``history``: by this scan, and by those of some accounts
        since then. Of a scan of some accounts, or where no scan was before it, what it found itself.
        """
        before = self.previous_run(run)
        whole = any(one["id"] == run["id"] for one in self.whole_runs())
        return [
            change
            for change in self.history
            if change.get("run_id") == run["id"] or (whole and before and times.parse(str(change["at"])) > before)
        ]
