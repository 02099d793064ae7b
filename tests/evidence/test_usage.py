"""Who uses the accounts, over a whole tenant: who is proposed, what that costs, and what happens without a permission."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evidence.store import PassingEvidence
from evidence.usage import kept_usage
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.permissions import PERMISSIONS
from tests.evidence.company import (
    APP,
    LISTED,
    MICROSOFT,
    MODERN,
    NOW,
    SMTP,
    Assigned,
    Company,
    assigned_to,
    listed,
    local_parts,
    settings,
    usage,
)
from tests.tenant.reading import connect


async def test_an_account_that_is_only_assigned_to_a_vendors_application_is_proposed() -> None:
    found, graph = await Assigned().found()
    assert local_parts(found, left_out=False) == {"docuprint"}
    assert found.complete
    assert len(assigned_to(graph)) == 1  # Microsoft's own applications are not asked about


async def test_whoever_is_but_assigned_to_applications_and_has_no_telling_name_costs_no_further_request() -> None:
    _, graph = await Assigned(applications=30).found()
    hannah = graph.tenant.user("hannah@contoso.com").id
    assert not [one.path for one in graph.requests if f"/users/{hannah}/" in one.path]


async def test_an_application_to_which_very_many_are_assigned_says_nothing_and_costs_one_page() -> None:
    found, graph = await Assigned(colleagues=100).found()
    assert local_parts(found, left_out=False) == set()
    assert len(assigned_to(graph)) == 1


async def test_no_more_than_so_many_applications_are_asked_about_products_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evidence.usage.MOST_ASKED_ABOUT", 20)
    company = Assigned(applications=40)
    company.build.service_principal("CodeTwo Backup for Office 365", owner="0b0e5a3c-0000-0000-0000-00000000c0de")
    company.build.user("codetwo@contoso.com").app_role("codetwo@contoso.com", "CodeTwo Backup for Office 365")
    found, graph = await company.found()
    assert len(assigned_to(graph)) == 20
    assert "codetwo" in local_parts(found, left_out=False)


async def test_assignments_are_asked_for_only_where_accounts_are_looked_for_by_consents() -> None:
    _, graph = await Assigned().found(sources=frozenset())
    assert assigned_to(graph) == []


async def test_a_consent_that_does_not_concern_mail_points_to_an_account_with_a_telling_name() -> None:
    company = Assigned()
    company.build.consent(APP, "Sites.Read.All offline_access", user="svc-labels@contoso.com")
    company.build.consent(APP, "User.Read", user="hannah@contoso.com")
    found, _ = await company.found()
    assert local_parts(found, left_out=False) == {"docuprint", "svc-labels"}


@pytest.mark.parametrize(
    ("others", "properties", "proposed"),
    [
        (0, {"passwordPolicies": "DisablePasswordExpiration"}, True),
        (1, {"passwordPolicies": "DisablePasswordExpiration"}, False),
        (0, {}, False),
        (0, {"passwordPolicies": "DisablePasswordExpiration", "onPremisesSyncEnabled": True}, False),
        (0, {"passwordPolicies": "DisablePasswordExpiration", "givenName": "Bi", "surname": "Refresh"}, False),
    ],
)
async def test_an_application_of_a_single_account_points_to_it_where_nothing_says_that_it_is_a_persons(
    others: int, properties: dict[str, Any], proposed: bool
) -> None:
    company = Company()
    build = TenantBuilder(now=NOW).user(LISTED).user("dwh.refresh@contoso.com", **properties)
    build.service_principal("Microsoft Graph", owner=MICROSOFT)
    build.service_principal("Chartwell Server", owner="0b0e5a3c-0000-0000-0000-00000000cafe")
    build.consent("Chartwell Server", "Sites.Read.All", user="dwh.refresh@contoso.com")
    for number in range(others):
        build.user(f"{number}.person@contoso.com", givenName="Ada", surname="Person")
        build.consent("Chartwell Server", "Sites.Read.All", user=f"{number}.person@contoso.com")
    company.tenant = build.build()
    company.tenant.sign_ins = [
        company.row("dwh.refresh@contoso.com", MODERN, NOW.date() - timedelta(days=back), app="Chartwell Server")
        for back in range(1, 31)
    ]
    company.graph = LocalGraph(company.tenant)
    async with company.graph:
        found = await usage(company, PassingEvidence())
    assert local_parts(found, left_out=False) == ({"dwh.refresh"} if proposed else set())


async def test_proposes_every_planted_account_and_nobody_else(company: Company) -> None:
    found = await usage(company, PassingEvidence())
    assert local_parts(found, left_out=False) == set(company.planted)
    assert local_parts(found, left_out=True) == set(company.left_out)
    assert found.reading.gaps == ()
    assert found.complete


async def test_whoever_has_but_a_weak_sign_and_a_persons_name_and_mailbox_is_not_asked_about(company: Company) -> None:
    await usage(company, PassingEvidence())
    by_account = " ".join(query for query in company.asked if "userId eq" in query)
    assert company.tenant.user("panel@contoso.com").id in by_account
    assert company.tenant.user("liam@contoso.com").id not in by_account


async def test_where_too_many_are_pointed_to_those_without_a_persons_name_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evidence.usage.MOST_MAILBOXES", 12)
    monkeypatch.setattr("evidence.usage.MOST_CANDIDATES", 12)
    company = Company(old_mail_programs=40)
    async with company.graph:
        found = await usage(company, PassingEvidence())
    assert local_parts(found, left_out=False) == set(company.planted)


async def test_selected_accounts_get_their_evidence_and_are_not_proposed(company: Company) -> None:
    found = await usage(company, PassingEvidence())
    (use,) = listed(found).sign_ins
    assert (use.client_app, use.count, use.days) == (SMTP, 30, 30)
    assert LISTED not in {one.account.user_principal_name for one in found.proposals}


@pytest.mark.parametrize(
    ("denied", "said"),
    [
        ("AuditLog.Read.All", ("sign_ins", "AuditLog.Read.All")),
        ("Application.Read.All", ("applications", "Application.Read.All")),
        ("DelegatedPermissionGrant.Read.All", ("consents", "DelegatedPermissionGrant.Read.All")),
        ("MailboxSettings.Read", ("mailbox_purpose", "MailboxSettings.Read")),
    ],
)
async def test_a_missing_permission_is_said_once_and_leaves_the_verdicts(
    company: Company, denied: str, said: tuple[str, str]
) -> None:
    company.graph.deny(denied)
    found = await usage(company, PassingEvidence())
    gaps = {(gap.input, gap.permission) for gap in found.reading.gaps if gap.optional}
    assert said in gaps
    assert len([gap for gap in found.reading.gaps if gap.input == said[0]]) == 1
    assert all(gap.optional for gap in found.reading.gaps)


async def test_without_any_optional_permission_everything_that_is_missing_is_said_once(company: Company) -> None:
    company.graph.grant(*(one.name for one in PERMISSIONS if not one.optional))
    found = await usage(company, PassingEvidence())
    assert sorted(gap.input for gap in found.reading.gaps) == [
        "applications",
        "mailbox_purpose",
        "sign_ins",
    ]
    assert all(gap.optional and gap.permission for gap in found.reading.gaps)


async def test_kept_evidence_alone_needs_no_graph(company: Company) -> None:
    evidence = PassingEvidence()
    whole = await usage(company, evidence)
    bare = replace(whole.reading, accounts=tuple(replace(one, sign_ins=()) for one in whole.reading.accounts))
    async with connect(company.graph.url) as client:
        found = await kept_usage(client, settings(company), bare, evidence, NOW)
    assert listed(found).sign_ins == listed(whole).sign_ins
