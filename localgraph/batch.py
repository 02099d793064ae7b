"""JSON batching: up to 20 requests of one version in one, each answered for itself."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from localgraph.errors import bad_request, error_body
from localgraph.messages import Answer, Request
from localgraph.schema import Json
from localgraph.service import Service

MOST = 20
_METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}


def answer_batch(service: Service, envelope: Request, order: random.Random) -> Answer:
    """Answers ``/$batch``. The envelope is 200 whatever its members are; the members come back in no order.

    Raises ``GraphRefusal`` (400) for an envelope that can't be read.
    """
    members = list(_members(envelope))
    failed: set[str] = set()
    answers = []
    for member in members:
        blocked = [id for id in member.get("dependsOn", ()) if id in failed]
        found = (
            Answer(424, error_body("FailedDependency", f"The request depends on {blocked[0]!r}, which failed."))
            if blocked
            else service.answer(_request(envelope, member))
        )
        if found.status >= 400 or found.disconnect:
            failed.add(member["id"])
        if not found.lost:
            answers.append(_shown(member["id"], found))
    order.shuffle(answers)
    return Answer(body={"responses": answers})


def _members(envelope: Request) -> Iterator[Json]:
    body = envelope.body
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format.")
    if len(requests) > MOST:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MOST}.")
    seen: set[str] = set()
    for member in requests:
        _check_member(member, seen)
        seen.add(member["id"])
        yield member


def _check_member(member: Any, seen: set[str]) -> None:
    if not isinstance(member, dict):
        raise bad_request("Invalid batch payload format.")
    id, method, url = member.get("id"), member.get("method"), member.get("url")
    if not isinstance(id, str) or not id:
        raise bad_request("Invalid batch payload format: every request needs an id that is a string.")
    if id in seen:
        raise bad_request(f"Batch request id '{id}' appears more than once.")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise bad_request(f"Invalid method of batch request '{id}'.")
    if not isinstance(url, str) or not url or "://" in url.split("?")[0] or url.startswith("//"):
        raise bad_request(f"Invalid url of batch request '{id}': it must be relative to the version.")
    if " " in url:
        raise bad_request(f"Invalid url of batch request '{id}': it must be percent-encoded.")
    if any(other not in seen for other in member.get("dependsOn") or ()):
        raise bad_request(f"Batch request '{id}' depends on a request that doesn't come before it.")
    if member.get("body") is not None and "content-type" not in _lower(member.get("headers")):
        raise bad_request(f"Batch request '{id}' has a body and so needs a Content-Type header.")


def _request(envelope: Request, member: Json) -> Request:
    path, _, query = member["url"].split("#")[0].partition("?")
    return Request(
        method=member["method"].upper(),
        version=envelope.version,
        path="/" + path.lstrip("/"),
        query=query,
        # Of the envelope's headers only the token counts for the members.
        headers={**_lower(member.get("headers")), "authorization": envelope.headers.get("authorization", "")},
        body=member.get("body"),
        base=envelope.base,
        in_batch=True,
    )


def _lower(headers: Any) -> Mapping[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def _shown(id: str, found: Answer) -> Json:
    if found.disconnect or found.broken:
        found = Answer(504, error_body("GatewayTimeout", "The request timed out."))
    headers = dict(found.headers)
    shown: Json = {"id": id, "status": found.status, "headers": headers}
    if found.body is not None:
        headers["Content-Type"] = "application/json"
        shown["body"] = found.body.decode("utf-8", "replace") if isinstance(found.body, bytes) else found.body
    return shown
