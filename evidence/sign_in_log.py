"""The sign-in log as far as it was read: which days are still to be asked for, and what the kept ones come to together."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from basics.times import parse
from checks.password_use import PasswordUse
from evidence.outcomes import CUT, OUTCOMES, OutcomeSums, outcome_rows, outcomes_of
from evidence.password_uses import PasswordUses
from evidence.store import Evidence, KeptDay
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError
from tenant.model import MfaDemand, SignInOutcome, SignInUse
from tenant.sign_ins import AT_ONCE, SLICE_DAYS, DaySignIns, Question, explain, is_legacy, read_days
from tenant.turns import OutOfTurns, Turns

DAYS = 30
"""How far back the sign-in log reaches, and this product with it. Source: Microsoft Entra data retention (P1 and P2)."""
UNTIL = "until"
"""What stands beside the sums of a day that went on when they were kept: when that was."""
UNSURE = "unsure"
"""What stands beside the sums of a day that isn't known whole: when it was read, where rows of it can't be; otherwise nothing.

What such a day shows counts, and what it doesn't show isn't known.
"""
AGAIN = timedelta(hours=20)
"""After how long rows that can't be read are looked at again: a daily scan does so, and an hourly one doesn't read them each time."""
UNREADABLE_ROWS = "sign-ins in it can't be read: what the days that they are of don't show counts as unknown"
SETTLED_HOURS = 2
"""Hours after midnight (UTC) until a day's sign-ins have all arrived in the log."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one account's sign-ins."""

    uses: tuple[SignInUse, ...] = ()
    demands: tuple[MfaDemand, ...] = ()
    outcomes: tuple[SignInOutcome, ...] = ()


_Asked = tuple[str, tuple[str, ...]]
_Key = tuple[str, tuple[str, ...], date]


class SignInLog:
    """The log of one scan. Sets of days are bits of an integer, the newest day first."""

    def __init__(self, graph: Graph, evidence: Evidence, turns: Turns, gaps: Gaps, now: datetime) -> None:
        self._graph, self._evidence, self._turns, self._gaps = graph, evidence, turns, gaps
        self._now = now
        self._last = (now - timedelta(hours=SETTLED_HOURS)).date() - timedelta(days=1)
        self._covered: dict[tuple[str, str], int] = {}
        self._set_aside: dict[tuple[str, str], int] = {}
        """Days that aren't known whole, and that it is too early to ask for again."""
        self._half_read: set[_Key] = set()
        """Days that go on, and of which rows can't be read."""
        self._kept_ahead: set[_Asked] = set()
        self._newest: date | None = None
        self._unreadable: set[_Key] = set()
        self._cut: set[str] = set()
        self._passwords = PasswordUses()
        self.stopped = False
        """Whether something could not be read, or the scan has spent its requests."""
        self.asked = False
        """Whether anything was asked for: where all that is wanted is kept, nobody knows if the log can be read."""

    async def look(self) -> None:
        """See which days are kept. Raises ``StorageError``."""
        async for kept in self._evidence.days():
            if not _is_readable(kept):  # it is asked for again
                self._unreadable.add(_key(kept))
                self._evidence.note_day(kept)
            elif OUTCOMES not in kept.sums:  # so is what a version kept that didn't ask how sign-ins ended
                self._unreadable.add(_key(kept))
            elif UNTIL in kept.sums:
                if UNSURE in kept.sums and self._last < kept.day <= self._now.date():
                    self._half_read.add(_key(kept))
            elif kept.day > self._last and UNSURE not in kept.sums:
                self._kept_ahead.add((kept.about, kept.ids))
            else:
                self._note(kept)
        for about, ids in self._kept_ahead:
            self._covered |= dict.fromkeys(((about, id) for id in ids or ("",)), 0)

    async def ask(self, about: str, ids: Sequence[str] = ("",)) -> None:
        """Read the days of a question (``legacy``, ``apps`` or ``accounts``) that aren't kept, newest first.

        With the newest of them comes what the log holds since of how the sign-ins of accounts ended: no request of its own. What can't be read becomes a gap, once, and nothing more is asked; rows that can't be read are a gap for as long as their days count. Raises ``StorageError``.
        """
        await self._doubt_what_was_kept_ahead()
        missing: dict[int, list[str]] = {}
        everything = (1 << DAYS) - 1
        for id in dict.fromkeys(ids):
            days = everything & ~self._covered.get((about, id), 0) & ~self._set_aside.get((about, id), 0)
            if days:
                missing.setdefault(days, []).append(id)
        for days, group in missing.items():
            for start in range(0, len(group), AT_ONCE):
                question = Question(about, tuple(id for id in group[start : start + AT_ONCE] if id))
                for newest, oldest in _slices(days, SLICE_DAYS[about]):
                    until = self._now if about == "accounts" and newest == 0 else None
                    await self._read(question, self._day(oldest), self._day(newest), until)
        if any(self._has_unreadable_rows(about, id) for id in ids):
            self._gaps.add_optional("sign_ins", UNREADABLE_ROWS)

    def whole(self, id: str) -> bool:
        """Whether every day is known of what was asked about an account itself, once :meth:`known` was asked for it."""
        if id in self._cut or any(id in ids for _, ids, _ in self._half_read):
            return False
        return self._covered.get(("accounts", id), 0) & (1 << DAYS) - 1 == (1 << DAYS) - 1

    async def uses_of_everybody(self) -> AsyncIterator[SignInUse]:
        """What the questions that name no account found, day by day."""
        async for kept in self._kept():
            if kept.about != "accounts":
                for use in _uses(kept):
                    yield use

    async def known(self, wanted: Collection[str]) -> dict[str, Known]:
        """What all kept days come to for some accounts.

        What was asked of an account itself is whole; what the other questions found of it counts for the other days.
        """
        self._passwords = PasswordUses()
        sums: dict[tuple[str, ...], tuple[int, int, datetime, datetime]] = {}
        demands: dict[tuple[str, str], datetime] = {}
        outcomes = OutcomeSums()
        whole: dict[str, int] = {}
        legacy = 0
        begun: list[KeptDay] = []
        async for kept in self._kept():
            if UNTIL in kept.sums:
                begun.append(kept)
                continue
            bit = self._bit(kept.day)
            mine = {id for id in kept.ids if id in wanted and not whole.get(id, 0) & bit}
            if kept.about == "accounts":
                if UNSURE in kept.sums:  # of another question that knows the day whole, that counts
                    mine = {id for id in mine if not self._covered.get(("accounts", id), 0) & bit}
                whole.update((id, whole.get(id, 0) | bit) for id in mine)
            elif kept.about == "legacy":
                legacy |= bit
            for use in _uses(kept):
                asked = use.account_id in mine if kept.about == "accounts" else not whole.get(use.account_id, 0) & bit
                twice = kept.about == "apps" and is_legacy(use.client_app)
                if use.account_id in wanted and asked and not twice:
                    key = (use.account_id, use.client_app, use.app_id, use.app_name, use.user_agent, use.way)
                    count, days, first, last = sums.get(key, (0, 0, use.first_seen, use.last_seen))
                    sums[key] = (count + use.count, days + 1, min(first, use.first_seen), max(last, use.last_seen))
            for id, provider, moment in _demands(kept):
                if id in wanted:
                    demands[id, provider] = max(demands.get((id, provider), moment), moment)
            if CUT in kept.sums:
                self._cut |= mine
            for one in outcomes_of(kept.sums):
                asked = one.account_id in mine if kept.about == "accounts" else not whole.get(one.account_id, 0) & bit
                if not asked:
                    continue
                self._passwords.add(one, kept.day)
                if one.account_id in wanted and CUT not in kept.sums:
                    outcomes.add(one, kept.day)
        for one, day in self._of_days_that_went_on(begun, wanted, whole, legacy):
            self._passwords.add(one, day)
            outcomes.add(one, day)
        return _by_account(sums, demands, outcomes)

    def _of_days_that_went_on(
        self, begun: Iterable[KeptDay], wanted: Collection[str], whole: Mapping[str, int], legacy: int
    ) -> Iterator[tuple[SignInOutcome, date]]:
        """What is known of the days that weren't over when the log was read; of each account what was read last.

        Such a day counts until it is read to its end, however long that takes: a sign-in that was seen to get in doesn't go away.
        ``whole`` and ``legacy`` are the days that were, of each account and of everybody's legacy clients.
        """
        seen: set[tuple[str, date]] = set()
        for kept in sorted(begun, key=lambda one: str(one.sums[UNTIL]), reverse=True):
            bit = self._bit(kept.day)
            mine = {id for id in kept.ids if id in wanted and (id, kept.day) not in seen and not whole.get(id, 0) & bit}
            seen |= {(id, kept.day) for id in mine}
            for one in outcomes_of(kept.sums):
                if one.account_id in mine and not (legacy & bit and one.how == "legacy"):
                    yield one, kept.day

    def passwords(self) -> Iterator[PasswordUse]:
        """Who signs in with a password, of everybody, once :meth:`known` was asked for anybody."""
        return self._passwords.all()

    async def forget(self) -> None:
        """Delete the days that are too old to count. Raises ``StorageError``."""
        await self._evidence.drop_before(self._first_that_counts())

    def _first_that_counts(self) -> date:
        """30 days back from the newest day that is known: where the log is unreadable, what was known stays."""
        return (self._newest or self._last) - timedelta(days=DAYS - 1)

    async def _kept(self) -> AsyncIterator[KeptDay]:
        """What counts: not what is too old, can't be read, or is of days to come, kept by a machine whose clock was ahead."""
        first = self._first_that_counts()
        async for kept in self._evidence.days():
            newest = self._now.date() if UNTIL in kept.sums else self._last
            if first <= kept.day <= newest and _key(kept) not in self._unreadable:
                yield kept

    async def _doubt_what_was_kept_ahead(self) -> None:
        """Have every day of a question asked for again of which a day to come is kept.

        That was a machine whose clock was ahead. When it really was nobody can say: so it isn't known which day it kept as over
        while it went on. The days to come are the last to be marked, so that a scan that is killed leaves what begins it anew.
        """
        if not self._kept_ahead:
            return
        async for kept in self._evidence.days():
            asked = (kept.about, kept.ids) in self._kept_ahead and _key(kept) not in self._unreadable
            if asked and UNTIL not in kept.sums and UNSURE not in kept.sums:
                await self._evidence.keep(replace(kept, sums={**kept.sums, UNSURE: ""}))
        self._kept_ahead.clear()

    def _has_unreadable_rows(self, about: str, id: str) -> bool:
        """Whether rows can't be read of a day that counts of a question."""
        left = self._set_aside.get((about, id), 0) & ~self._covered.get((about, id), 0) & (1 << DAYS) - 1
        return bool(left) or any(about == other and id in ids for other, ids, _ in self._half_read)

    async def _read(self, question: Question, first: date, last: date, until: datetime | None) -> None:
        if self.stopped:
            return
        self.asked = True
        try:
            async for day in read_days(self._graph, self._turns, question, first, last, until):
                over = day.day <= last
                sums = _sums(day) if over else _sums_so_far(day, self._now)
                if day.unread or day.in_doubt:
                    sums[UNSURE] = "" if day.in_doubt else self._now.isoformat()
                kept = KeptDay(question.about, question.ids, day.day, sums)
                if not over and not day.outcomes and not day.unread and _key(kept) not in self._half_read:
                    continue
                await self._evidence.keep(kept)
                self._unreadable.discard(_key(kept))
                if day.in_doubt:
                    self._doubt(kept)
                if over:
                    self._note(kept)
                elif day.unread:
                    self._half_read.add(_key(kept))
                else:
                    self._half_read.discard(_key(kept))
        except OutOfTurns:
            text = "it is long, and Microsoft Graph allows 5 requests in 10 seconds: the next scan goes on from here"
            self._stop(text, text)
        except GraphError as error:
            self._stop(error, explain(error))

    def _stop(self, error: GraphError | str, text: str) -> None:
        self.stopped = True
        self._gaps.add_optional("sign_ins", error, text=text)

    def _note(self, kept: KeptDay) -> None:
        bit = self._bit(kept.day)
        if not bit:
            return
        for id in kept.ids or ("",):
            key = (kept.about, id)
            if UNSURE not in kept.sums:
                self._covered[key] = self._covered.get(key, 0) | bit
            elif self._is_set_aside(kept):
                self._set_aside[key] = self._set_aside.get(key, 0) | bit
        self._newest = max(kept.day, self._newest or kept.day)

    def _doubt(self, kept: KeptDay) -> None:
        """A day that was noted isn't known whole any more."""
        for id in kept.ids or ("",):
            key = (kept.about, id)
            self._covered[key] = self._covered.get(key, 0) & ~self._bit(kept.day)

    def _is_set_aside(self, kept: KeptDay) -> bool:
        """Whether it is too early to ask again for a day of which rows couldn't be read."""
        try:
            read = parse(_text(kept.sums[UNSURE]))
        except (TypeError, ValueError):
            return False
        return self._now - AGAIN < read <= self._now

    def _day(self, age: int) -> date:
        return self._last - timedelta(days=age)

    def _bit(self, day: date) -> int:
        """The bit of a day; 0 for one that isn't over, or whose sign-ins haven't all arrived."""
        return 1 << (self._last - day).days if day <= self._last else 0


def _slices(days: int, longest: int) -> Iterator[tuple[int, int]]:
    """Runs of days as (newest, oldest) ages."""
    ages = [age for age in range(DAYS) if days >> age & 1]
    while ages:
        length = 1
        while length < min(len(ages), longest) and ages[length] == ages[0] + length:
            length += 1
        yield ages[0], ages[length - 1]
        ages = ages[length:]


def _sums(day: DaySignIns) -> dict[str, Any]:
    """A day as plain JSON. Where not all of it can be kept, the end is lost: what the phones of thousands do comes last."""
    common = Counter(use.client_app for use in day.uses)
    uses = [
        [
            use.account_id,
            use.client_app,
            use.app_id,
            use.app_name,
            use.user_agent,
            use.way,
            use.count,
            use.first_seen.isoformat(),
            use.last_seen.isoformat(),
        ]
        for use in sorted(day.uses, key=lambda use: common[use.client_app])
    ]
    demands = [[id, provider, seen.isoformat()] for id, provider, seen in day.demands]
    return {"uses": uses, "demands": demands, OUTCOMES: outcome_rows(day.outcomes)}


def _sums_so_far(day: DaySignIns, now: datetime) -> dict[str, Any]:
    """What is kept of a day that goes on: it is read again, whole, so nothing is counted that counts days."""
    return {"uses": [], "demands": [], OUTCOMES: outcome_rows(day.outcomes), UNTIL: now.isoformat()}


def _key(kept: KeptDay) -> _Key:
    return kept.about, kept.ids, kept.day


def _is_readable(kept: KeptDay) -> bool:
    """Whether the sums of a day are what :func:`_sums` writes."""
    try:
        moments = [moment for use in _uses(kept) for moment in (use.first_seen, use.last_seen)]
        moments += [moment for *_, moment in _demands(kept)]
        if OUTCOMES in kept.sums:
            list(outcomes_of(kept.sums))
    except (TypeError, ValueError):
        return False
    return all(moment.tzinfo for moment in moments)


def _uses(kept: KeptDay) -> Iterator[SignInUse]:
    """The uses of a day. Raises ``TypeError`` or ``ValueError`` where they can't be read."""
    for *texts, count, first, last in kept.sums.get("uses", ()):
        id, client, app_id, app_name, agent, way = map(_text, texts)
        times = parse(first), parse(last)
        yield SignInUse(id, client, app_id, app_name, agent, way, int(count), 1, *times)


def _demands(kept: KeptDay) -> Iterator[tuple[str, str, datetime]]:
    """Account, provider and moment of each demand for MFA. Raises as :func:`_uses` does."""
    for id, provider, seen in kept.sums.get("demands", ()):
        yield _text(id), _text(provider), parse(seen)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value


def _by_account(
    sums: dict[tuple[str, ...], tuple[int, int, datetime, datetime]],
    demands: dict[tuple[str, str], datetime],
    outcomes: OutcomeSums,
) -> dict[str, Known]:
    uses: dict[str, list[SignInUse]] = {}
    for (id, client, app_id, app_name, agent, way), totals in sums.items():
        uses.setdefault(id, []).append(SignInUse(id, client, app_id, app_name, agent, way, *totals))
    demanded: dict[str, list[MfaDemand]] = {}
    for (id, provider), seen in demands.items():
        demanded.setdefault(id, []).append(MfaDemand(provider, seen))
    return {
        id: Known(
            _most_used_first(uses.get(id, ())),
            tuple(sorted(demanded.get(id, ()), key=lambda one: one.provider)),
            outcomes.of(id),
        )
        for id in {*uses, *demanded, *outcomes.accounts()}
    }


def _most_used_first(uses: Iterable[SignInUse]) -> tuple[SignInUse, ...]:
    return tuple(sorted(uses, key=lambda use: (-use.count, use.client_app, use.app_name, use.user_agent, use.way)))
