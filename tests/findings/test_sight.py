"""What can't be seen: when it is news."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.sight import Fate, NewsKind, Sight, SightNews, SightState, Unseen, after_scan
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
    over = after_scan(told.kept, [], fate=lambda one: Fate.UNASKED, run_id="3", now=NOW + 2 * DAY)
    assert over.news == (SightNews(NewsKind.UNASKED, POLICIES, NOW, NOW + 2 * DAY),)
    dark = after_scan(told.kept, [], fate=lambda one: Fate.UNSURE, run_id="3", now=NOW + 2 * DAY)
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
    sight = after_scan([known], [], fate=lambda one: Fate.UNSURE, run_id="run-2", now=NOW + DAY)
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
    sight = after_scan(states, [], fate=lambda one: Fate.UNSURE if one == LICENCE else Fate.SEEN, run_id="2", now=NOW)
    assert [state.unseen for state in sight.dropped] == [POLICIES]


@pytest.mark.parametrize(("fate", "told"), [(Fate.MOOT, []), (Fate.SEEN, [NewsKind.ENDED])])
def test_what_is_moot_is_forgotten_without_a_word(fate: Fate, told: list[NewsKind]) -> None:
    known = SightState(POLICIES, NOW, "1", NOW)
    sight = after_scan([known], [], fate=lambda one: fate, run_id="2", now=NOW + DAY)
    assert sight.dropped == (known,)
    assert [news.kind for news in sight.news] == told


def group(id: str, error: str = "403") -> Unseen:
    """A group that can't be read."""
    return Unseen(
        "input groups", f"A group can't be read ({error}).", "a group", "A group is back.", object=id, name=id
    )


ALL_GROUPS = replace(group(""), name="")
A, B, C = map(group, "ABC")
News = tuple[int, str, str]


def told_of_objects(unseen: Sequence[Sequence[Unseen]], fates: Sequence[str] = ()) -> list[News]:
    """What is told of which objects on which day; ``fates``: for each day those of the objects that nobody asks for."""
    states: dict[tuple[str, str], SightState] = {}
    told = []
    for day, seen in enumerate(unseen):
        unasked = fates[day] if day < len(fates) else ""
        sight = after_scan(
            states.values(),
            seen,
            fate=lambda one, unasked=unasked: Fate.UNASKED if one.object in [*unasked] else Fate.SEEN,  # type: ignore[misc]
            run_id=f"run-{day}",
            now=NOW + day * DAY,
        )
        for state in sight.dropped:
            del states[state.unseen.key, state.unseen.object]
        states |= {(state.unseen.key, state.unseen.object): state for state in sight.kept}
        told += [(day, news.kind.value, "".join(news.names)) for news in sight.news]
    return told


@pytest.mark.parametrize(
    ("unseen", "unasked", "told"),
    [
        ([[A, B]] * 2 + [[]], [], [(1, "began", "AB"), (2, "ended", "AB")]),
        ([[A], [B], [A]], [], []),  # three hiccups
        ([[A], [A], [B], [B]], [], [(1, "began", "A"), (2, "ended", "A"), (3, "began", "B")]),
        ([[A, B]] * 2 + [[B]], ["", "", "A"], [(1, "began", "AB"), (2, "unasked", "A")]),
        ([[A, B]] * 2 + [[B]], [], [(1, "began", "AB"), (2, "ended", "A")]),
        ([[A, B]] * 2 + [[]], ["", "", "A"], [(1, "began", "AB"), (2, "unasked", "A"), (2, "ended", "B")]),
        ([[A]] * 4 + [[A, B]] * 10, [], [(1, "began", "A"), (5, "began", "B"), (8, "lasts", "AB")]),
        ([[A, group("B", "500")]] * 2, [], [(1, "began", "A"), (1, "began", "B")]),
        ([[A, B, C]] * 2 + [[A, B]] + [[]], [], [(1, "began", "ABC"), (2, "ended", "C"), (3, "ended", "AB")]),
        # Where more is unseen than anybody remembers one by one, all of it is.
        ([[A, B]] * 2 + [[ALL_GROUPS]] + [[A]] + [[]], [], [(1, "began", "AB"), (4, "ended", "A")]),
    ],
)
def test_what_is_read_one_by_one_is_told_one_by_one(
    unseen: Sequence[Sequence[Unseen]], unasked: Sequence[str], told: Sequence[News]
) -> None:
    assert told_of_objects(unseen, unasked) == list(told)


def test_what_an_earlier_version_kept_without_its_objects_is_no_news_for_each_of_them() -> None:
    of_before = SightState(ALL_GROUPS, NOW, "1", NOW)
    sight = after_scan([of_before], [A, B], run_id="2", now=NOW + DAY)
    assert (sight.news, sight.dropped) == ((), (of_before,))
    assert [(state.unseen, state.since, state.told_at) for state in sight.kept] == [(A, NOW, NOW), (B, NOW, NOW)]
    (over,) = after_scan([of_before], [], run_id="2", now=NOW + DAY).news
    assert over == SightNews(NewsKind.ENDED, ALL_GROUPS, NOW, NOW + DAY)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([(A, NOW, None), (B, NOW + DAY, NOW + 2 * DAY)], (NOW + DAY, NOW + 2 * DAY)),
        ([(B, NOW + DAY, NOW + 2 * DAY), (A, NOW, None)], (NOW + DAY, NOW + 2 * DAY)),
        ([(A, NOW + DAY, NOW + DAY), (B, NOW, NOW + 2 * DAY)], (NOW, NOW + 2 * DAY)),
        ([(B, NOW, NOW + 2 * DAY), (A, NOW + DAY, NOW + DAY)], (NOW, NOW + 2 * DAY)),
        ([(A, NOW, None), (ALL_GROUPS, NOW + DAY, NOW + DAY)], (NOW + DAY, NOW + DAY)),
    ],
)
def test_where_all_of_an_input_is_unseen_it_goes_on_from_what_was_told_first(
    known: Sequence[tuple[Unseen, datetime, datetime | None]], expected: tuple[datetime, datetime]
) -> None:
    states = [SightState(one, since, "1", told) for one, since, told in known]
    (kept,) = after_scan(states, [ALL_GROUPS], run_id="2", now=NOW + 3 * DAY).kept
    assert (kept.since, kept.told_at) == expected
    assert kept.unseen == ALL_GROUPS


def test_of_one_input_all_its_objects_are_kept_with_one_that_changed_and_of_others_none() -> None:
    states = [SightState(one, NOW, "2", NOW) for one in (A, B, POLICIES)]
    sight = after_scan(states, [A, B, C, POLICIES], run_id="2", now=NOW + DAY)
    assert sight.kept == (*states[:2], SightState(C, NOW + DAY, "2"))
    assert sight.dropped == ()
    gone = after_scan(states, [B, POLICIES], run_id="2", now=NOW + DAY)
    assert (gone.kept, gone.dropped) == ((states[1],), (states[0],))


@pytest.mark.parametrize(
    ("instead_of", "told"),
    [("", ["ended", "ended"]), ("input pol", ["ended"]), ("input", []), ("put pol", ["ended", "ended"])],
)
def test_what_another_thing_says_already_has_no_end_of_its_own(instead_of: str, told: list[str]) -> None:
    states = [SightState(one, NOW, "1", NOW) for one in (POLICIES, LICENCE)]
    instead = replace(RENAMED, instead_of=instead_of)
    news = after_scan(states, [instead], run_id="2", now=NOW + DAY).news
    assert [one.kind.value for one in news] == ["began", *told]


@pytest.mark.parametrize("told_at", [None, NOW])
@pytest.mark.parametrize("ended", ["", "It is back."])
@pytest.mark.parametrize("fate", list(Fate))
def test_an_end_is_told_once_of_what_was_told_and_has_one(fate: Fate, ended: str, told_at: datetime | None) -> None:
    known = SightState(replace(POLICIES, ended=ended), NOW, "1", told_at)
    sight = after_scan([known], [], fate=lambda one: fate, run_id="2", now=NOW + DAY)
    kind = {Fate.SEEN: NewsKind.ENDED, Fate.UNASKED: NewsKind.UNASKED}.get(fate) if ended and told_at else None
    assert sight.news == ((SightNews(kind, known.unseen, NOW, NOW + DAY),) if kind else ())
    assert sight.dropped == (() if fate is Fate.UNSURE else (known,))


def test_what_is_over_for_several_objects_is_told_in_the_words_of_the_first_and_since_when() -> None:
    words = [replace(one, text=f"{one.object} can't be read.") for one in (B, A)]
    states = [SightState(one, NOW, "1", NOW) for one in words]
    (news,) = after_scan(states, [], run_id="2", now=NOW + DAY).news
    unseen = replace(words[0], object="", name="")
    assert news == SightNews(NewsKind.ENDED, unseen, NOW, NOW + DAY, ("A", "B"))
    later = [states[0], replace(states[1], since=NOW - DAY)]
    assert [one.names for one in after_scan(later, [], run_id="2", now=NOW + DAY).news] == [("B",), ("A",)]


def test_what_lasts_is_told_of_all_objects_since_the_first_of_them() -> None:
    states = [SightState(A, NOW, "1", NOW), SightState(B, NOW - DAY, "1", NOW + DAY)]
    (news,) = after_scan(states, [A, B], run_id="2", now=NOW + 7 * DAY).news
    assert news == SightNews(NewsKind.LASTS, replace(A, object="", name=""), NOW - DAY, NOW + 7 * DAY, names=("A", "B"))


@pytest.mark.parametrize(
    ("since", "told_at", "expected"),
    [
        (NOW - DAY, NOW - DAY, (NOW - DAY, NOW - DAY)),
        (NOW + 90 * DAY, NOW - DAY, (NOW, NOW - DAY)),
        (NOW - DAY, NOW + 90 * DAY, (NOW - DAY, NOW)),
        (NOW + 90 * DAY, None, (NOW, NOW)),
    ],
)
def test_only_a_time_that_cannot_have_been_yet_is_put_right(
    since: datetime, told_at: datetime | None, expected: tuple[datetime, datetime]
) -> None:
    (kept,) = after_scan([SightState(POLICIES, since, "1", told_at)], [POLICIES], run_id="2", now=NOW).kept
    assert (kept.since, kept.told_at) == expected


def test_many_objects_are_counted() -> None:
    many = [group(f"{number:03}") for number in range(300)]
    first = after_scan([], many, run_id="1", now=NOW)
    (news,) = after_scan(first.kept, many, run_id="2", now=NOW + DAY).news
    assert (news.names, news.more) == (("000", "001", "002", "003", "004"), 295)


async def test_the_objects_of_an_input_are_kept_together(service: TableServiceClient) -> None:
    store = SightStore(service)
    many = [group(f"{number:03}/ä") for number in range(1000)]
    first = after_scan([], [*many, POLICIES], run_id="1", now=NOW)
    await store.keep(first, [])
    assert sorted(await store.load(), key=repr) == sorted(first.kept, key=repr)
    told = after_scan(await store.load(), [*many[1:], group("new", "500")], run_id="2", now=NOW + DAY)
    assert store.alerts_needed(told) == 1
    await store.keep(told, ["a"])
    assert len(await store.load()) == 1000
    assert sorted(await store.load(), key=repr) == sorted(told.kept, key=repr)
    assert (await store.news_of("a"))[0] == told.news
    await store.keep(after_scan(await store.load(), [], run_id="3", now=NOW + 2 * DAY), ["b"])
    assert await store.load() == []
