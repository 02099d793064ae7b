"""A tenant whose people sign in: the local Entra ID and the local Graph at their real addresses, behind a detour."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from localentra.browser import Browser
from localentra.certificates import Authority
from localentra.detour import Detour
from localentra.directory import Client, Directory, Person
from localentra.server import LocalEntra
from localentra.service import EntraService
from localgraph.server import LocalGraph
from localgraph.service import SignedIn
from localgraph.tenant import LocalTenant
from tenant import graph as product_graph

TENANT = "8f0a6d4e-3c53-4f0c-9a55-5b8d4b6e4d11"
DOMAIN = "contoso.com"
CLIENT = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
CLOUDS = {
    "global": ("login.microsoftonline.com", "graph.microsoft.com"),
    "usgov": ("login.microsoftonline.us", "graph.microsoft.us"),
    "usgovdod": ("login.microsoftonline.us", "dod-graph.microsoft.us"),
    "china": ("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
}
SCOPES = frozenset(
    """Policy.Read.All User.Read.All GroupMember.Read.All RoleManagement.Read.Directory Organization.Read.All AuditLog.Read.All
    Application.Read.All DelegatedPermissionGrant.Read.All Directory.Read.All MailboxSettings.Read Mail.Send
    DirectoryRecommendations.Read.All UserAuthenticationMethod.Read.All Member.Read.Hidden User.Read""".split()
)
ADA = "ada@contoso.com"


@dataclass(frozen=True, slots=True)
class Cloud:
    """What is there."""

    entra: EntraService
    graph: LocalGraph
    detour: Detour
    browser: Browser
    authority: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a machine behind such a detour is set up with."""
        return {
            "HTTPS_PROXY": self.detour.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": str(self.authority),
            "REQUESTS_CA_BUNDLE": str(self.authority),
        }


def service(name: str = "global", *, consented: frozenset[str] = SCOPES) -> EntraService:
    """The sign-in service of a cloud, with Ada before every browser."""
    login, host = CLOUDS[name]
    directory = Directory(
        DOMAIN,
        TENANT,
        f"https://{host}",
        SCOPES,
        {CLIENT: Client(CLIENT)},
        {CLIENT: set(consented)} if consented else {},
    )
    return EntraService(directory, Person(ADA), f"https://{login}", interval=0)


@contextmanager
def cloud(
    folder: Path, tenant: LocalTenant, name: str = "global", *, consented: frozenset[str] = SCOPES
) -> Iterator[Cloud]:
    """A cloud while the context lasts."""
    entra, authority = service(name, consented=consented), Authority(folder)
    login, host = CLOUDS[name]

    def who(token: str) -> SignedIn | None:
        claims = entra.tokens.read(token)
        if claims is None:
            return None
        return SignedIn(frozenset(claims["scp"].split()), entra.person.reader or entra.person.administrator)

    with (
        LocalEntra(entra, authority.context([login])).in_thread() as server,
        LocalGraph(tenant, sign_ins=who, tls=authority.context([host])).in_thread() as graph,
        Detour({login: server.port, host: int(graph.url.rpartition(":")[2])}).in_thread() as detour,
    ):
        yield Cloud(entra, graph, detour, Browser(detour.url, authority.file), authority.file)


@contextmanager
def lived_in(there: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as one on a machine behind the detour."""
    for name, value in there.variables.items():
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr("webbrowser.open", there.browser.open)
    product_graph._trusted.cache_clear()
    yield
    product_graph._trusted.cache_clear()
