"""What a channel is, and how it says that it couldn't deliver.

::

    Exception
    └── ChannelError    a channel refused or didn't answer; ``permanent`` says whether trying again can help

Anything else that a channel raises is a fault of this product.
"""

from datetime import datetime, timedelta
from typing import Protocol

from alerts.model import Alert


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

    async def send(self, alert: Alert, *, now: datetime) -> str:
        """Deliver the alert.

        Returns what the receiver answered, in a sentence. Raises :class:`ChannelError`.
        """
