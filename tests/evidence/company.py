"""Two tenants with accounts that somebody has to find: by what they do, and by the applications that they are assigned to."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from evidence.store import Evidence, PassingEvidence
from evidence.usage import Usage, read_usage
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings
from tenant.model import Account
from tenant.reader import read_tenant
from tenant.selection import Selection
from tenant.turns import Turns
from tests.tenant.reading import Naps, connect

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
LISTED = "svc-listed@contoso.com"
APP = "DocuPrint Cloud"
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
    company: Company, evidence: Evidence, now: datetime = NOW, *, turns: Turns | None = None, **more: Any
) -> Usage:
    chosen = settings(company, sources=frozenset({"signins", "consents"}), **more)
    async with connect(company.graph.url) as client:
        reading = await read_tenant(client, Selection(accounts=(LISTED,)))
        return await read_usage(client, chosen, reading, evidence, now, turns=turns or Turns(sleep=Naps()))


def listed(found: Usage) -> Account:
    return found.reading.accounts[0]


def local_parts(found: Usage, *, left_out: bool) -> set[str]:
    proposals = (one for one in found.proposals if bool(one.left_out_because) is left_out)
    return {one.account.user_principal_name.split("@")[0] for one in proposals}


def assigned_to(graph: LocalGraph) -> list[str]:
    """The requests for who is assigned to an application."""
    return [one.path for one in graph.requests if one.path.endswith("/appRoleAssignedTo")]
