"""The app in Microsoft's own Python worker (azure-functions-runtime) behind HTTP on this machine, as the Functions host and App Service
authentication put it there.

    python -m tests.fuzz.host --port 7071 [--no-limits]

It takes its settings from the environment. ``Authorization: Bearer Reader`` (or ``Operator``, or any other word) stands for somebody who is
signed in with that role: the front makes the principal of it that App Service authentication vouches for. Without it nobody is signed
in. What a request itself gives as ``X-MS-CLIENT-PRINCIPAL`` gets through, which App Service would not let it: the app must stand it.

``/openapi.json`` is the document of docs/openapi.json, ``/-/figures`` what was asked so far, with the memory of this process.
``--no-limits``: callers may do as much in a minute as they like, so that fuzzing doesn't only meet refusals.
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import re
import resource
import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.fuzz.rpc import messages

ROOT = Path(__file__).parents[2]
LARGEST = 128 * 1024
"""``FUNCTIONS_REQUEST_BODY_SIZE_LIMIT`` in ``infra/modules/app.bicep``."""
_UNLIMITED = 10**9


@dataclass(slots=True)
class Figures:
    """What was asked, and what came of it."""

    requests: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)
    raised: list[str] = field(default_factory=list)
    """Requests at which the app raised, or answered what can't be sent, with the end of the traceback."""
    broken: list[str] = field(default_factory=list)
    """Requests that were answered with 500 or more, with the answer."""
    messages: int = 0
    """Put on the queues."""

    def public(self) -> dict[str, Any]:
        """The figures as a JSON object; memory in MB."""
        return {
            "requests": self.requests,
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "by_operation": dict(sorted(self.by_operation.items())),
            "raised": self.raised,
            "broken": self.broken,
            "messages": self.messages,
            "memory": _memory(),
            "highest_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "open_files": len(os.listdir("/proc/self/fd")),
        }


def _memory() -> int:
    """What this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 2**20


@dataclass(frozen=True, slots=True)
class Route:
    """A function and what leads to it."""

    function_id: str
    name: str
    parameter: str
    methods: frozenset[str]
    path: re.Pattern[str]


class Worker:
    """The worker with the app loaded."""

    def __init__(self) -> None:
        import azure_functions_runtime

        self._runtime, self.messages = azure_functions_runtime, messages()
        self.routes: list[Route] = []
        self._triggers: dict[str, tuple[str, str]] = {}
        """Name of a function -> its id, and the parameter that gets what triggers it."""

    async def start(self) -> None:
        """Have it index the app. Raises ``RuntimeError``."""
        self._runtime.start_threadpool_executor()
        init = self.messages.WorkerInitRequest(host_version="4.0.0", function_app_directory=str(ROOT))
        answer = await self._runtime.worker_init_request(self._wrapped(worker_init_request=init))
        if answer.result.status != self.messages.StatusResult.Success:
            raise RuntimeError(answer.result.exception.message)
        found = await self._runtime.functions_metadata_request(self._wrapped())
        for function in found.function_metadata_results:
            for binding in map(json.loads, function.raw_bindings):
                if binding["type"].lower().endswith("trigger"):
                    self._triggers[function.name] = function.function_id, binding["name"]
                if binding["type"].lower() == "httptrigger":
                    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(f"/api/{binding['route']}"))
                    self.routes.append(
                        Route(
                            function.function_id,
                            function.name,
                            binding["name"],
                            frozenset(map(str.upper, binding["methods"])),
                            re.compile(f"{pattern}/?", re.IGNORECASE),
                        )
                    )

    async def invoke(self, route: Route, http: Mapping[str, Any]) -> Any:
        """The function's answer to a request: an ``InvocationResponse``. Raises ``ValueError`` for what can't be encoded."""
        return await self._invoke(
            route.function_id, route.parameter, self.messages.TypedData(http=self.messages.RpcHttp(**http))
        )

    async def fire(self, name: str, **content: str) -> Any:
        """What a function of a timer (``json``) or of a queue (``string``) answers: an ``InvocationResponse``."""
        return await self._invoke(*self._triggers[name], self.messages.TypedData(**content))

    async def _invoke(self, function_id: str, parameter: str, data: Any) -> Any:
        rpc = self.messages
        request = rpc.InvocationRequest(
            invocation_id=str(uuid.uuid4()),
            function_id=function_id,
            input_data=[rpc.ParameterBinding(name=parameter, data=data)],
        )
        received = rpc.InvocationRequest.FromString(request.SerializeToString())
        answer = await self._runtime.invocation_request(self._wrapped(invocation_request=received))
        return rpc.InvocationResponse.FromString(answer.SerializeToString())

    def _wrapped(self, **content: Any) -> SimpleNamespace:
        return SimpleNamespace(
            request=SimpleNamespace(**content), properties={"host": "127.0.0.1", "protos": self.messages}
        )


class Front:
    """What stands before the worker."""

    def __init__(self, worker: Worker, document: Mapping[str, Any]) -> None:
        self._worker, self._document = worker, document
        self._figures = Figures()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request as the Functions host does."""
        if request.path == "/openapi.json":
            return web.json_response(self._document)
        if request.path == "/-/figures":
            return web.json_response(self._figures.public())
        raw = request.rel_url.raw_path
        for route in self._worker.routes:
            found = route.path.fullmatch(raw)
            if found and request.method in route.methods:
                return await self._asked(route, found, request)
        return web.Response(status=404)

    async def _asked(self, route: Route, found: re.Match[str], request: web.BaseRequest) -> web.StreamResponse:
        self._figures.requests += 1
        self._figures.by_operation[f"{request.method} {route.name}"] += 1
        body = await request.content.read(LARGEST + 1)
        while len(body) <= LARGEST and (more := await request.content.read(LARGEST + 1 - len(body))):
            body += more
        if len(body) > LARGEST:
            return self._counted(web.Response(status=413))
        asked = {
            "method": request.method,
            "url": str(request.url),
            "headers": self._headers(request),
            "params": {name: unquote(value) for name, value in found.groupdict().items()},
            "query": {name: ",".join(request.query.getall(name)) for name in request.query},
            **({"body": self._worker.messages.TypedData(bytes=body)} if body else {}),
        }
        try:
            answer = await self._worker.invoke(route, asked)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            return self._raised(request, repr(error))
        if answer.result.status != self._worker.messages.StatusResult.Success:
            return self._raised(request, answer.result.exception.message + answer.result.exception.stack_trace[-3000:])
        self._figures.messages += sum(len(one.data.json) > 2 for one in answer.output_data)
        http = answer.return_value.http
        content = http.body.bytes or http.body.string.encode()
        status = int(http.status_code or 200)
        if status >= 500 and not (route.name == "health" and status == 503):
            self._figures.broken.append(f"{status} {request.method} {request.path_qs[:300]} {content[:300]!r}")
        return self._counted(web.Response(status=status, headers=dict(http.headers), body=content))

    def _headers(self, request: web.BaseRequest) -> dict[str, str]:
        found = {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers}
        kind, _, role = found.pop("authorization", "").partition(" ")
        if kind == "Bearer":
            found["x-ms-client-principal"] = principal(role)
        return found

    def _raised(self, request: web.BaseRequest, text: str) -> web.Response:
        self._figures.raised.append(f"{request.method} {request.path_qs[:500]}: {text}")
        return self._counted(web.Response(status=500))

    def _counted(self, response: web.Response) -> web.Response:
        self._figures.by_status[response.status] += 1
        return response


def principal(role: str) -> str:
    """What App Service authentication writes for somebody with this role."""
    claims = [{"typ": "oid", "val": str(uuid.uuid4())}, {"typ": "roles", "val": role}]
    content = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(content).encode()).decode()


def lift_limits() -> None:
    """Let every caller do as much as they like."""
    from functions import http_api, turns

    http_api.RECHECKS_A_MINUTE = turns.READS_A_MINUTE = turns.AT_ONCE = turns.AT_ONCE_FOR_ONE = _UNLIMITED


async def serve(port: int, *, limits: bool) -> None:
    """Serve until the process is ended."""
    # The library tells its functions once, and the worker wants them: so the document comes from the file.
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    worker = Worker()
    await worker.start()
    if not limits:
        lift_limits()
    runner = web.ServerRunner(web.Server(Front(worker, document).answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.host", description="The app in Microsoft's worker.")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--no-limits", action="store_true", help="no limits of requests in a minute")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    sys.path.insert(0, str(ROOT))
    asyncio.run(serve(asked.port, limits=not asked.no_limits))


if __name__ == "__main__":
    main()
