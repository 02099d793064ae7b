"""Who still signs in with a password, added up from the outcomes of days: everybody's legacy clients, and what else sends one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from checks.password_use import SENDS_PASSWORD, PasswordUse
from checks.sign_in_codes import Ending, ending_of
from tenant.model import SignInOutcome
from tenant.sign_in_outcomes import client_of

_CIRCLE = 64
"""More than the days that are looked at, so that no two share a bit."""


@dataclass(slots=True)
class _Sum:
    client: str
    how: str
    application: str
    last: datetime
    days: int = 0
    """The days as bits."""
    got_in: int = 0
    refused: int = 0
    last_in: datetime | None = None


class PasswordUses:
    """Adds up what clients that send a password did; each day of an account must come once."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], _Sum] = {}

    def add(self, one: SignInOutcome, day: date) -> None:
        """Add an outcome of a day, where it is of such a client and the password was right."""
        ending = ending_of(one)
        if one.how not in SENDS_PASSWORD or ending is Ending.NEITHER:
            return
        client = client_of(one.client_app, one.app_id, one.app_name, one.how)
        application = one.app_name or one.app_id
        sum = self._sums.setdefault(
            (one.account_id, client, one.app_id), _Sum(one.client_app, one.how, application, one.last_seen)
        )
        sum.days |= 1 << (day.toordinal() % _CIRCLE)
        if one.last_seen >= sum.last:
            sum.last, sum.client, sum.application = one.last_seen, one.client_app, application or sum.application
        if ending is Ending.LET_IN:
            sum.got_in += one.count
            sum.last_in = max(one.last_seen, sum.last_in or one.last_seen)
        else:
            sum.refused += one.count

    def all(self) -> Iterator[PasswordUse]:
        """Every use, without the names of the accounts."""
        for (id, _, _), sum in self._sums.items():
            yield PasswordUse(
                account_id=id,
                user_principal_name=None,
                display_name="",
                selected=False,
                client=sum.client,
                how=sum.how,
                application=sum.application,
                days=sum.days.bit_count(),
                got_in=sum.got_in,
                refused=sum.refused,
                last=sum.last,
                last_in=sum.last_in,
            )
