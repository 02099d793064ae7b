"""Where the sign-in log fits a verdict, where it doesn't, and where something that was read explains why not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.causes import Causes
from checks.judge import judge
from checks.log_check import with_log_check
from checks.model import CrossCheck, JudgedAccount
from tenant.model import Account, AuditEvent, AuditTrail, Group, SignInOutcome, Tenant
from tests.checks.kit import MODERN, NOW, SERVICE, make_tenant, policy
from tests.checks.test_refused import DAY, ended

LEGACY = {"clients": ("exchangeActiveSync", "other"), "grant": ("block",)}
OLD = "2026-01-05T09:00:00Z"
LATELY = "2026-11-20T09:00:00Z"
BLOCK = (("block", "Block"),)


def blocking(**more: Any) -> dict[str, Any]:
    """The policy that blocks legacy authentication."""
    return policy(**{"name": "block", "displayName": "Block", "createdDateTime": OLD, **LEGACY, **more})


def checked(
    tenant: Tenant, *outcomes: SignInOutcome, account: Account = SERVICE, trail: AuditTrail | None = None
) -> CrossCheck | None:
    """What the log says, once the reasons are explained."""
    (one,) = judge(tenant, [replace(account, per_user_mfa="enforced", outcomes=outcomes)], now=NOW)
    return with_log_check(Causes(tenant, trail, NOW).explain(one), tenant, NOW).log_check


USABLE = make_tenant([blocking(not_users=("svc",))])
BLOCKED = make_tenant([blocking()])
GROUPS = {"groups": {"g": Group("g", "Exceptions")}}
BY_GROUP = make_tenant([blocking(not_groups=("g",))], **GROUPS)
"""Blocked, unless the account is in a group."""


@pytest.mark.parametrize(
    ("tenant", "outcomes", "result"),
    [
        # Nothing blocks a legacy client, and the newest were refused all the same.
        (USABLE, (ended(policies=BLOCK),), "disagrees"),
        # Nobody knows which, or since when they are off.
        (USABLE, (ended(policies=()),), None),
        (USABLE, (ended(530035, policies=(("securitydefaults", "Security Defaults"),)),), None),
        # It got in afterwards; or it was no policy: MFA that per-user MFA demands of the ordinary password.
        (USABLE, (ended(policies=BLOCK, since_in=0), ended(0, timedelta(0))), None),
        (USABLE, (ended(50076, policies=()),), None),
        (USABLE, (ended(50126, policies=None),), None),
        # The policy was changed or switched off since, or is gone.
        (
            make_tenant([blocking(not_users=("svc",), modifiedDateTime="2026-11-21T12:00:00Z")]),
            (ended(policies=BLOCK),),
            None,
        ),
        (make_tenant([blocking(state="disabled")]), (ended(policies=BLOCK),), None),
        (make_tenant(), (ended(policies=BLOCK),), None),
        # Not a client that the verdict is about.
        (USABLE, (ended(policies=BLOCK, client="Exchange ActiveSync"),), None),
        (USABLE, (ended(policies=BLOCK, client="Mobile Apps and Desktop clients", how="background"),), None),
        # Blocked, and so it is.
        (BLOCKED, (ended(policies=BLOCK),), "agrees"),
        (make_tenant(security_defaults=True), (ended(530035, policies=(("securitydefaults", "x"),)),), "agrees"),
        (BLOCKED, (ended(policies=(("other", "Other"),)),), None),
        # Blocked, and one got in after that began.
        (BLOCKED, (ended(0),), "disagrees"),
        (BLOCKED, (ended(0, 3 * DAY), ended(policies=BLOCK)), "disagrees"),
        (make_tenant([blocking(createdDateTime=LATELY)]), (ended(0, 3 * DAY),), None),
        (make_tenant([blocking(createdDateTime=LATELY)]), (ended(0, 12 * timedelta(hours=1)),), "disagrees"),
        (make_tenant([blocking(createdDateTime=None)]), (ended(0),), None),
        (BY_GROUP, (ended(0),), None),  # it may have been in the group then
        (BLOCKED, (ended(0, client="Exchange ActiveSync"),), None),
        (make_tenant(security_defaults=True), (ended(0),), None),  # nobody knows since when they are on
        (  # a policy at risk alone blocks nothing for certain
            make_tenant([blocking(conditions={"userRiskLevels": ["high"]})], security_defaults=True),
            (ended(0),),
            None,
        ),
        # Neither.
        (USABLE, (ended(0),), None),
        (USABLE, (), None),
        (make_tenant([blocking(conditions={"locations": {"includeLocations": ["x"]}})]), (ended(0),), None),
    ],
)
def test_where_the_log_fits_the_verdict(tenant: Tenant, outcomes: Sequence[SignInOutcome], result: str | None) -> None:
    found = checked(tenant, *outcomes)
    assert (found and found.result) == result


def test_a_difference_says_what_the_log_shows_and_what_was_read() -> None:
    refused, let_in = checked(USABLE, ended(policies=BLOCK)), checked(BLOCKED, ended(0))
    assert refused
    assert let_in
    assert refused.text.startswith(
        'The sign-in log doesn\'t fit the verdict: the policy "Block" refused sign-ins with Authenticated SMTP, last on '
        "21 Nov 2026, 07:00 UTC, and by what was read nothing blocks a legacy client of the account."
    )
    assert "sign-ins with Authenticated SMTP got in, last on 21 Nov 2026, 07:00 UTC" in let_in.text
    assert 'the policy "Block" should block legacy authentication' in let_in.text


def moved(kind: str, days_ago: int) -> AuditTrail:
    """An audit log in which the account was put into the group, or taken out of it."""
    event = AuditEvent(
        NOW - days_ago * DAY, kind, "ada@contoso.com", "svc", "svc", container_id="g", container_name="Exceptions"
    )
    return AuditTrail((event,), NOW - 30 * DAY)


@pytest.mark.parametrize(
    ("trail", "result"),
    [
        (None, None),
        (moved("group_added", 0), None),
        (moved("group_added", 1), None),
        (moved("group_added", 9), "disagrees"),
    ],
)
def test_only_the_audit_log_tells_whether_a_group_excluded_the_account_then(
    trail: AuditTrail | None, result: str | None
) -> None:
    found = checked(BY_GROUP, ended(policies=BLOCK), account=replace(SERVICE, groups=frozenset({"g"})), trail=trail)
    assert (found and found.result) == result


@pytest.mark.parametrize(
    ("trail", "result"),
    [(None, None), (moved("group_removed", 1), None), (moved("group_removed", 9), "disagrees")],
)
def test_only_the_audit_log_tells_since_when_a_group_no_longer_excludes_the_account(
    trail: AuditTrail | None, result: str | None
) -> None:
    found = checked(BY_GROUP, ended(0), trail=trail)
    assert (found and found.result) == result


def test_an_account_that_only_modern_clients_are_blocked_for_is_none_of_its_business() -> None:
    tenant = make_tenant([policy("mfa", clients=MODERN, createdDateTime=OLD)])
    assert checked(tenant, ended(policies=(("mfa", "mfa"),))) is not None  # the log says that it does refuse one


def test_it_changes_nothing_else() -> None:
    (one,) = judge(BLOCKED, [replace(SERVICE, outcomes=(ended(0),))], now=NOW)
    with_it: JudgedAccount = with_log_check(one, BLOCKED, NOW)
    assert replace(with_it, log_check=None) == one


CARE = "Take the verdict with care, and look at"


@pytest.mark.parametrize(
    ("tenant", "outcomes", "result", "text"),
    [
        (
            BLOCKED,
            (ended(0),),
            "disagrees",
            "The sign-in log doesn't fit the verdict: sign-ins with Authenticated SMTP got in, last on 21 Nov 2026, 07:00 UTC, "
            'although by what was read the policy "Block" should block legacy authentication, and was last changed on '
            f"5 Jan 2026. {CARE} the sign-in in the Entra admin center.",
        ),
        (
            BLOCKED,
            (ended(policies=BLOCK),),
            "agrees",
            "Confirmed by the sign-in log: sign-ins with Authenticated SMTP are being refused.",
        ),
    ],
)
def test_what_the_log_says_about_a_verdict(
    tenant: Tenant, outcomes: Sequence[SignInOutcome], result: str, text: str
) -> None:
    found = checked(tenant, *outcomes)
    assert found == CrossCheck(result, text, NOW.date())
