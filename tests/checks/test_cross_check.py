"""What a comparison with Microsoft's What If comes to."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from checks.cross_check import clients_to_ask, compare, security_defaults_on, worth_asking
from tenant.model import WhatIf
from tenant.policies import parse_plan, parse_policy
from tests.checks.kit import BLOCK_LEGACY, MFA_MODERN, SERVICE, Json, judged, make_tenant, member_of, policy

TODAY = date(2026, 11, 22)
RISKY = policy("Risky", clients=("browser",), conditions={"signInRiskLevels": ["high"]})
DESKTOP = policy("Desktop", clients=("mobileAppsAndDesktopClients",))
SESSION = policy("Session", grant=None)
RISKY_FOR_OTHERS = policy(
    "Others", users=(), groups=("g1",), clients=("browser",), conditions={"userRiskLevels": ["high"]}
)
FOR_OTHERS_BLOCK = policy("Others", users=(), groups=("g1",), clients=("other",), grant=("block",))
FOR_OTHERS = policy("Others", users=(), groups=("g1",), clients=("browser",))


@dataclass(frozen=True)
class Case:
    name: str
    ours: tuple[Json, ...]
    browser: tuple[Json, ...]
    other: tuple[Json, ...]
    result: str
    says: tuple[str, ...]
    undecided: tuple[str, ...] = ()


CASES = (
    Case(
        "both see MFA", (MFA_MODERN,), (MFA_MODERN,), (), "agrees", ("Confirmed by Microsoft's What If, 22 Nov 2026.",)
    ),
    Case("both see a block", (MFA_MODERN, BLOCK_LEGACY), (MFA_MODERN,), (BLOCK_LEGACY,), "agrees", ()),
    Case("both see nothing", (FOR_OTHERS,), (), (), "agrees", ()),
    Case("a policy without controls", (SESSION,), (SESSION,), (SESSION,), "agrees", ()),
    Case("a policy for other clients", (DESKTOP,), (), (), "agrees", ()),
    Case(
        "MFA that What If doesn't see",
        (MFA_MODERN,),
        (),
        (),
        "disagrees",
        ('This product says that the policy "MFA modern" requires MFA', "What If says that the policy doesn't apply."),
    ),
    Case(
        "MFA that only What If sees",
        (FOR_OTHERS,),
        (FOR_OTHERS,),
        (),
        "disagrees",
        ('What If says that the policy "Others" applies when the account signs in with a browser', "this product says"),
    ),
    Case(
        "a block that What If doesn't see",
        (MFA_MODERN, BLOCK_LEGACY),
        (MFA_MODERN,),
        (),
        "disagrees",
        ('the policy "Block legacy" keeps it out when the account uses a legacy client', "Take the verdict with care"),
    ),
    Case(
        "a circumstance that What If isn't told",
        (RISKY,),
        (),
        (),
        "not_checked",
        ('can\'t tell without knowing the circumstances that decide about "Risky"',),
        ("risky",),
    ),
    Case(
        "a circumstance beside what it can tell",
        (MFA_MODERN, RISKY),
        (MFA_MODERN,),
        (),
        "agrees",
        ("as far as it goes without", '"Risky"'),
        ("risky",),
    ),
    Case(
        "MFA for whatever client that What If doesn't see",
        (policy("Any", clients=None),),
        (),
        (policy("Any", clients=None),),
        "disagrees",
        ('the policy "Any" requires MFA',),
    ),
    Case(
        "one policy that both see beside one that only What If sees",
        (policy("A", clients=("browser",)), policy("Z", clients=("browser",)), FOR_OTHERS),
        (policy("A", clients=("browser",)), policy("Z", clients=("browser",)), FOR_OTHERS),
        (),
        "disagrees",
        ('the policy "Others" applies',),
    ),
    Case("MFA that What If can't tell", (MFA_MODERN,), (), (), "not_checked", ('about "MFA modern"',), ("mfa modern",)),
    Case(
        "MFA that What If sees and can't tell",
        (MFA_MODERN,),
        (MFA_MODERN,),
        (),
        "not_checked",
        ('about "MFA modern"',),
        ("mfa modern",),
    ),
    Case(
        "a circumstance that only What If sees",
        (RISKY_FOR_OTHERS,),
        (RISKY_FOR_OTHERS,),
        (),
        "agrees",
        ("Confirmed by Microsoft's What If, 22 Nov 2026.",),
    ),
    Case(
        "a block that only What If sees",
        (FOR_OTHERS_BLOCK,),
        (),
        (FOR_OTHERS_BLOCK,),
        "disagrees",
        ("applies when the account uses a legacy client; this product says that it doesn't.",),
    ),
)


def answered(client: str, applies: tuple[Json, ...], undecided: tuple[str, ...] = ()) -> WhatIf:
    return WhatIf(client, tuple(parse_policy(raw) for raw in applies), frozenset(undecided))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_two_answers_come_to(case: Case) -> None:
    tenant = make_tenant(case.ours)
    one = judged(tenant, SERVICE)
    answers = [answered("browser", case.browser, case.undecided), answered("other", case.other)]
    check = compare(one, tenant, answers, TODAY)
    assert (check.result, check.date) == (case.result, TODAY), check.text
    assert [text for text in case.says if text not in check.text] == [], check.text


def test_a_difference_changes_neither_verdict_nor_findings() -> None:
    tenant = make_tenant([MFA_MODERN])
    one = judged(tenant, SERVICE)
    check = compare(one, tenant, [answered("browser", ())], TODAY)
    assert replace(one, cross_check=check).verdict == one.verdict


@pytest.mark.parametrize(
    ("account", "clients"),
    [
        ({"per_user_mfa": "disabled"}, ("browser", "other")),
        ({"per_user_mfa": "enforced"}, ("other",)),
    ],
)
def test_browsers_are_asked_about_only_where_policies_decide(account: dict[str, Any], clients: tuple[str, ...]) -> None:
    one = judged(make_tenant([MFA_MODERN, BLOCK_LEGACY]), replace(SERVICE, **account))
    assert clients_to_ask(one) == clients
    assert worth_asking(one)


@pytest.mark.parametrize(
    "account",
    [{"enabled": False}, {"per_user_mfa": None}, member_of("gx")],
    ids=["disabled", "open", "without findings"],
)
def test_nothing_is_asked_where_nothing_can_be_confirmed(account: dict[str, Any]) -> None:
    tenant = make_tenant([policy("P", not_groups=("gx",))])
    assert not worth_asking(judged(tenant, replace(SERVICE, **account)))


def test_a_plan_is_nothing_that_what_if_tells() -> None:
    tenant = replace(make_tenant(), policies=(parse_plan({"id": "plan", "displayName": "Zero trust"}),))
    check = compare(judged(tenant, SERVICE), tenant, [answered("browser", ()), answered("other", ())], TODAY)
    assert check.result == "not_checked"
    assert '"Zero trust"' in check.text


def test_security_defaults_are_nothing_that_what_if_knows() -> None:
    assert security_defaults_on(TODAY).result == "not_checked"
