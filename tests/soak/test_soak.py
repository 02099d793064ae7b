"""The soak: it finds nothing in the product as it is, and does find faults that are put into it."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from findings import sight
from jobs import keep, scan, unseen, watch
from soak import __main__ as command
from soak import crew
from soak.crew import story_of
from soak.play import Stage, Violation, play, stage
from soak.shrink import shrink
from soak.steps import (
    Break,
    Delete,
    Discover,
    Join,
    Mend,
    Mfa,
    Outage,
    Policy,
    Register,
    Rename,
    Scan,
    Select,
    Story,
    random_story,
    random_year,
    written,
)
from soak.truth import Person, Rule, Tenant, seen

SEED = 60
STORIES = 4


@pytest.fixture(scope="module")
def on() -> Iterator[Stage]:
    with stage() as running:
        yield running


def test_random_stories_break_no_promise(on: Stage) -> None:
    for number in range(STORIES):
        story = story_of(SEED, number)
        assert play(story, on) is None, written(story)
    assert on.counts["kills"] > 0
    assert on.counts["reads broken"] > 0


def test_a_renamed_account_that_one_scan_cannot_read_is_watched_on(on: Stage) -> None:
    story = (
        Scan(),
        Rename(2, "svc-2-0@contoso.com"),
        Rename(3, "moved-3-1@contoso.com"),
        Scan(),
        Break("account", "403", 3),
        Scan(),
    )
    assert play(story, on) is None


def test_settings_that_begin_to_name_a_renamed_account_by_its_old_name_are_told(on: Stage) -> None:
    story = (
        Scan(),
        Select("list", (2, 3)),  # half of the accounts at once: they are watched on for a while
        Rename(0, "moved-0-1@contoso.com"),
        Scan(),
        Select("pattern", (0, 1, 2, 3)),  # it takes in the old name, and not the new one
        Scan(),
    )
    assert play(story, on) is None


@pytest.mark.parametrize("registered", [True, False])
def test_what_is_registered_ends_a_finding_though_the_state_cannot_be_read(on: Stage, registered: bool) -> None:
    story = (
        Mfa(0, "enabled"),
        Register(0, yes=not registered),
        Scan(),
        Break("per_user_mfa", "403"),
        Register(0, yes=registered),
        Scan(),
    )
    assert play(story, on) is None


def test_the_rename_of_an_account_that_is_deleted_is_not_told_as_put_right(on: Stage) -> None:
    story = (Scan(), Rename(0, "moved-0-1@contoso.com"), Scan(), Delete(0), Scan(), Scan())
    assert play(story, on) is None


def test_a_group_that_only_its_members_name_is_the_same_unread_object(on: Stage) -> None:
    story = (Join(1), Policy(1, "report-only", ()), Break("groups", "403"), Scan(), Scan())
    assert play(story, on) is None


@pytest.mark.parametrize("what", ["account", "per_user_mfa", "group_memberships"])
def test_of_an_account_that_is_left_out_nobody_says_what_can_be_read_again(on: Stage, what: str) -> None:
    story = (Scan(), Select("list", (2, 3)), Break(what, "403", 0), Scan(), Scan())
    assert play(story, on) is None


@pytest.mark.parametrize("minutes", [162, 600])
def test_nobody_can_say_whether_the_log_can_be_read_where_every_day_of_it_is_known(on: Stage, minutes: int) -> None:
    story = (Discover(True), Scan(), Break("sign_ins", "403"), Scan(after=minutes), Scan(), Mend(), Scan(after=30))
    assert play(story, on) is None


def test_settings_that_name_an_account_which_cannot_be_read_select_again(on: Stage) -> None:
    story = (Select("nothing", ()), Scan(), Scan(), Select("list", (1,)), Break("account", "403"), Scan())
    assert play(story, on) is None


def test_an_alert_that_waits_is_sent_wherever_the_end_of_a_scan_is_cut_off(on: Stage) -> None:
    """In the last requests of the scan itself, and while the alert is sent, which is then free again when its claim has run out."""
    for kill in range(48, 56):
        story = (
            Break("role_assignments", "403"),
            Scan(after=1440),
            Outage(1, "429"),
            Scan(after=1440, did=True),
            Scan(after=21602, kill=kill),
            Scan(after=21601, did=True),
        )
        assert play(story, on) is None, kill


def test_three_weeks_in_which_everything_fails_now_and_then_tell_only_what_is_so(on: Stage) -> None:
    story = random_year(random.Random(7), days=21)
    assert play(story, on) is None, written(story)


HIDDEN_ACCOUNT = (Mfa(0, "enabled"), Mfa(1, "enforced"), Scan())
MUTANTS: dict[str, tuple[Any, str, Any, Story]] = {
    "nothing is undecided": (
        keep,
        "undecided",
        lambda *_, **__: frozenset(),
        (*HIDDEN_ACCOUNT, Break("per_user_mfa", "500"), Scan()),
    ),
    "a selection that lost most accounts ends them at once": (
        watch,
        "GRACE",
        watch.GRACE * 0,
        (*HIDDEN_ACCOUNT, Select("list", (3,)), Scan()),
    ),
    "blindness isn't told": (
        unseen,
        "after_scan",
        lambda *_, **__: sight.Sight((), (), ()),
        (*HIDDEN_ACCOUNT, Break("security_defaults", "403"), Scan(), Scan()),
    ),
    "an end is told that nobody could see": (
        scan,
        "fate_after",
        lambda *_: lambda _one: sight.Fate.SEEN,
        (
            *HIDDEN_ACCOUNT,
            Rename(0, "moved-0-0@contoso.com"),
            Scan(),
            Break("account", "500", 0),
            Scan(),
        ),
    ),
    "one scan alone is news": (
        keep,
        "CONFIRMED",
        frozenset(),
        (
            *HIDDEN_ACCOUNT,
            Break("group_memberships", "500", 0),
            Break("security_defaults", "500"),
            Scan(),
            Mend(),
            Scan(),
        ),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_that_is_put_in_is_found(name: str, on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, instead, story = MUTANTS[name]
    assert play(story, on) is None
    monkeypatch.setattr(where, what, instead)
    assert play(story, on) is not None


def test_faults_that_are_put_in_are_found_by_random_stories(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "undecided", lambda *_, **__: frozenset())
    found = (play(story_of(SEED, number), on) for number in range(100))
    assert next(filter(None, found), None) is not None


def test_a_story_is_shrunk_to_what_matters() -> None:
    wanted = (Mfa(0, "enabled"), Scan(after=1440))
    story = (Rename(1, "svc-1-0@contoso.com"), Mfa(0, "enabled"), Mend(), Scan(after=77, kill=3, twice=True), Mend())

    def fails(candidate: Story) -> bool:
        return Mfa(0, "enabled") in candidate and any(isinstance(step, Scan) for step in candidate)

    assert shrink(story, fails) == wanted
    assert written(wanted).startswith("story = (\n    Mfa(account=0, state='enabled'),\n    Scan(after=1440,")


def test_the_same_seed_tells_the_same_story() -> None:
    assert random_story(random.Random(3)) == random_story(random.Random(3))
    assert story_of(1, 2) == story_of(1, 2) != story_of(1, 3)


@pytest.mark.parametrize(
    ("person", "rules", "unread", "failing", "undecided"),
    [
        (Person("a", "a"), [Rule("P", "mfa", state="on")], set(), {"APW-001": {"P"}}, set()),
        (Person("a", "a"), [], {"security_defaults"}, {"APW-008": set()}, {"APW-002"}),
        (Person("a", "a", "enforced"), [], {"mfa_registration"}, {}, set()),
        (Person("a", "a", "enabled"), [], {"mfa_registration"}, {"APW-008": set()}, {"APW-003", "APW-004"}),
        (
            Person("a", "a"),
            [Rule("P", "mfa", state="on")],
            {"security_defaults"},
            {"APW-001": None, "APW-008": set()},
            {"APW-002"},
        ),
        (Person("a", "a", role=True), [], {"role_assignments"}, {}, {"APW-011"}),
        (Person("a", "a"), [Rule("P", "mfa", True, "on")], {"group_memberships"}, {"APW-008": set()}, {"APW-001"}),
    ],
)
def test_what_can_be_known_where_something_is_unread(
    person: Person, rules: list[Rule], unread: set[str], failing: dict[str, Any], undecided: set[str]
) -> None:
    found = seen(person, Tenant((person,), tuple(rules)), frozenset(unread))
    assert found.failing == failing
    assert set(found.undecided) == undecided


def test_a_broken_promise_is_told_with_its_shortest_story(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on: Stage
) -> None:
    def broken(story: Story, _on: Stage) -> Violation | None:
        return Violation(1, "kept: wrong") if any(isinstance(step, Mfa) for step in story) else None

    monkeypatch.setattr(crew, "play", broken)
    monkeypatch.setattr(command, "work_on_all", lambda jobs, _workers: (crew.work(job, on) for job in jobs))
    assert command.main(["--scenarios", "40", "--seed", "5", "--workers", "1"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("Seed 5: 40 stories on 1 workers")
    assert said.count("Mfa(") == 1


def test_workers_play_in_processes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--scenarios", "2", "--seed", "60", "--workers", "2"]) == 0
    assert '"scenarios": 2' in capsys.readouterr().out
