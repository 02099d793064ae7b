"""The local Entra ID as a server with TLS."""

import html
from collections.abc import Callable
from contextlib import AbstractContextManager
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from localentra.refusals import Refusal
from localentra.service import EntraService
from localgraph.serving import on_a_thread, serve


class LocalEntra:
    """The sign-in service of one tenant on a free port of this machine."""

    def __init__(self, service: EntraService, tls: SSLContext) -> None:
        """Takes what decides, and the certificate of the host that it plays."""
        self.service, self._tls = service, tls
        self._runner: web.AppRunner | None = None
        self.port = 0

    def in_thread(self) -> AbstractContextManager[Self]:
        """Run it on a thread of its own."""
        return on_a_thread(self, "local-entra")

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/common/discovery/instance", self._instance)
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_post("/{tenant}/oauth2/v2.0/devicecode", self._device_code)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        self._runner, url = await serve(app, tls=self._tls)
        self.port = urlsplit(url).port or 0
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _instance(self, request: web.Request) -> web.Response:
        host = urlsplit(self.service.issuer).hostname
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        return web.json_response({"tenant_discovery_endpoint": "", "api-version": "1.1", "metadata": metadata})

    async def _configuration(self, request: web.Request) -> web.Response:
        tenant, issuer = request.match_info["tenant"], self.service.issuer
        if not self.service.knows(tenant):
            refusal = Refusal("invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
            return web.json_response(refusal.body, status=400)
        base = f"{issuer}/{tenant}"
        return web.json_response(
            {
                "issuer": f"{issuer}/{self.service.directory.tenant_id}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        try:
            where, fields = self.service.authorize(dict(request.query))
        except Refusal as refusal:
            page = f"<h1>You cannot access this right now</h1><p>{html.escape(refusal.description)}</p>"
            return web.Response(text=page, content_type="text/html", status=200)
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}" />' for name, value in fields.items()
        )
        form = f'<form method="POST" action="{html.escape(where)}">{inputs}</form>'
        return web.Response(text=form, content_type="text/html")

    async def _device_code(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.service.device_code)

    async def _token(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.service.token)

    async def _answer(self, request: web.Request, decide: Callable[[dict[str, str]], dict[str, Any]]) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            if not self.service.knows(request.match_info["tenant"]):
                raise Refusal("invalid_request", 90002, f"Tenant '{request.match_info['tenant']}' not found.")
            return web.json_response(decide(form))
        except Refusal as refusal:
            return web.json_response(refusal.body, status=400)
