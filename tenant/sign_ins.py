"""Reads the sign-in log as evidence: what is asked for is filtered by Graph, and added up row by row, never kept.

The v1.0 log lacks the non-interactive sign-ins, where most legacy clients are, so this reads beta. Three questions are
asked: the legacy clients of everybody, the sign-ins to some applications, and everything that some accounts did.

Only sign-ins with the right password count. Attackers try legacy protocols with every account they can guess, and a failed
guess is no use of the account; one that a policy stopped after the password is.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from basics.times import iso
from tenant.graph import Graph, GraphError, GraphRefused, Json, is_licence_error
from tenant.model import SignInUse
from tenant.shapes import parse_time
from tenant.turns import Turns

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
AT_ONCE = 15
"""Accounts or applications in one filter."""
SLICE_DAYS = {"legacy": 10, "apps": 10, "accounts": 30}
"""Days of one request, by question: a question about everybody can have a very long answer."""
USES_PER_DAY = 10_000
"""Different uses of one day and question that are told apart; more are counted without their user agents."""
_FOLDED = frozenset(client.casefold() for client in LEGACY_CLIENTS)
_SELECT = (
    "id,createdDateTime,userId,clientAppUsed,appId,appDisplayName,userAgent,isInteractive,signInEventTypes,status,"
    "authenticationProtocol,authenticationRequirementPolicies"
)
_USER_AGENT = 100
# Sign-in error codes that come after the right password. Source: Microsoft Entra authentication and authorization error codes.
_PASSWORD_WAS_RIGHT = frozenset({0, 50055, 50072, 50074, 50076, 50079, 50097, 50158, 53000, 53001, 53003, 53004})


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


async def read_days(
    graph: Graph, turns: Turns, question: Question, first: date, last: date
) -> AsyncIterator[DaySignIns]:
    """The days from ``last`` back to ``first``, each as soon as the log goes past it.

    A day that got more rows after it was handed out comes again, whole. Raises :class:`GraphError`, and
    :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests: the days that were handed out are complete then.
    """
    days = [last - timedelta(days=back) for back in range((last - first).days + 1)]
    tallies = {day: _Tally(day) for day in days}
    handed_out = 0
    late: set[date] = set()
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    query = f"$filter={quote(question.expression(since, until))}&$select={_SELECT}&$orderby=createdDateTime%20desc"
    async for row in graph.pages(f"/auditLogs/signIns?{query}&$top=1000", version="beta", before=turns.take):
        seen = parse_time(row.get("createdDateTime"))
        if seen is None or seen.date() not in tallies:
            continue
        place = (last - seen.date()).days
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


@dataclass(slots=True)
class _Tally:
    """The sums of one day."""

    day: date
    _uses: dict[_Use, tuple[int, datetime, datetime]] = field(default_factory=dict)
    _demands: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def add(self, row: Json, seen: datetime) -> None:
        """Count a row of the log."""
        account = str(row.get("userId") or "").lower()
        if not account or _error_code(row) not in _PASSWORD_WAS_RIGHT:
            return
        for provider in _providers(row):
            known = self._demands.get((account, provider), seen)
            self._demands[account, provider] = max(known, seen)
        key = _use(account, row)
        if key not in self._uses and len(self._uses) >= USES_PER_DAY:
            key = (*key[:4], "", key[5])
        count, first, last = self._uses.get(key, (0, seen, seen))
        self._uses[key] = (count + 1, min(first, seen), max(last, seen))

    def total(self) -> DaySignIns:
        """What was counted so far."""
        uses = tuple(SignInUse(*key, count, 1, first, last) for key, (count, first, last) in self._uses.items())
        return DaySignIns(self.day, uses, tuple((*key, seen) for key, seen in self._demands.items()))


def _use(account: str, row: Json) -> _Use:
    client, app = _text(row, "clientAppUsed"), _text(row, "appId").lower()
    way = _way(row, client)
    agent = "" if way == "browser" else _text(row, "userAgent")[:_USER_AGENT]
    return account, client, app, _text(row, "appDisplayName"), agent, way


def _way(row: Json, client: str) -> str:
    """How the account was used. A product that sends the account's password (ROPC) counts as interactive in the log."""
    types = row.get("signInEventTypes")
    interactive = row.get("isInteractive") is True and (not isinstance(types, list) or "interactiveUser" in types)
    if not interactive or is_legacy(client) or _text(row, "authenticationProtocol").lower() == "ropc":
        return "background"
    if client.casefold() != "browser":
        return "app"
    return "background" if "headless" in _text(row, "userAgent").lower() else "browser"


def _providers(row: Json) -> list[str]:
    policies = row.get("authenticationRequirementPolicies")
    found = policies if isinstance(policies, list) else []
    return [name for one in found if isinstance(one, Mapping) and (name := _text(one, "requirementProvider"))]


def _error_code(row: Json) -> int:
    status = row.get("status")
    code = status.get("errorCode") if isinstance(status, Mapping) else None
    return code if isinstance(code, int) else -1


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _instant(moment: datetime) -> str:
    return iso(moment)
