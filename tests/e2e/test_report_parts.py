"""The report as JSON over HTTP comes in parts, so that no answer grows with the tenant; what fits into one comes whole."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest
from jsonschema import Draft202012Validator

from findings.kept_pages import KeptPages
from findings.tables import Table
from functions import http_api
from jobs import report_page, views
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, VISIBLE, Installation
from tests.e2e.test_http import answer, request
from tests.e2e.test_kept_page import NOW, using
from tests.openapi import SCAN_SCHEMA

EVERYBODY = sorted([BACKUP, MAILER, VISIBLE])


def asked(**params: str) -> func.HttpResponse:
    return asyncio.run(http_api.report(request("GET", b"", None, None, format="json", **params)))


def parts_of(**params: str) -> list[dict[str, Any]]:
    """Every part, each led to by the one before."""
    found = []
    while True:
        response = asked(**params)
        assert response.status_code == 200
        found.append(answer(response))
        after, link = found[-1]["next"], response.headers.get("Link")
        if after is None:
            assert link is None
            return found
        address, _, rel = str(link).partition(">; ")
        assert rel == 'rel="next"'
        led_to = urlsplit(address.removeprefix("<"))
        assert led_to.path == "/api/report"
        assert dict(parse_qsl(led_to.query)) == {"format": "json", "limit": params["limit"], "after": after}
        params["after"] = after


def names(part: dict[str, Any]) -> list[str]:
    return [one["user_principal_name"] for one in part["accounts"]]


@pytest.fixture
def scanned(installation: Installation) -> Installation:
    installation.scan()
    return installation


def test_what_fits_into_one_part_comes_whole(scanned: Installation) -> None:
    whole = using(lambda service: views.document(service, NOW))
    for params in ({}, {"limit": "3"}, {"limit": "1000"}):
        (only,) = parts_of(**params)
        assert only == {**json.loads(json.dumps(whole)), "next": None}
        assert names(only) == EVERYBODY


@pytest.mark.parametrize("limit", [1, 2])
def test_parts_hold_every_account_once_and_each_says_what_is_said_of_all(scanned: Installation, limit: int) -> None:
    (whole,) = parts_of()
    parts = parts_of(limit=str(limit))
    assert [len(one["accounts"]) for one in parts] == ([1, 1, 1] if limit == 1 else [2, 1])
    accounts = {one["id"]: one for part in parts for one in part["accounts"]}
    assert accounts == {one["id"]: one for one in whole["accounts"]}
    for part in parts:
        Draft202012Validator(json.loads(SCAN_SCHEMA.read_text(encoding="utf-8"))).validate(part)
        assert names(part) == sorted(names(part))
        assert {**part, "accounts": None, "next": None} == {**whole, "accounts": None, "next": None}


def test_of_a_part_only_its_own_accounts_are_read_once_the_rest_is_kept(
    scanned: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = parts_of(limit="1")
    read: list[str] = []
    query = Table.query

    async def counted(table: Table, *arguments: Any, **options: Any) -> Any:
        async for row in query(table, *arguments, **options):
            if table.name == "findings" and any(name.startswith("data") for name in row):
                read.append(row["PartitionKey"])
            yield row

    monkeypatch.setattr(Table, "query", counted)
    second = answer(asked(limit="1", after=first["next"]))
    # One more is looked at, to know whether any follows.
    assert read == sorted(read)
    assert read[0] == second["accounts"][0]["id"]
    assert len(read) == 2


def test_of_a_large_tenant_a_scan_keeps_what_parts_say_of_all(
    scanned: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = parts_of(limit="1")
    using(lambda service: KeptPages(service).drop_all())
    monkeypatch.setattr(report_page, "LARGE", 2)
    using(lambda service: report_page.keep_pages(service, NOW))

    def never(*arguments: object) -> None:
        pytest.fail("all accounts are read")

    monkeypatch.setattr(views, "gathered", never)
    assert parts_of(limit="1") == good


def test_what_is_said_of_all_follows_every_change(scanned: Installation) -> None:
    before = parts_of(limit="1")
    scanned.run("exceptions", "add", "--account", BACKUP, "--reason", "going", "--owner", "Ada", "--until", UNTIL)
    after = parts_of(limit="1")
    assert before[0]["plan"] != after[0]["plan"]
    assert after[0]["plan"] == parts_of()[0]["plan"]


@pytest.mark.parametrize(
    "spoil",
    [lambda kept: b"", lambda kept: b"[]", lambda kept: b"{", lambda kept: b"\xff" + kept],
    ids=["empty", "a list", "cut short", "no text"],
)
def test_what_was_kept_and_is_spoilt_is_made_anew(
    scanned: Installation, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[bytes], bytes]
) -> None:
    good = parts_of(limit="2")
    load = KeptPages.load

    async def spoilt(kept: KeptPages, name: str, stamp: str) -> bytes | None:
        found = await load(kept, name, stamp)
        return found if found is None else spoil(found)

    monkeypatch.setattr(KeptPages, "load", spoilt)
    assert parts_of(limit="2") == good


@pytest.mark.parametrize("after", ["gone", "x" * 600, "\ud800", "'; drop"])
def test_a_part_behind_an_account_that_is_not_kept_is_refused(scanned: Installation, after: str) -> None:
    refused = asked(limit="1", after=after)
    assert refused.status_code == 409
    assert "begin again" in answer(refused)["error"]


def test_each_part_has_a_mark_of_its_own(scanned: Installation) -> None:
    first, second = asked(limit="1"), asked(limit="2")
    assert first.headers["ETag"] != second.headers["ETag"]
    again = request(format="json", limit="1", headers={"If-None-Match": first.headers["ETag"]})
    assert asyncio.run(http_api.report(again)).status_code == 304
    other = request(format="json", limit="2", headers={"If-None-Match": first.headers["ETag"]})
    assert asyncio.run(http_api.report(other)).status_code == 200


def test_before_the_first_scan_there_are_no_parts(installation: Installation) -> None:
    assert asked(limit="1").status_code == 404
