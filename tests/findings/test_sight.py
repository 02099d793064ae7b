"""What can't be seen: when it is news."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.sight import NewsKind, Sight, SightNews, SightState, Unseen, after_scan
from findings.sight_store import SightStore
from tests.findings.build import DAY, NOW

POLICIES = Unseen("input policies", "The policies can't be read.", "the policies", "The policies can be read again.")
RENAMED = Unseen("renamed a1 b", "svc-a is now svc-b.", at_once=True)
LICENCE = replace(POLICIES, key="input sign_ins", reminded=False)


def days(unseen: Sequence[Sequence[Unseen]]) -> list[tuple[int, str]]:
    """What is told on which day."""
    states: dict[str, SightState] = {}
    told = []
    for day, seen in enumerate(unseen):
        sight = after_scan(states.values(), seen, run_id=f"run-{day}", now=NOW + day * DAY)
        for state in sight.dropped:
            del states[state.unseen.key]
        states |= {state.unseen.key: state for state in sight.kept}
        told += [(day, news.kind.value) for news in sight.news]
    return told


@pytest.mark.parametrize(
    ("unseen", "told"),
    [
        ([[POLICIES], []], []),  # a hiccup
        ([[POLICIES], [POLICIES], []], [(1, "began"), (2, "ended")]),
        ([[POLICIES], [], [POLICIES], [POLICIES]], [(3, "began")]),
        ([[POLICIES]] * 20, [(1, "began"), (8, "lasts"), (15, "lasts")]),
        ([[LICENCE]] * 20 + [[]], [(1, "began"), (20, "ended")]),
        ([[RENAMED], [], []], [(0, "began")]),
        (
            [[POLICIES, RENAMED], [POLICIES, LICENCE], [LICENCE]],
            [(0, "began"), (1, "began"), (2, "began"), (2, "ended")],
        ),
    ],
)
def test_blindness_is_told_when_it_begins_weekly_and_when_it_ends(
    unseen: Sequence[Sequence[Unseen]], told: Sequence[tuple[int, str]]
) -> None:
    assert days(unseen) == told


def test_what_nobody_looks_at_any_more_is_not_seen_again() -> None:
    first = after_scan([], [POLICIES], run_id="1", now=NOW)
    told = after_scan(first.kept, [POLICIES], run_id="2", now=NOW + DAY)
    over = after_scan(told.kept, [], unasked=lambda key: True, run_id="3", now=NOW + 2 * DAY)
    assert over.news == (SightNews(NewsKind.UNASKED, POLICIES, NOW, NOW + 2 * DAY),)
    dark = after_scan(
        told.kept, [], unasked=lambda key: True, in_the_dark=lambda key: True, run_id="3", now=NOW + 2 * DAY
    )
    assert (dark.news, dark.dropped) == ((), ())


def test_a_run_that_is_repeated_is_the_same_scan() -> None:
    first = after_scan([], [POLICIES], run_id="1", now=NOW)
    assert after_scan(first.kept, [POLICIES], run_id="1", now=NOW + DAY).news == ()


def test_another_run_is_another_scan_whatever_its_id() -> None:
    for one, other in (("1", "2"), ("2", "1")):
        first = after_scan([], [POLICIES], run_id=one, now=NOW)
        assert len(after_scan(first.kept, [POLICIES], run_id=other, now=NOW + DAY).news) == 1


def test_a_time_that_cannot_have_been_yet_puts_no_reminder_off() -> None:
    ahead = SightState(POLICIES, NOW + 90 * DAY, "1", NOW + 90 * DAY)
    (kept,) = after_scan([ahead], [POLICIES], run_id="2", now=NOW).kept
    assert (kept.since, kept.told_at) == (NOW, NOW)


async def test_states_and_news_are_kept_until_everybody_has_them(service: TableServiceClient) -> None:
    store = SightStore(service)
    many = [replace(POLICIES, key=f"input {number}", text="ä/\\#?" * 300, at_once=True) for number in range(90)]
    sight = after_scan([], many, run_id="1", now=NOW)
    ids = [f"alert-{number}" for number in range(store.alerts_needed(sight))]
    await store.keep(sight, ids, channels=("teams", "webhook"))
    assert sorted(one.unseen.key for one in await store.load()) == sorted(one.key for one in many)
    assert await store.untold_alert_ids() == ids
    news: list[SightNews] = []
    for id in ids:
        told, channels = await store.news_of(id)
        assert channels == ("teams", "webhook")
        news += told
    assert news == list(sight.news)
    await store.mark_told(ids[0])
    await store.mark_told(ids[0])
    assert await store.untold_alert_ids() == ids[1:]
    assert await store.news_of(ids[0]) == ((), ())


async def test_what_can_be_seen_again_is_forgotten(service: TableServiceClient) -> None:
    store = SightStore(service)
    now: datetime = NOW
    await store.keep(after_scan([], [POLICIES, LICENCE], run_id="1", now=now), [])
    ended: Sight = after_scan(await store.load(), [POLICIES], run_id="2", now=now + DAY)
    assert [news.kind for news in ended.news] == [NewsKind.BEGAN]
    await store.keep(ended, ["a"])
    assert [state.unseen for state in await store.load()] == [POLICIES]
    assert (await store.load())[0].told_at == now + DAY


def test_what_a_scan_cannot_see_to_be_over_stays_as_it_was() -> None:
    known = SightState(POLICIES, NOW, "run-1", NOW)
    sight = after_scan([known], [], in_the_dark=lambda key: key == POLICIES.key, run_id="run-2", now=NOW + DAY)
    assert sight == Sight((), (), ())


AT_ONCE = replace(POLICIES, at_once=True)


@pytest.mark.parametrize(
    ("unseen", "told"),
    [
        ([[AT_ONCE], [AT_ONCE], []], [(0, "began"), (2, "ended")]),
        ([[POLICIES], [AT_ONCE]], [(1, "began")]),
        ([[replace(POLICIES, ended="")]] * 2 + [[]], [(1, "began")]),
    ],
)
def test_what_needs_no_second_look_and_what_has_no_end(
    unseen: Sequence[Sequence[Unseen]], told: Sequence[tuple[int, str]]
) -> None:
    assert days(unseen) == told


@pytest.mark.parametrize(("days_later", "reminded"), [(6, False), (7, True), (8, True)])
def test_a_reminder_comes_after_a_week(days_later: int, reminded: bool) -> None:
    told = SightState(POLICIES, NOW - DAY, "1", NOW)
    sight = after_scan([told], [POLICIES], run_id="2", now=NOW + days_later * DAY)
    expected = [SightNews(NewsKind.LASTS, POLICIES, NOW - DAY, NOW + days_later * DAY)] if reminded else []
    assert list(sight.news) == expected


def test_what_is_unchanged_is_not_kept_again_and_new_words_are() -> None:
    told = SightState(POLICIES, NOW, "1", NOW)
    assert after_scan([told], [POLICIES], run_id="1", now=NOW).kept == ()
    (kept,) = after_scan([told], [POLICIES], run_id="2", now=NOW + DAY).kept
    assert kept == replace(told, run_id="2")
    other = replace(POLICIES, text="Other words.")
    (kept,) = after_scan([told], [other], run_id="1", now=NOW).kept
    assert kept == replace(told, unseen=other)


def test_news_say_since_when() -> None:
    (state,) = after_scan([], [POLICIES], run_id="1", now=NOW).kept
    assert state == SightState(POLICIES, NOW, "1")
    (began,) = after_scan([state], [POLICIES], run_id="2", now=NOW + DAY).news
    assert began == SightNews(NewsKind.BEGAN, POLICIES, NOW, NOW + DAY)
    told = replace(state, told_at=NOW + DAY)
    (ended,) = after_scan([told], [], run_id="3", now=NOW + 2 * DAY).news
    assert ended == SightNews(NewsKind.ENDED, POLICIES, NOW, NOW + 2 * DAY)


def test_only_what_is_in_the_dark_stays() -> None:
    states = [SightState(one, NOW, "1", NOW) for one in (POLICIES, LICENCE)]
    sight = after_scan(states, [], in_the_dark=lambda key: key == LICENCE.key, run_id="2", now=NOW)
    assert [state.unseen for state in sight.dropped] == [POLICIES]


@pytest.mark.parametrize(("moot", "told"), [(True, []), (False, [NewsKind.ENDED])])
def test_what_is_moot_is_forgotten_without_a_word(moot: bool, told: list[NewsKind]) -> None:
    known = SightState(POLICIES, NOW, "1", NOW)
    sight = after_scan([known], [], moot=lambda key: moot, run_id="2", now=NOW + DAY)
    assert sight.dropped == (known,)
    assert [news.kind for news in sight.news] == told
