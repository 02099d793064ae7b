"""The times for which a channel doesn't work, and what is said about them. Pure.

Such a time is told once when it begins, weekly while it lasts, and once when it is over: through the other channels, and only
as long as it is true. What is told follows from the channel's record (``alerts/book.py``), so that two processes tell the same.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid5

from alerts.compose import NAMESPACE
from alerts.model import About
from alerts.retries import LONGEST, SKEW, ahead

PATIENCE = timedelta(hours=1)
"""How long a channel may fail before others hear of it, where it may pass."""
AGAIN = timedelta(days=7)
"""The time between reminders."""
MEANT = timedelta(days=7)
"""After this time, a channel that was taken away counts as taken away on purpose, if there is another one."""


class Cause(StrEnum):
    """Why a channel doesn't work."""

    FAILING = "failing"
    """It is busy or doesn't answer; that may pass."""
    REFUSING = "refusing"
    """It refuses, until somebody changes something."""
    MISSET = "misset"
    """Its settings are wrong."""
    UNSET = "unset"
    """The function app had its settings, and has them no longer."""


class Word(StrEnum):
    """What is to be said about a channel."""

    BROKEN = "broken"
    STILL_BROKEN = "still_broken"
    GIVEN_UP = "given_up"
    """The first alert was given up."""
    WORKS = "works"


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """What is known of a channel of this installation."""

    name: str
    known: bool | None = None
    """Whether the function app has it set; None where the app hasn't said."""
    since: datetime | None = None
    """Since when it doesn't work; None while it works."""
    cause: Cause | None = None
    error: str = ""
    """What went wrong last, in a sentence without secrets."""
    notices: int = 0
    """How many notices were made about this time, or about the one before it while it works."""
    noticed_at: datetime | None = None
    given_up: int = 0
    """How many alerts were given up in this time."""
    given_up_told: bool = False
    before: datetime | None = None
    """When the last time began that is over."""
    quiet_until: datetime | None = None
    """It asked to be left alone until then."""
    etag: str | None = None
    """None for a record that was never written."""

    def quiet(self, now: datetime) -> bool:
        """Whether it asked to be left alone at ``now``."""
        return ahead(self.quiet_until, now, LONGEST)

    def about(self, number: int) -> About:
        """What notice ``number`` of this time is about."""
        return About(channel=self.name, since=self.since or self.before, number=number)


def failed(record: ChannelRecord, cause: Cause, error: str, now: datetime) -> ChannelRecord:
    """It didn't work at ``now``: another time begins, or goes on."""
    if _begins(record, cause, now):
        record = replace(
            record, since=now.replace(microsecond=0), notices=0, noticed_at=None, given_up=0, given_up_told=False
        )
    return replace(record, cause=cause, error=error)


def worked(record: ChannelRecord) -> ChannelRecord:
    """It works: the time is over, if there was one."""
    before = record.since or record.before
    return replace(record, since=None, before=before, cause=None, error="", quiet_until=None)


def gave_up(record: ChannelRecord, cause: Cause, error: str, now: datetime) -> ChannelRecord:
    """An alert was given up after it had failed for so long."""
    record = record if record.since else failed(record, cause, error, now)
    return replace(record, given_up=record.given_up + 1)


def noticed(record: ChannelRecord, about: About, word: Word, now: datetime) -> ChannelRecord:
    """A notice was made."""
    if record.since != about.since or record.notices >= about.number:
        return record
    told = record.given_up_told or word is Word.GIVEN_UP or record.given_up > 0
    return replace(record, notices=about.number, noticed_at=now, given_up_told=told)


def due(record: ChannelRecord, now: datetime) -> Word | None:
    """What is to be said about a channel that doesn't work."""
    if record.since is None:
        return None
    if not record.notices:
        known = record.cause is not Cause.FAILING or now - record.since >= PATIENCE or record.given_up
        return Word.BROKEN if known else None
    if record.given_up and not record.given_up_told:
        return Word.GIVEN_UP
    if record.cause is Cause.UNSET or record.noticed_at is None:  # who took it away knows
        return None
    waited = now - record.noticed_at
    return Word.STILL_BROKEN if waited >= AGAIN or waited < -SKEW else None


def is_broken(record: ChannelRecord, now: datetime) -> bool:
    """Whether it doesn't work, and not only for a moment."""
    if record.since is None:
        return False
    return record.cause is not Cause.FAILING or now - record.since >= PATIENCE or bool(record.notices)


def is_lost(record: ChannelRecord, names: Collection[str], now: datetime) -> bool:
    """Whether its settings are gone, and may have got lost. ``names``: the channels that are set; without any it isn't meant."""
    if record.cause is not Cause.UNSET or record.since is None or record.name in names:
        return False
    return not names or now - record.since < MEANT


def holds(about: About, record: ChannelRecord | None) -> bool:
    """Whether what a notice says about a channel is still true, and the last that was said about it."""
    if record is None or about.since is None:
        return True
    if record.since is None:
        return record.before == about.since and about.number > record.notices
    return record.since == about.since and about.number >= record.notices


def notice_id(about: About) -> str:
    """The id of a notice about a channel: the same in every process."""
    since = about.since.isoformat() if about.since else ""
    return str(uuid5(NAMESPACE, f"channel/{about.channel}/{since}/{about.number}"))


def _begins(record: ChannelRecord, cause: Cause, now: datetime) -> bool:
    if record.since is None or (record.cause is Cause.UNSET) != (cause is Cause.UNSET):
        return True
    return record.since > now and not record.notices  # written by a clock that was ahead
