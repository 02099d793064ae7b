"""The app's HTTP functions behind a small server, with the principal that App Service authentication would vouch for."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

import function_app
from tests.functions.test_access import header


class _Out:
    """Takes what a function puts on a queue."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def set(self, value: list[str]) -> None:
        self.messages += value


@dataclass(slots=True)
class Served:
    """The app as one person sees it."""

    roles: tuple[str, ...] | None = None
    """The person's app roles; None for somebody who isn't signed in."""
    port: int = 0
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and status of every request so far."""
    scans: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> func.HttpResponse:
        """What the function that the target leads to answers."""
        parts = urlsplit(target)
        found = _function(method, parts.path)
        if found is None:
            return func.HttpResponse(status_code=404)
        function, route = found
        vouched = header(*self.roles) if self.roles is not None else {}
        passed = {name: value for name, value in headers.items() if not name.lower().startswith("x-ms-")}
        request = func.HttpRequest(
            method,
            f"{self.url}{target}",
            headers={**passed, **vouched},
            params=dict(parse_qsl(parts.query)),
            route_params=route,
            body=body,
        )
        names = {one["name"] for one in json.loads(function.get_function_json())["bindings"] if one["type"] == "queue"}
        outs = {name: _Out() for name in names}
        answer: func.HttpResponse = asyncio.run(function.get_user_function()(request, **outs))
        for name, out in outs.items():
            getattr(self, name).extend(out.messages)
        self.asked.append((method, parts.path, answer.status_code))
        return answer


@cache
def functions() -> tuple[Any, ...]:
    """The functions of the app; the library tells them once."""
    return tuple(function_app.app.get_functions())


def _function(method: str, path: str) -> tuple[Any, dict[str, str]] | None:
    segments = path.strip("/").split("/")
    for function in functions():
        trigger = next(
            (one for one in json.loads(function.get_function_json())["bindings"] if one["type"] == "httpTrigger"), None
        )
        if trigger is None or method not in trigger["methods"]:
            continue
        template = ["api", *trigger["route"].split("/")]
        if len(template) == len(segments) and all(
            one.startswith("{") or one == segment for one, segment in zip(template, segments, strict=True)
        ):
            pairs = zip(template, segments, strict=True)
            return function, {one.strip("{}"): segment for one, segment in pairs if one.startswith("{")}
    return None


@contextmanager
def serving(roles: tuple[str, ...] | None) -> Iterator[Served]:
    """The app on a port of this machine, for a person with these roles."""
    served = Served(roles)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = served.answer(self.command, self.path, dict(self.headers.items()), body)
            content = answer.get_body() or b""
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "content-type"):
                    self.send_header(name, value)
            self.send_header("Content-Type", answer.headers.get("Content-Type") or f"{answer.mimetype}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
