"""What is said about a channel that doesn't work, or works again. Pure; the same input makes the same notice."""

from datetime import datetime

from alerts.channel import SETTINGS, TITLES, set_again
from alerts.episodes import Cause, ChannelRecord, Word, notice_id
from alerts.model import About, Alert, Purpose
from alerts.retries import GIVE_UP_AFTER
from alerts.text import clean
from alerts.wording import count, sentence
from basics.text import well_formed
from basics.times import moment

_HEADLINES = {
    Word.BROKEN: "Alerts no longer get through to {channel}",
    Word.STILL_BROKEN: "Alerts still don't get through to {channel}",
    Word.GIVEN_UP: "An alert for {channel} was given up",
    Word.WORKS: "Alerts get through to {channel} again",
}


def compose_channel_notice(
    word: Word,
    record: ChannelRecord,
    about: About,
    *,
    waiting: int,
    now: datetime,
    tenant_id: str = "",
    tenant_name: str = "",
    report_url: str | None = None,
) -> Alert:
    """The notice about a channel, for the other channels.

    Args:
        word: What is to be said.
        record: What is known of the channel.
        about: Which notice it is; its id is made from it.
        waiting: How many alerts wait for the channel.
        now: The time.
        tenant_id: Of the organization; empty where it isn't known.
        tenant_name: Its display name; empty where it isn't known.
        report_url: Where the report is.
    """
    channel = clean(TITLES.get(record.name, record.name), 40)
    unset = record.cause is Cause.UNSET and word is Word.BROKEN
    headline = f"The alert channel {channel} is no longer set" if unset else _HEADLINES[word].format(channel=channel)
    return Alert(
        id=notice_id(about),
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=now,
        headline=headline,
        purpose=Purpose.RECOVERED if word is Word.WORKS else Purpose.FAILURE,
        notes=_notes(word, record, waiting),
        report_url=report_url,
        about=about,
    )


def _notes(word: Word, record: ChannelRecord, waiting: int) -> tuple[str, ...]:
    since = moment(record.since) if record.since else "some time ago"
    if word is Word.WORKS:
        return (f"They hadn't since {since}. What waited is sent now.",)
    return (*_why(record, since), _kept(record.given_up, waiting))


def _why(record: ChannelRecord, since: str) -> tuple[str, ...]:
    if record.cause is not Cause.UNSET:
        return (f"It has been so since {since}. The last attempt: {sentence(clean(record.error, 500))}",)
    what = SETTINGS.get(record.name, "its settings")
    return (
        f"The function app has not had {what} since {since}: if that isn't meant, {set_again(record.name)}.",
        "If it is meant, there is nothing to do.",
    )


def _kept(given_up: int, waiting: int) -> str:
    lost = (
        f"{count(given_up, 'alert was', 'alerts were')} given up; the report shows what they said. " if given_up else ""
    )
    wait = f"{count(waiting, 'alert waits', 'alerts wait')} for it; each is kept for {GIVE_UP_AFTER.days} days."
    return f"{lost}{wait}"
