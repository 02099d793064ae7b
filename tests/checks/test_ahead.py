"""What is coming for accounts with per-user MFA: methods that end, and a recommendation that would take the option."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.decided import undecided
from checks.judge import Judge
from checks.model import Finding, JudgedAccount
from checks.resolutions import why_resolved
from tenant.model import Account, Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    METHODS_GAP,
    NOW,
    POLICIES_GAP,
    PROPERTIES_GAP,
    REGISTRATION_GAP,
    SERVICE,
    STATE_GAP,
    judged,
    make_tenant,
)

ENFORCED = replace(SERVICE, per_user_mfa="enforced")
METHODS_END, ADVISED_AWAY = "APW-016", "APW-017"
PHONE, APP = ("mobilePhone",), ("microsoftAuthenticatorPush",)
OWN_PHONE = ("#microsoft.graph.passwordAuthenticationMethod", "#microsoft.graph.phoneAuthenticationMethod")


def with_methods(state: Any = "enforced", **registration: Any) -> Account:
    return replace(SERVICE, per_user_mfa=state, registration=Registration(**registration))


def on(day: datetime, account: Account, **tenant: Any) -> JudgedAccount:
    return Judge(make_tenant(**tenant), now=day).judge(account)


def found(one: JudgedAccount, check_id: str) -> Finding | None:
    return next((finding for finding in one.findings if finding.check_id == check_id), None)


def is_open(one: JudgedAccount, check_id: str) -> bool:
    return check_id in undecided(one, log_read=True, on_evidence=False)


@pytest.mark.parametrize("state", ["enforced", "Enforced", "enabled"])
@pytest.mark.parametrize(
    "registration",
    [
        {"report": PHONE},
        {"report": ("mobilePhone", "alternateMobilePhone", "officePhone", "email", "securityQuestion")},
        {"report": ("MOBILEPHONE", "temporaryAccessPass")},
        {"report": None, "own": OWN_PHONE},
        {"report": METHODS_GAP, "own": OWN_PHONE},
        {"report": (), "own": OWN_PHONE},
    ],
)
def test_an_account_with_nothing_but_a_phone_loses_its_methods(state: str, registration: dict[str, Any]) -> None:
    finding = found(judged(make_tenant(), with_methods(state, **registration)), METHODS_END)
    assert finding is not None
    assert str(finding.severity) == "medium"
    assert finding.summary.startswith("The account's only MFA method is text message and voice call. Microsoft ends ")


@pytest.mark.parametrize(
    ("account", "open_"),
    [
        (with_methods(report=(*PHONE, *APP)), False),
        (with_methods(report=(*PHONE, "softwareOneTimePasscode")), False),
        (with_methods(report=(*PHONE, "passKeyDeviceBoundAuthenticator", "something new")), False),
        (with_methods(report=PHONE, own=(*OWN_PHONE, "#microsoft.graph.fido2AuthenticationMethod")), False),
        (with_methods(report=(), own=()), False),
        (with_methods(report=("email",)), False),
        (with_methods(report=(*PHONE, "something new")), True),
        (with_methods(report=("something new",)), True),
        (with_methods(), True),
        (with_methods(report=REGISTRATION_GAP, own=METHODS_GAP), True),
        (with_methods("disabled", report=PHONE), False),
        (with_methods("disabled"), False),
        (with_methods(STATE_GAP, report=PHONE), True),
        (with_methods(None, report=PHONE), True),
        (with_methods(STATE_GAP, report=APP), False),
        (with_methods(STATE_GAP), True),
        (replace(ENFORCED, properties=PROPERTIES_GAP), True),
        (replace(with_methods(report=PHONE), enabled=False), False),
    ],
)
def test_any_other_account_is_not_warned_of_its_methods_and_what_is_unread_ends_no_warning(
    account: Account, open_: bool
) -> None:
    one = judged(make_tenant(), account)
    assert found(one, METHODS_END) is None
    assert is_open(one, METHODS_END) is open_


@pytest.mark.parametrize(
    ("day", "severity", "says"),
    [
        (datetime(2026, 12, 2, tzinfo=UTC), "medium", "Microsoft ends"),
        (datetime(2026, 12, 3, tzinfo=UTC), "high", "Microsoft ends"),
        (datetime(2027, 1, 31, 23, 59, tzinfo=UTC), "high", "Microsoft ends"),
        (datetime(2027, 2, 1, tzinfo=UTC), "high", "Microsoft has ended"),
        (datetime(2028, 2, 1, tzinfo=UTC), "high", "Microsoft has ended"),
    ],
)
def test_the_end_of_the_methods_weighs_more_within_sixty_days_and_is_said_to_have_passed(
    day: datetime, severity: str, says: str
) -> None:
    finding = found(on(day, with_methods(report=PHONE)), METHODS_END)
    assert finding is not None
    assert (str(finding.severity), says in finding.summary) == (severity, True)


@pytest.mark.parametrize(
    ("account", "tenant", "advised", "finds", "open_"),
    [
        (ENFORCED, {}, True, True, False),
        (ENFORCED, {"policies": POLICIES_GAP}, True, True, False),
        (ENFORCED, {"security_defaults": True}, True, True, False),
        (ENFORCED, {}, False, False, False),
        (ENFORCED, {}, None, False, True),
        (with_methods("enabled", report=PHONE), {}, True, False, False),
        (with_methods("enabled", report=()), {}, None, False, False),
        (SERVICE, {}, True, False, False),
        (with_methods(STATE_GAP), {}, True, False, True),
        (with_methods(STATE_GAP), {}, None, False, True),
        (with_methods(STATE_GAP), {}, False, False, False),
        (replace(ENFORCED, enabled=False), {}, True, False, False),
        (replace(ENFORCED, properties=PROPERTIES_GAP), {}, False, False, True),
    ],
)
def test_an_active_recommendation_concerns_whoever_has_the_option(
    account: Account, tenant: dict[str, Any], advised: bool | None, finds: bool, open_: bool
) -> None:
    one = judged(make_tenant(advised_to_switch_off=advised, **tenant), account)
    finding = found(one, ADVISED_AWAY)
    assert (finding is not None, is_open(one, ADVISED_AWAY)) == (finds, open_)
    if finding:
        assert str(finding.severity) == "medium"
        assert "switch off per-user MFA for everybody" in finding.summary


@pytest.mark.parametrize("advised", [True, False, None])
@pytest.mark.parametrize("registration", [Registration(PHONE), Registration(APP), Registration()])
def test_neither_changes_a_verdict(advised: bool | None, registration: Registration) -> None:
    account = replace(ENFORCED, registration=registration)
    one = judged(make_tenant([BLOCK_LEGACY], advised_to_switch_off=advised), account)
    plain = judged(make_tenant([BLOCK_LEGACY]), ENFORCED)
    assert (one.verdict.visibility, one.verdict.usability) == (plain.verdict.visibility, plain.verdict.usability)
    assert one.verdict.reasons == plain.verdict.reasons


@pytest.mark.parametrize(
    ("check_id", "account", "says"),
    [
        (METHODS_END, with_methods(report=APP), "with an MFA method registered that stays, or with none"),
        (METHODS_END, SERVICE, "without any demand for MFA on mail"),
        (ADVISED_AWAY, ENFORCED, "without an active recommendation of Microsoft's to switch off per-user MFA"),
        (ADVISED_AWAY, SERVICE, "without any demand for MFA on mail"),
    ],
)
def test_what_is_said_once_it_is_over(check_id: str, account: Account, says: str) -> None:
    assert says in why_resolved(check_id, judged(make_tenant(), account).verdict)


def test_a_day_between_two_scans_makes_it_worse_and_no_other_finding() -> None:
    before, after = (found(on(day, with_methods(report=PHONE)), METHODS_END) for day in (NOW, NOW.replace(month=12)))
    assert before is not None
    assert after is not None
    assert before.fingerprint != after.fingerprint
