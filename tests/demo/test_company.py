"""The demo company holds what it is said to hold."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import cache

from demo.company import company, demo_settings, service_accounts
from demo.company_policies import ALL_USERS
from demo.expected import EXPECTED
from localgraph.tenant import LocalTenant

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
VISIBILITIES = {
    "visible", "stuck", "pending", "hidden", "conditional", "predicted", "not_offered", "not_applicable", "unknown",
}  # fmt: skip
USABILITIES = {"not_checked", "blocked_by_policy", "conditional", "usable", "unknown"}
"""All but ``blocked_by_security_defaults``: the company has them off."""


@cache
def tenant() -> LocalTenant:
    return company(NOW)


def test_it_is_a_company_of_forty_to_sixty_accounts() -> None:
    assert 40 <= len(tenant().users) <= 60
    assert tenant().security_defaults is False
    assert len(tenant().policies) >= 12


def test_the_settings_select_the_labelled_accounts_and_nobody_else() -> None:
    settings = demo_settings()
    named = {name.casefold() for name in settings["SERVICE_ACCOUNTS"].split(",")}
    attribute, _, wanted = settings["SERVICE_ACCOUNT_ATTRIBUTE"].partition("=")
    selected = set()
    for user in tenant().users.values():
        attributes = (user.extra or {}).get("onPremisesExtensionAttributes") or {}
        if (
            user.upn.casefold() in named
            or user.id in named
            or settings["SERVICE_ACCOUNT_GROUPS"] in tenant().membership.transitive_containers(user.id)
            or fnmatch(user.upn, settings["SERVICE_ACCOUNT_PATTERNS"])
            or attributes.get(attribute) == wanted
        ):
            selected.add(user.upn)
    assert selected == set(service_accounts())
    assert len(service_accounts()) == len(set(service_accounts())) >= 18


def test_every_verdict_that_is_possible_is_among_the_expected_ones() -> None:
    assert {item.visibility for item in EXPECTED} == VISIBILITIES
    assert {item.usability for item in EXPECTED} == USABILITIES


def test_policies_that_decide_exist() -> None:
    for item in EXPECTED:
        for name in (item.decided_by, item.blocked_by):
            assert name is None or tenant().policy(name)["displayName"] == name


def test_two_runs_on_one_day_see_the_same_company() -> None:
    later = company(NOW + timedelta(hours=3))
    assert later.policies == tenant().policies
    assert later.users == tenant().users
    assert later.sign_ins[-1000:] == tenant().sign_ins[-1000:]


def test_the_logs_hold_thirty_days_newest_first_and_nothing_of_the_future() -> None:
    for times in (
        [datetime.fromisoformat(item["createdDateTime"]) for item in tenant().sign_ins],
        [datetime.fromisoformat(item["activityDateTime"]) for item in tenant().audits],
    ):
        assert times == sorted(times, reverse=True)
        assert NOW - timedelta(days=31) < times[-1] < times[0] <= NOW


def test_legacy_clients_fail_from_the_moment_that_the_policy_was_switched_on() -> None:
    switched = tenant().policy(ALL_USERS)["modifiedDateTime"]
    entries = [item for item in tenant().sign_ins if item["userPrincipalName"].startswith("svc-codetwo-backup")]
    before = {item["status"]["errorCode"] for item in entries if item["createdDateTime"] < switched}
    after = {item["status"]["errorCode"] for item in entries if item["createdDateTime"] > switched}
    assert (before, after) == ({0}, {53003})
    (event,) = (item for item in tenant().audits if item["activityDisplayName"].startswith("Update conditional access"))
    assert event["activityDateTime"][:19] == switched[:19]
    assert event["initiatedBy"]["user"]["userPrincipalName"] == "niamh.o'brien@alderleaf.example"


def test_the_log_says_which_mechanism_demanded_mfa() -> None:
    seen = Counter(
        policy["requirementProvider"]
        for item in tenant().sign_ins
        for policy in item["authenticationRequirementPolicies"]
        if item["userPrincipalName"].split("@")[0] in {"invoices", "svc-helpdesk", "svc-signatures"}
    )
    assert seen == {"multiConditionalAccess": 7}
    not_offered = [item for item in tenant().sign_ins if item["userPrincipalName"].startswith("fax-gateway")]
    assert not any(item["authenticationRequirementPolicies"] for item in not_offered)


def test_the_audit_log_tells_of_app_passwords_and_per_user_mfa() -> None:
    seen = {item["activityDisplayName"] for item in tenant().audits}
    assert {
        "Create application password for user",
        "Delete application password for user",
        "Enable Strong Authentication",
        "Disable Strong Authentication",
        "Add member to group",
        "Remove member from group",
        "Add conditional access policy",
    } <= seen
