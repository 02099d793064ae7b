"""The words of a finding, its fingerprint, and what decides it."""

from dataclasses import replace

import pytest

from checks.catalog import (
    CHECKS,
    OPTION_CHECKS,
    SWITCHED_OFF,
    causing_effects,
    deciding_effects,
    fingerprint,
    known_checks,
    switched_off,
)
from checks.model import Effect, Severity
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
