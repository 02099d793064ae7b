"""A Graph without a network: the answers of the local one, kept, so that reading a tenant takes milliseconds."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from kiota_abstractions.request_information import RequestInformation

from localgraph.limits import Limits
from localgraph.messages import Request
from localgraph.routes import ROUTES
from localgraph.service import TOKEN, Service
from localgraph.tenant import LocalTenant
from tenant.credentials import FixedToken
from tenant.graph import Graph, GraphRefused

Json = Any
Change = Callable[[str, Json], Json]
"""Takes the address and the body of an answer, and returns the body that arrives."""


async def no_nap(_seconds: float) -> None:
    """Sleeps no time at all."""


class CannedGraph(Graph):
    """A client that answers itself. ``change`` may spoil each answer, members of batches by themselves."""

    def __init__(self, tenant: LocalTenant) -> None:
        super().__init__("http://127.0.0.1:1", FixedToken(TOKEN), sleep=no_nap)
        self._service = Service(tenant, ROUTES, Limits(enabled=False))
        self._kept: dict[str, tuple[int, Json]] = {}
        self.change: Change = lambda address, body: body
        self.refused: Callable[[str], bool] = lambda address: False
        """Which addresses answer 403."""

    @property
    def answers(self) -> dict[str, Json]:
        """Address -> body, of every answer so far that was no error."""
        return {address: body for address, (status, body) in self._kept.items() if status == 200}

    async def _once(self, request: RequestInformation) -> bytes | None:
        parts = urlsplit(request.url)
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
        version = parts.path.split("/")[1]
        if parts.path.endswith("/$batch"):
            members = json.loads(request.content or b"{}")["requests"]
            shown = [self._member(version, one) for one in members]
            return _encoded(self.change(parts.path, {"responses": shown}))
        status, body = self._answer(address)
        if status != 200:
            raise GraphRefused(status, str(body["error"]["code"]), str(body["error"]["message"]))
        return _encoded(body)

    def _member(self, version: str, member: Json) -> Json:
        status, body = self._answer(f"/{version}/{member['url'].lstrip('/')}")
        text = body.decode() if isinstance(body, bytes) else body
        return {"id": member["id"], "status": status, "body": text}

    def _answer(self, address: str) -> tuple[int, Json]:
        if self.refused(address):
            return 403, {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
        if address not in self._kept:
            path, _, query = address.partition("?")
            version, _, rest = path.lstrip("/").partition("/")
            headers = {"authorization": f"Bearer {TOKEN}", "prefer": "include-unknown-enum-members"}
            request = Request("GET", version, f"/{rest}", query, headers, None, "http://127.0.0.1:1")
            found = self._service.answer(request)
            self._kept[address] = found.status, json.loads(json.dumps(found.body))
        status, body = self._kept[address]
        return status, self.change(address, body) if status == 200 else body


def _encoded(body: Json) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
