"""Policies that Microsoft makes: recognised by what says so, and by nothing that people's own policies carry as well."""

from datetime import date
from typing import Any

import pytest

from checks.managed import by_microsoft, created_in_their_place, managed, when_it_goes_on
from tenant.policies import parse_policy
from tests.checks.kit import REPORT_ONLY, SERVICE, judged, make_tenant, policy

BROWSER = ("browser",)


@pytest.mark.parametrize(
    ("name", "members", "microsofts"),
    [
        ("Microsoft-managed: Multifactor authentication for all users", {}, True),
        ("MICROSOFT-MANAGED: Block device code flow", {}, True),
        ("Microsoft-managed: Block legacy authentication", {"templateId": "t1"}, True),
        ("Baseline Security Mode: Block legacy authentication", {}, True),
        ("[Baseline security mode] Block legacy authentication", {}, True),
        ("Block legacy authentication (Baseline Security Mode)", {}, True),
        ("Block legacy authentication", {"description": "Created by Baseline Security Mode."}, True),
        ("Block legacy authentication", {"description": "This policy was created from\nBaseline  security mode"}, True),
        ("Block legacy authentication", {"templateId": "0b2282f9-2862-4178-88b5-d79340b36cb8"}, False),
        ("Block legacy authentication", {"description": "We don't use Baseline Security Mode."}, False),
        ("Block legacy authentication", {"description": ["Created by Baseline Security Mode"]}, False),
        ("Block legacy authentication", {}, False),
        ("My copy of Microsoft-managed: Block legacy authentication", {}, False),
        ("Our security baseline mode", {}, False),
        ("", {}, False),
    ],
)
def test_a_policy_is_microsofts_where_its_name_or_the_making_says_so(
    name: str, members: dict[str, Any], microsofts: bool
) -> None:
    assert by_microsoft(parse_policy(policy(name, **members))) is microsofts


@pytest.mark.parametrize(
    ("state", "made", "findings"),
    [
        (REPORT_ONLY, "Created by Baseline Security Mode", {"APW-006": "high", "APW-013": "high"}),
        (REPORT_ONLY, "Our own", {"APW-006": "medium", "APW-013": "medium"}),
        ("disabled", "Created by Baseline Security Mode", {}),
        ("enabled", "Created by Baseline Security Mode", {"APW-001": "high"}),
    ],
)
def test_one_of_baseline_security_mode_weighs_like_a_managed_one_and_a_draft_predicts_nothing(
    state: str, made: str, findings: dict[str, str]
) -> None:
    tenant = make_tenant([policy("Require MFA", state=state, description=made)])
    found = judged(tenant, SERVICE).findings
    assert {one.check_id: str(one.severity) for one in found} == findings


def test_what_is_known_of_them_has_sources_and_days_of_reading() -> None:
    known = managed()
    for fact in (known.notice, known.after_security_defaults, known.baseline):
        assert fact.source
        assert fact.read >= date(2026, 11, 1)
    assert "no less than 30 days" in when_it_goes_on()
    assert created_in_their_place() == (
        "block legacy authentication, MFA for Azure management, MFA for administrators and MFA for all users"
    )
