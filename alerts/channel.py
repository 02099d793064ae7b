"""What a channel is, and how it says that it couldn't deliver.

::

    Exception
    └── ChannelError    a channel refused or didn't answer; ``permanent`` says whether trying again can help

Anything else that a channel raises is a fault of this product.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from alerts.model import Alert
from alerts.parts import Part, parts_of

Send = Callable[[datetime], Awaitable[str]]
"""Sends one message: takes the time, returns what the receiver answered in a sentence, raises :class:`ChannelError`."""

TITLES = {"teams": "Teams", "webhook": "the webhook", "email": "mail"}
"""What people call the channels."""
SETTINGS = {
    "teams": "TEAMS_WEBHOOK_URL",
    "webhook": "WEBHOOK_URL and WEBHOOK_SECRET",
    "email": "ALERT_EMAIL_FROM and ALERT_EMAIL_TO",
}
"""What has to be set for each."""
FROM_VAULT = frozenset({"teams", "webhook"})
"""Channels whose settings are secrets of the vault, which keeps a deleted one, and its name, for a week."""


def set_again(channel: str) -> str:
    """What to do about a channel whose settings are gone, as the end of a sentence without its full stop."""
    if channel not in FROM_VAULT:
        return "set it again"
    return "set it again; a secret that was deleted has to be recovered first (docs/deploy.md, step 6)"


class ChannelError(Exception):
    """An alert was not delivered. The text is one sentence for an administrator: what failed and what to do.

    It never holds an address with a signature, a secret, or what somebody else's server wrote.
    """

    def __init__(self, sentence: str, *, permanent: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        """True where the same request will fail again until somebody changes something."""
        self.retry_after = retry_after
        """How long the receiver asked to be left alone."""


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """A short name that never changes: the key of the delivery state, e.g. ``teams``."""

    def cut(self, alert: Alert) -> tuple[int, ...]:
        """Where each of the messages that carry the alert begins, as ``alerts.parts`` counts; ``(0,)`` for a single one."""

    def message(self, alert: Alert, part: Part) -> Send:
        """One of these messages, ready to be sent: whatever takes time was done, only the request is left."""


@dataclass(frozen=True, slots=True)
class BrokenChannel:
    """A channel whose settings are wrong: it refuses everything, and says why."""

    name: str
    why: str
    """What is wrong with its settings and what to do, in sentences."""

    def cut(self, alert: Alert) -> tuple[int, ...]:
        """One message."""
        return (0,)

    def message(self, alert: Alert, part: Part) -> Send:
        """A message that is never sent."""

        async def refuse(now: datetime) -> str:
            raise ChannelError(self.why, permanent=True)

        return refuse


async def send_whole(channel: Channel, alert: Alert, now: datetime) -> str:
    """Send an alert without keeping a record. Returns what the receiver answered last; raises :class:`ChannelError`."""
    said = ""
    for part in parts_of(alert, channel.cut(alert)):
        said = await channel.message(alert, part)(now)
    return said
