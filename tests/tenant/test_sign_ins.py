"""Reading the sign-in log: what is asked for, what counts, and how fast."""

import json
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.server import LocalGraph
from tenant.graph import GraphError, GraphRefused
from tenant.sign_ins import LEGACY_CLIENTS, DaySignIns, Question, explain, is_legacy, read_days
from tenant.turns import OutOfTurns, Turns
from tests.tenant.reading import Naps, connect
from tests.tenant.scripted import scripted

LAST = date(2026, 11, 21)
LEGACY = Question("legacy")
Json = dict[str, Any]


def row(user: str = "u1", client: str = "Authenticated SMTP", *, at: str = "2026-11-21T08:00:00Z", **more: Any) -> Json:
    """A row of the log."""
    interactive = bool(more.pop("interactive", False))
    return {
        "id": f"{user}{client}{at}",
        "createdDateTime": at,
        "userId": user,
        "clientAppUsed": client,
        "appId": "APP",
        "appDisplayName": "Office 365 Exchange Online",
        "userAgent": "agent",
        "isInteractive": interactive,
        "signInEventTypes": ["interactiveUser" if interactive else "nonInteractiveUser"],
        "status": {"errorCode": more.pop("code", 0)},
        "authenticationProtocol": "none",
        "authenticationRequirementPolicies": [],
        **more,
    }


def log(rows: Iterable[Json]) -> LocalGraph:
    tenant = TenantBuilder().build()
    tenant.sign_ins = sorted(rows, key=lambda item: str(item["createdDateTime"]), reverse=True)
    return LocalGraph(tenant)


async def days(graph: LocalGraph, question: Question = LEGACY, *, back: int = 0) -> list[DaySignIns]:
    first = LAST - timedelta(days=back)
    async with graph as running, connect(running.url) as client:
        return [day async for day in read_days(client, Turns(sleep=Naps()), question, first, LAST)]


def queries(graph: LocalGraph) -> list[dict[str, list[str]]]:
    return [parse_qs(request.query) for request in graph.requests]


@pytest.mark.parametrize("client", LEGACY_CLIENTS)
async def test_finds_every_legacy_client_whether_interactive_or_not(client: str) -> None:
    rows = [row("u1", client), row("u2", client, interactive=True), row("u3", "Mobile Apps and Desktop clients")]
    (day,) = await days(log(rows))
    assert {(use.account_id, use.client_app, use.way) for use in day.uses} == {
        ("u1", client, "background"),
        ("u2", client, "background"),
    }


async def test_asks_beta_for_one_span_filtered_by_the_log_itself() -> None:
    graph = log([row()])
    await days(graph, back=2)
    (request,) = graph.requests
    assert request.path == "/beta/auditLogs/signIns"
    (query,) = queries(graph)
    (expression,) = query["$filter"]
    assert "createdDateTime ge 2026-11-19T00:00:00Z and createdDateTime lt 2026-11-22T00:00:00Z" in expression
    assert "signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')" in expression
    assert "clientAppUsed eq 'Authenticated SMTP'" in expression
    assert "userId" in query["$select"][0]
    assert {"status", "appliedConditionalAccessPolicies", "ipAddress"} <= set(query["$select"][0].split(","))


async def test_everything_that_accounts_and_applications_did() -> None:
    rows = [row("u1", "Browser", interactive=True), row("u2", "Browser"), row("u3", "Browser", appId="other")]
    (day,) = await days(log(rows), Question("accounts", ("u1", "u2")))
    assert {use.account_id for use in day.uses} == {"u1", "u2"}
    (day,) = await days(log(rows), Question("apps", ("other",)))
    assert {use.account_id for use in day.uses} == {"u3"}


def test_odd_ids_stay_inside_their_quotes() -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    assert "(userId eq 'o''x')" in Question("accounts", ("o'x",)).expression(moment, moment)


async def test_adds_up_each_day_and_keeps_no_row() -> None:
    rows = [row(at=f"2026-11-{day}T{hour:02}:00:00Z") for day in (19, 21) for hour in range(5)]
    found = await days(log(rows), back=2)
    assert [(day.day.day, sum(use.count for use in day.uses)) for day in found] == [(21, 5), (20, 0), (19, 5)]
    (use,) = found[0].uses
    assert (use.first_seen.hour, use.last_seen.hour, use.days) == (0, 4, 1)
    assert (use.app_id, use.user_agent) == ("app", "agent")


@pytest.mark.parametrize(
    ("code", "counts"), [(0, True), (53003, True), (50076, True), (50126, False), (50053, False), (50034, False)]
)
async def test_only_the_right_password_counts_as_use(code: int, counts: bool) -> None:
    (day,) = await days(log([row(code=code)]))
    assert bool(day.uses) is counts


@pytest.mark.parametrize(
    ("members", "way"),
    [
        ({"client": "Browser", "interactive": True}, "browser"),
        ({"client": "browser", "interactive": True}, "browser"),
        ({"client": "Browser", "interactive": False}, "background"),
        ({"client": "Browser", "interactive": True, "userAgent": "HeadlessChrome/142"}, "background"),
        ({"client": "Mobile Apps and Desktop clients", "interactive": True}, "app"),
        (
            {"client": "Mobile Apps and Desktop clients", "interactive": True, "authenticationProtocol": "ropc"},
            "background",
        ),
        ({"client": "IMAP4", "interactive": True}, "background"),
    ],
)
async def test_tells_people_from_programs(members: Json, way: str) -> None:
    (day,) = await days(log([row(**members)]), Question("accounts", ("u1",)))
    assert [use.way for use in day.uses] == [way]


async def test_notes_what_demanded_mfa_and_when_last() -> None:
    demand = [{"requirementProvider": "securityDefaults", "detail": "x"}]
    rows = [
        row(at=f"2026-11-21T0{hour}:00:00Z", code=50076, authenticationRequirementPolicies=demand) for hour in (3, 7)
    ]
    (day,) = await days(log(rows), Question("accounts", ("u1",)))
    assert day.demands == (("u1", "securityDefaults", datetime(2026, 11, 21, 7, tzinfo=UTC)),)


async def test_rows_that_are_not_as_documented_are_passed_over() -> None:
    odd: list[Json] = [
        {**row(), "createdDateTime": "yesterday"},
        {**row(), "status": None},
        {**row(), "userId": None},
        {
            **row("u2"),
            "clientAppUsed": "IMAP4",
            "appId": None,
            "userAgent": 7,
            "authenticationRequirementPolicies": "x",
        },
    ]

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": odd})

    async with scripted(answer) as server, connect(server.url) as client:
        (day,) = [day async for day in read_days(client, Turns(), LEGACY, LAST, LAST)]
    assert [(use.account_id, use.app_id, use.user_agent) for use in day.uses] == [("u2", "", "")]


async def test_a_day_that_gets_more_rows_late_comes_again_whole() -> None:
    rows = [row(at=f"2026-11-{day}T08:00:00Z", id=f"sign-in {number}") for number, day in enumerate((21, 19, 21))]

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": rows})

    async with scripted(answer) as server, connect(server.url) as client:
        found = [day async for day in read_days(client, Turns(), LEGACY, LAST - timedelta(days=2), LAST)]
    assert [(day.day.day, sum(use.count for use in day.uses)) for day in found] == [(21, 1), (20, 0), (19, 1), (21, 2)]


async def test_a_sign_in_that_two_pages_repeat_counts_once() -> None:
    graph = log(row(at=f"2026-11-21T0{hour}:00:00Z") for hour in range(6))
    graph.page_sizes["signIns"] = 2
    graph.spoil("signIns", Spoilt.REPEATED)
    (day,) = await days(graph)
    assert [use.count for use in day.uses] == [6]


async def test_keeps_to_five_requests_in_ten_seconds() -> None:
    rows = [row(at=f"2026-11-21T08:00:{second:02}Z") for second in range(12)]
    graph, naps, clock = log(rows), Naps(), iter(range(1000))
    graph.page_sizes["signIns"] = 1
    async with graph as running, connect(running.url) as client:
        turns = Turns(clock=lambda: float(next(clock)) / 1000, sleep=naps)
        found = [day async for day in read_days(client, turns, LEGACY, LAST, LAST)]
    assert sum(use.count for use in found[0].uses) == 12
    assert len(graph.requests) == 12
    assert len(naps.taken) == 7  # five go at once, then each waits for the one five before it
    assert all(9.9 < pause <= 10 for pause in naps.taken)


async def test_stops_where_the_requests_of_a_scan_are_spent_with_whole_days_handed_out() -> None:
    rows = [row(at=f"2026-11-{day}T0{hour}:00:00Z") for day in (21, 20, 19) for hour in (1, 2)]
    graph = log(rows)
    graph.page_sizes["signIns"] = 1
    found = []
    async with graph as running, connect(running.url) as client:
        with pytest.raises(OutOfTurns):
            async for day in read_days(client, Turns(5, sleep=Naps()), LEGACY, LAST - timedelta(days=2), LAST):
                found.append((day.day.day, sum(use.count for use in day.uses)))  # noqa: PERF401 -- it ends by raising
    assert found == [(21, 2), (20, 2)]


async def test_a_tenant_without_licence_is_told_so() -> None:
    tenant = TenantBuilder(skus=()).build()
    with pytest.raises(GraphRefused) as refused:
        await days(LocalGraph(tenant))
    assert "P1 licence" in explain(refused.value)


async def test_a_list_in_a_circle_ends() -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [], "@odata.nextLink": str(request.url)})

    async with scripted(answer) as server, connect(server.url) as client:
        with pytest.raises(GraphError, match="doesn't end"):
            async for _ in read_days(client, Turns(sleep=Naps()), LEGACY, LAST, LAST):
                pass


async def test_many_rows_stay_small() -> None:
    users = [f"{number:08}-0000-0000-0000-000000000000" for number in range(1000)]
    rows = json.dumps([row(user, at="2026-11-21T08:00:00Z", id=f"{user}-page") for user in users])

    def answer(request: web.Request) -> web.Response:
        number = int(request.query.get("page", 0))
        link = "" if number == 39 else f',"@odata.nextLink":"{request.url.with_query(page=number + 1)}"'
        these = rows.replace("-page", f"-page-{number}")
        return web.Response(text=f'{{"value":{these}{link}}}', content_type="application/json")

    async with scripted(answer) as server, connect(server.url) as client:
        tracemalloc.start()
        try:
            (day,) = [day async for day in read_days(client, Turns(sleep=Naps()), LEGACY, LAST, LAST)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sum(use.count for use in day.uses) == 40_000
    assert peak < 20_000_000  # bytes: a page, the sums, and the transport


@pytest.mark.parametrize(
    ("client", "legacy"),
    [("imap4", True), ("Other clients; IMAP", True), ("AUTHENTICATED SMTP", True), ("Browser", False), ("", False)],
)
def test_names_of_clients_compare_without_case(client: str, legacy: bool) -> None:
    assert is_legacy(client) is legacy
