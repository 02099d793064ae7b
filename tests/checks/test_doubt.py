"""Which checks are decided where something is unread: what was seen, what is passed, and what stays open."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from checks.catalog import AHEAD, known_checks
from checks.decided import undecided
from checks.doubt import doubt_about
from checks.landscape import Landscape, Situation
from tenant.model import MfaDemand, Registration, RoleAssignment
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    LICENCES_GAP,
    METHODS_GAP,
    MFA_MODERN,
    MODERN,
    NOW,
    POLICIES_GAP,
    PROPERTIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    SHAREPOINT,
    STATE_GAP,
    STRENGTHS_GAP,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
)

DAY = timedelta(days=1)
PERHAPS = {"groups": GROUPS_GAP}
BLOCK_OF_GROUP = policy(users=(), groups=("g1",), clients=("exchangeActiveSync", "other"), grant=("block",))
OF_GROUP = policy(users=(), groups=("g1",), clients=("browser",))
WOULD_HIDE = policy(state=REPORT_ONLY, clients=("browser",))
UNNAMED = RoleAssignment("svc", GLOBAL_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, None, "/")


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "seen", "open_"),
    [
        ({}, [MFA_MODERN], {}, {"APW-001"}, set()),
        ({}, [], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-002"}),
        ({}, [MFA_MODERN], {"security_defaults": DEFAULTS_GAP}, {"APW-001", "APW-008"}, {"APW-002"}),
        ({}, [WOULD_HIDE], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-002", "APW-006"}),
        ({}, [], {"policies": POLICIES_GAP}, {"APW-008"}, {"APW-001", "APW-005", "APW-006", "APW-013"}),
        ({}, [], {"policies": POLICIES_GAP, "security_defaults": True}, {"APW-002"}, set()),
        ({"per_user_mfa": "enforced"}, [], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-007"}),
        ({"per_user_mfa": "enforced"}, [BLOCK_LEGACY], {"security_defaults": DEFAULTS_GAP}, {"APW-007"}, set()),
        (
            {"per_user_mfa": STATE_GAP},
            [],
            {},
            {"APW-008"},
            {"APW-003", "APW-004", "APW-009"},
        ),
        (
            {"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)},
            [],
            {},
            {"APW-008"},
            {"APW-003", "APW-004"},
        ),
        (
            {"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)},
            [BLOCK_LEGACY],
            {},
            {"APW-007", "APW-008"},
            {"APW-003", "APW-004"},
        ),
        ({}, [], {"role_assignments": ROLES_GAP}, set(), {"APW-011"}),
        (
            {"groups": GROUPS_GAP},
            [OF_GROUP],
            {"groups": GROUPS, "role_assignments": (holds(GLOBAL_ADMINISTRATOR, by="g2"),)},
            {"APW-008"},
            {"APW-001", "APW-011"},
        ),
    ],
)
def test_a_check_is_decided_by_what_decides_it(
    account: dict[str, Any], policies: list[Json], tenant: dict[str, Any], seen: set[str], open_: set[str]
) -> None:
    found = judged(make_tenant(policies, **tenant), replace(SERVICE, **account), app_passwords_allowed="yes")
    assert {one.check_id for one in found.findings} == seen
    assert undecided(found, log_read=True, on_evidence=False) - AHEAD == open_


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "inexact"),
    [
        ({}, [MFA_MODERN], {}, set()),
        ({}, [MFA_MODERN], {"security_defaults": DEFAULTS_GAP}, {"APW-001"}),
        ({}, [], {"policies": POLICIES_GAP, "security_defaults": True}, {"APW-002"}),
        ({"groups": GROUPS_GAP}, [MFA_MODERN, {**OF_GROUP, "id": "other"}], {"groups": GROUPS}, {"APW-001"}),
        ({}, [MFA_MODERN], {"role_assignments": (UNNAMED,)}, {"APW-011"}),
        (PERHAPS, [WOULD_HIDE, {**OF_GROUP, "id": "other", "state": REPORT_ONLY}], {"groups": GROUPS}, {"APW-006"}),
        (PERHAPS, [WOULD_HIDE, {**OF_GROUP, "id": "other", "state": "disabled"}], {"groups": GROUPS}, set()),
        (
            PERHAPS,
            [policy(users=(), groups=("g1",), roles=(GLOBAL_ADMINISTRATOR,), clients=("browser",), state=REPORT_ONLY)],
            {"groups": GROUPS, "role_eligibilities": (holds(GLOBAL_ADMINISTRATOR),)},
            set(),
        ),
        (
            {**PERHAPS, "per_user_mfa": "enforced"},
            [BLOCK_LEGACY, {**BLOCK_OF_GROUP, "id": "other"}],
            {"groups": GROUPS},
            {"APW-007"},
        ),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [BLOCK_LEGACY], {"groups": GROUPS}, set()),
        ({"per_user_mfa": "enforced"}, [BLOCK_LEGACY], {"security_defaults": DEFAULTS_GAP}, {"APW-007"}),
        (
            PERHAPS,
            [
                {**BLOCK_LEGACY, "state": REPORT_ONLY},
                {**BLOCK_OF_GROUP, "id": "other", "state": REPORT_ONLY},
            ],
            {"groups": GROUPS},
            {"APW-013"},
        ),
    ],
)
def test_causes_are_exact_where_nothing_could_add_one(
    account: dict[str, Any], policies: list[Json], tenant: dict[str, Any], inexact: set[str]
) -> None:
    assert judged(make_tenant(policies, **tenant), replace(SERVICE, **account)).verdict.inexact == inexact


def test_which_input_is_missing_is_no_news_of_the_account() -> None:
    one = judged(make_tenant(security_defaults=DEFAULTS_GAP), SERVICE).findings
    other = judged(make_tenant(policies=POLICIES_GAP), SERVICE).findings
    assert [finding.fingerprint for finding in one] == [finding.fingerprint for finding in other]


SOMEBODY_ELSES = replace(UNNAMED, principal_id="other")
HOLDS_ONE = {"role_assignments": (holds(GLOBAL_ADMINISTRATOR, built_in=True),)}


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "doubtful"),
    [
        ({}, [], {}, False),
        ({}, [MFA_MODERN], {}, False),
        ({"per_user_mfa": "Enforced"}, [BLOCK_LEGACY], {}, False),
        ({"per_user_mfa": "enabled", "registration": Registration((), ())}, [], {}, False),
        ({"groups": GROUPS_GAP}, [MFA_MODERN], {}, False),
        ({}, [MFA_MODERN], {"role_assignments": (SOMEBODY_ELSES,)}, False),
        ({}, [MFA_MODERN], HOLDS_ONE, False),
        ({"groups": GROUPS_GAP}, [MFA_MODERN], HOLDS_ONE, False),
        ({}, [], {"security_defaults": DEFAULTS_GAP}, True),
        ({}, [], {"policies": POLICIES_GAP}, True),
        ({}, [], {"licences": LICENCES_GAP}, True),
        ({"per_user_mfa": STATE_GAP}, [], {}, True),
        ({"per_user_mfa": "suspended"}, [], {}, True),
        ({"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)}, [], {}, True),
        ({"per_user_mfa": "enabled", "registration": Registration((), METHODS_GAP)}, [], {}, True),
        ({"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, ())}, [], {}, True),
        ({"groups": GROUPS_GAP}, [OF_GROUP], {"groups": GROUPS}, True),
        ({"groups": GROUPS_GAP}, [], {"role_assignments": (holds(GLOBAL_ADMINISTRATOR, by="g2"),)}, True),
        ({}, [], {"role_assignments": ROLES_GAP}, True),
        ({}, [], {"role_assignments": (UNNAMED,)}, True),
        ({}, [policy(users=(), roles=("r",))], {"role_eligibilities": ELIGIBILITIES_GAP}, True),
        ({}, [{**MFA_MODERN, "state": None}], {}, True),
        ({}, [{**MFA_MODERN, "state": "later"}], {}, False),
    ],
)
def test_doubt_is_worked_out_where_anything_is_open(
    account: dict[str, Any], policies: list[Json], tenant: dict[str, Any], doubtful: bool
) -> None:
    the_tenant, the_account = make_tenant(policies, **tenant), replace(SERVICE, **account)
    land = Landscape(the_tenant, NOW.date())
    roles = land.scopes.roles_of(the_account)
    situation = Situation(the_account, roles, land.scopes.reach(the_account, roles))
    assert land.is_doubtful(situation) is doubtful


WOULD_BLOCK = {**BLOCK_OF_GROUP, "state": REPORT_ONLY}
BLOCK_AT_TIMES = policy(
    users=(),
    groups=("g1",),
    clients=("other",),
    grant=("block",),
    conditions={"platforms": {"includePlatforms": ["iOS"]}},
)
AT_TIMES = policy("At times", users=(), groups=("g1",), clients=("browser",), conditions={"userRiskLevels": ["high"]})
WITH_GROUPS = {"groups": GROUPS}
IN_GROUP = {"groups": frozenset({"g1"})}


@pytest.mark.parametrize(
    ("account", "policies", "check", "open_"),
    [
        (PERHAPS, [WOULD_BLOCK], "APW-013", True),
        (PERHAPS, [BLOCK_OF_GROUP], "APW-013", False),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [BLOCK_OF_GROUP], "APW-007", True),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [WOULD_BLOCK], "APW-007", False),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [BLOCK_AT_TIMES], "APW-007", False),
        (PERHAPS, [BLOCK_OF_GROUP], "APW-007", False),
        (PERHAPS, [{**OF_GROUP, "state": REPORT_ONLY}], "APW-006", True),
        (PERHAPS, [{**OF_GROUP, "state": REPORT_ONLY}], "APW-001", False),
        (PERHAPS, [OF_GROUP], "APW-001", True),
        (PERHAPS, [OF_GROUP], "APW-006", False),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [OF_GROUP], "APW-001", False),
        ({**PERHAPS, "per_user_mfa": None}, [BLOCK_OF_GROUP], "APW-007", True),
        ({**PERHAPS, "per_user_mfa": None}, [OF_GROUP], "APW-001", True),
        (PERHAPS, [OF_GROUP], "APW-005", False),
        (PERHAPS, [AT_TIMES], "APW-005", True),
        (PERHAPS, [AT_TIMES], "APW-001", False),
        (PERHAPS, [MFA_MODERN, AT_TIMES], "APW-005", False),
        (PERHAPS, [MFA_MODERN, {**OF_GROUP, "state": REPORT_ONLY}], "APW-006", False),
        (PERHAPS, [BLOCK_LEGACY, WOULD_BLOCK], "APW-013", False),
        (PERHAPS, [MFA_MODERN, WOULD_BLOCK], "APW-013", True),
        ({**PERHAPS, "per_user_mfa": "enforced"}, [MFA_MODERN, OF_GROUP], "APW-007", False),
        (PERHAPS, [AT_TIMES], "APW-013", False),
    ],
)
def test_an_unread_membership_leaves_open_what_the_policies_of_the_group_do(
    account: dict[str, Any], policies: list[Json], check: str, open_: bool
) -> None:
    found = judged(make_tenant(policies, **WITH_GROUPS), replace(SERVICE, **account))
    assert (check in undecided(found, log_read=True, on_evidence=False)) is open_


@pytest.mark.parametrize(
    ("account", "log_read", "on_evidence", "open_"),
    [
        ({}, True, False, set()),
        ({}, True, True, set()),
        ({}, False, False, {"APW-010", "APW-012", "APW-015"}),
        ({}, False, True, {"APW-005", "APW-010", "APW-012", "APW-015"}),
        ({"per_user_mfa": None}, True, False, {"APW-003", "APW-004", "APW-009", "APW-014", *AHEAD}),
        ({"enabled": False}, False, True, set()),
        ({"enabled": False, "per_user_mfa": None}, True, False, set()),
        ({"properties": PROPERTIES_GAP}, True, False, known_checks() - {"APW-008"}),
    ],
)
def test_what_is_open_without_the_log_without_the_state_and_without_the_account(
    account: dict[str, Any], log_read: bool, on_evidence: bool, open_: set[str]
) -> None:
    found = judged(make_tenant(), replace(SERVICE, **account))
    assert undecided(found, log_read=log_read, on_evidence=on_evidence) == open_


@pytest.mark.parametrize(
    ("changed", "log_said", "open_"),
    [
        (None, None, set()),
        (None, NOW, set()),
        (NOW, None, set()),
        (NOW, NOW, {"APW-005"}),
        (NOW, NOW + DAY, {"APW-005"}),
        (NOW, NOW - DAY, set()),
    ],
)
def test_what_the_audit_log_said_is_over_where_what_explains_it_is_known_or_a_policy_was_changed_since(
    changed: datetime | None, log_said: datetime | None, open_: set[str]
) -> None:
    found = judged(make_tenant(), SERVICE)
    found = replace(found, verdict=replace(found.verdict, explained_unseen=changed))
    assert undecided(found, log_read=True, on_evidence=True, log_said=log_said) == open_


UNREAD_STRENGTH = policy(grant=(), grant_members={"authenticationStrength": {"id": "s"}})
EXPLAINED = {"mfa_demands": (MfaDemand("multiConditionalAccess", NOW),)}


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "open_"),
    [
        ([UNREAD_STRENGTH], {}, {"strengths": STRENGTHS_GAP}, {"APW-001", "APW-005"}),
        ([UNREAD_STRENGTH], {"per_user_mfa": "enforced"}, {"strengths": STRENGTHS_GAP}, set()),
        ([policy(apps=(SHAREPOINT,))], EXPLAINED, {}, set()),
        (
            [],
            {"per_user_mfa": "enabled", "registration": Registration(own=("#x.newMethod",))},
            {},
            {"APW-003", "APW-004"},
        ),
    ],
    ids=[
        "unread strength",
        "unread strength beside the option",
        "demand of the log that a policy explains",
        "only a method that nobody knows",
    ],
)
def test_what_leaves_the_verdict_unknown_leaves_its_checks_open(
    policies: list[Json], account: dict[str, Any], tenant: dict[str, Any], open_: set[str]
) -> None:
    verdict = judged(make_tenant(policies, **tenant), replace(SERVICE, **account)).verdict
    assert verdict.undecided - AHEAD == open_
    assert verdict.inexact == frozenset()


@pytest.mark.parametrize(
    ("policies", "open_"), [([], {"APW-002", "APW-005"}), ([MFA_MODERN], {"APW-002"})], ids=["unexplained", "explained"]
)
def test_a_demand_of_the_log_leaves_open_whether_the_option_is_hidden_at_times(
    policies: list[Json], open_: set[str]
) -> None:
    account = replace(SERVICE, mfa_demands=(MfaDemand("enforcedForCspAdmins", NOW),))
    found = judged(make_tenant(policies, security_defaults=DEFAULTS_GAP), account)
    assert undecided(found, log_read=True, on_evidence=False) - AHEAD == open_


NOBODY_KNOWS_WHOM = {"conditions": {"users": None}}
NOBODY_KNOWS_WHAT = {"grantControls": "x"}
NOBODY_KNOWS_WHETHER: Json = {"state": None}
SOMETIMES = policy("Sometimes", clients=("browser",), conditions={"userRiskLevels": ["high"]})
MICROSOFTS = policy("Microsoft-managed: MFA", state=REPORT_ONLY, clients=("browser",))


def spoilt(raw: Json, members: Json) -> Json:
    """The policy with some of its members, or of its conditions, malformed."""
    conditions = members.get("conditions")
    if isinstance(conditions, dict):
        return {**raw, "conditions": {**raw["conditions"], **conditions}}
    return {**raw, **members}


@pytest.mark.parametrize(
    "members",
    [
        *({"conditions": {name: value}} for name in ("users", "applications") for value in (None, "x")),
        {"conditions": None},
        {"conditions": "x"},
        NOBODY_KNOWS_WHAT,
        NOBODY_KNOWS_WHETHER,
        {"state": {"a": 1}},
        {"deletedDateTime": "soon"},
    ],
    ids=str,
)
def test_what_a_malformed_policy_does_is_open(members: Json) -> None:
    verdict = judged(make_tenant([spoilt(MFA_MODERN, members)]), SERVICE).verdict
    assert verdict.visibility == "conditional"
    assert {"APW-001", "APW-006"} <= verdict.undecided
    assert verdict.inexact == verdict.on_malformed == {"APW-005"}


@pytest.mark.parametrize(
    ("account", "policies", "open_", "inexact", "on_malformed"),
    [
        # It is off, has nothing to do with mail, or is for others.
        ({}, [spoilt({**MFA_MODERN, "state": "disabled"}, NOBODY_KNOWS_WHOM)], set(), set(), set()),
        ({}, [spoilt(policy(apps=("x",)), NOBODY_KNOWS_WHOM)], set(), set(), set()),
        ({}, [spoilt(policy(users=("x",)), NOBODY_KNOWS_WHETHER)], set(), set(), set()),
        # Others decide.
        ({}, [MFA_MODERN, spoilt({**MFA_MODERN, "id": "o"}, NOBODY_KNOWS_WHOM)], set(), {"APW-001"}, set()),
        ({}, [SOMETIMES, spoilt(MFA_MODERN, NOBODY_KNOWS_WHOM)], {"APW-001", "APW-006"}, {"APW-005"}, set()),
        ({"per_user_mfa": "enforced"}, [spoilt(MFA_MODERN, NOBODY_KNOWS_WHOM)], set(), set(), set()),
        ({"per_user_mfa": "enforced"}, [spoilt(policy(), NOBODY_KNOWS_WHOM)], {"APW-007", "APW-013"}, set(), set()),
        # It is known to be in report-only mode.
        ({}, [spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], set(), {"APW-006"}, {"APW-006"}),
        ({}, [{**WOULD_HIDE, "id": "o"}, spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], set(), {"APW-006"}, set()),
        ({}, [WOULD_HIDE, spoilt(MICROSOFTS, NOBODY_KNOWS_WHOM)], set(), {"APW-006"}, {"APW-006"}),
        ({}, [MICROSOFTS, spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], set(), {"APW-006"}, set()),
        ({}, [SOMETIMES, spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], {"APW-006"}, set(), set()),
        ({}, [SOMETIMES, WOULD_HIDE, spoilt(MICROSOFTS, NOBODY_KNOWS_WHOM)], set(), {"APW-006"}, set()),
        # Nobody knows whether it is.
        ({}, [spoilt(WOULD_HIDE, NOBODY_KNOWS_WHETHER)], {"APW-001", "APW-006"}, {"APW-005"}, {"APW-005"}),
        # It blocks legacy clients, or may, or would.
        ({"per_user_mfa": "enforced"}, [spoilt(BLOCK_LEGACY, NOBODY_KNOWS_WHOM)], {"APW-007", "APW-013"}, set(), set()),
        ({}, [spoilt(BLOCK_LEGACY, NOBODY_KNOWS_WHOM)], {"APW-013"}, set(), set()),
        ({}, [spoilt({**BLOCK_LEGACY, "state": REPORT_ONLY}, NOBODY_KNOWS_WHETHER)], {"APW-013"}, set(), set()),
        # Something else is unread, because of which an answer may have been unknown.
        (PERHAPS, [spoilt(OF_GROUP, NOBODY_KNOWS_WHOM)], {"APW-001", "APW-006", "APW-008"}, {"APW-005"}, {"APW-005"}),
    ],
)
def test_a_malformed_policy_leaves_open_what_it_may_do_and_no_more(
    account: dict[str, Any], policies: list[Json], open_: set[str], inexact: set[str], on_malformed: set[str]
) -> None:
    found = judged(make_tenant(policies, **WITH_GROUPS), replace(SERVICE, **account)).verdict
    assert [found.undecided - AHEAD, found.inexact, found.on_malformed] == [open_, inexact, on_malformed]


def test_a_sign_in_that_shows_a_demand_rests_on_no_malformed_policy() -> None:
    account = replace(SERVICE, mfa_demands=(MfaDemand("enforcedForCspAdmins", NOW),))
    found = judged(make_tenant([spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)]), account).verdict
    assert found.visibility == "conditional"
    assert found.on_malformed == frozenset()


ENABLED_, ENFORCED_, UNREAD = {"per_user_mfa": "enabled"}, {"per_user_mfa": "enforced"}, {"per_user_mfa": None}
WITH_METHOD = {"registration": Registration(report=("mobilePhone",))}
WITHOUT = {"registration": Registration(report=())}
NOBODY_KNOWS_METHODS = {"registration": Registration(METHODS_GAP, METHODS_GAP)}
DEFAULTS_ON, DEFAULTS_UNREAD = {"security_defaults": True}, {"security_defaults": DEFAULTS_GAP}
DEMANDED = {"mfa_demands": (MfaDemand("x", NOW),)}
BLOCK_TO_COME = {**BLOCK_LEGACY, "state": REPORT_ONLY}
OF_ADMINS = policy(users=(), roles=(GLOBAL_ADMINISTRATOR,), clients=MODERN)
ELIGIBLE = {"role_eligibilities": (holds(GLOBAL_ADMINISTRATOR),)}


def numbers(checks: frozenset[str]) -> str:
    """The numbers of checks: ``01 11``."""
    return " ".join(sorted(check.removeprefix("APW-0") for check in checks))


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "possible", "inexact", "on_malformed"),
    [
        ({}, [], {}, "", "", ""),
        (ENFORCED_, [], {}, "", "", ""),
        (UNREAD, [], {}, "03 04", "", ""),
        (UNREAD, [], DEFAULTS_ON, "02 03 04 07", "", ""),
        (UNREAD, [], DEFAULTS_UNREAD, "02 03 04 07", "01 07", ""),
        ({}, [], DEFAULTS_ON, "02", "", ""),
        ({}, [], DEFAULTS_UNREAD, "02", "01 07", ""),
        (ENFORCED_, [], DEFAULTS_ON, "07", "", ""),
        (ENFORCED_, [], DEFAULTS_UNREAD, "07", "01 07", ""),
        ({**ENABLED_, **WITH_METHOD}, [], {}, "03", "", ""),
        ({**ENABLED_, **WITHOUT}, [], {}, "04", "", ""),
        ({**ENABLED_, **NOBODY_KNOWS_METHODS}, [], {}, "03 04", "", ""),
        ({**UNREAD, **WITH_METHOD}, [], {}, "03", "", ""),
        ({**UNREAD, **WITHOUT}, [], {}, "04", "", ""),
        ({}, [], {"policies": POLICIES_GAP}, "01 05 06 13", "01 02 05 06 07 13", ""),
        ({}, [], {"policies": POLICIES_GAP, **DEFAULTS_ON}, "02", "01 02 05 06 07 13", ""),
        ({}, [], {"policies": POLICIES_GAP, **DEFAULTS_UNREAD}, "01 02 05 06 13", "01 02 05 06 07 13", ""),
        (ENFORCED_, [], {"policies": POLICIES_GAP}, "07 13", "01 02 05 06 07 13", ""),
        ({}, [MFA_MODERN], {}, "01", "", ""),
        ({}, [MFA_MODERN], DEFAULTS_UNREAD, "01 02", "01 07", ""),
        ({}, [MFA_MODERN], DEFAULTS_ON, "02", "", ""),
        (UNREAD, [MFA_MODERN], {}, "01 03 04", "", ""),
        (ENFORCED_, [MFA_MODERN], {}, "", "", ""),
        (PERHAPS, [OF_GROUP], {}, "01", "01 02 05", ""),
        (PERHAPS, [OF_GROUP], DEFAULTS_ON, "02", "01 02 05", ""),
        (PERHAPS, [OF_GROUP, MFA_MODERN], {}, "01", "01 02 05", ""),
        ({}, [SOMETIMES], {}, "05", "", ""),
        ({}, [SOMETIMES], DEFAULTS_ON, "02", "", ""),
        ({}, [SOMETIMES, MFA_MODERN], {}, "01", "", ""),
        (PERHAPS, [AT_TIMES], {}, "05", "01 02 05", ""),
        (DEMANDED, [], {}, "05", "", ""),
        (DEMANDED, [], DEFAULTS_ON, "02", "", ""),
        (DEMANDED, [MFA_MODERN], {}, "01", "", ""),
        ({}, [WOULD_HIDE], {}, "06", "", ""),
        ({}, [WOULD_HIDE], DEFAULTS_ON, "02", "", ""),
        ({}, [WOULD_HIDE, MFA_MODERN], {}, "01", "", ""),
        (PERHAPS, [{**OF_GROUP, "state": REPORT_ONLY}], {}, "06", "06", ""),
        (ENFORCED_, [BLOCK_LEGACY], {}, "07", "", ""),
        ({}, [BLOCK_LEGACY], {}, "", "", ""),
        (UNREAD, [BLOCK_LEGACY], {}, "03 04 07", "", ""),
        ({**PERHAPS, **ENFORCED_}, [BLOCK_OF_GROUP], {}, "07", "07", ""),
        ({**PERHAPS, **ENFORCED_}, [BLOCK_OF_GROUP], DEFAULTS_ON, "07", "07", ""),
        ({}, [BLOCK_TO_COME], {}, "13", "", ""),
        ({}, [BLOCK_TO_COME], DEFAULTS_ON, "02", "", ""),
        ({}, [BLOCK_TO_COME], DEFAULTS_UNREAD, "02 13", "01 07", ""),
        ({}, [BLOCK_TO_COME, {**BLOCK_LEGACY, "id": "o"}], {}, "", "", ""),
        (PERHAPS, [WOULD_BLOCK], {}, "13", "13", ""),
        ({}, [], HOLDS_ONE, "", "", ""),
        ({}, [], {"role_assignments": ROLES_GAP}, "11", "11", ""),
        (PERHAPS, [], {"role_assignments": (holds(GLOBAL_ADMINISTRATOR, by="g2"),)}, "11", "11", ""),
        ({}, [], {"role_assignments": (UNNAMED,)}, "", "11", ""),
        ({}, [spoilt(MFA_MODERN, NOBODY_KNOWS_WHOM)], {}, "01 05 06", "01 02 05 06", "05"),
        ({}, [MFA_MODERN, spoilt({**MFA_MODERN, "id": "o"}, NOBODY_KNOWS_WHOM)], {}, "01", "01 02 05 06", ""),
        (ENFORCED_, [spoilt(BLOCK_LEGACY, NOBODY_KNOWS_WHOM)], {}, "07 13", "07 13", ""),
        ({}, [spoilt(BLOCK_LEGACY, NOBODY_KNOWS_WHOM), {**BLOCK_TO_COME, "id": "r"}], {}, "13", "07 13", ""),
        (PERHAPS, [spoilt(OF_GROUP, NOBODY_KNOWS_WHOM)], {}, "01 05 06 08", "01 02 05 06", "05"),
        ({}, [spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], {}, "06", "06", "06"),
        ({}, [spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], DEFAULTS_ON, "02", "06", "06"),
        ({}, [WOULD_HIDE, spoilt(MICROSOFTS, NOBODY_KNOWS_WHOM)], {}, "06", "06", "06"),
        ({}, [MICROSOFTS, spoilt(WOULD_HIDE, NOBODY_KNOWS_WHOM)], {}, "06", "06", ""),
        ({}, [OF_ADMINS], ELIGIBLE, "06", "", ""),
        ({}, [OF_ADMINS], {**ELIGIBLE, **HOLDS_ONE}, "01", "", ""),
        ({}, [OF_ADMINS], {"role_eligibilities": ELIGIBILITIES_GAP}, "06", "06", ""),
        ({}, [spoilt(OF_ADMINS, NOBODY_KNOWS_WHOM)], {}, "01 05 06", "01 02 05 06", "05"),
    ],
)
def test_what_an_account_may_fail_and_of_what_the_causes_may_lack_something(
    account: dict[str, Any],
    policies: list[Json],
    tenant: dict[str, Any],
    possible: str,
    inexact: str,
    on_malformed: str,
) -> None:
    land = Landscape(make_tenant(policies, **{**WITH_GROUPS, **tenant}), NOW.date())
    the_account = replace(SERVICE, **account)
    roles = land.scopes.roles_of(the_account)
    doubt = doubt_about(land, Situation(the_account, roles, land.scopes.reach(the_account, roles)))
    found = numbers(doubt.possible), numbers(doubt.inexact), numbers(doubt.on_malformed)
    assert found == (possible, inexact, on_malformed)


@pytest.mark.parametrize(
    ("account", "tenant", "inexact"),
    [
        ({}, {**HOLDS_ONE, **DEFAULTS_UNREAD}, {"APW-001"}),
        (PERHAPS, HOLDS_ONE, set()),
        (PERHAPS, {"role_assignments": (holds(GLOBAL_ADMINISTRATOR), holds("r", by="g2"))}, {"APW-011"}),
        ({}, {"role_assignments": (holds(GLOBAL_ADMINISTRATOR), UNNAMED)}, {"APW-011"}),
    ],
)
def test_roles_are_all_known_unless_one_may_be_held_unseen(
    account: dict[str, Any], tenant: dict[str, Any], inexact: set[str]
) -> None:
    found = judged(make_tenant([MFA_MODERN], **{**WITH_GROUPS, **tenant}), replace(SERVICE, **account)).verdict
    assert found.roles
    assert found.inexact == inexact
