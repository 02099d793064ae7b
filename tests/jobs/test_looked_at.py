"""What a scan can't say to be over: it may have had no reason to look, or something else that it couldn't see."""

from dataclasses import replace
from typing import Any

import pytest

from findings.sight import Fate, Unseen
from jobs.look import Seen
from jobs.looked_at import fate_after
from jobs.watch import Watch
from settings import Settings
from tenant.model import Account, Gap, Group, MfaService, Registration, Tenant
from tenant.policies import parse_policy
from tenant.reader import Reading
from tests.checks.kit import policy
from tests.findings.build import NOW

SVC = Account(
    "a1",
    "svc@contoso.example",
    per_user_mfa="enabled",
    groups=frozenset(),
    registration=Registration(own=("password",)),
)
UNREADABLE = Account("a1", "svc@contoso.example", properties=Gap("account_properties", "500", account_id="a1"))
BY_GROUP = Tenant(
    policies=(parse_policy(policy(users=(), groups=("g1", "g2", "g3"))),),
    groups={
        "g1": Group("g1", "Readable"),
        "g2": Group("g2", "Unreadable", gap=Gap("groups", "500")),
        "g3": Group("g3", "Hiding", hidden_membership=True),
    },
)
UNREAD_STATE = replace(SVC, per_user_mfa=Gap("per_user_mfa", "500", account_id="a1"), registration=Registration())


def fate(
    key: str,
    about: str = "",
    *,
    missing: str = "",
    accounts: tuple[Account, ...] = (),
    tenant: Tenant = BY_GROUP,
    sign_ins_asked: bool = False,
    discovered: frozenset[str] = frozenset(),
    **more: Any,
) -> Fate:
    gaps = (Gap(missing, "500"),) if missing else ()
    watched = {account.id: None for account in accounts}
    looked = Watch(accounts, watched, {}, {}, {}, ())
    seen = Seen(
        Reading(tenant, accounts, gaps), (), 0, NOW, looked, sign_ins_asked=sign_ins_asked, discovered=discovered
    )
    return fate_after(seen, Settings(**more))(Unseen(key, "", object=about))


@pytest.mark.parametrize(
    ("missing", "key", "unsure"),
    [
        ("conditional_access_policies", "input named_locations", True),
        ("conditional_access_policies", "input security_defaults", False),
        ("conditional_access_preview_policies", "input authentication_strengths", True),
        ("policy_plans", "input named_locations", True),
        ("role_assignments", "input role_definitions", True),
    ],
)
def test_an_input_that_is_not_asked_for_is_not_readable_again(missing: str, key: str, unsure: bool) -> None:
    assert (fate(key, missing=missing) is Fate.UNSURE) is unsure


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("renamed a1 new@contoso.example", Fate.UNSURE),
        ("renamed a2 new@contoso.example", Fate.MOOT),
        ("missing svc@contoso.example", Fate.UNSURE),
        ("missing other@contoso.example", Fate.SEEN),
    ],
)
def test_nothing_ends_about_an_account_that_cannot_be_read(key: str, expected: Fate) -> None:
    assert fate(key, accounts=(UNREADABLE,)) is expected


@pytest.mark.parametrize(
    ("about", "missing", "expected"),
    [
        ("g1", "", Fate.SEEN),
        ("g2", "", Fate.UNSURE),
        ("g3", "", Fate.UNSURE),
        ("g4", "", Fate.UNASKED),
        ("g4", "conditional_access_policies", Fate.UNSURE),
        ("g4", "policy_plans", Fate.UNSURE),
        ("g1", "policy_plans", Fate.SEEN),
        ("", "", Fate.UNSURE),  # nobody remembers which, and some are unread
    ],
)
def test_only_a_group_that_was_read_can_be_read_again(about: str, missing: str, expected: Fate) -> None:
    assert fate("input groups", about, missing=missing) is expected


def test_a_malformed_policy_may_name_a_group_that_no_other_one_names() -> None:
    malformed = Tenant(policies=(replace(parse_policy(policy()), malformed=True),))
    assert fate("input groups", "g4", tenant=malformed) is Fate.UNSURE
    assert fate("input named_locations", tenant=malformed) is Fate.UNSURE


@pytest.mark.parametrize(
    ("about", "expected"),
    [("pattern svc-*", Fate.SEEN), ("group g1", Fate.SEEN), ("group g2", Fate.UNASKED), ("attribute x", Fate.UNASKED)],
)
def test_only_what_the_settings_select_by_can_be_read_again(about: str, expected: Fate) -> None:
    found = fate("input selection", about, service_account_patterns=("svc-*",), service_account_groups=("g1",))
    assert found is expected


@pytest.mark.parametrize(
    ("name", "account", "expected"),
    [
        ("account_properties", SVC, Fate.SEEN),
        ("account_properties", UNREADABLE, Fate.UNSURE),
        ("per_user_mfa", SVC, Fate.SEEN),
        ("per_user_mfa", UNREAD_STATE, Fate.UNSURE),
        ("per_user_mfa", replace(SVC, per_user_mfa="new"), Fate.UNSURE),
        ("per_user_mfa", UNREADABLE, Fate.UNSURE),
        ("group_memberships", SVC, Fate.SEEN),
        ("group_memberships", replace(SVC, groups=Gap("group_memberships", "500")), Fate.UNSURE),
        ("mfa_registration", SVC, Fate.SEEN),
        ("mfa_registration", replace(SVC, registration=Registration(own=Gap("mfa_registration", "5"))), Fate.UNSURE),
        ("mfa_registration", replace(SVC, per_user_mfa="disabled", registration=Registration()), Fate.UNASKED),
        ("mfa_registration", replace(SVC, per_user_mfa="enforced"), Fate.UNASKED),
        ("mfa_registration", UNREAD_STATE, Fate.UNSURE),
        ("mfa_methods", replace(SVC, per_user_mfa="enforced"), Fate.SEEN),
        ("mfa_methods", SVC, Fate.UNASKED),
    ],
)
def test_only_an_account_of_which_it_was_read_can_be_read_again(name: str, account: Account, expected: Fate) -> None:
    assert fate(f"input {name}", "a1", accounts=(account,)) is expected
    other = replace(SVC, id="a2", user_principal_name="other@contoso.example")
    assert fate(f"input {name}", "a1", accounts=(other,)) is Fate.UNASKED
    assert fate(f"input {name}", "a1", accounts=(other,), missing="selection") is Fate.UNSURE


def test_what_if_is_not_asked_again_where_what_it_said_holds_on() -> None:
    assert fate("input what_if", what_if_budget=0) is Fate.UNASKED


def test_a_log_of_which_every_day_is_known_is_not_told_to_be_readable_again() -> None:
    assert fate("input sign_ins", service_account_discovery=("signins",)) is Fate.UNSURE
    assert fate("input sign_ins", service_account_discovery=("signins",), sign_ins_asked=True) is Fate.SEEN
    assert fate("input sign_ins") is Fate.UNASKED


CONSENTS = ("consents", "signins")


@pytest.mark.parametrize(
    ("name", "missing", "discovered", "expected"),
    [
        ("consents", "applications", (), Fate.UNSURE),
        ("assigned_accounts", "applications", (), Fate.UNSURE),
        ("assigned_accounts", "consents", ("applications", "assigned_accounts"), Fate.SEEN),
        ("app_role_assignments", "applications", (), Fate.UNSURE),
        ("app_role_assignments", "candidates", ("applications", "consents"), Fate.UNSURE),
        ("app_role_assignments", "", ("applications", "consents"), Fate.UNASKED),
        ("mailbox_purpose", "candidates", (), Fate.UNSURE),
        ("mailbox_purpose", "sign_ins", (), Fate.UNSURE),
        ("mailbox_purpose", "", (), Fate.UNASKED),
        ("mailbox_purpose", "", ("mailbox_purpose",), Fate.SEEN),
        ("group_memberships of others", "candidates", (), Fate.UNSURE),
        ("group_memberships of others", "", (), Fate.UNASKED),
        ("group_memberships of others", "", ("group_memberships",), Fate.SEEN),
    ],
)
def test_what_discovery_had_no_use_for_is_not_readable_again(
    name: str, missing: str, discovered: tuple[str, ...], expected: Fate
) -> None:
    found = fate(f"input {name}", missing=missing, discovered=frozenset(discovered), service_account_discovery=CONSENTS)
    assert found is expected


def test_consents_that_nobody_asks_for_are_not_readable_again() -> None:
    found = fate("input consents", missing="candidates", service_account_discovery=("signins",))
    assert found is Fate.UNASKED
    assert fate("input mailbox_purpose") is Fate.UNASKED


@pytest.mark.parametrize(
    ("switch", "expected"),
    [(None, Fate.UNSURE), (MfaService(False, remembered=NOW), Fate.UNSURE), (MfaService(False), Fate.SEEN)],
)
def test_a_switch_that_was_not_read_is_not_readable_again(switch: MfaService | None, expected: Fate) -> None:
    assert fate("input mfa_service", tenant=replace(BY_GROUP, mfa_service=switch)) is expected


def test_plans_that_are_refused_are_not_readable_again() -> None:
    assert fate("input policy_plans", tenant=replace(BY_GROUP, plans_unread=Gap("policy_plans", "403"))) is Fate.MOOT
    assert fate("input policy_plans") is Fate.SEEN
