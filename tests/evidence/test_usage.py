"""Who uses the accounts, over a whole tenant: precision, what is asked of the log, and what happens when it can't be read."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from evidence.store import KeptDay, PassingEvidence
from evidence.usage import Usage, kept_usage, read_usage
from jobs.scan import ScanRequest, discover, scan
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings
from tenant.consents import read_applications, read_assigned
from tenant.gaps import Gaps
from tenant.model import Account
from tenant.permissions import PERMISSIONS
from tenant.reader import read_tenant
from tenant.selection import Selection
from tenant.turns import Turns
from tests.tenant.reading import Naps, connect

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
LISTED = "svc-listed@contoso.com"
MODERN, SMTP, BROWSER = "Mobile Apps and Desktop clients", "Authenticated SMTP", "Browser"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
Json = dict[str, Any]


class Company:
    """A tenant with people, things that only look like service accounts, and service accounts that nobody listed."""

    planted = ("etage3", "north", "orders", "panel", "svc-report", "team")
    left_out = ("bg-one", "Sync_DC01_0a1b")

    def __init__(self, *, skus: tuple[str, ...] = ("SPE_E5",), old_mail_programs: int = 0) -> None:
        self.with_imap = [f"{number}.person@contoso.com" for number in range(old_mail_programs)]
        build = (
            TenantBuilder(now=NOW, skus=skus)
            .user(LISTED)
            .user("etage3@contoso.com", name="Etage 3")
            .user("north@contoso.com", name="North")
            .user("orders@contoso.com", mailbox="shared")
            .user("panel@contoso.com", mailbox="room")
            .user("team@contoso.com", mailbox="shared")
            .user("svc-report@contoso.com", passwordPolicies="DisablePasswordExpiration")
            .user("bg-one@contoso.com", roles=["Global Administrator"])
            .user("Sync_DC01_0a1b@contoso.onmicrosoft.com", roles=["Directory Synchronization Accounts"], mailbox=None)
            .user("guest_other.com#EXT#@contoso.onmicrosoft.com", user_type="Guest")
        )
        for name in ("hannah", "liam", "scanlon"):
            build.user(f"{name}@contoso.com", givenName=name.title(), surname="Becker", jobTitle="Sales")
        for upn in self.with_imap:
            build.user(upn, givenName="Ada", surname="Person", jobTitle="Sales")
        build.user("boss@contoso.com", roles=["Global Administrator"])
        build.service_principal("Office 365 Exchange Online", app_id=EXCHANGE, owner=MICROSOFT)
        build.service_principal("Northgate CRM Sync", owner="0b0e5a3c-0000-0000-0000-00000000cafe")
        build.service_principal("Slotwise Scheduling", owner="0b0e5a3c-0000-0000-0000-00000000beef")
        build.consent(
            "Northgate CRM Sync", "Mail.Read", user="north@contoso.com", resource="Office 365 Exchange Online"
        )
        for name in ("hannah", "liam", "scanlon", "team"):
            build.consent(
                "Slotwise Scheduling", "Mail.Read", user=f"{name}@contoso.com", resource="Office 365 Exchange Online"
            )
        build.app_role("hannah@contoso.com", "Slotwise Scheduling")
        build.policy("Require MFA", exclude_users=["bg-one@contoso.com"], grant=["mfa"], client_apps=["browser"])
        self.tenant = build.build()
        self.tenant.sign_ins = sorted(self._rows(), key=lambda row: str(row["createdDateTime"]), reverse=True)
        self.graph = LocalGraph(self.tenant)

    def _rows(self) -> Iterator[Json]:
        for back in range(1, 31):
            day = NOW.date() - timedelta(days=back)
            yield self.row(LISTED, SMTP, day)
            yield self.row("etage3@contoso.com", SMTP, day)
            yield self.row("north@contoso.com", MODERN, day, app="Northgate CRM Sync")
            yield self.row("orders@contoso.com", "IMAP4", day)
            yield self.row("svc-report@contoso.com", MODERN, day)
            for name in ("hannah", "liam", "scanlon", "boss"):
                yield self.row(f"{name}@contoso.com", BROWSER, day, interactive=True)
                yield self.row(f"{name}@contoso.com", SMTP, day, code=50126)  # somebody guesses passwords
            yield from (self.row(upn, "IMAP4", day) for upn in self.with_imap)
            yield self.row("liam@contoso.com", "Exchange ActiveSync", day)
            yield self.row("panel@contoso.com", "Exchange ActiveSync", day)
            yield self.row("hannah@contoso.com", MODERN, day, app="Slotwise Scheduling")

    def row(self, upn: str, client: str, day: date, *, app: str = "", interactive: bool = False, code: int = 0) -> Json:
        """A row of the log."""
        named = (one for one in self.tenant.service_principals.values() if one["displayName"] == app)
        return {
            "id": f"{upn}{client}{day}{code}",
            "createdDateTime": f"{day}T08:15:00Z",
            "userId": self.tenant.user(upn).id,
            "clientAppUsed": client,
            "appId": next(named)["appId"] if app else EXCHANGE,
            "appDisplayName": app or "Office 365 Exchange Online",
            "userAgent": "Mozilla/5.0" if interactive else "agent",
            "isInteractive": interactive,
            "signInEventTypes": ["interactiveUser" if interactive else "nonInteractiveUser"],
            "status": {"errorCode": code},
            "authenticationProtocol": "oAuth2",
            "authenticationRequirementPolicies": [],
        }

    @property
    def asked(self) -> list[str]:
        """The filters of the requests for the log so far."""
        return [unquote(one.query) for one in self.graph.requests if one.path.endswith("/auditLogs/signIns")]


def settings(company: Company, storage: str = "", **more: Any) -> Settings:
    return Settings(
        graph_endpoint=company.graph.url,
        service_accounts=(LISTED,),
        service_account_discovery=more.pop("sources", frozenset({"signins"})),
        storage_connection_string=SecretStr(storage) if storage else None,
        audit_log="off",
        **more,
    )


async def usage(
    company: Company, evidence: PassingEvidence, now: datetime = NOW, *, turns: Turns | None = None, **more: Any
) -> Usage:
    chosen = settings(company, sources=frozenset({"signins", "consents"}), **more)
    async with connect(company.graph.url) as client:
        reading = await read_tenant(client, Selection(accounts=(LISTED,)))
        return await read_usage(client, chosen, reading, evidence, now, turns=turns or Turns(sleep=Naps()))


APP = "DocuPrint Cloud"


class Assigned:
    """A tenant whose accounts show nothing but the applications that they are assigned to, or let in."""

    def __init__(self, *, colleagues: int = 0, applications: int = 1) -> None:
        self.vendors = {APP: "docuprint"} | {f"Vendor {number}": f"v{number}" for number in range(applications - 1)}
        build = TenantBuilder(now=NOW).user(LISTED).user("docuprint@contoso.com", name="DocuPrint")
        build.user("svc-labels@contoso.com").user(
            "bi.refresh@contoso.com", passwordPolicies="DisablePasswordExpiration"
        )
        build.user("hannah@contoso.com", givenName="Hannah", surname="Becker")
        for number in range(colleagues):
            build.user(f"{number}.person@contoso.com", givenName="Ada", surname="Person")
        build.service_principal("Microsoft Planner", owner=MICROSOFT).service_principal(
            "Microsoft Graph", owner=MICROSOFT
        )
        for name in self.vendors:
            build.service_principal(name, owner="0b0e5a3c-0000-0000-0000-00000000cafe")
            build.app_role("hannah@contoso.com", name)
        build.app_role("svc-labels@contoso.com", "Microsoft Planner").app_role("docuprint@contoso.com", APP)
        for number in range(colleagues):
            build.app_role(f"{number}.person@contoso.com", APP)
        self.build = build

    async def found(self, *, sources: frozenset[str] = frozenset({"consents"})) -> tuple[Usage, LocalGraph]:
        """What discovery finds."""
        tenant = self.build.build()
        async with LocalGraph(tenant) as graph, connect(graph.url) as client:
            chosen = Settings(
                graph_endpoint=graph.url,
                service_accounts=(LISTED,),
                service_account_discovery=sources,
                audit_log="off",
            )
            reading = await read_tenant(client, Selection(accounts=(LISTED,)))
            return await read_usage(client, chosen, reading, PassingEvidence(), NOW), graph


def assigned_to(graph: LocalGraph) -> list[str]:
    """The requests for who is assigned to an application."""
    return [one.path for one in graph.requests if one.path.endswith("/appRoleAssignedTo")]


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


async def test_groups_and_applications_that_are_assigned_are_no_accounts() -> None:
    company = Assigned()
    tenant = company.build.build()
    for assignment in tenant.app_role_assignments:
        assignment["principalType"] = "Group"
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        gaps = Gaps()
        applications = await read_applications(client, gaps, ())
        assert await read_assigned(client, gaps, applications, list(applications.names)) == {}


async def test_assignments_are_asked_for_only_where_accounts_are_looked_for_by_consents() -> None:
    _, graph = await Assigned().found(sources=frozenset())
    assert assigned_to(graph) == []


async def test_an_application_that_cannot_be_asked_about_is_said_once_and_the_others_count() -> None:
    company = Assigned(applications=3)
    tenant = company.build.build()
    principals = {one["displayName"]: one["id"] for one in tenant.service_principals.values()}
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        graph.fail(f"{principals['Vendor 0']}/appRoleAssignedTo|{principals['Vendor 1']}/appRoleAssignedTo", 403)
        gaps = Gaps()
        applications = await read_applications(client, gaps, ())
        found = await read_assigned(client, gaps, applications, list(applications.names))
    assert {one.app_name for consents in found.values() for one in consents} == {APP}
    (gap,) = gaps.found()
    assert (gap.input, gap.permission, gap.optional) == ("assigned_accounts", "Application.Read.All", True)


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


def listed(found: Usage) -> Account:
    return found.reading.accounts[0]


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    made = Company()
    async with made.graph:
        yield made


def local_parts(found: Usage, *, left_out: bool) -> set[str]:
    proposals = (one for one in found.proposals if bool(one.left_out_because) is left_out)
    return {one.account.user_principal_name.split("@")[0] for one in proposals}


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


async def test_every_request_for_the_log_is_filtered_and_bounded(company: Company) -> None:
    await usage(company, PassingEvidence())
    assert company.asked
    for query in company.asked:
        assert "createdDateTime ge " in query
        assert "createdDateTime lt " in query
        assert any(f"({name} eq " in query for name in ("clientAppUsed", "userId", "appId"))


async def test_a_second_scan_on_the_same_day_asks_nothing_and_knows_the_same(company: Company) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    asked = len(company.asked)
    second = await usage(company, evidence)
    assert len(company.asked) == asked
    assert second.proposals == first.proposals
    assert listed(second).sign_ins == listed(first).sign_ins


async def test_the_next_day_reads_one_day(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence)
    asked = len(company.asked)
    found = await usage(company, evidence, NOW + timedelta(days=1))
    new = company.asked[asked:]
    assert new
    assert all(
        "createdDateTime ge 2026-11-22T00:00:00Z and createdDateTime lt 2026-11-23T00:00:00Z" in query for query in new
    )
    assert listed(found).sign_ins[0].count == 29  # the oldest day fell out
    assert min([day.day async for day in evidence.days()]) == date(2026, 10, 24)


async def test_a_day_is_read_when_its_sign_ins_have_arrived(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence, datetime(2026, 11, 22, 1, 59, tzinfo=UTC))
    assert max([day.day async for day in evidence.days()]) == date(2026, 11, 20)


async def test_an_account_that_is_new_to_the_selection_is_read_from_the_beginning(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence)
    asked = len(company.asked)
    new = company.tenant.user("boss@contoso.com").id
    async with connect(company.graph.url) as client:
        reading = await read_tenant(client, Selection(accounts=(LISTED, "boss@contoso.com")))
        found = await read_usage(client, settings(company), reading, evidence, NOW, turns=Turns(sleep=Naps()))
    assert [f"userId eq '{new}'" in query for query in company.asked[asked:]] in ([True], [])
    boss = next(one for one in found.reading.accounts if one.id == new)
    assert {use.way for use in boss.sign_ins} == {"browser"}


async def test_what_few_accounts_do_is_kept_first_as_a_day_has_room_for_so_much() -> None:
    company, evidence = Company(old_mail_programs=3), PassingEvidence()
    async with company.graph:
        await usage(company, evidence)
    kept = next(day for day in [one async for one in evidence.days()] if day.about == "legacy")
    assert [use[1] for use in kept.sums["uses"]][-4:] == ["IMAP4"] * 4


class Killed(RuntimeError):
    """Where the process ended."""


class Dying(PassingEvidence):
    """Keeps some days, and then the process ends."""

    left = 42

    async def keep(self, day: KeptDay) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        await super().keep(day)


async def test_a_killed_scan_goes_on_where_it_stopped(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = Dying()
    with pytest.raises(Killed):
        await usage(company, evidence)
    assert len([day async for day in evidence.days()]) == 42
    asked = len(company.asked)
    evidence.left = -1
    found = await usage(company, evidence)
    assert found.proposals == whole.proposals
    assert listed(found) == listed(whole)
    legacy = [query for query in company.asked[asked:] if "clientAppUsed eq" in query]
    assert not any("createdDateTime lt 2026-11-22" in query for query in legacy)


async def test_a_scan_that_spent_its_requests_says_so_and_the_next_goes_on(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = PassingEvidence()
    found = await usage(company, evidence, turns=Turns(2, sleep=Naps()))
    (gap,) = found.reading.gaps
    assert (gap.input, gap.optional, gap.tenant_wide) == ("sign_ins", True, False)
    assert "the next scan goes on" in gap.error
    assert not found.complete
    asked = len(company.asked)
    assert (await usage(company, evidence)).proposals == whole.proposals
    assert len(company.asked) > asked


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


async def test_a_missing_licence_leaves_the_document_as_it_was_and_is_said_in_words() -> None:
    company = Company(skus=("O365_BUSINESS_ESSENTIALS",))
    async with company.graph:
        request = ScanRequest("r", "test", store=False)
        without = await scan(settings(company, sources=frozenset()), request, clock=lambda: NOW)
        found = await scan(settings(company), request, clock=lambda: NOW)
    (gap,) = found.document["run"]["gaps"]
    assert "P1 licence" in gap["error"]
    assert gap["permission"] is None  # granting one would change nothing
    assert gap["optional"]
    assert found.document["run"]["complete"]
    assert found.document["accounts"] == without.document["accounts"]


async def test_findings_still_resolve_while_the_log_is_unreadable_and_its_own_stay(
    company: Company, storage: str
) -> None:
    chosen = settings(company, storage)
    await scan(chosen, ScanRequest("r1", "test"), clock=lambda: NOW)
    company.graph.deny("AuditLog.Read.All")
    company.tenant.policies.clear()
    second = await scan(chosen, ScanRequest("r2", "test"), clock=lambda: NOW + timedelta(days=3))
    (account,) = second.document["accounts"]
    assert [gap["input"] for gap in second.document["run"]["gaps"]] == ["sign_ins"]
    assert [(one["check_id"], one["status"]) for one in account["findings"]] == [("APW-010", "open")]


async def test_judging_one_account_agrees_with_the_last_scan_and_asks_nothing_of_the_log(
    company: Company, storage: str
) -> None:
    chosen = settings(company, storage)
    whole = await scan(chosen, ScanRequest("r1", "test"), clock=lambda: NOW)
    asked = len(company.asked)
    one = await scan(chosen, ScanRequest("r2", "test", accounts=(LISTED,)), clock=lambda: NOW)
    assert len(company.asked) == asked
    assert one.document["accounts"][0]["findings"] == whole.document["accounts"][0]["findings"]


async def test_proposed_accounts_are_judged_only_where_the_setting_says_all(company: Company, storage: str) -> None:
    confirmed = await scan(settings(company, storage), ScanRequest("r1", "test"), clock=lambda: NOW)
    assert [one["user_principal_name"] for one in confirmed.document["accounts"]] == [LISTED]
    chosen = settings(company, storage, service_account_discovery_alerts="all")
    everyone = await scan(chosen, ScanRequest("r2", "test"), clock=lambda: NOW)
    judged = {one["user_principal_name"]: one for one in everyone.document["accounts"]}
    assert {LISTED, "etage3@contoso.com", "orders@contoso.com"} <= judged.keys()
    assert judged["etage3@contoso.com"]["selected_by"] == ["discovery"]
    assert "APW-010" in [one["check_id"] for one in judged["etage3@contoso.com"]["findings"]]
    assert {one["user_principal_name"] for one in everyone.document["proposals"]} >= {"etage3@contoso.com"}


async def test_discover_answers_the_proposals_and_leaves_findings_alone(company: Company, storage: str) -> None:
    found = await discover(settings(company, storage), clock=lambda: NOW)
    assert set(found) == {"schema", "run", "proposals"}
    assert "etage3@contoso.com" in {one["user_principal_name"] for one in found["proposals"]}


async def test_without_the_setting_nothing_is_asked(company: Company) -> None:
    result = await scan(
        settings(company, sources=frozenset()), ScanRequest("r", "test", store=False), clock=lambda: NOW
    )
    assert company.asked == []
    assert result.document["proposals"] == []


async def test_what_demanded_mfa_reaches_the_verdict(company: Company) -> None:
    company.tenant.policies.clear()
    demand = [{"requirementProvider": "mfaRegistrationRequiredByIdentityProtectionPolicy", "detail": "x"}]
    row = company.row(LISTED, BROWSER, date(2026, 11, 20), interactive=True)
    company.tenant.sign_ins.append({**row, "authenticationRequirementPolicies": demand})
    found = await usage(company, PassingEvidence())
    (seen,) = listed(found).mfa_demands
    assert seen.provider == "mfaRegistrationRequiredByIdentityProtectionPolicy"
    result = await scan(settings(company), ScanRequest("r", "test", store=False), clock=lambda: NOW)
    (account,) = result.document["accounts"]
    assert account["visibility"] == "conditional"


async def test_kept_evidence_alone_needs_no_graph(company: Company) -> None:
    evidence = PassingEvidence()
    whole = await usage(company, evidence)
    bare = replace(whole.reading, accounts=tuple(replace(one, sign_ins=()) for one in whole.reading.accounts))
    async with connect(company.graph.url) as client:
        found = await kept_usage(client, settings(company), bare, evidence, NOW)
    assert listed(found).sign_ins == listed(whole).sign_ins
