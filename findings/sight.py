"""What a scan can't see, over time: pure. Blindness is news of its own, told when it begins, weekly, and when it ends.

What one scan alone couldn't see is a hiccup: it is told by the second scan in a row that can't see it either. Facts that need
no second look (a renamed account, a selection that lost its accounts) are told at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from findings.clocks import is_ahead

REMIND_AFTER = timedelta(days=7)


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


@dataclass(frozen=True, slots=True)
class SightState:
    """What is remembered of it as long as it lasts."""

    unseen: Unseen
    since: datetime
    run_id: str
    """The run that saw it last."""
    told_at: datetime | None = None
    """When it was last told; None as long as only one scan has seen it."""


class NewsKind(StrEnum):
    """What there is to tell."""

    BEGAN = "began"
    LASTS = "lasts"
    ENDED = "ended"
    UNASKED = "unasked"
    """Nobody looks at it any more, so that nobody knows whether it could be seen again."""


@dataclass(frozen=True, slots=True)
class SightNews:
    """One thing to tell."""

    kind: NewsKind
    unseen: Unseen
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to keep, to drop and to tell after a scan."""

    kept: tuple[SightState, ...]
    """Those that are new or have changed."""
    dropped: tuple[SightState, ...]
    news: tuple[SightNews, ...]


def after_scan(
    before: Iterable[SightState],
    unseen: Iterable[Unseen],
    *,
    in_the_dark: Callable[[str], bool] = lambda key: False,
    moot: Callable[[str], bool] = lambda key: False,
    unasked: Callable[[str], bool] = lambda key: False,
    run_id: str,
    now: datetime,
) -> Sight:
    """What follows from what one scan couldn't see.

    Takes everything that was remembered of what the scan looks at, everything that it couldn't see of it, and whether a key is
    ``in_the_dark``: the scan couldn't see whether that is over, so it stays as it was. One that is ``moot`` is dropped without
    a word: what it is about is gone, and nothing was put right. One that is ``unasked`` wasn't looked at, because nothing needs it
    any more. A run that was repeated is the same scan.
    """
    known = {state.unseen.key: state for state in before}
    current = {one.key: one for one in unseen}
    kept, news = [], []
    for key, one in current.items():
        state, told = _seen_again(known.get(key), one, run_id, now)
        if state != known.get(key):
            kept.append(state)
        news += told
    dropped = tuple(state for key, state in known.items() if key not in current and not in_the_dark(key))
    instead_of = tuple(one.instead_of for one in current.values() if one.instead_of)
    ended = [
        SightNews(NewsKind.UNASKED if unasked(state.unseen.key) else NewsKind.ENDED, state.unseen, state.since, now)
        for state in dropped
        if state.told_at is not None
        and state.unseen.ended
        and not (state.unseen.key.startswith(instead_of) or moot(state.unseen.key))
    ]
    return Sight(tuple(kept), dropped, (*news, *ended))


def _seen_again(
    known: SightState | None, one: Unseen, run_id: str, now: datetime
) -> tuple[SightState, list[SightNews]]:
    if known is None:
        state = SightState(one, now, run_id)
        confirmed = one.at_once
    else:
        since = now if is_ahead(known.since, now) else known.since
        told_at = now if is_ahead(known.told_at, now) else known.told_at
        state = replace(known, unseen=one, since=since, told_at=told_at)
        confirmed = one.at_once or known.run_id != run_id
        state = replace(state, run_id=run_id)
    if state.told_at is None:
        if not confirmed:
            return state, []
        return replace(state, told_at=now), [SightNews(NewsKind.BEGAN, one, state.since, now)]
    if one.reminded and now - state.told_at >= REMIND_AFTER:
        return replace(state, told_at=now), [SightNews(NewsKind.LASTS, one, state.since, now)]
    return state, []
