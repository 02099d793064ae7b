"""What a record says where nothing else is said."""

from dataclasses import fields, replace
from datetime import date

import pytest

from findings.compare import compare
from findings.model import AcceptedException, AccountRecord, Change, Comparison, Flap, Observation, Silence, Status
from findings.run_record import DONE, OVER, RunRecord, RunStatus
from tests.findings.build import DAY, NOW, account, seen

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
    assert (BARE.off_for_the_tenant, BARE.needs_no_log) == (False, False)
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


@pytest.mark.parametrize(
    ("visibility", "state", "last"),
    [
        ("visible", "enforced", "not_offered"),
        ("unknown", "enforced", "not_offered"),
        ("unknown", "disabled", "unknown"),
        ("hidden", "disabled", "hidden"),
        ("stuck", "enabled", "stuck"),
        ("predicted", "disabled", "predicted"),
        ("zzz", "enforced", "zzz"),
    ],
)
def test_where_the_tenant_had_app_passwords_switched_off_nobody_was_offered_one(
    visibility: str, state: str, last: str
) -> None:
    known = replace(BARE, visibility=visibility, per_user_mfa=state, off_for_the_tenant=True)
    assert known.last_visibility == last


ACCEPTED = AcceptedException(
    "x1", "a1", "svc@contoso.example", "APW-001", "Migration", "Ada", date(2027, 1, 31), NOW, "Bob"
)
ACCEPTED_JSON = {
    "id": "x1",
    "account": "a1",
    "user_principal_name": "svc@contoso.example",
    "check_id": "APW-001",
    "reason": "Migration",
    "owner": "Ada",
    "until": "2027-01-31",
    "created_at": "2026-11-22T07:00:00Z",
    "created_by": "Bob",
    "ended_at": None,
    "ended_by": None,
}


def test_an_exception_as_json() -> None:
    assert ACCEPTED.public() == ACCEPTED_JSON
    ended = replace(ACCEPTED, check_id=None, ended_at=NOW + DAY, ended_by="Eve").public()
    assert ended == {**ACCEPTED_JSON, "check_id": None, "ended_at": "2026-11-23T07:00:00Z", "ended_by": "Eve"}


def test_a_finding_as_json() -> None:
    (state,) = compare(account(), [], [seen()], alert_id="a").states
    shown = {
        "account": "a1",
        "user_principal_name": "svc-a1@contoso.example",
        "display_name": "Service a1",
        "check_id": "APW-001",
        "severity": "high",
        "status": "open",
        "title": "Title of APW-001",
        "summary": "APW-001 because of policy-1.",
        "cause": None,
        **dict.fromkeys(("first_seen", "first_ever", "last_seen", "changed_at"), "2026-11-22T07:00:00Z"),
        "resolved_at": None,
        "resolution": None,
        "occurrences": 1,
        "flapping_since": None,
        "excepted_until": None,
        "exception": None,
    }
    assert state.public() == shown
    full = replace(
        state,
        status=Status.RESOLVED,
        cause="Since yesterday.",
        resolved_at=NOW + DAY,
        resolution="It is gone.",
        flapping_since=NOW + 2 * DAY,
        exception=ACCEPTED,
    )
    assert full.public() == {
        **shown,
        "status": "resolved",
        "cause": "Since yesterday.",
        "resolved_at": "2026-11-23T07:00:00Z",
        "resolution": "It is gone.",
        "flapping_since": "2026-11-24T07:00:00Z",
        "excepted_until": "2027-01-31",
        "exception": ACCEPTED_JSON,
    }


def test_a_change_as_json() -> None:
    (change,) = compare(account(), [], [replace(seen(), cause="Since yesterday.")], alert_id="a").changes
    shown = {
        "id": change.id,
        "alert_id": "a",
        "kind": "opened",
        "status": "open",
        "account": "a1",
        "user_principal_name": "svc-a1@contoso.example",
        "display_name": "Service a1",
        "check_id": "APW-001",
        "title": "Title of APW-001",
        "severity": "high",
        "previous_severity": None,
        "previous_visibility": None,
        "summary": "APW-001 because of policy-1.",
        "cause": "Since yesterday.",
        "at": "2026-11-22T07:00:00Z",
        "first_seen": "2026-11-22T07:00:00Z",
        "run_id": "run-1",
        "resolution": None,
        "flapping": None,
        "silence": None,
        "closing": False,
        "exception": None,
    }
    assert change.public() == shown
    accepted = replace(change, exception=ACCEPTED, closing=True, resolution="It is gone.").public()
    assert accepted == {**shown, "exception": ACCEPTED_JSON, "closing": True, "resolution": "It is gone."}


def test_a_run_as_json() -> None:
    run = RunRecord(
        *("r", RunStatus.COMPLETE, NOW, NOW + DAY, "schedule", "t", "Contoso", True, 3, 2, 1, "alert", "It broke."),
        visibility={"hidden": 1},
        usability={"usable": 2},
        severities={"high": 3},
        urgency={"now": 4},
        next_break=date(2026, 12, 31),
        steps=({"title": "Do it"},),
        changes={"opened": 5},
        gaps=({"input": "x"},),
        notes=("A note.",),
        app_passwords={"allowed": True, "source": "read", "contradiction": "No.", "more": 1},
    )
    shown = {
        "id": "r",
        "status": "complete",
        "started": "2026-11-22T07:00:00Z",
        "finished": "2026-11-23T07:00:00Z",
        "trigger": "schedule",
        "tenant_id": "t",
        "tenant_name": "Contoso",
        "complete": True,
        "partial": True,
        "accounts_total": 3,
        "accounts_done": 2,
        "graph_requests": 1,
        "error": "It broke.",
        "visibility": {"hidden": 1},
        "usability": {"usable": 2},
        "severities": {"high": 3},
        "urgency": {"now": 4},
        "next_break": "2026-12-31",
        "steps": [{"title": "Do it"}],
        "changes": {"opened": 5},
        "gaps": [{"input": "x"}],
        "notes": ["A note."],
        "app_passwords": {"allowed": True, "source": "read", "contradiction": "No."},
    }
    assert run.public() == shown
    bare = replace(run, next_break=None, app_passwords={}).public()
    assert bare["next_break"] is None
    assert bare["app_passwords"] == {"allowed": None, "source": None, "contradiction": None}


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
