"""The tenant's switch for app passwords: read or attested, said first, and no reason to call an option offered."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.decided import undecided
from checks.model import Effect, Finding, JudgedAccount, Severity, Usability, Verdict, Visibility
from checks.resolutions import why_resolved
from checks.tenant_switch import NOBODY_KNOWS, TenantSwitch
from tenant.model import MfaService, Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    METHODS_GAP,
    POLICIES_GAP,
    PROPERTIES_GAP,
    SERVICE,
    STATE_GAP,
    judged,
    make_tenant,
    policy,
    reasons,
)

ON, OFF = MfaService(allows_app_passwords=True), MfaService(allows_app_passwords=False)
METHOD = Registration(report=("mobilePhone",))
STATES: dict[str, dict[str, Any]] = {
    "visible": {"per_user_mfa": "enforced"},
    "stuck": {"per_user_mfa": "enabled", "registration": METHOD},
    "pending": {"per_user_mfa": "enabled", "registration": Registration(report=())},
    "stuck or pending": {"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)},
    "not offered": {"per_user_mfa": "disabled"},
    "state unread": {"per_user_mfa": STATE_GAP},
    "account unread": {"properties": PROPERTIES_GAP},
    "disabled account": {"per_user_mfa": "enforced", "enabled": False},
}
CARRIES_IT = ("visible", "stuck", "pending", "stuck or pending")


def found(
    state: str, read: MfaService | None = None, attested: str = "unknown", *policies: Any, **tenant: Any
) -> JudgedAccount:
    account = replace(SERVICE, **STATES[state])
    return judged(make_tenant(policies, mfa_service=read, **tenant), account, app_passwords_allowed=attested)


def checks(one: JudgedAccount) -> set[str]:
    return {finding.check_id for finding in one.findings}


@pytest.mark.parametrize(
    ("read", "attested", "allowed", "source", "contradicts"),
    [
        (None, "unknown", None, None, False),
        (None, "yes", True, "attested", False),
        (None, "no", False, "attested", False),
        (ON, "unknown", True, "read", False),
        (ON, "yes", True, "read", False),
        (ON, "no", True, "read", True),
        (OFF, "unknown", False, "read", False),
        (OFF, "yes", False, "read", True),
        (OFF, "no", False, "read", False),
    ],
)
def test_what_is_read_wins_and_a_contradiction_is_said(
    read: MfaService | None, attested: str, allowed: bool | None, source: str | None, contradicts: bool
) -> None:
    switch = TenantSwitch.of(read, attested)
    assert (switch.allowed, switch.source, switch.contradiction is not None) == (allowed, source, contradicts)
    assert ("APW-014" in checks(found("visible", read, attested))) is (allowed is False)


def test_the_contradiction_says_which_is_which() -> None:
    assert "is off, and the setting APP_PASSWORDS_ALLOWED says yes" in str(TenantSwitch.of(OFF, "yes").contradiction)
    assert "is on, and the setting APP_PASSWORDS_ALLOWED says no" in str(TenantSwitch.of(ON, "no").contradiction)
    assert TenantSwitch.of(None, "unknown") == NOBODY_KNOWS


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("read", "attested"), [(OFF, "unknown"), (OFF, "yes"), (None, "no")])
def test_while_it_is_off_whoever_has_the_option_or_will_have_it_is_told_first(
    state: str, read: MfaService | None, attested: str
) -> None:
    one = found(state, read, attested)
    off = reasons(one, Effect.TENANT_SWITCH_OFF)
    assert ("APW-014" in checks(one)) is bool(off) is (state in CARRIES_IT)
    if state in ("visible", "stuck", "pending"):
        assert one.verdict.reasons[0] is off[0]
    for reason in off:
        source = "read from Microsoft Graph" if read else "attested by the setting APP_PASSWORDS_ALLOWED=no"
        assert source in reason.text
        assert ("says yes" in reason.text) is (attested == "yes")
        assert "leaves app passwords that exist working" in reason.text


@pytest.mark.parametrize("state", CARRIES_IT)
def test_nothing_calls_an_option_offered_that_is_switched_off(state: str) -> None:
    one = found(state, OFF)
    told = " ".join(reason.text for reason in one.verdict.reasons)
    for promise in ("offers app passwords", "option appears", "option stays away"):
        assert promise not in told
    (finding,) = [finding for finding in one.findings if finding.check_id == "APW-014"]
    assert finding.severity == "high"
    steps = [step for remedy in one.remediation for step in remedy.steps]
    assert any(step.startswith("Switch on") and "Service settings" in step for step in steps)


@given(
    st.sampled_from(sorted(STATES)),
    st.sampled_from([None, ON, OFF]),
    st.sampled_from(["yes", "no", "unknown"]),
    st.sampled_from([{}, {"security_defaults": True}, {"security_defaults": DEFAULTS_GAP}, {"policies": POLICIES_GAP}]),
)
def test_the_switch_never_changes_a_verdict(
    state: str, read: MfaService | None, attested: str, tenant: dict[str, Any]
) -> None:
    policies = () if "policies" in tenant else (policy(users=("other",)), BLOCK_LEGACY)
    account = replace(SERVICE, **STATES[state])

    def answers(service: MfaService | None, setting: str) -> tuple[str, str, set[str]]:
        the_tenant = replace(make_tenant(policies), mfa_service=service, **tenant)
        one = judged(the_tenant, account, app_passwords_allowed=setting)
        return one.verdict.visibility, one.verdict.usability, checks(one) - {"APW-014"}

    assert answers(read, attested) == answers(None, "unknown")


def test_the_source_of_what_is_known_is_no_news_of_the_account() -> None:
    """What was attested and is read from the next scan on is the same finding."""

    def fingerprint(read: MfaService | None, attested: str) -> str:
        one = found("visible", read, attested)
        return next(finding.fingerprint for finding in one.findings if finding.check_id == "APW-014")

    assert fingerprint(OFF, "unknown") == fingerprint(OFF, "yes") == fingerprint(None, "no")


@pytest.mark.parametrize(
    ("state", "read", "attested", "open_"),
    [
        # A failed read is never good news, nor is an attestation that somebody took away.
        ("visible", None, "unknown", True),
        ("stuck", None, "unknown", True),
        ("pending", None, "unknown", True),
        ("stuck or pending", None, "unknown", True),
        ("visible", None, "yes", False),
        ("visible", ON, "unknown", False),
        ("visible", ON, "no", False),
        # Whoever has no option passes, whatever the switch says.
        ("not offered", None, "unknown", False),
        ("not offered", OFF, "unknown", False),
        ("disabled account", None, "unknown", False),
        # Whether it has one isn't known.
        ("state unread", OFF, "unknown", True),
        ("state unread", None, "unknown", True),
        ("state unread", ON, "unknown", False),
        ("account unread", ON, "unknown", True),
        # It fails, and that is seen.
        ("visible", OFF, "unknown", False),
        ("stuck or pending", OFF, "unknown", False),
    ],
)
def test_when_it_is_open_whether_an_account_fails(
    state: str, read: MfaService | None, attested: str, open_: bool
) -> None:
    one = found(state, read, attested)
    assert ("APW-014" in undecided(one, log_read=True, on_evidence=False)) is open_


@pytest.mark.parametrize("check_id", ["APW-007", "APW-099"])
def test_another_finding_is_no_sign_that_it_is_seen_to_be_off(check_id: str) -> None:
    one = found("visible", None, "unknown")
    other = Finding(check_id, "", Severity.HIGH, "", "")
    assert "APW-014" in undecided(replace(one, findings=(other,)), log_read=True, on_evidence=False)


@pytest.mark.parametrize(
    ("check_id", "visibility", "allowed", "said"),
    [
        ("APW-014", Visibility.VISIBLE, True, "with app passwords no longer switched off for the tenant"),
        ("APW-014", Visibility.HIDDEN, True, "with app passwords no longer switched off for the tenant"),
        ("APW-099", Visibility.VISIBLE, True, "with the app-password option available"),
        ("APW-014", Visibility.HIDDEN, False, "with the app-password option hidden for another reason"),
        ("APW-001", Visibility.VISIBLE, False, "with app passwords switched off for the whole tenant"),
        ("APW-003", Visibility.PENDING, False, "with app passwords switched off for the whole tenant"),
        ("APW-001", Visibility.VISIBLE, True, "with the app-password option available"),
        ("APW-007", Visibility.VISIBLE, False, "with nothing that blocks an app password"),
    ],
)
def test_a_resolution_calls_no_option_available_that_is_switched_off(
    check_id: str, visibility: Visibility, allowed: bool, said: str
) -> None:
    verdict = Verdict(visibility, Usability.USABLE, (), app_passwords_allowed=allowed)
    assert why_resolved(check_id, verdict) == f"The last scan found the account {said}."


@pytest.mark.parametrize(
    ("read", "attested", "step"),
    [(OFF, "unknown", "Switch on"), (None, "unknown", "Check that"), (ON, "no", None), (None, "yes", None)],
)
def test_the_way_by_per_user_mfa_says_what_is_to_be_done_about_the_switch(
    read: MfaService | None, attested: str, step: str | None
) -> None:
    one = found("not offered", read, attested, policy())
    steps = [step for remedy in one.remediation for step in remedy.steps if "Allow users to create" in step]
    assert [one.split(' "')[0] for one in steps] == ([step] if step else [])


def test_where_only_the_switch_is_in_the_way_no_policy_exclusion_is_proposed() -> None:
    def titles(*policies: Any) -> str:
        return " ".join(remedy.title for remedy in found("visible", OFF, "unknown", *policies).remediation)

    assert "exclude the account" not in titles()
    assert "app-only" in titles()
    assert "exclude the account" in titles(BLOCK_LEGACY)
