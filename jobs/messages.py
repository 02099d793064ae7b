"""What stands on the app's own queues: written and read here, and nowhere else. Pure.

A message on ``alerts`` only names what is to be told, and the channel that is to be tried again; what is told lies in Table Storage.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeGuard

from basics.documents import read_json
from basics.times import parse

SCANS, ALERTS = "scans", "alerts"
"""The queues."""
SCHEDULE = "schedule"
"""What starts the scan of the timer."""
LOG = "audit log"
"""What starts a scan because the audit log showed a change."""
AGAIN = "another try"
"""What starts a scan because Microsoft Graph failed while an earlier one read."""
BETWEEN = frozenset({LOG, AGAIN})
"""What starts a scan between two that are scheduled."""
MOST_ACCOUNTS = 50
"""Accounts that a message names: of more all are looked at."""
LARGEST_COUNT = 100_000
"""More than a message ever waits."""
_WORD = re.compile(r"[ -~]{1,100}")
"""Every id, trigger and name of a channel that this app writes: what is none is no key of a table either."""


class BadMessage(ValueError):
    """A queue message that this app didn't write; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class ScanMessage:
    """A scan that somebody asked for."""

    run_id: str
    trigger: str
    """What started it."""
    waits: int = 0
    """How often it has found another scan going on."""
    accounts: tuple[str, ...] = ()
    """Ids of the accounts to look at; everything where there are none."""
    asked: datetime | None = None
    """When it was asked for, where a scan of everything that begins some minutes later does the same work."""

    @property
    def later(self) -> "ScanMessage":
        """The same, after it has waited once more."""
        return replace(self, waits=self.waits + 1)

    @property
    def text(self) -> str:
        """The body of the message."""
        accounts = {"accounts": self.accounts} if self.accounts else {}
        asked = {"asked": self.asked.isoformat()} if self.asked else {}
        return json.dumps({"run_id": self.run_id, "trigger": self.trigger, "waits": self.waits, **accounts, **asked})


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """An alert, or a group of changes, that is to be delivered."""

    alert_id: str
    channel: str | None = None
    """The only channel to try; None for all."""
    retry_at: datetime | None = None
    """The time that the row of this channel has: one that has another by then is tried by another message."""

    @property
    def text(self) -> str:
        """The body of the message."""
        channel = {"channel": self.channel} if self.channel else {}
        stamp = {"retry_at": self.retry_at.isoformat()} if self.retry_at else {}
        return json.dumps({"alert_id": self.alert_id, **channel, **stamp})


def read_scan(body: bytes) -> ScanMessage:
    """The message of the queue ``scans`` with this body. Raises ``BadMessage``."""
    message = _read(body, "run_id")
    trigger, waits, accounts = message.get("trigger"), message.get("waits"), message.get("accounts")
    some = accounts if isinstance(accounts, list) and len(accounts) <= MOST_ACCOUNTS else []
    named = all(map(_is_word, some))  # where any can't be read, everything is looked at
    return ScanMessage(
        message["run_id"],
        trigger if _is_word(trigger) else "queue",
        waits if isinstance(waits, int) and 0 <= waits <= LARGEST_COUNT else 0,
        tuple(some) if named else (),
        _time(message.get("asked")),
    )


def read_alert(body: bytes) -> AlertMessage:
    """The message of the queue ``alerts`` with this body. Raises ``BadMessage``."""
    message = _read(body, "alert_id")
    channel, retry_at = message.get("channel"), message.get("retry_at")
    try:
        when = parse(retry_at) if retry_at is not None else None
    except (AttributeError, TypeError, ValueError):
        raise BadMessage(f'A queue message of {len(body)} bytes has no time in "retry_at".') from None
    return AlertMessage(message["alert_id"], channel if _is_word(channel) else None, when)


def _read(body: bytes, wanted: str) -> dict[str, Any]:
    try:
        message = read_json(body)
        if _is_word(message[wanted]):
            return dict(message)
    except (ValueError, KeyError, TypeError):
        pass
    raise BadMessage(f'A queue message of {len(body)} bytes has no "{wanted}", so it is not from this app.')


def _time(text: object) -> datetime | None:
    """A time; None where it can't be read: then nothing is known to do the same work, and the scan is done."""
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None
