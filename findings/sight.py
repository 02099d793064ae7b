"""What a scan can't see, over time: pure. Blindness is news of its own, told when it begins, weekly, and when it ends.

What one scan alone couldn't see is a hiccup: it is told by the second scan in a row that can't see it either. Facts that need
no second look (a renamed account, a selection that lost its accounts) are told at once.

An input that is read one by one (groups, accounts, what the settings select by) is remembered by its objects: of two groups that
can't be read one may be readable again, and of the other nobody may have any need. What is told of several at once is one thing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from findings.clocks import is_ahead
from findings.run_record import ANY_TIME

REMIND_AFTER = timedelta(days=7)
NAMED = 5
"""Objects that are named where something is told of several."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that a scan couldn't see, or that it has to say about what it looks at."""

    key: str
    """What it is about: the same in every scan, e.g. ``input conditional_access_policies``."""
    text: str
    """One or more sentences: what can't be seen, what follows from it, and what to do."""
    label: str = ""
    """Its name in a headline, e.g. ``the Conditional Access policies``; empty for what isn't blindness."""
    ended: str = ""
    """The sentence for its end. Empty for something that happened, and for what only matters once."""
    at_once: bool = False
    """Whether it needs no second scan to be news."""
    reminded: bool = True
    """Whether it is told again every week as long as it lasts."""
    instead_of: str = field(default="", compare=False)
    """How the keys begin whose end need not be told, because this says it already; empty for none."""
    object: str = ""
    """Which of its objects it is: an id, or what the settings say. Empty where it is all of it, or nobody remembers which."""
    name: str = ""
    """What that object is called."""


@dataclass(frozen=True, slots=True)
class SightState:
    """What is remembered of it as long as it lasts."""

    unseen: Unseen
    since: datetime
    run_id: str
    """The run that saw it last."""
    told_at: datetime | None = None
    """When it was last told; None as long as only one scan has seen it."""


class Fate(StrEnum):
    """What a scan knows of something that it didn't miss."""

    SEEN = "seen"
    """It was read."""
    UNSURE = "unsure"
    """The scan couldn't see whether it is over, so it stays as it was."""
    UNASKED = "unasked"
    """Nothing needs it any more, so that nobody looked."""
    MOOT = "moot"
    """What it is about is gone, and nothing was put right."""


class NewsKind(StrEnum):
    """What there is to tell."""

    BEGAN = "began"
    LASTS = "lasts"
    ENDED = "ended"
    UNASKED = "unasked"
    """Nobody looks at it any more, so that nobody knows whether it could be seen again."""


@dataclass(frozen=True, slots=True)
class SightNews:
    """One thing to tell. Of several objects it says what all of them have in common; those are named, and the rest is counted."""

    kind: NewsKind
    unseen: Unseen
    since: datetime
    at: datetime
    names: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to keep, to drop and to tell after a scan."""

    kept: tuple[SightState, ...]
    """What is known from now on of every key of which something is new or has changed."""
    dropped: tuple[SightState, ...]
    news: tuple[SightNews, ...]


_ENDS = {Fate.SEEN: NewsKind.ENDED, Fate.UNASKED: NewsKind.UNASKED}
_Key = tuple[str, str]
"""A key, and one of its objects."""


def after_scan(
    before: Iterable[SightState],
    unseen: Iterable[Unseen],
    *,
    fate: Callable[[Unseen], Fate] = lambda one: Fate.SEEN,
    run_id: str,
    now: datetime,
    apart: timedelta = ANY_TIME,
) -> Sight:
    """What follows from what one scan couldn't see.

    Takes everything that was remembered of what the scan looks at, everything that it couldn't see of it, and the ``fate`` of what
    was remembered and isn't among that. A run that was repeated is the same scan. ``apart``: how long ago something must have been
    unseen first for this one to confirm it: scheduled scans are apart by themselves, another may follow one within minutes.
    """
    known, current = {_key(state.unseen): state for state in before}, {_key(one): one for one in unseen}
    before_it = _predecessors(known, current)
    due = {name for (name, _), state in before_it.items() if state and _is_due(state, now)}
    after: dict[_Key, SightState] = {}
    news: list[SightNews] = []
    for key, one in current.items():
        reminded = one.reminded and one.key in due
        after[key], told = _seen_again(before_it[key], one, run_id, now, reminded=reminded, apart=apart)
        news += told
    fates = {key: fate(state.unseen) for key, state in known.items() if key not in current and not _is_in(key, current)}
    after |= {key: known[key] for key, what in fates.items() if what is Fate.UNSURE}
    instead_of = tuple(one.instead_of for one in current.values() if one.instead_of)
    for key, what in fates.items():
        state = known[key]
        silent = state.told_at is None or not state.unseen.ended or state.unseen.key.startswith(instead_of)
        if what in _ENDS and not silent:
            news.append(SightNews(_ENDS[what], state.unseen, state.since, now))
    changed = {key[0] for key in (*after, *known) if after.get(key) != known.get(key)}
    return Sight(
        tuple(state for key, state in after.items() if key[0] in changed),
        tuple(state for key, state in known.items() if key not in after),
        _together(news),
    )


def _key(one: Unseen) -> _Key:
    return one.key, one.object


def _predecessors(known: Mapping[_Key, SightState], current: Mapping[_Key, Unseen]) -> dict[_Key, SightState | None]:
    """What is remembered of each thing that a scan couldn't see.

    Where only all of an input is remembered (an earlier version kept no objects), or all of it is unseen now, that is the same thing:
    none of it is news.
    """
    of_key: dict[str, list[SightState]] = {}
    for state in known.values():
        of_key.setdefault(state.unseen.key, []).append(state)

    def before(key: _Key) -> SightState | None:
        name, about = key
        if key in known or about:
            return known.get(key) or known.get((name, ""))
        return min(of_key.get(name, ()), key=lambda state: (state.told_at is None, state.since), default=None)

    return {key: before(key) for key in current}


def _is_in(key: _Key, current: Collection[_Key]) -> bool:
    """Whether something that is remembered is among what a scan couldn't see, one of them being all of an input."""
    name, about = key
    return (name, "") in current if about else any(one == name for one, _ in current)


def _is_due(state: SightState, now: datetime) -> bool:
    return state.told_at is not None and now - state.told_at >= REMIND_AFTER


def _seen_again(
    known: SightState | None, one: Unseen, run_id: str, now: datetime, *, reminded: bool, apart: timedelta
) -> tuple[SightState, list[SightNews]]:
    if known is None:
        state = SightState(one, now, run_id)
        confirmed = one.at_once
    else:
        since = now if is_ahead(known.since, now) else known.since
        told_at = now if is_ahead(known.told_at, now) else known.told_at
        state = replace(known, unseen=one, since=since, told_at=told_at)
        confirmed = one.at_once or (known.run_id != run_id and (not apart or now - since >= apart))
        state = replace(state, run_id=run_id)
    if state.told_at is None:
        if not confirmed:
            return state, []
        return replace(state, told_at=now), [SightNews(NewsKind.BEGAN, one, state.since, now)]
    if reminded:
        return replace(state, told_at=now), [SightNews(NewsKind.LASTS, one, state.since, now)]
    return state, []


def _together(news: Iterable[SightNews]) -> tuple[SightNews, ...]:
    """What is told of several objects in the same words, as one thing; what is over needs the same beginning, too."""
    groups: dict[object, list[SightNews]] = {}
    for one in news:
        over = one.kind in _ENDS.values()
        groups.setdefault((one.kind, one.unseen.key, one.since if over else one.unseen.text), []).append(one)
    return tuple(map(_of_all, groups.values()))


def _of_all(news: Sequence[SightNews]) -> SightNews:
    first, *_ = news
    names = sorted({one.unseen.name for one in news if one.unseen.name})
    return replace(
        first,
        unseen=replace(first.unseen, object="", name=""),
        since=min(one.since for one in news),
        names=tuple(names[:NAMED]),
        more=len(names[NAMED:]),
    )
