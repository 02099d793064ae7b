"""One request in, one answer out: sign-in, routing, faults, limits, permissions, then the endpoint. Knows no HTTP server."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from localgraph.errors import GraphRefusal, denied, error_body, no_such_segment
from localgraph.faults import Faults
from localgraph.limits import Limits, resource_units
from localgraph.messages import Answer, LoggedRequest, Request
from localgraph.schema import Json, Schema, schema
from localgraph.tenant import LocalTenant

VERSIONS = ("v1.0", "beta")
TOKEN = "local-development-token"  # noqa: S105 - the fixed token of a loopback Graph, no secret
JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


Handler = Callable[["Call"], Answer]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person for whom a delegated token was issued."""

    scopes: frozenset[str]
    """The delegated permissions that it carries."""
    reader: bool
    """Whether the person holds a role that reads everything, such as Global Reader."""


SignIns = Callable[[str], SignedIn | None]
"""Who a token was issued for; None where it isn't valid."""

_OWN_ONLY = frozenset({"MailboxSettings.Read", "Mail.Send"})
"""Delegated, these open only what is the person's own."""
_EVERYBODYS = ("/organization", "/users", "/groups", "/servicePrincipals", "/oauth2PermissionGrants")
"""What every member may read; not what lies below ``/authentication`` there. Source: "Default user permissions"."""


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint."""

    method: str
    template: str
    handler: Handler
    permissions: tuple[str, ...]
    """Application permissions; each of them opens the endpoint, the least privileged one first."""
    versions: tuple[str, ...] = VERSIONS
    limit: str = ""
    """The throttling class that the endpoint belongs to."""


@dataclass(frozen=True, slots=True)
class Call:
    """What an endpoint gets to know."""

    request: Request
    tenant: LocalTenant
    schema: Schema
    keys: Mapping[str, str]
    """Values of the template's placeholders, decoded."""
    cast: str | None
    """Type name of a trailing OData cast, e.g. ``group``."""
    page_sizes: Mapping[str, int]
    mails: list[Json]
    holds: Callable[[tuple[str, ...]], bool]
    """Whether the caller holds one of some application permissions."""
    searches: dict[Hashable, Sequence[Any]] | None = None
    """What searches found so far, where nobody changes the tenant."""


_CAST = re.compile(r"microsoft\.graph\.(\w+)\Z")
_KEYED = re.compile(r"([A-Za-z]\w*)\((.+)\)\Z")


class Service:
    """The local Graph without its HTTP server. Not for several threads at once; the server calls it from one."""

    def __init__(
        self,
        tenant: LocalTenant,
        routes: Sequence[Route],
        limits: Limits,
        sign_ins: SignIns | None = None,
        *,
        still: bool = False,
    ) -> None:
        """``sign_ins``: only people's tokens are let in, in place of the fixed one of an app. ``still``: nobody changes the tenant."""
        self.tenant = tenant
        self._sign_ins = sign_ins
        self._searches: dict[Hashable, Sequence[Any]] | None = {} if still else None
        self.limits = limits
        self.faults = Faults()
        self.page_sizes: dict[str, int] = {}
        self.requests: list[LoggedRequest] = []
        self.mails: list[Json] = []
        self.denied: set[str] = set()
        self.granted: set[str] | None = None
        self._routes: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            segments = tuple(route.template.strip("/").split("/"))
            self._routes.setdefault(len(segments), []).append((segments, route))

    def answer(self, request: Request) -> Answer:
        """Answers a request and logs it."""
        route: Route | None = None
        keys: dict[str, str] = {}
        cast: str | None = None
        refusal: GraphRefusal | None = None
        person: SignedIn | None = None
        try:
            person = self._person(request)
            route, keys, cast = self._route(request)
        except GraphRefusal as error:
            refusal = error
        try:
            found = self._answer(request, route, keys, cast, refusal, person)
        except GraphRefusal as error:
            found = _refused(error)
        template = f"{route.method} {route.template}" if route else None
        self.requests.append(self._logged(request, template, found))
        return found

    def envelope(self, request: Request, members: Callable[[], Answer]) -> Answer:
        """Answers a batch by ``members``, unless the envelope itself is refused; logs it before its members."""
        place = len(self.requests)
        try:
            self._person(request)
            fault = self.faults.strike(request)
            if fault is not None and fault.failure is not None:
                found = fault.failure()
            elif request.version not in VERSIONS:
                raise GraphRefusal(404, "BadRequest", f"Invalid version: {request.version}")
            elif request.method != "POST":
                raise GraphRefusal(405, "Request_BadRequest", "Batches are sent by POST.", {"Allow": "POST"})
            else:
                found = fault.spoil(request, members()) if fault is not None else members()
        except GraphRefusal as error:
            found = _refused(error)
        self.requests.insert(place, self._logged(request, "POST /$batch", found))
        return found

    def _answer(
        self,
        request: Request,
        route: Route | None,
        keys: Mapping[str, str],
        cast: str | None,
        refusal: GraphRefusal | None,
        person: SignedIn | None,
    ) -> Answer:
        if refusal is not None and refusal.status == 401:
            raise refusal
        fault = self.faults.strike(request)
        if fault is not None and fault.failure is not None:
            return fault.failure()
        if route is None:
            raise refusal or no_such_segment(request.path)
        self._check_permission(route, person)
        self.limits.check(route.limit)
        call = Call(
            request,
            self.tenant,
            schema(request.version),
            keys,
            cast,
            self.page_sizes,
            self.mails,
            self._holds,
            self._searches,
        )
        units = resource_units(route.template, request.query)
        spent = self.limits.spend(route.limit, units, len(self.tenant.users))
        found = route.handler(call)
        found.headers.update({"x-ms-resource-unit": str(units), **spent})
        return fault.spoil(request, found) if fault is not None else found

    def _person(self, request: Request) -> SignedIn | None:
        """Who asks, where people sign in; None for an app. Raises ``GraphRefusal`` (401)."""
        token = _token(request)
        if self._sign_ins is None:
            if token != TOKEN:
                raise _unknown_token("IDX14100: JWT is not well formed.")
            return None
        person = self._sign_ins(token)
        if person is None:
            raise _unknown_token("Lifetime validation failed, the token is expired.")
        return person

    def _check_permission(self, route: Route, person: SignedIn | None) -> None:
        if person is not None:
            _check_person(route, person)
        if not self._holds(route.permissions):
            raise denied()

    def _holds(self, permissions: tuple[str, ...]) -> bool:
        if self.granted is not None and not self.granted.intersection(permissions):
            return False
        return not self.denied.intersection(permissions)

    def _route(self, request: Request) -> tuple[Route, dict[str, str], str | None]:
        if request.version not in VERSIONS:
            raise GraphRefusal(404, "BadRequest", f"Invalid version: {request.version}")
        segments = path_segments(request.path)
        cast = None
        if len(segments) > 2 and (match := _CAST.match(segments[-1])):
            cast = match[1]
            segments = segments[:-1]
        methods = []
        for template, route in self._routes.get(len(segments), ()):
            keys = _match(template, segments)
            if keys is None or request.version not in route.versions:
                continue
            if cast is not None and not route.template.endswith(("emberOf", "embers")):
                continue
            if route.method == request.method:
                return route, keys, cast
            methods.append(route.method)
        if methods:
            raise GraphRefusal(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
                {"Allow": ", ".join(methods)},
            )
        raise no_such_segment(self._first_unknown(segments, request.version))

    def _first_unknown(self, segments: Sequence[str], version: str) -> str:
        known = [template for group in self._routes.values() for template, route in group if version in route.versions]
        for length in range(1, len(segments) + 1):
            if not any(len(item) >= length and _match(item[:length], segments[:length]) is not None for item in known):
                return segments[length - 1]
        return segments[-1] if segments else ""

    @staticmethod
    def _logged(request: Request, template: str | None, found: Answer) -> LoggedRequest:
        return LoggedRequest(
            method=request.method,
            path=f"/{request.version}{unquote(request.path)}",
            query=unquote(request.query),
            version=request.version,
            in_batch=request.in_batch,
            template=template,
            status=found.status,
            headers={name: value for name, value in request.headers.items() if name != "authorization"},
        )


def path_segments(path: str) -> list[str]:
    """Decoded path segments; ``users('x')`` and ``users/x`` come out the same."""
    found = []
    for raw in path.strip("/").split("/"):
        segment = unquote(raw)
        match = _KEYED.match(segment)
        if match and match[2].startswith("'") and match[2].endswith("'") and len(match[2]) > 1:
            found += [match[1], match[2][1:-1].replace("''", "'")]
        elif match and re.fullmatch(r"[\w-]+", match[2]):
            found += [match[1], match[2]]
        else:
            found.append(segment)
    return found


def _match(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """Placeholder values when the path fits the template. Graph ignores the case of its segments."""
    keys = {}
    for wanted, segment in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            keys[wanted[1:-1]] = segment
        elif wanted.lower() != segment.lower():
            return None
    return keys


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unknown_token("Access token is empty.")
    return token.strip()


def _unknown_token(message: str) -> GraphRefusal:
    return GraphRefusal(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": "Bearer"})


def _check_person(route: Route, person: SignedIn) -> None:
    """Both count: what the token carries, and what the person may read. Raises ``GraphRefusal`` (403)."""
    if not person.scopes.intersection(route.permissions):
        if route.template.startswith("/identity/"):
            message = "You cannot perform the requested operation, required scopes are missing in the token."
            raise GraphRefusal(403, "AccessDenied", message)
        raise denied()
    if _OWN_ONLY.issuperset(route.permissions):
        raise GraphRefusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    if not person.reader and (not route.template.startswith(_EVERYBODYS) or "/authentication" in route.template):
        raise denied()


def _refused(error: GraphRefusal) -> Answer:
    request_id = str(uuid4())
    return Answer(error.status, error_body(error.code, error.message, request_id), dict(error.headers))
