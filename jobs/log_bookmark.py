"""Up to when the audit log was looked at between scans, what is done with, and what was asked for: what one look leaves to the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from basics.times import iso, parse
from evidence.store import StoredEvidence
from findings.clocks import is_ahead
from settings import Settings
from settings.values import OFF
from tenant.log_events import LogEvent

NAME = "log_watch"
"""Under which the bookmark is remembered."""
LATE = timedelta(hours=1)
"""How late an event may turn up in the log. Microsoft once said: 99 % within 5 minutes; others see 15."""
REACHES = timedelta(days=7)
"""How far back the log can be read in every tenant. Source: Microsoft Entra data retention (7 days without a P1 licence)."""
IDLE = timedelta(minutes=20)
"""How long the bookmark may stand where nothing happens: writing costs more than reading an hour of a quiet log again."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Up to when the log was read."""

    until: datetime | None = None
    """By Graph's clock; None where it was never read."""
    done: Mapping[str, datetime] = field(default_factory=dict)
    """Ids of the events that are done with -> when they were: those that the next look shows again."""
    failing: datetime | None = None
    """Since when it can't be read; None where it can."""
    told: bool = False
    """Whether that was told."""
    asked: Mapping[str, datetime] = field(default_factory=dict)
    """Ids of the scans that were asked for and aren't known to be done -> when they were asked for."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Bookmark":
        """What was remembered; what can't be read of it counts as never read."""
        try:
            until, failing = (parse(kept[name]) if kept.get(name) else None for name in ("until", "failing"))
            done, asked = (
                {str(id): parse(time) for id, time in (kept.get(name) or {}).items()} for name in ("done", "asked")
            )
        except (AttributeError, TypeError, ValueError):
            return cls()
        return cls(until, done, failing, kept.get("told") is True, asked)

    @property
    def kept(self) -> dict[str, Any]:
        """What to remember, as plain JSON."""
        return {
            "until": self.until and iso(self.until),
            "done": {id: iso(time) for id, time in self.done.items()},
            "failing": self.failing and iso(self.failing),
            "told": self.told,
            "asked": {id: iso(time) for id, time in self.asked.items()},
        }

    def lost(self, now: datetime) -> str:
        """Why nobody knows what happened since the last look; empty where the log was read on."""
        if self.until is None:
            return ""
        if is_ahead(self.until, now):
            return "the clock was ahead when the audit log was last read"
        if now - self.until > REACHES - LATE:
            return "the audit log wasn't read for longer than it is kept"
        return ""

    def after(self, events: Iterable[LogEvent], now: datetime) -> "Bookmark":
        """The bookmark after a look that could read the log, and dealt with all these events."""
        recent = now - LATE - LATE
        done = {id: time for id, time in self.done.items() if recent <= time}
        done |= {event.id: event.time for event in events if recent <= event.time}
        return Bookmark(now, done)


async def last_look(service: TableServiceClient) -> Bookmark:
    """The bookmark as it was kept last. Raises ``StorageError``."""
    return Bookmark.of(await StoredEvidence(service).recall(NAME))


async def says_it_is_blind(service: TableServiceClient, settings: Settings) -> bool:
    """Whether it was told that the log can't be read between scans, so that only a look at it ends that. Raises ``StorageError``."""
    return is_watched(settings) and (await last_look(service)).told


def is_watched(settings: Settings) -> bool:
    """Whether the settings ask for looks at the audit log between scans."""
    return settings.audit_log == "on" and settings.watch_schedule != OFF
