"""How the sign-ins of a day ended: row by row of the log in, a few sums for each client out.

What an error code means is for the rules to say; here it is only counted. Two things must be known before the rows are gone:
how many sign-ins came after the last one of the same client that got in, and which policies the log names for a refusal.
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tenant.model import SignInOutcome

PLACES = 3
"""How many addresses are kept of sign-ins that ended in the same way: the newest."""
MOST_POLICIES = 20
"""How many policies are kept of one refusal."""
OUTCOMES_PER_DAY = 10_000
"""Different outcomes of one day and question that are told apart by their policies; of more the policies aren't kept."""
GUESSES_PER_ACCOUNT = 50
"""Different outcomes of one account and day without the right password: a stranger may name any number of applications."""
LEGACY_CLIENTS = (
    "Authenticated SMTP",
    "AutoDiscover",
    "Exchange ActiveSync",
    "Exchange Online PowerShell",
    "Exchange Web Services",
    "IMAP",
    "IMAP4",
    "MAPI Over HTTP",
    "Offline Address Book",
    "Other clients",
    "Outlook Anywhere (RPC over HTTP)",
    "POP",
    "POP3",
    "Reporting Web Services",
    "SMTP",
    "Universal Outlook",
)
"""Values of ``clientAppUsed`` without modern authentication, in both spellings where the log has two.

Source: Microsoft Entra documentation, "Sign-in logs": legacy authentication clients.
"""
_SPELLINGS = {
    "authenticated smtp": "smtp",
    "imap4": "imap",
    "pop3": "pop",
    "mapi over http": "mapi",
    "universal outlook/outlook service": "universal outlook",
}
"""Names of one protocol in the log, lower-cased -> the name that stands for all of them."""
_OTHER_CLIENTS = "other clients;"
_NAME = 256

_Policies = tuple[tuple[str, str], ...] | None
_Key = tuple[str, str, str, str, str, int, _Policies]
"""The members of :class:`~tenant.model.SignInOutcome` up to ``policies``, in their order."""


def client_of(client_app: str, app_id: str, app_name: str, how: str) -> str:
    """What tells one client of an account from another: the protocol of a legacy one, otherwise the application."""
    if how != "legacy":
        return f"application {app_id or app_name.casefold()}"
    name = client_app.casefold().removeprefix(_OTHER_CLIENTS).strip()
    return _SPELLINGS.get(name, name)


def error_code(row: Mapping[str, Any]) -> int | None:
    """The error code of a row, 0 where it got in; None where the row has none. A number that is given as text counts."""
    status = row.get("status")
    code = status.get("errorCode") if isinstance(status, Mapping) else None
    if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) <= _CODE_DIGITS:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def lacks_code(row: Mapping[str, Any]) -> bool:
    """Whether a row says itself that it has no error code: no status, or null in its place."""
    status = row.get("status")
    return status is None or (isinstance(status, Mapping) and status.get("errorCode") is None)


_CODE_DIGITS = 18


def refusing_policies(row: Mapping[str, Any]) -> _Policies:
    """Id and name of the policies that a row names for its refusal; None where it doesn't show policies.

    Microsoft Graph leaves them out, or null, without the right to see them. What only reports refuses nothing.
    """
    applied = row.get("appliedConditionalAccessPolicies")
    if not isinstance(applied, list):
        return None
    failed = [one for one in applied if isinstance(one, Mapping) and _text(one, "result").lower() == "failure"]
    named = {(_text(one, "id").lower(), _text(one, "displayName")[:_NAME]) for one in failed}
    return tuple(sorted(named, key=lambda one: (one[1].casefold(), one))[:MOST_POLICIES])


def place(row: Mapping[str, Any]) -> str:
    """From where a sign-in came: ``203.0.113.7 (GB)``; empty where the row doesn't say."""
    location = row.get("location")
    country = _text(location, "countryOrRegion")[:40] if isinstance(location, Mapping) else ""
    address = _text(row, "ipAddress")[:45]
    return f"{address} ({country})" if address and country else address or country


@dataclass(slots=True)
class _Group:
    """The sign-ins that ended in the same way. There may be thousands, so their times are kept as plain numbers."""

    times: "array[float]" = field(default_factory=lambda: array("d"))
    places: dict[str, float] = field(default_factory=dict)

    def add(self, time: float, where: str) -> None:
        self.times.append(time)
        if not where:
            return
        self.places[where] = max(time, self.places.get(where, time))
        if len(self.places) > PLACES:
            del self.places[min(self.places, key=lambda one: (self.places[one], one))]

    def newest_places(self, after: float | None = None) -> tuple[str, ...]:
        found = [one for one, time in self.places.items() if after is None or time > after]
        return tuple(sorted(found, key=lambda one: (-self.places[one], one)))


class OutcomeTally:
    """The outcomes of one day, in whatever order the rows come. Places are kept ``with_places`` only."""

    def __init__(self, *, with_places: bool) -> None:
        self._with_places = with_places
        self._groups: dict[_Key, _Group] = {}
        self._guesses = Counter[str]()

    def add(
        self,
        account: str,
        client: tuple[str, str, str, str],
        code: int,
        row: Mapping[str, Any],
        at: datetime,
        *,
        guess: bool = False,
    ) -> None:
        """Count a row of an account. ``client``: ``clientAppUsed``, the application's id and name, and ``how``.

        ``guess``: nothing says that the password was right.
        """
        policies = refusing_policies(row) if code else ()
        key = (account, *client, code, policies)
        if key not in self._groups and len(self._groups) >= OUTCOMES_PER_DAY:
            key = (account, *client, code, None)
        if guess and key not in self._groups:
            if self._guesses[account] >= GUESSES_PER_ACCOUNT:
                return
            self._guesses[account] += 1
        self._groups.setdefault(key, _Group()).add(at.timestamp(), place(row) if self._with_places else "")

    def total(self) -> tuple[SignInOutcome, ...]:
        """What was counted so far."""
        last_in: dict[tuple[str, str], float] = {}
        for (account, *client, code, _), group in self._groups.items():
            if code == 0:
                key = account, client_of(*client)
                last_in[key] = max(max(group.times), last_in.get(key, 0.0))
        return tuple(_outcome(key, group, last_in) for key, group in self._groups.items())


def _outcome(key: _Key, group: _Group, last_in: Mapping[tuple[str, str], float]) -> SignInOutcome:
    account, *client = key[:5]
    got_in = last_in.get((account, client_of(*client)))
    since = [time for time in group.times if got_in is None or time > got_in]
    return SignInOutcome(
        *key,
        count=len(group.times),
        days=1,
        first_seen=_moment(min(group.times)),
        last_seen=_moment(max(group.times)),
        places=group.newest_places(),
        since_last_in=len(since),
        run_start=_moment(min(since)) if since else None,
        run_places=group.newest_places(got_in) if since else (),
    )


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
