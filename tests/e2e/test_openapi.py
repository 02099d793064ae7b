"""What is really answered is what docs/openapi.json says."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from functions import http_api
from tests.e2e.conftest import BACKUP, UNTIL, Installation
from tests.functions.serving import Served
from tests.openapi import document

SAME_SITE = {"host": "127.0.0.1:0", "origin": "http://127.0.0.1:0", "sec-fetch-site": "same-origin"}
FORM = {**SAME_SITE, "content-type": "application/x-www-form-urlencoded"}
EXCEPTION = {"account": BACKUP, "check": "APW-001", "reason": "going", "owner": "Ada", "until": UNTIL}


def described(whole: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation that a path leads to."""
    for template, methods in whole["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] = methods[method.lower()]
            return found
    raise LookupError(path)


def test_every_answer_has_a_status_a_type_and_a_form_that_are_described(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "remembered_health", http_api.RememberedHealth(seconds=0))
    whole, app, seen = document(), Served(), set[tuple[str, int]]()

    def ask(method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = app.answer(method, target, headers or {}, content)
        operation = described(whole, method, target.partition("?")[0])
        status = str(response.status_code)
        assert status in operation["responses"], (method, target, status)
        seen.add((operation["operationId"], response.status_code))
        answered = operation["responses"][status]
        text = response.get_body().decode()
        if not answered.get("content"):
            assert not text
            return None
        assert response.mimetype in answered["content"], (method, target, response.mimetype)
        if response.mimetype != "application/json":
            return text
        schema = {**answered["content"]["application/json"]["schema"], "components": whole["components"]}
        Draft202012Validator(schema).validate(json.loads(text))
        return json.loads(text)

    ask("GET", "/api/report")
    ask("GET", "/api/findings?format=csv")
    ask("GET", "/api/findings")
    ask("GET", "/api/health")
    installation.scan()
    backup = installation.graph.tenant.user(BACKUP).id
    for target in (
        *("/api/findings", "/api/findings?limit=1", "/api/findings?format=csv", "/api/findings?check=none"),
        *("/api/findings?format=ocsf", "/api/report?format=ocsf", "/api/findings?format=csv&check=none"),
        *("/api/findings?status=odd", "/api/findings?after=gone;APW-001", "/api/exceptions", "/api/exceptions?after=x"),
        *("/api/report", "/api/report?format=json", "/api/report?format=csv", "/api/report?format=x", "/api/health"),
        *("/api/doctor", "/api/doctor?format=html", "/api/runs/none"),
        *("/api/report/accounts/none", "/api/report/accounts/none?format=json", "/api/report/accounts/none?format=x"),
        *(f"/api/report/accounts/{backup}", f"/api/report/accounts/{backup}?format=json"),
    ):
        ask("GET", target)
    tag = app.answer("GET", "/api/report", {}, b"").headers["ETag"]
    ask("GET", "/api/report", headers={"if-none-match": tag})
    first = ask("GET", "/api/findings?limit=1")
    second = ask("GET", f"/api/findings?limit=1&after={quote(first['next'])}")
    pages = [one["check_id"] for one in first["findings"] + second["findings"]]
    assert sorted(pages) == ["APW-001", "APW-003"]
    assert second["next"] is None
    made = ask("PUT", "/api/exceptions", EXCEPTION)
    ask("PUT", "/api/exceptions", {**EXCEPTION, "reason": "another"})
    ask("PUT", "/api/exceptions", {**EXCEPTION, "account": "nobody"})
    ask("PUT", "/api/exceptions", b"{")
    ask("GET", "/api/findings")
    ask("GET", "/api/exceptions")
    ask("DELETE", f"/api/exceptions?id={made['id']}")
    ask("DELETE", "/api/exceptions?id=none")
    ask("POST", "/api/recheck", {"accounts": [BACKUP]})
    ask("POST", "/api/recheck", {"accounts": ["nobody@contoso.com"]})
    ask("POST", "/api/recheck", {"accounts": []})
    started = ask("POST", "/api/recheck")
    ask("GET", f"/api/runs/{started['run_id']}")
    ask("POST", "/api/alerts/test")
    ask("POST", "/api/alerts/test", b"x" * 70_000)
    ask("POST", "/api/report/scan", b"", FORM)
    ask("POST", "/api/report/accept", b"account=x", {**FORM, "accept": "application/json"})
    ask("POST", "/api/report/accept", b"account=x", FORM)
    ask("POST", "/api/report/test", b"", {**FORM, "accept": "application/json"})
    ask("POST", "/api/report/nothing", b"", FORM)
    ask("POST", "/api/report/scan", b"{}", SAME_SITE)
    ask("POST", "/api/report/scan", b"", {})
    every = {
        (operation["operationId"], int(status))
        for methods in whole["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status.startswith(("2", "3", "404"))
    }
    assert every - seen == set(), "each answer that isn't a refusal of all was seen"
