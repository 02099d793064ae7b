"""What each grant control does to both answers of an account whose per-user MFA is disabled."""

import pytest

from tenant.model import AuthenticationStrength
from tests.checks.kit import STRENGTHS_GAP, Case, judge_case, policy

STRENGTHS = {
    "s-mfa": AuthenticationStrength("s-mfa", "Multifactor authentication", "mfa"),
    "s-none": AuthenticationStrength("s-none", "Anything", "none"),
    "s-new": AuthenticationStrength("s-new", "New", "unknownFutureValue"),
}


def grant(visibility: str, usability: str, operator: str | None, *controls: str, **members: object) -> Case:
    name = f"{operator} {', '.join([*controls, *members])}"
    return Case(name, visibility, usability, (policy(grant=controls, operator=operator, grant_members=members),))


def strength(
    visibility: str,
    usability: str,
    name: str,
    object_: dict[str, object],
    *beside: str,
    operator: str = "OR",
    read: bool = True,
) -> Case:
    raw = policy(grant=beside, operator=operator, grant_members={"authenticationStrength": object_})
    return Case(name, visibility, usability, (raw,), tenant={"strengths": STRENGTHS if read else STRENGTHS_GAP})


HIDDEN = ("hidden", "blocked_by_policy")
BLOCKED = ("not_offered", "blocked_by_policy")
MAYBE_MFA = ("conditional", "blocked_by_policy")
SOMETIMES = ("conditional", "conditional")
NOTHING = ("not_offered", "usable")

BUILT_IN = [
    grant(*HIDDEN, "OR", "mfa"),
    grant(*HIDDEN, "AND", "MFA"),
    grant(*HIDDEN, "or", "mfa"),
    grant(*HIDDEN, None, "mfa"),
    grant(*HIDDEN, "OR", "passwordChange"),
    grant(*HIDDEN, "AND", "mfa", "passwordChange"),
    grant(*HIDDEN, "OR", "mfa", "passwordChange"),
    grant(*HIDDEN, "AND", "riskRemediation"),
    grant(*BLOCKED, "OR", "block"),
    grant(*BLOCKED, "OR", "compliantDevice"),
    grant(*BLOCKED, "OR", "compliantDevice", "domainJoinedDevice"),
    grant(*BLOCKED, "AND", "compliantDevice", "domainJoinedDevice"),
    grant(*BLOCKED, "OR", "compliantApplication"),
    grant(*HIDDEN, "AND", "mfa", "compliantDevice"),
    grant(*HIDDEN, "and", "compliantDevice", "mfa"),
    grant(*MAYBE_MFA, "OR", "mfa", "compliantDevice"),
    grant(*MAYBE_MFA, "or", "compliantApplication", "MFA"),
    grant(*MAYBE_MFA, None, "mfa", "compliantDevice"),
    grant(*MAYBE_MFA, "XOR", "mfa", "compliantDevice"),
]

LISTS = [
    grant(*BLOCKED, "OR", termsOfUse=["t1"]),
    grant(*BLOCKED, "OR", customAuthenticationFactors=["duo"]),
    grant(*MAYBE_MFA, "OR", "mfa", termsOfUse=["t1"]),
    grant(*HIDDEN, "AND", "mfa", termsOfUse=["t1"]),
    grant(*MAYBE_MFA, "OR", "mfa", customAuthenticationFactors=["duo"]),
    grant(*HIDDEN, "AND", "mfa", customAuthenticationFactors=["duo"]),
]

NO_GRANT = [
    Case("grant null", *NOTHING, (policy(grant=None),)),
    Case(
        "grant null with session controls",
        *NOTHING,
        (
            policy(grant=None)
            | {"sessionControls": {"signInFrequency": {"isEnabled": True, "value": 1, "type": "hours"}}},
        ),
    ),
    Case("every list empty", *NOTHING, (policy(grant=()),)),
    Case("grant an empty object", *NOTHING, (policy() | {"grantControls": {}},)),
    Case("grant absent", *NOTHING, ({key: value for key, value in policy().items() if key != "grantControls"},)),
    Case(
        "every list null",
        *NOTHING,
        (
            policy()
            | {
                "grantControls": {
                    "operator": "OR",
                    "builtInControls": None,
                    "termsOfUse": None,
                    "customAuthenticationFactors": None,
                    "authenticationStrength": None,
                }
            },
        ),
    ),
]

UNKNOWN = [
    grant(*SOMETIMES, "OR", "newControl"),
    grant(*SOMETIMES, "AND", "newControl"),
    grant(*SOMETIMES, "OR", "unknownFutureValue", "anotherNewOne"),
    grant(*SOMETIMES, "OR", "newControl", "mfa"),
    grant(*SOMETIMES, "OR", "newControl", "compliantDevice"),
    grant(*SOMETIMES, None, "newControl", "compliantDevice"),
    grant(*SOMETIMES, "XOR", "newControl", "compliantDevice"),
    grant(*HIDDEN, "AND", "newControl", "mfa"),
    grant(*HIDDEN, "AND", "newControl", "passwordChange"),
    grant(*MAYBE_MFA, "AND", "newControl", "compliantDevice"),
    grant(*MAYBE_MFA, "AND", "newControl", termsOfUse=["t1"]),
    grant(*SOMETIMES, "OR", newMember=["x"]),
    grant(*SOMETIMES, "OR", "mfa", newMember=["x"]),
    grant(*SOMETIMES, "AND", "mfa", newMember={"a": 1}),
    grant(*HIDDEN, "OR", "mfa", newMember=None),
    grant(*HIDDEN, "OR", "mfa", newMember=[]),
    grant(*HIDDEN, "OR", "mfa", **{"termsOfUse@odata.type": "#x", "authenticationStrength@odata.context": "https://x"}),
    Case("unknown control, and MFA by another policy", *HIDDEN, (policy("A", grant=("newControl",)), policy("B"))),
]

STRENGTH = [
    strength(*HIDDEN, "carried: mfa", {"id": "s1", "requirementsSatisfied": "mfa"}),
    strength(*HIDDEN, "carried in another case", {"id": "s1", "requirementsSatisfied": "MFA"}),
    strength(*BLOCKED, "carried: none", {"id": "s1", "requirementsSatisfied": "none"}),
    strength(*MAYBE_MFA, "carried: unknown", {"id": "s1", "requirementsSatisfied": "unknownFutureValue"}),
    strength(*HIDDEN, "looked up: mfa", {"id": "S-MFA"}),
    strength(*BLOCKED, "looked up: none", {"id": "s-none"}),
    strength(*MAYBE_MFA, "looked up: unknown", {"id": "s-new"}),
    strength(
        *HIDDEN, "carried, so that the list isn't needed", {"id": "s1", "requirementsSatisfied": "mfa"}, read=False
    ),
    strength("unknown", "blocked_by_policy", "not carried, list unreadable", {"id": "s-mfa"}, read=False),
    *(
        strength(*HIDDEN, f"built in ({number}), {how}", {"id": f"00000000-0000-0000-0000-{number}"}, read=read)
        for number in ("000000000002", "000000000003", "000000000004")
        for how, read in (("list unreadable", False), ("not in the list", True))
    ),
    *(
        strength(
            *HIDDEN,
            f"built in, carried: {said}",
            {"id": f"{'0' * 8}-0000-0000-0000-000000000002", "requirementsSatisfied": said},
        )
        for said in ("unknownFutureValue", "none", "")
    ),
    strength(
        "unknown", "blocked_by_policy", "no built-in one", {"id": f"{'0' * 8}-0000-0000-0000-{'0' * 12}"}, read=False
    ),
    strength(*HIDDEN, "unreadable under AND beside mfa", {"id": "s1"}, "mfa", operator="AND", read=False),
    strength("unknown", "blocked_by_policy", "unreadable under OR beside mfa", {"id": "s1"}, "mfa", read=False),
    strength(
        "unknown",
        "blocked_by_policy",
        "unreadable under OR beside a device",
        {"id": "s1"},
        "compliantDevice",
        read=False,
    ),
    strength(
        "unknown",
        "blocked_by_policy",
        "unreadable under AND beside a device",
        {"id": "s1"},
        "compliantDevice",
        operator="AND",
        read=False,
    ),
    strength(*MAYBE_MFA, "OR with a device", {"id": "s-mfa"}, "compliantDevice"),
    strength(*HIDDEN, "AND with a device", {"id": "s-mfa"}, "compliantDevice", operator="AND"),
    strength(*MAYBE_MFA, "mfa OR a strength that is none", {"id": "s-none"}, "mfa"),
    strength(*HIDDEN, "mfa AND a strength that is none", {"id": "s-none"}, "mfa", operator="AND"),
    Case(
        "unreadable strength in report-only",
        "unknown",
        "usable",
        (
            policy(
                state="enabledForReportingButNotEnforced",
                grant=(),
                grant_members={"authenticationStrength": {"id": "s1"}},
            ),
        ),
        tenant={"strengths": STRENGTHS_GAP},
    ),
    Case(
        "unreadable strength, and MFA by another policy",
        *HIDDEN,
        (policy("A", grant=(), grant_members={"authenticationStrength": {"id": "s1"}}), policy("B")),
        tenant={"strengths": STRENGTHS_GAP},
    ),
]

CASES = [*BUILT_IN, *LISTS, *NO_GRANT, *UNKNOWN, *STRENGTH]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_grant_decides_both_answers(case: Case) -> None:
    assert judge_case(case) == (case.visibility, case.usability)
