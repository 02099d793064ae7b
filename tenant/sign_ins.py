"""Reads the sign-in log as evidence: what is asked for is filtered by Graph, and added up row by row, never kept.

The v1.0 log lacks the non-interactive sign-ins, where most legacy clients are, so this reads beta. Three questions are
asked: the legacy clients of everybody, the sign-ins to some applications, and everything that some accounts did.

Only sign-ins with the right password count as a use. Attackers try legacy protocols with every account they can guess, and a
failed guess is no use of the account; one that a policy stopped after the password is. How sign-ins ended is counted besides:
for the accounts that were asked about whatever it was, for everybody else's legacy clients only where the password was right.

A row that isn't as documented is passed over, and hides something only where it may be a use: where it isn't certain that the
password was wrong, and its time, its user or its error code can't be read, or a member by which a use is judged is of the
wrong kind. Then its day isn't known whole. A row without a status is none that counts, and one without a user whose password
was wrong is a guess at somebody who doesn't exist. One of another day, or of another user, says itself that it is none of these.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from basics.times import iso
from tenant.graph import Graph, GraphError, GraphRefused, Json, is_licence_error
from tenant.model import SignInOutcome, SignInUse
from tenant.shapes import Shape, is_text, is_truth, parse_time
from tenant.sign_in_outcomes import LEGACY_CLIENTS, OutcomeTally, error_code, lacks_code, refusing_policies
from tenant.turns import OutOfTurns, Turns

AT_ONCE = 15
"""Accounts or applications in one filter."""
SLICE_DAYS = {"legacy": 10, "apps": 10, "accounts": 30}
"""Days of one request, by question: a question about everybody can have a very long answer."""
DISORDER = timedelta(hours=1)
"""How far out of order the rows of the log may come: Graph's newest don't always come first, and no page says what the next has."""
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
    unread: bool = False
    """Whether the log has rows that may be uses of this day and can't be read."""
    in_doubt: bool = False
    """Whether more of it may be still to come: the log was out of order and hasn't ended yet, or it broke off too soon."""


async def read_days(
    graph: Graph, turns: Turns, question: Question, first: date, last: date, until: datetime | None = None
) -> AsyncIterator[DaySignIns]:
    """The days from ``last`` back to ``first``, each as soon as the log has certainly gone past it.

    With ``until`` the log is read up to that moment: what it holds of the days after ``last`` comes before them.

    A day is handed out when the rows of a page lie past it, and another page came after that one, all in order but for
    :data:`DISORDER`; where they don't come in order, when the list has ended. A row of a day that was handed out puts all of
    these in doubt: they come again at once, ``in_doubt``, and whole at the end of the list.

    Raises :class:`GraphError`, and :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests: the days that were
    handed out, and weren't put in doubt, are complete then. What was seen of the next ones comes before that, ``in_doubt``.
    """
    newest = until.date() if until else last
    tallies = [_Tally(newest - timedelta(days=back), question.about) for back in range((newest - first).days + 1)]
    order, handed_out, timeless = _Order(newest), 0, False
    end = until or _midnight(last + timedelta(days=1))
    query = (
        f"$filter={quote(question.expression(_midnight(first), end))}&$select={_SELECT}&$orderby=createdDateTime%20desc"
    )

    async def next_page() -> None:
        order.end_page()
        await turns.take()

    try:
        async for row in graph.pages(f"/auditLogs/signIns?{query}&$top=1000", version="beta", before=next_page):
            seen = parse_time(row.get("createdDateTime"))
            if seen is None:
                timeless = timeless or _may_be_a_use(row)
                continue
            place = (newest - seen.date()).days
            if not 0 <= place < len(tallies) or seen >= end:
                continue
            come_to = order.place
            order.add(seen)
            tallies[place].add(row, seen)
            if place < handed_out:
                for tally in tallies[:handed_out]:
                    yield tally.total(in_doubt=True)
                handed_out = 0
            if timeless:  # it is of a day between its neighbours, where these are in order
                for tally in tallies[come_to : place + 1] if order.kept else tallies[handed_out:]:
                    tally.unread = True
                timeless = False
            while order.kept and handed_out < order.passed:
                yield tallies[handed_out].total()
                handed_out += 1
    except (GraphError, OutOfTurns):
        for tally in tallies[handed_out : order.place] if order.kept else []:
            if tally.seen:
                yield tally.total(in_doubt=True)
        raise
    for tally in tallies[handed_out:]:
        tally.unread = tally.unread or timeless
        yield tally.total()


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


class _Order:
    """How far a list has come whose newest rows should come first. Days are places, 0 for the newest."""

    def __init__(self, newest: date) -> None:
        self._newest = newest
        self._oldest: datetime | None = None
        self.kept = True
        """Whether the rows came in order so far."""
        self.passed = 0
        """The place of the first day that a page before this one hasn't gone past."""

    @property
    def place(self) -> int:
        """The place of the newest day of which a row may still come, where all come in order."""
        return max(0, (self._newest - (self._oldest + DISORDER).date()).days) if self._oldest else 0

    def add(self, seen: datetime) -> None:
        """Note the time of the next row."""
        if self._oldest and seen > self._oldest + DISORDER:
            self.kept = False
        self._oldest = min(seen, self._oldest or seen)

    def end_page(self) -> None:
        """Note that what comes now is on another page."""
        self.passed = self.place


class _Tally:
    """The sums of one day."""

    def __init__(self, day: date, about: str) -> None:
        self.day = day
        self.seen = self.unread = False
        """Whether the log has rows of the day; and rows that may be uses and can't be read."""
        self._about = about
        self._uses: dict[_Use, tuple[int, datetime, datetime]] = {}
        self._demands: dict[tuple[str, str], datetime] = {}
        self._outcomes = OutcomeTally(with_places=about == "accounts")

    def add(self, row: Json, seen: datetime) -> None:
        """Count a row of the log."""
        self.seen = True
        account, code = _text(row, "userId").lower(), error_code(row)
        if (not account or code is None or _is_odd(row)) and _may_be_a_use(row):
            self.unread = True
        if not account or code is None:
            return
        use = _use(account, row)
        known_password = _had_password(code, row)
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

    def total(self, *, in_doubt: bool = False) -> DaySignIns:
        """What was counted so far."""
        uses = tuple(SignInUse(*key, count, 1, first, last) for key, (count, first, last) in self._uses.items())
        demands = tuple((*key, seen) for key, seen in self._demands.items())
        return DaySignIns(self.day, uses, demands, self._outcomes.total(), self.unread, in_doubt)


def _had_password(code: int, row: Json) -> bool:
    return code in PASSWORD_WAS_RIGHT or bool(refusing_policies(row))


def _may_be_a_use(row: Json) -> bool:
    """Whether it isn't certain that a row is of a wrong password, or has no status and counts for nothing."""
    code = error_code(row)
    if code is None:
        return not lacks_code(row)
    return _had_password(code, row) or not _is_list(row.get("appliedConditionalAccessPolicies"))


def _is_odd(row: Json) -> bool:
    """Whether a member by which a use is judged is neither of its kind nor null."""
    return not all(is_kind(row.get(name)) for name, is_kind in _JUDGED_BY.items())


def _is_list(value: object) -> bool:
    return value is None or isinstance(value, list)


_JUDGED_BY: Shape = {
    "clientAppUsed": is_text,
    "appId": is_text,
    "isInteractive": is_truth,
    "signInEventTypes": _is_list,
    "authenticationProtocol": is_text,
    "authenticationRequirementPolicies": _is_list,
    "appliedConditionalAccessPolicies": _is_list,
}


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
