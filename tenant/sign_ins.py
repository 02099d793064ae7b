"""Reads the sign-in log as evidence: what is asked for is filtered by Graph, and added up row by row, never kept.

The v1.0 log lacks the non-interactive sign-ins, where most legacy clients are, so this reads beta. Three questions are
asked: the legacy clients of everybody, the sign-ins to some applications, and everything that some accounts did.

Only sign-ins with the right password count as a use. Attackers try legacy protocols with every account they can guess, and a
failed guess is no use of the account; one that a policy stopped after the password is. How sign-ins ended is counted besides:
for the accounts that were asked about whatever it was, for everybody else's legacy clients only where the password was right.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from basics.times import iso
from tenant.graph import Graph, GraphError, GraphRefused, Json, is_licence_error
from tenant.model import SignInOutcome, SignInUse
from tenant.shapes import parse_time
from tenant.sign_in_outcomes import LEGACY_CLIENTS, OutcomeTally, error_code, refusing_policies
from tenant.turns import Turns

AT_ONCE = 15
"""Accounts or applications in one filter."""
SLICE_DAYS = {"legacy": 10, "apps": 10, "accounts": 30}
"""Days of one request, by question: a question about everybody can have a very long answer."""
USES_PER_DAY = 10_000
"""Different uses of one day and question that are told apart; more are counted without their user agents."""
_FOLDED = frozenset(client.casefold() for client in LEGACY_CLIENTS)
_SELECT = (
    "id,createdDateTime,userId,clientAppUsed,appId,appDisplayName,userAgent,isInteractive,signInEventTypes,status,"
    "authenticationProtocol,authenticationRequirementPolicies,appliedConditionalAccessPolicies,ipAddress,location"
)
_USER_AGENT = 100
PASSWORD_WAS_RIGHT = frozenset(
    {0, 50055, 50072, 50074, 50076, 50079, 50097, 50158, 53000, 53001, 53002, 53003, 53004, 53009, 53010, 53011}
    | {530002, 530003, 530031, 530032, 530035, 530036}
)
"""Sign-in error codes that come after the right password. Policies come after it, too: what one of them refused had it.

Source: Microsoft Entra authentication and authorization error codes.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the log: ``legacy`` clients of everybody, or the sign-ins of ``accounts`` or to ``apps``."""

    about: str
    ids: tuple[str, ...] = ()
    """Ids of the accounts or applications, lower-cased; at most :data:`AT_ONCE`."""

    def expression(self, since: datetime, until: datetime) -> str:
        """The ``$filter`` for a time span; its end doesn't belong to it."""
        names = {"legacy": "clientAppUsed", "accounts": "userId", "apps": "appId"}
        values = LEGACY_CLIENTS if self.about == "legacy" else self.ids
        wanted = " or ".join(f"{names[self.about]} eq '{value.replace(chr(39), chr(39) * 2)}'" for value in values)
        return (
            f"createdDateTime ge {_instant(since)} and createdDateTime lt {_instant(until)}"
            " and signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')"
            f" and ({wanted})"
        )


@dataclass(frozen=True, slots=True)
class DaySignIns:
    """What one question came to on one day (UTC)."""

    day: date
    uses: tuple[SignInUse, ...]
    demands: tuple[tuple[str, str, datetime], ...]
    """Account id, Graph's ``requirementProvider``, and when the log last shows it that day."""
    outcomes: tuple[SignInOutcome, ...] = ()
    """How the sign-ins of a question about ``accounts`` ended, and those of ``legacy`` clients with the right password."""


async def read_days(
    graph: Graph, turns: Turns, question: Question, first: date, last: date, until: datetime | None = None
) -> AsyncIterator[DaySignIns]:
    """The days from ``last`` back to ``first``, each as soon as the log goes past it.

    With ``until`` the log is read up to that moment: what it holds of the days after ``last`` comes before them. A day that got more rows after it was handed out comes again, whole. Raises :class:`GraphError`, and
    :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests: the days that were handed out are complete then.
    """
    newest = until.date() if until else last
    days = [newest - timedelta(days=back) for back in range((newest - first).days + 1)]
    tallies = {day: _Tally(day, question.about) for day in days}
    handed_out = 0
    late: set[date] = set()
    end = until or _midnight(last + timedelta(days=1))
    query = (
        f"$filter={quote(question.expression(_midnight(first), end))}&$select={_SELECT}&$orderby=createdDateTime%20desc"
    )
    async for row in graph.pages(f"/auditLogs/signIns?{query}&$top=1000", version="beta", before=turns.take):
        seen = parse_time(row.get("createdDateTime"))
        if seen is None or seen.date() not in tallies or seen >= end:
            continue
        place = (newest - seen.date()).days
        if place < handed_out:
            late.add(seen.date())
        while handed_out < place:
            yield tallies[days[handed_out]].total()
            handed_out += 1
        tallies[seen.date()].add(row, seen)
    for day in [*days[handed_out:], *sorted(late)]:
        yield tallies[day].total()


def is_legacy(client_app: str) -> bool:
    """Whether the log's name of a client means one without modern authentication."""
    name = client_app.casefold()
    return name in _FOLDED or name.startswith(("other clients", "universal outlook", "mapi"))


def explain(error: GraphError) -> str:
    """Why the log can't be read, in words where they are known."""
    if isinstance(error, GraphRefused) and is_licence_error(error):
        return f"the sign-in log needs a Microsoft Entra ID P1 licence in the tenant ({error.status} {error.code})"
    return str(error)


_Use = tuple[str, str, str, str, str, str]
"""The members of :class:`~tenant.model.SignInUse` up to ``way``, in their order."""


class _Tally:
    """The sums of one day."""

    def __init__(self, day: date, about: str) -> None:
        self.day = day
        self._about = about
        self._uses: dict[_Use, tuple[int, datetime, datetime]] = {}
        self._demands: dict[tuple[str, str], datetime] = {}
        self._outcomes = OutcomeTally(with_places=about == "accounts")

    def add(self, row: Json, seen: datetime) -> None:
        """Count a row of the log."""
        account, code = str(row.get("userId") or "").lower(), error_code(row)
        if not account or code is None:
            return
        use = _use(account, row)
        known_password = code in PASSWORD_WAS_RIGHT or bool(refusing_policies(row))
        if self._about == "accounts" or (self._about == "legacy" and known_password):
            self._end(account, use, code, row, seen, guess=not known_password)
        if known_password:
            self._use(account, use, row, seen)

    def _end(self, account: str, use: _Use, code: int, row: Json, seen: datetime, *, guess: bool) -> None:
        _, client, app, name, _, way = use
        how = _how(row, client, way)
        if how != "browser":
            self._outcomes.add(account, (client, app, name, how), code, row, seen, guess=guess)

    def _use(self, account: str, use: _Use, row: Json, seen: datetime) -> None:
        for provider in _providers(row):
            known = self._demands.get((account, provider), seen)
            self._demands[account, provider] = max(known, seen)
        if use not in self._uses and len(self._uses) >= USES_PER_DAY:
            use = (*use[:4], "", use[5])
        count, first, last = self._uses.get(use, (0, seen, seen))
        self._uses[use] = (count + 1, min(first, seen), max(last, seen))

    def total(self) -> DaySignIns:
        """What was counted so far."""
        uses = tuple(SignInUse(*key, count, 1, first, last) for key, (count, first, last) in self._uses.items())
        demands = tuple((*key, seen) for key, seen in self._demands.items())
        return DaySignIns(self.day, uses, demands, self._outcomes.total())


def _use(account: str, row: Json) -> _Use:
    client, app = _text(row, "clientAppUsed"), _text(row, "appId").lower()
    way = _way(row, client)
    agent = "" if way == "browser" else _text(row, "userAgent")[:_USER_AGENT]
    return account, client, app, _text(row, "appDisplayName"), agent, way


def _how(row: Json, client: str, way: str) -> str:
    """The ``how`` of :class:`~tenant.model.SignInOutcome`; ``browser`` for a browser, be it that nobody sat there."""
    if is_legacy(client):
        return "legacy"
    if _sends_password(row):
        return "password"
    return "browser" if client.casefold() == "browser" else way


def _sends_password(row: Json) -> bool:
    return _text(row, "authenticationProtocol").lower() == "ropc"


def _way(row: Json, client: str) -> str:
    """How the account was used. A product that sends the account's password (ROPC) counts as interactive in the log."""
    types = row.get("signInEventTypes")
    interactive = row.get("isInteractive") is True and (not isinstance(types, list) or "interactiveUser" in types)
    if not interactive or is_legacy(client) or _sends_password(row):
        return "background"
    if client.casefold() != "browser":
        return "app"
    return "background" if "headless" in _text(row, "userAgent").lower() else "browser"


def _providers(row: Json) -> list[str]:
    policies = row.get("authenticationRequirementPolicies")
    found = policies if isinstance(policies, list) else []
    return [name for one in found if isinstance(one, Mapping) and (name := _text(one, "requirementProvider"))]


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _instant(moment: datetime) -> str:
    return iso(moment)
