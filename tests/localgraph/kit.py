"""A local Graph and a plain HTTP client for it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from localgraph.tenant import LocalTenant

# Loading certificates takes longer than most tests; nothing here speaks TLS.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
EVENTUAL = {"ConsistencyLevel": "eventual"}


@dataclass(frozen=True, slots=True)
class Talk:
    """What a test talks to."""

    graph: LocalGraph
    client: httpx.AsyncClient

    async def get(self, path: str, status: int = 200, headers: dict[str, str] | None = None) -> Any:
        """The body of an answer with the expected status."""
        answer = await self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def value(self, path: str, headers: dict[str, str] | None = None) -> list[Any]:
        """The items of a collection."""
        found: list[Any] = (await self.get(path, headers=headers))["value"]
        return found

    async def code(self, path: str, status: int = 400, headers: dict[str, str] | None = None) -> str:
        """The error code of a refusal with the expected status."""
        error = (await self.get(path, status, headers))["error"]
        assert error["message"]
        assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
        return str(error["code"])

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        """The body of an answer to POST; None where it has none."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def pages(self, path: str) -> list[list[Any]]:
        """All pages of a collection."""
        found, url = [], path
        while url:
            body = await self.get(url)
            found.append(body["value"])
            url = body.get("@odata.nextLink")
        return found


@asynccontextmanager
async def talking(
    tenant: LocalTenant | TenantBuilder,
    *,
    limits: bool = False,
    page_sizes: dict[str, int] | None = None,
    still: bool = False,
) -> AsyncIterator[Talk]:
    """Serves a tenant while the context lasts."""
    built = tenant.build() if isinstance(tenant, TenantBuilder) else tenant
    async with (
        LocalGraph(built, limits=limits, page_sizes=page_sizes, still=still) as graph,
        httpx.AsyncClient(base_url=graph.url, headers=graph.headers, verify=NO_TLS) as client,
    ):
        yield Talk(graph, client)
