"""The words of a finding, its fingerprint, and what decides it."""

from dataclasses import replace

import pytest

from checks.catalog import (
    CHECKS,
    OPTION_CHECKS,
    SWITCHED_OFF,
    causing_effects,
    deciding_effects,
    findings_of,
    fingerprint,
    known_checks,
    state_before,
    switched_off,
)
from checks.model import Effect, Finding, Reason, Severity, Usability, Verdict, Visibility
from tenant.model import RoleAssignment
from tests.checks.kit import SERVICE, STATE_GAP, judged, make_tenant, policy, reasons


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("A",), "the directory role A"),
        (("A", "B"), "the directory roles A and B"),
        (("A", "B", "C"), "the directory roles A, B and C"),
    ],
)
def test_every_role_is_named(names: tuple[str, ...], told: str) -> None:
    roles = tuple(RoleAssignment("svc", f"r{name}", name) for name in names)
    (found,) = judged(make_tenant(role_assignments=roles), SERVICE).findings
    assert found.check_id == "APW-011"
    assert found.summary == f"The account holds {told}. An app password doesn't work for administration."


@pytest.mark.parametrize("state", [None, STATE_GAP, "enabled", "Enforced", "unheardOf"])
def test_only_a_state_that_is_disabled_was_switched_off(state: object) -> None:
    one = judged(make_tenant(), SERVICE)
    assert switched_off(one, "enforced") is not None
    assert switched_off(one, None) is None
    other = replace(one, account=replace(one.account, per_user_mfa=state))  # type: ignore[arg-type]
    assert switched_off(other, "enforced") is None
    loud = replace(one, account=replace(one.account, per_user_mfa="DISABLED"))
    assert switched_off(loud, "enforced") is not None


@pytest.mark.parametrize("check_id", sorted(known_checks()))
def test_what_says_since_when_a_check_is_true_is_what_decides_it(check_id: str) -> None:
    if check_id == SWITCHED_OFF:
        assert causing_effects(check_id) == {"per_user_state"}
        assert deciding_effects(check_id) == frozenset()
    else:
        assert causing_effects(check_id) == deciding_effects(check_id)
    (decided_by,) = [check.decided_by for check in CHECKS if check.id == check_id] or [()]
    assert deciding_effects(check_id) == {effect.value for effect in decided_by}


def test_a_fingerprint_is_of_check_severity_and_causes_in_any_order() -> None:
    one = fingerprint("APW-001", Severity.HIGH, ["a", "b"])
    assert one == fingerprint("APW-001", Severity.HIGH, ["b", "a"])
    others = [
        fingerprint("APW-002", Severity.HIGH, ["a", "b"]),
        fingerprint("APW-001", Severity.LOW, ["a", "b"]),
        fingerprint("APW-001", Severity.HIGH, ["a"]),
    ]
    assert len({one, *others}) == 4
    assert len(one) == 16


@pytest.mark.parametrize(
    ("levels", "told"),
    [(["high"], "high"), (["low", "high"], "low or high"), (["low", "medium", "high"], "low, medium or high")],
)
def test_alternatives_are_told_with_or(levels: list[str], told: str) -> None:
    (reason,) = reasons(
        judged(make_tenant([policy(conditions={"userRiskLevels": levels})]), SERVICE), Effect.DEMANDS_MFA
    )
    assert reason.circumstances == (f"only when the user risk is {told}",)


@pytest.mark.parametrize("bulk", [None, "", "enforced"])
def test_what_the_user_list_says_is_told_where_the_state_is_missing(bulk: str | None) -> None:
    found = judged(make_tenant(), replace(SERVICE, per_user_mfa=None, per_user_mfa_bulk=bulk))
    texts = " ".join(reason.text for reason in found.verdict.reasons)
    assert ("The user list says" in texts) is bool(bulk)


def test_these_checks_ask_whether_the_option_is_there() -> None:
    assert sorted(OPTION_CHECKS) == [*(f"APW-00{number}" for number in (1, 2, 3, 4, 5, 6)), "APW-009"]


HIDDEN, CONDITIONAL, PREDICTED = Visibility.HIDDEN, Visibility.CONDITIONAL, Visibility.PREDICTED
VISIBLE, STUCK, PENDING = Visibility.VISIBLE, Visibility.STUCK, Visibility.PENDING
NOT_OFFERED, OPEN = Visibility.NOT_OFFERED, Visibility.UNKNOWN
USABLE, BY_POLICY, BY_DEFAULTS = (
    Usability.USABLE,
    Usability.BLOCKED_BY_POLICY,
    Usability.BLOCKED_BY_SECURITY_DEFAULTS,
)
BY_A_POLICY = Reason("A policy demands it.", Effect.DEMANDS_MFA, "p1", "P")
BY_THE_DEFAULTS = Reason("They demand it.", Effect.DEMANDS_MFA)
OF_THE_STATE = Reason("It is so.", Effect.PER_USER_STATE)
SWITCH_IS_OFF = Reason("It is off.", Effect.TENANT_SWITCH_OFF)


def verdict(visibility: Visibility, usability: Usability = USABLE, *because: Reason, **more: object) -> Verdict:
    return Verdict(visibility, usability, because, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (verdict(VISIBLE), []),
        (verdict(NOT_OFFERED), []),
        (verdict(Visibility.NOT_APPLICABLE, Usability.NOT_CHECKED), []),
        (verdict(HIDDEN, USABLE, BY_A_POLICY), [("APW-001", "high")]),
        (verdict(HIDDEN, USABLE, BY_THE_DEFAULTS), [("APW-002", "high")]),
        (verdict(HIDDEN, USABLE, BY_THE_DEFAULTS, BY_A_POLICY), [("APW-002", "high")]),
        (verdict(HIDDEN, USABLE, OF_THE_STATE, BY_A_POLICY), [("APW-001", "high")]),
        (verdict(CONDITIONAL, USABLE, BY_THE_DEFAULTS), [("APW-005", "low")]),
        (verdict(STUCK), [("APW-003", "high")]),
        (verdict(PENDING), [("APW-004", "medium")]),
        (verdict(CONDITIONAL), [("APW-005", "low")]),
        (verdict(CONDITIONAL, predicted=CONDITIONAL), [("APW-005", "low")]),
        (verdict(CONDITIONAL, predicted=HIDDEN), [("APW-005", "low"), ("APW-006", "medium")]),
        (
            verdict(CONDITIONAL, predicted=HIDDEN, predicted_by_microsoft=True),
            [("APW-005", "low"), ("APW-006", "high")],
        ),
        (verdict(PREDICTED, predicted=CONDITIONAL), [("APW-006", "medium")]),
        (verdict(PREDICTED, predicted=HIDDEN, predicted_by_microsoft=True), [("APW-006", "high")]),
        (verdict(HIDDEN, USABLE, BY_A_POLICY, predicted=HIDDEN), [("APW-001", "high")]),
        *((verdict(VISIBLE, usability), [("APW-007", "high")]) for usability in (BY_POLICY, BY_DEFAULTS)),
        (verdict(STUCK, BY_POLICY), [("APW-003", "high"), ("APW-007", "high")]),
        (verdict(PENDING, BY_POLICY), [("APW-004", "medium"), ("APW-007", "high")]),
        (verdict(NOT_OFFERED, BY_POLICY), []),
        (verdict(VISIBLE, Usability.CONDITIONAL), []),
        (verdict(OPEN, BY_POLICY), [("APW-008", "medium")]),
        (verdict(OPEN, BY_POLICY, has_option=True), [("APW-007", "high"), ("APW-008", "medium")]),
        (verdict(OPEN), [("APW-008", "medium")]),
        (verdict(VISIBLE, Usability.UNKNOWN), [("APW-008", "medium")]),
        (verdict(VISIBLE, roles=("Reader",)), [("APW-011", "medium")]),
        (verdict(VISIBLE, would_be_blocked=True), [("APW-013", "medium")]),
        (verdict(VISIBLE, would_be_blocked=True, would_be_blocked_by_microsoft=True), [("APW-013", "high")]),
        (verdict(VISIBLE, would_be_blocked_by_microsoft=True), []),
        (verdict(VISIBLE, BY_POLICY, would_be_blocked=True), [("APW-007", "high")]),
        (verdict(VISIBLE, Usability.CONDITIONAL, would_be_blocked=True), []),
        (verdict(VISIBLE, USABLE, SWITCH_IS_OFF), [("APW-014", "high")]),
        (verdict(NOT_OFFERED, USABLE, OF_THE_STATE), []),
    ],
)
def test_which_verdict_becomes_which_finding(of: Verdict, found: list[tuple[str, str]]) -> None:
    assert [(one.check_id, str(one.severity)) for one in findings_of(of)] == found


def test_a_finding_says_what_decides_it_first_and_without_that_its_title() -> None:
    other = Reason("Another policy does.", Effect.DEMANDS_MFA, "p2", "Q", circumstances=("at times",))
    (found,) = findings_of(verdict(HIDDEN, USABLE, OF_THE_STATE, BY_A_POLICY, other))
    assert found == Finding(
        "APW-001",
        "App password option hidden by Conditional Access",
        Severity.HIGH,
        fingerprint("APW-001", Severity.HIGH, ["demands_mfa|p1|None|False", "demands_mfa|p2|None|True"]),
        "A policy demands it.",
    )
    (bare,) = findings_of(verdict(HIDDEN))
    assert bare.summary == bare.title == "App password option hidden by Conditional Access"


def test_which_input_is_missing_makes_no_other_finding_and_which_role_is_held_does() -> None:
    gap = Reason("Could not read it.", Effect.UNREADABLE, permission="Policy.Read.All")
    (one,), (other,) = (findings_of(verdict(OPEN, USABLE, *because)) for because in ((gap,), (gap, OF_THE_STATE)))
    assert one.summary == "Could not read it."
    assert one.fingerprint == other.fingerprint == fingerprint("APW-008", Severity.MEDIUM, [])
    (held,) = findings_of(verdict(VISIBLE, USABLE, OF_THE_STATE, roles=("A", "B")))
    assert held.fingerprint == fingerprint("APW-011", Severity.MEDIUM, ["A", "B"])


@pytest.mark.parametrize(
    ("known", "last", "state", "before"),
    [
        (None, "enforced", "disabled", "enforced"),
        (None, "enabled", "disabled", "enabled"),
        ("enforced", "disabled", "disabled", "enforced"),
        ("enforced", "enabled", "disabled", "enforced"),
        (None, "disabled", "disabled", None),
        (None, "odd", "disabled", None),
        (None, None, "disabled", None),
        ("enforced", "disabled", None, "enforced"),
        (None, "enforced", None, None),
        ("enforced", "disabled", "enabled", None),
        ("enforced", "disabled", "enforced", None),
        (None, "enforced", "enforced", None),
    ],
)
def test_the_state_before_is_remembered_as_long_as_it_is_off(
    known: str | None, last: str | None, state: str | None, before: str | None
) -> None:
    assert state_before(known, last, state) == before


@pytest.mark.parametrize(
    ("before", "gone"),
    [
        ("enforced", "The app-password option goes away with it, and existing app passwords may be lost"),
        ("enabled", "Without it the account isn't offered app passwords, and existing ones may be lost"),
    ],
)
def test_what_is_lost_with_the_state_is_said(before: str, gone: str) -> None:
    assert switched_off(judged(make_tenant(), SERVICE), before) == Finding(
        "APW-009",
        "Per-user MFA was switched off since the last scan",
        Severity.HIGH,
        fingerprint("APW-009", Severity.HIGH, []),
        f"Per-user MFA of the account was set to Disabled. {gone}: check the product that uses the account.",
    )


def test_of_an_account_that_cannot_sign_in_nothing_was_switched_off() -> None:
    assert switched_off(judged(make_tenant(), replace(SERVICE, enabled=False)), "enforced") is None
