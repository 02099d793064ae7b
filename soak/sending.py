"""How far a process is with the alerts that it sends, as storage and receivers see it.

The moments that matter are those in which an alert is neither untold nor told: from the claim of a channel to the mark that all have
it. What happens to a process then is what decides whether somebody is told twice, or never.
"""

import re
from enum import StrEnum

_CHANNEL = re.compile(r"RowKey\W+(teams|webhook)\b")
_STATUS = re.compile(rb'"status": ?"(\w+)"')
_READS = frozenset({"GET", "DELETE"})


class Moment(StrEnum):
    """What has happened last to an alert that is being sent."""

    CLAIMED = "claimed, before the POST"
    ASKED = "at the receiver, before its answer"
    ANSWERED = "answered, before that is noted"
    NOTED = "noted, before it is told"


class Sends:
    """The alerts that one process is sending."""

    def __init__(self) -> None:
        self._channels: set[str] = set()
        self._last = Moment.CLAIMED

    @property
    def moment(self) -> Moment | None:
        """How far the process is; None where it sends nothing."""
        return self._last if self._channels else None

    def called(self, channel: str, *, answered: bool) -> Moment:
        """A receiver was called, or has answered."""
        return self._at(channel, Moment.ANSWERED if answered else Moment.ASKED)

    def wrote(self, method: str, path: str, body: bytes) -> Moment | None:
        """Storage has done a request; the moment that it brings about, if it is about sending."""
        if "/alerts" not in path or method in _READS:
            return None
        status = found[1].decode() if (found := _STATUS.search(body)) else ""
        if status == "done":
            self._channels.clear()
        channel = _CHANNEL.search(path) or _CHANNEL.search(body.decode())
        if channel is None:
            return None
        if status == "failed":
            self._channels.discard(channel[1])
        moments = {"sending": Moment.CLAIMED, "delivered": Moment.NOTED}
        return self._at(channel[1], moments[status]) if status in moments else None

    def _at(self, channel: str, moment: Moment) -> Moment:
        self._channels.add(channel)
        self._last = moment
        return moment
