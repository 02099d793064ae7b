"""The per-user MFA state, Security Defaults and the registration of methods."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.model import Effect
from tenant.model import Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    METHODS_GAP,
    MFA_MODERN,
    POLICIES_GAP,
    PROPERTIES_GAP,
    REGISTRATION_GAP,
    SERVICE,
    STATE_GAP,
    Case,
    Json,
    answers,
    judge_case,
    judged,
    make_tenant,
    policy,
    reasons,
)

REGISTERED = Registration(report=("microsoftAuthenticatorPush",))
NOTHING_REGISTERED = Registration(report=("email",), own=("#microsoft.graph.passwordAuthenticationMethod",))


def state(visibility: str, usability: str, value: object, *policies: Json, name: str = "", **tenant: Any) -> Case:
    return Case(f"{value} {name}", visibility, usability, policies, {"per_user_mfa": value}, tenant)


def enabled(visibility: str, name: str, registration: Registration) -> Case:
    return Case(name, visibility, "usable", account={"per_user_mfa": "enabled", "registration": registration})


STATES = [
    state("visible", "usable", "enforced"),
    state("visible", "usable", "Enforced"),
    state("visible", "usable", "ENFORCED", MFA_MODERN),
    state("visible", "blocked_by_policy", "enforced", policy(), name="and MFA for all clients"),
    state("visible", "blocked_by_policy", "enforced", BLOCK_LEGACY, name="and a legacy block"),
    state("visible", "blocked_by_security_defaults", "enforced", name="and Security Defaults", security_defaults=True),
    state("visible", "unknown", "enforced", name="and unreadable policies", policies=POLICIES_GAP),
    state("visible", "unknown", "enforced", name="and unreadable Security Defaults", security_defaults=DEFAULTS_GAP),
    state("hidden", "blocked_by_policy", "Disabled", policy()),
    state("not_offered", "usable", "DISABLED"),
    state("unknown", "usable", None),
    state("unknown", "usable", ""),
    state("unknown", "usable", "unknownFutureValue"),
    state("unknown", "usable", "on"),
    state("unknown", "usable", STATE_GAP),
    state("unknown", "blocked_by_policy", None, policy(), name="and MFA for all"),
    state("unknown", "blocked_by_security_defaults", None, name="and Security Defaults", security_defaults=True),
    Case(
        "bulk says enforced, documented says disabled",
        "hidden",
        "blocked_by_policy",
        (policy(),),
        {"per_user_mfa_bulk": "enforced"},
    ),
    Case(
        "bulk alone is never relied on",
        "unknown",
        "usable",
        account={"per_user_mfa": None, "per_user_mfa_bulk": "enforced"},
    ),
    Case(
        "bulk says disabled, documented says enforced",
        "visible",
        "usable",
        account={"per_user_mfa": "enforced", "per_user_mfa_bulk": "disabled"},
    ),
]

DEFAULTS = [
    Case("Security Defaults", "hidden", "blocked_by_security_defaults", tenant={"security_defaults": True}),
    Case(
        "Security Defaults and unreadable policies",
        "hidden",
        "blocked_by_security_defaults",
        tenant={"security_defaults": True, "policies": POLICIES_GAP},
    ),
    Case(
        "Security Defaults and a policy",
        "hidden",
        "blocked_by_security_defaults",
        (policy(),),
        tenant={"security_defaults": True},
    ),
    Case(
        "Security Defaults and a risk policy",
        "hidden",
        "blocked_by_security_defaults",
        (policy(conditions={"userRiskLevels": ["high"]}),),
        tenant={"security_defaults": True},
    ),
    Case(
        "Security Defaults don't spare an account that policies exclude",
        "hidden",
        "blocked_by_security_defaults",
        (policy(not_users=("svc",)),),
        tenant={"security_defaults": True},
    ),
]

REGISTRATION = [
    enabled("stuck", "a method in the report", REGISTERED),
    enabled("stuck", "a method of its own", Registration(own=("#microsoft.graph.phoneAuthenticationMethod",))),
    enabled(
        "stuck",
        "report lags behind the own methods",
        Registration(report=(), own=("#microsoft.graph.fido2AuthenticationMethod",)),
    ),
    enabled(
        "stuck",
        "report unreadable, own methods read",
        Registration(report=REGISTRATION_GAP, own=("#microsoft.graph.softwareOathAuthenticationMethod",)),
    ),
    enabled("stuck", "a known method beside an unknown one", Registration(report=("newMethod", "mobilePhone"))),
    enabled("stuck", "report read, own methods not", Registration(report=("officePhone",), own=METHODS_GAP)),
    enabled("pending", "nothing registered", NOTHING_REGISTERED),
    enabled("pending", "empty report", Registration(report=())),
    enabled(
        "pending", "no report, only a password", Registration(own=("#microsoft.graph.passwordAuthenticationMethod",))
    ),
    enabled("pending", "no report, no method", Registration(own=())),
    enabled(
        "pending",
        "Temporary Access Pass",
        Registration(
            own=(
                "#microsoft.graph.passwordAuthenticationMethod",
                "#microsoft.graph.temporaryAccessPassAuthenticationMethod",
            )
        ),
    ),
    enabled("pending", "email and security questions", Registration(report=("email", "securityQuestion"))),
    enabled("pending", "report unreadable, own methods none", Registration(report=REGISTRATION_GAP, own=())),
    enabled("unknown", "both unreadable", Registration(report=REGISTRATION_GAP, own=METHODS_GAP)),
    enabled("unknown", "missing from the report, own methods unreadable", Registration(report=None, own=METHODS_GAP)),
    enabled("unknown", "nothing was read", Registration()),
    enabled("unknown", "only a method that nobody knows", Registration(report=("newMethod",))),
    enabled(
        "unknown", "an own method that nobody knows", Registration(own=("#microsoft.graph.newAuthenticationMethod",))
    ),
]


@pytest.mark.parametrize("case", [*STATES, *DEFAULTS, *REGISTRATION], ids=lambda case: case.name)
def test_states_and_registration_decide(case: Case) -> None:
    assert judge_case(case) == (case.visibility, case.usability)


@pytest.mark.parametrize(
    "tenant", [{}, {"security_defaults": True}, {"security_defaults": DEFAULTS_GAP}, {"policies": POLICIES_GAP}]
)
@pytest.mark.parametrize(
    ("members", "visibility"),
    [
        ({"per_user_mfa": "enforced"}, "visible"),
        ({"per_user_mfa": "enabled", "registration": REGISTERED}, "stuck"),
        ({"per_user_mfa": "enabled", "registration": NOTHING_REGISTERED}, "pending"),
    ],
)
def test_enforced_and_enabled_need_nothing_from_the_tenant(
    tenant: Mapping[str, Any], members: Mapping[str, Any], visibility: str
) -> None:
    assert answers(make_tenant([policy()], **tenant), replace(SERVICE, **members))[0] == visibility


def test_an_account_that_could_not_be_read_is_unknown_on_both_axes() -> None:
    account = replace(SERVICE, properties=PROPERTIES_GAP, per_user_mfa="enforced")
    assert answers(make_tenant(), account) == ("unknown", "unknown")


@pytest.mark.parametrize("documented", ["disabled", "enforced"])
def test_a_disagreement_of_the_two_reads_is_told(documented: str) -> None:
    account = replace(SERVICE, per_user_mfa=documented, per_user_mfa_bulk="enabled")
    (reason,) = reasons(judged(make_tenant(), account), Effect.PER_USER_STATE)
    assert "enabled" in reason.text
    agreeing = replace(account, per_user_mfa_bulk=documented.upper())
    (quiet,) = reasons(judged(make_tenant(), agreeing), Effect.PER_USER_STATE)
    assert len(quiet.text) < len(reason.text)
