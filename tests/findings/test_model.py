"""What a record says where nothing else is said."""

from dataclasses import fields, replace

import pytest

from findings.compare import compare
from findings.model import AccountRecord, Change, Comparison, Flap, Observation, Silence
from findings.run_record import DONE, OVER, RunRecord, RunStatus
from tests.findings.build import NOW, account, seen

BARE = AccountRecord("a1", "svc@contoso.example", "Svc", "run-1", NOW, True)


def test_a_new_finding_was_opened_once_and_waits_for_nothing() -> None:
    outcome = compare(account(), [], [seen()], alert_id="a")
    (state,), (change,) = outcome.states, outcome.changes
    assert (state.occurrences, state.pending, state.open) == (1, False, True)
    assert (change.closing, change.silence, outcome.superseded) == (False, None, False)
    assert outcome.told == (change,)
    assert replace(outcome, changes=(replace(change, silence=Silence.HICCUP),)).told == ()


def test_a_change_doesnt_end_the_watching_of_an_account_unless_it_says_so() -> None:
    assert {field.name: field.default for field in fields(Change)}["closing"] is False


def test_an_observation_is_whole_unless_it_says_otherwise() -> None:
    assert Observation("APW-001", "T", "high", "f", "S").exact


def test_an_account_is_selected_and_rests_on_no_evidence() -> None:
    assert BARE.off_for_the_tenant is False
    assert (BARE.selected, BARE.on_evidence, BARE.visibility, BARE.usability) == (True, False, "unknown", "unknown")
    assert (Comparison(()).superseded, Comparison(()).unchanged) == (False, False)


@pytest.mark.parametrize(
    ("visibility", "state", "last"),
    [
        ("unknown", "enforced", "visible"),
        ("unknown", "Enforced", "visible"),
        ("unknown", "enabled", "unknown"),
        ("unknown", "zzz", "unknown"),
        ("unknown", None, "unknown"),
        ("hidden", "enforced", "hidden"),
        ("visible", "enforced", "visible"),
        ("not_offered", "disabled", "not_offered"),
    ],
)
def test_where_the_option_could_not_be_told_the_state_that_was_last_read_counts(
    visibility: str, state: str | None, last: str
) -> None:
    known = replace(BARE, visibility=visibility, per_user_mfa=state)
    assert known.last_visibility == last
    (change,) = compare(account(), [], [seen()], alert_id="a", known=known).changes
    assert change.previous_visibility == last


def test_a_run_has_done_nothing_and_is_about_everything() -> None:
    shown = RunRecord("r", RunStatus.RUNNING, NOW).public()
    assert (shown["accounts_total"], shown["accounts_done"], shown["graph_requests"]) == (0, 0, 0)
    assert (shown["partial"], shown["complete"], shown["finished"]) == (False, False, None)
    assert RunRecord("r", RunStatus.COMPLETE, NOW, NOW).public()["complete"] is True
    assert RunRecord("r", RunStatus.INCOMPLETE, NOW, NOW).public()["complete"] is False


def test_a_change_as_json_says_why_it_is_silent_and_whether_it_flaps() -> None:
    (change,) = compare(account(), [], [seen()], alert_id="a").changes
    assert (change.public()["silence"], change.public()["flapping"], change.public()["exception"]) == (None, None, None)
    silent = replace(change, silence=Silence.HICCUP, flapping=Flap.STARTED).public()
    assert (silent["silence"], silent["flapping"]) == ("hiccup", "started")


def test_a_scan_that_was_skipped_is_over_and_not_done() -> None:
    assert {RunStatus.COMPLETE, RunStatus.INCOMPLETE} == DONE
    assert {RunStatus.COMPLETE, RunStatus.INCOMPLETE, RunStatus.SKIPPED} == OVER
