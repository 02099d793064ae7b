"""A stand-in for Azure Resource Manager, Kudu, Azure Storage and the app, as strict as they are, on this machine."""

import io
import json
import re
import threading
import zipfile
from base64 import b64decode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

TOKEN = "a-token"
SITE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/func-a"
ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/sta"


@dataclass
class StandIn:
    """What it answers, and what it was sent."""

    runtime: dict[str, str] = field(default_factory=lambda: {"name": "python", "version": "3.13"})
    uploads: list[tuple[int, str]] = field(default_factory=list)
    """Status and text for the next uploads; after them 202."""
    deployments: list[dict[str, Any]] = field(default_factory=list)
    """States of the next deployments, one for each look; the last one stays."""
    logs: list[str] = field(default_factory=list)
    health: list[tuple[int, str]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    regions: list[str] = field(default_factory=lambda: ["West Europe", "East US"])
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Deployments in the group rg: name -> parameter -> value; None for a secret, whose value Azure doesn't tell."""
    queue: list[int] = field(default_factory=list)
    """Status for the next messages; after them 201."""
    packages: list[tuple[str, set[str]]] = field(default_factory=list)
    """What was uploaded: ``RemoteBuild``, and the files."""
    messages: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Requests that the real thing wouldn't take."""
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def __enter__(self) -> "StandIn":
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: object) -> None:
                pass

            def _answer(self) -> None:
                length = self.headers.get("Content-Length")
                body = self.rfile.read(int(length)) if length else b""
                status, text = stand_in.answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 -- as http.server calls them

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        path, query = urlsplit(target).path, {name: one[0] for name, one in parse_qs(urlsplit(target).query).items()}
        if (method, path) == ("GET", "/api/health"):
            status, text = self.health.pop(0) if self.health else (503, "not ok")
            return status, text.encode()
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, f"{method} {target}: no token")
        if method == "GET" and path.startswith("/subscriptions/"):
            return self._resource(path, query)
        if (method, path) == ("POST", "/api/publish"):
            return self._publish(query, headers, body)
        if method == "GET" and (found := re.fullmatch(r"/api/deployments/(deployment-\d+|latest)(/log)?", path)):
            return self._deployment(log=bool(found[2]))
        if (method, path) == ("POST", "/queue/scans/messages"):
            return self._message(headers, body)
        return self._refuse(404, f"{method} {target}")

    def _refuse(self, status: int, what: str) -> tuple[int, bytes]:
        self.refused.append(what)
        return status, b"no"

    def _resource(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", query.get("api-version", "")):
            return self._refuse(400, "MissingApiVersionParameter")
        if path == SITE:
            states = [{"name": "func-a.example", "hostType": "Standard"}, {"name": self.host, "hostType": "Repository"}]
            found: Any = {"defaultHostName": self.host, "hostNameSslStates": states}
            return 200, json.dumps({"properties": {**found, "functionAppConfig": {"runtime": self.runtime}}}).encode()
        if (
            path == f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments"
            and query.get("$filter") == "atScope()"
        ):
            return 200, json.dumps({"value": [{"properties": one} for one in self.assignments]}).encode()
        if path == "/subscriptions/s/providers/Microsoft.Web/geoRegions" and query.get("sku") == "FlexConsumption":
            return 200, json.dumps({"value": [{"name": name} for name in self.regions]}).encode()
        made = re.fullmatch(
            r"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Resources/deployments/([\w-]+)", path
        )
        if made and made[1] in self.recorded:
            told = self.recorded[made[1]].items()
            known = {name: {"type": "x"} if value is None else {"type": "x", "value": value} for name, value in told}
            return 200, json.dumps({"properties": {"parameters": known}}).encode()
        return 404, b'{"error": {"code": "ResourceNotFound"}}'

    def _publish(self, query: dict[str, str], headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if headers.get("Content-Type") != "application/zip" or query.keys() != {"RemoteBuild", "Deployer"}:
            return self._refuse(400, f"{query} {headers.get('Content-Type')}")
        if query["RemoteBuild"] not in {"true", "false"} or not zipfile.is_zipfile(io.BytesIO(body)):
            return self._refuse(400, "no package")
        if self.uploads:
            status, text = self.uploads.pop(0)
            return status, text.encode()
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            self.packages.append((query["RemoteBuild"], set(package.namelist())))
        return 202, json.dumps(f"deployment-{len(self.packages)}").encode()

    def _deployment(self, *, log: bool) -> tuple[int, bytes]:
        if not self.packages:
            return 404, b""
        if log:
            return 200, json.dumps([{"message": line} for line in self.logs]).encode()
        default = {"status": 4, "complete": True}
        state = self.deployments.pop(0) if self.deployments else default
        return (404, b"") if not state else (200, json.dumps(state).encode())

    def _message(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        asked = {name.lower(): value for name, value in headers.items()}
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", asked.get("x-ms-version", "")) or not asked.get("x-ms-date"):
            return self._refuse(400, f"no version or date: {asked}")
        text = ElementTree.fromstring(body).findtext("MessageText")  # noqa: S314 -- our own
        if self.queue:
            return self.queue.pop(0), b"<Error/>"
        self.messages.append(json.loads(b64decode(text or "", validate=True)))
        return 201, b"<QueueMessagesList/>"
