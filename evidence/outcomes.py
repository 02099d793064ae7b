"""How sign-ins ended, kept by day and added up over days: what came after the last sign-in of a client that got in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tenant.model import SignInOutcome
from tenant.sign_in_outcomes import PLACES, client_of

OUTCOMES = "outcomes"
"""The name of the sums. A day without them was kept by a version that didn't count them."""
CUT = f"{OUTCOMES}_omitted"
"""What stands beside them where there were too many to keep all: nothing follows from the others then."""
_Row = list[Any]


def outcome_rows(outcomes: Iterable[SignInOutcome]) -> list[_Row]:
    """The outcomes of a day as plain JSON. Where not all can be kept, the end is lost: what got in comes last."""
    return [
        [
            *(one.account_id, one.client_app, one.app_id, one.app_name, one.how, one.code),
            None if one.policies is None else [list(policy) for policy in one.policies],
            *(one.count, one.first_seen.isoformat(), one.last_seen.isoformat(), list(one.places)),
            *(one.since_last_in, one.run_start.isoformat() if one.run_start else None, list(one.run_places)),
        ]
        for one in sorted(outcomes, key=lambda one: one.code == 0)
    ]


def outcomes_of(sums: Mapping[str, Any]) -> Iterator[SignInOutcome]:
    """The outcomes in the sums of a day. Raises ``TypeError`` or ``ValueError`` where they can't be read."""
    for id, client, app_id, app_name, how, code, policies, count, first, last, places, *run in sums[OUTCOMES]:
        since, start, run_places = run
        yield SignInOutcome(
            account_id=_text(id),
            client_app=_text(client),
            app_id=_text(app_id),
            app_name=_text(app_name),
            how=_text(how),
            code=int(code),
            policies=None if policies is None else tuple((_text(one), _text(name)) for one, name in policies),
            count=int(count),
            days=1,
            first_seen=_moment(first),
            last_seen=_moment(last),
            places=tuple(map(_text, places)),
            since_last_in=int(since),
            run_start=None if start is None else _moment(start),
            run_places=tuple(map(_text, run_places)),
        )


@dataclass(frozen=True, slots=True)
class _Run:
    count: int
    start: datetime
    places: tuple[str, ...]


@dataclass(slots=True)
class _Ending:
    """Sign-ins of one client that ended in the same way, over the days so far."""

    sum: SignInOutcome
    runs: dict[date, _Run] = field(default_factory=dict)
    """What came after the last one of a day that got in, by day."""

    def add(self, one: SignInOutcome) -> None:
        known = self.sum
        places = (*one.places, *known.places) if one.last_seen > known.last_seen else (*known.places, *one.places)
        self.sum = replace(
            known,
            count=known.count + one.count,
            days=known.days + 1,
            first_seen=min(known.first_seen, one.first_seen),
            last_seen=max(known.last_seen, one.last_seen),
            places=tuple(dict.fromkeys(places))[:PLACES],
        )


@dataclass(slots=True)
class _Client:
    """One client of one account."""

    last_in: datetime | None = None
    endings: dict[tuple[Any, ...], _Ending] = field(default_factory=dict)

    def add(self, one: SignInOutcome, day: date) -> None:
        key = (one.client_app, one.app_id, one.app_name, one.how, one.code, one.policies)
        if key in self.endings:
            self.endings[key].add(one)
        else:
            self.endings[key] = _Ending(one)
        if one.code == 0 and (self.last_in is None or one.last_seen > self.last_in):
            self.last_in = one.last_seen
            for ending in self.endings.values():  # what came before is no matter any more: few days stay
                ending.runs = {then: run for then, run in ending.runs.items() if then >= self.last_in.date()}
        if one.since_last_in and one.run_start and (self.last_in is None or day >= self.last_in.date()):
            self.endings[key].runs[day] = _Run(one.since_last_in, one.run_start, one.run_places)

    def totals(self) -> Iterator[SignInOutcome]:
        for ending in self.endings.values():
            newest_first = [run for _, run in sorted(ending.runs.items(), reverse=True)]
            places = dict.fromkeys(where for run in newest_first for where in run.places)
            yield replace(
                ending.sum,
                since_last_in=sum(run.count for run in newest_first),
                run_start=min((run.start for run in newest_first), default=None),
                run_places=tuple(places)[:PLACES],
            )


class OutcomeSums:
    """Outcomes of many days, in whatever order the days come; each day of an account must come once."""

    def __init__(self) -> None:
        self._clients: dict[str, dict[str, _Client]] = {}

    def add(self, one: SignInOutcome, day: date) -> None:
        """Add an outcome of a day."""
        client = client_of(one.client_app, one.app_id, one.app_name, one.how)
        self._clients.setdefault(one.account_id, {}).setdefault(client, _Client()).add(one, day)

    def accounts(self) -> Iterable[str]:
        """The ids of the accounts that something was added of."""
        return self._clients.keys()

    def of(self, id: str) -> tuple[SignInOutcome, ...]:
        """What it came to for an account, newest first."""
        found = [total for client in self._clients.get(id, {}).values() for total in client.totals()]
        return tuple(sorted(found, key=lambda one: (one.last_seen, one.client_app, one.app_id, one.code), reverse=True))


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value
