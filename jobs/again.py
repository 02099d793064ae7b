"""When to look again at what a scan couldn't read because Microsoft Graph failed: what changed meanwhile would wait for the next day.

The first time half an hour later, then each time after twice as long: an hour that Graph was down costs a few scans, and what never
can be read costs five, once. What only a permission or a licence would open isn't waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from basics.times import iso, parse
from evidence.store import Evidence
from findings.run_record import RunRecord

NAME = "another_try"
"""Under which it is remembered."""
FIRST = timedelta(minutes=30)
"""How long after the first scan that met it."""
_DOUBLED = 10
"""Times that the wait is doubled at most: it is three weeks then."""


@dataclass(frozen=True, slots=True)
class AnotherTry:
    """What is due because of the scans that met it."""

    due: datetime | None = None
    """When to look again; None where everything was read that can be."""
    failed: int = 0
    """Scans of everything in a row that met it."""
    run_id: str = ""
    """The one that met it last."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "AnotherTry":
        """What was remembered; what can't be read of it is due at the next scan that meets it."""
        due, failed, run_id = kept.get("due"), kept.get("failed"), kept.get("run_id")
        try:
            return cls(parse(due) if isinstance(due, str) else None, max(0, int(failed or 0)), str(run_id or ""))
        except (OverflowError, TypeError, ValueError):
            return cls()

    @property
    def kept(self) -> dict[str, Any]:
        """What to remember, as plain JSON."""
        return {"due": self.due and iso(self.due), "failed": self.failed, "run_id": self.run_id}

    def after(self, run: RunRecord, *, hiccup: bool) -> "AnotherTry":
        """What is due after a scan. A run that was repeated is the same scan; one of some accounts puts nothing off."""
        if hiccup and run.id == self.run_id:
            return self
        if run.partial:
            return AnotherTry(run.started + FIRST, 0, run.id) if hiccup and self.due is None else self
        if not hiccup:
            return AnotherTry()
        return AnotherTry(run.started + FIRST * 2 ** min(self.failed, _DOUBLED), self.failed + 1, run.id)


async def another_try(evidence: Evidence) -> AnotherTry:
    """What is due. Raises ``StorageError``."""
    return AnotherTry.of(await evidence.recall(NAME))


async def note_hiccup(evidence: Evidence, run: RunRecord, *, hiccup: bool) -> None:
    """Remember whether a scan couldn't read something that Graph may show some time later. Raises ``StorageError``."""
    known = await another_try(evidence)
    if (after := known.after(run, hiccup=hiccup)) != known:
        await evidence.remember(NAME, after.kept)
