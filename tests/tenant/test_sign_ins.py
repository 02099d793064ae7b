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
from tenant.model import SignInOutcome
from tenant.sign_in_outcomes import LEGACY_CLIENTS, refusing_policies
from tenant.sign_ins import DaySignIns, Question, explain, is_legacy, read_days
from tenant.turns import OutOfTurns, Turns
from tests.tenant.reading import Naps, connect
from tests.tenant.scripted import scripted

LAST = date(2026, 11, 21)
LEGACY = Question("legacy")
OF_U1 = Question("accounts", ("u1",))
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


@pytest.mark.parametrize("provider", ["securityDefaults", "authenticationStrengths", "scopeBasedAuthRequirementPolicy"])
async def test_notes_what_demanded_mfa_and_when_last(provider: str) -> None:
    demand = [{"requirementProvider": provider, "detail": "x"}]
    rows = [
        row(at=f"2026-11-21T0{hour}:00:00Z", code=50076, authenticationRequirementPolicies=demand) for hour in (3, 7)
    ]
    (day,) = await days(log(rows), Question("accounts", ("u1",)))
    assert day.demands == (("u1", provider, datetime(2026, 11, 21, 7, tzinfo=UTC)),)


async def ended(*rows: Json, question: Question = OF_U1) -> list[SignInOutcome]:
    (day,) = await days(log(rows), question)
    return sorted(day.outcomes, key=lambda one: (one.code, one.how))


async def test_counts_how_sign_ins_ended_and_what_came_after_the_last_that_got_in() -> None:
    applied = [
        {"id": "P", "displayName": "Block", "result": "failure"},
        {"id": "Q", "displayName": "Q", "result": "success"},
    ]
    rows = [
        row(
            at=f"2026-11-21T{hour:02}:00:00Z",
            code=code,
            appliedConditionalAccessPolicies=applied,
            ipAddress=f"192.0.2.{hour}",
        )
        for hour, code in ((1, 53003), (2, 0), (3, 53003), (4, 53003), (5, 50126))
    ]
    got_in, guessed, refused = await ended(*rows)
    assert (got_in.code, got_in.count, got_in.policies, got_in.since_last_in) == (0, 1, (), 0)
    assert (guessed.code, guessed.count) == (50126, 1)
    assert (refused.code, refused.count, refused.since_last_in) == (53003, 3, 2)
    assert refused.policies == (("p", "Block"),)
    assert refused.run_start == datetime(2026, 11, 21, 3, tzinfo=UTC)
    assert refused.places == ("192.0.2.4", "192.0.2.3", "192.0.2.1")
    assert refused.run_places == ("192.0.2.4", "192.0.2.3")


@pytest.mark.parametrize(
    ("members", "how"),
    [
        ({"client": "IMAP4"}, ["legacy"]),
        ({"client": "IMAP4", "authenticationProtocol": "ropc", "interactive": True}, ["legacy"]),
        ({"client": "Mobile Apps and Desktop clients", "authenticationProtocol": "ropc"}, ["password"]),
        ({"client": "Browser", "authenticationProtocol": "ropc", "interactive": True}, ["password"]),
        ({"client": "Mobile Apps and Desktop clients"}, ["background"]),
        ({"client": "Mobile Apps and Desktop clients", "interactive": True}, ["app"]),
        ({"client": "Browser", "interactive": True}, []),
        ({"client": "Browser"}, []),
        ({"client": "Browser", "interactive": True, "userAgent": "HeadlessChrome/142"}, []),
    ],
)
async def test_tells_clients_that_can_answer_a_prompt_from_those_that_cannot(members: Json, how: list[str]) -> None:
    assert [one.how for one in await ended(row(**members))] == how


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"errorCode": 53003}, [53003]),
        ({"errorCode": "53003"}, [53003]),
        ({"errorCode": "0"}, [0]),
        ({"errorCode": True}, []),
        ({"errorCode": "-1"}, []),
        ({"errorCode": "5" * 5000}, []),
        ({"errorCode": "\u0665"}, []),
        ({"errorCode": None}, []),
        ({}, []),
        (None, []),
        ("x", []),
    ],
)
async def test_a_code_is_a_number_or_the_text_of_one(status: Any, code: list[int]) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [{**row(), "status": status}]})

    async with scripted(answer) as server, connect(server.url) as client:
        question = Question("accounts", ("u1",))
        (day,) = [day async for day in read_days(client, Turns(), question, LAST, LAST)]
    assert [one.code for one in day.outcomes] == code


@pytest.mark.parametrize(
    ("applied", "policies"),
    [
        (None, None),
        ("x", None),
        ([], ()),
        ([{"id": "P", "displayName": "A", "result": "Failure"}], (("p", "A"),)),
        ([{"id": "P", "displayName": "A", "result": "reportOnlyFailure"}, {"result": "unknown"}, 7, None], ()),
        ([{"result": "failure"}], (("", ""),)),
        ([{"id": 7, "displayName": ["x"], "result": "failure"}], (("", ""),)),
        ([{"id": name, "displayName": name, "result": "failure"} for name in "ba"], (("a", "a"), ("b", "b"))),
        ([{"id": "P", "displayName": "A" * 999, "result": "failure"}], (("p", "A" * 256),)),
    ],
)
def test_the_policies_that_the_log_names_are_those_that_failed(applied: Any, policies: Any) -> None:
    assert refusing_policies({"appliedConditionalAccessPolicies": applied}) == policies
    assert refusing_policies({}) is None


async def test_of_everybody_only_legacy_clients_with_the_right_password_are_counted_without_their_addresses() -> None:
    rows = [
        row("u1", code=53003, ipAddress="192.0.2.1", id="a"),
        row("u2", code=50126, ipAddress="192.0.2.1", id="b"),
        row("u3", "Mobile Apps and Desktop clients", code=53003, id="c"),
    ]
    (one,) = await ended(*rows, question=LEGACY)
    assert (one.account_id, one.places) == ("u1", ())
    assert await ended(*rows, question=Question("apps", ("app",))) == []


async def test_an_unknown_code_that_a_policy_failed_is_a_use_as_well() -> None:
    applied = [{"id": "P", "displayName": "Block", "result": "failure"}]
    rows = [row("u1", code=999999, appliedConditionalAccessPolicies=applied), row("u2", code=999999)]
    (day,) = await days(log(rows))
    assert [use.account_id for use in day.uses] == ["u1"]


async def test_however_many_policies_a_day_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenant.sign_in_outcomes.OUTCOMES_PER_DAY", 3)
    rows = [
        row(
            at=f"2026-11-21T08:00:{number:02}Z",
            code=53003,
            appliedConditionalAccessPolicies=[{"id": f"p{number}", "displayName": "P", "result": "failure"}],
        )
        for number in range(20)
    ]
    found = await ended(*rows)
    assert len(found) == 4
    assert sum(one.count for one in found) == 20


async def test_a_stranger_who_names_ever_new_applications_fills_nothing() -> None:
    rows = [
        row(
            client="Mobile Apps and Desktop clients",
            at=f"2026-11-21T{n // 60:02}:{n % 60:02}:00Z",
            code=700016,
            appId=f"a{n}",
        )
        for n in range(200)
    ]
    found = await ended(*rows, row(at="2026-11-21T01:00:00Z", code=53003))
    assert len(found) == 51
    assert [one.code for one in found if one.code != 700016] == [53003]


async def read(*rows: Json, question: Question = OF_U1, back: int = 0) -> list[DaySignIns]:
    """The days of a log of one page, in the order of its rows."""

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [{**one, "id": f"sign-in {number}"} for number, one in enumerate(rows)]})

    async with scripted(answer) as server, connect(server.url) as client:
        first = LAST - timedelta(days=back)
        return [day async for day in read_days(client, Turns(), question, first, LAST)]


async def test_rows_that_are_not_as_documented_are_passed_over_and_their_day_is_not_known_whole() -> None:
    (day,) = await read(
        {**row(), "createdDateTime": "yesterday"},
        {**row(), "userId": None},
        {
            **row("u2"),
            "clientAppUsed": "IMAP4",
            "appId": None,
            "userAgent": 7,
            "authenticationRequirementPolicies": "x",
        },
        question=LEGACY,
    )
    assert [(use.account_id, use.app_id, use.user_agent) for use in day.uses] == [("u2", "", "")]
    assert day.unread


@pytest.mark.parametrize("question", [LEGACY, OF_U1])
@pytest.mark.parametrize(
    "spoilt",
    [
        {"createdDateTime": None},
        {"createdDateTime": "soon"},
        {"createdDateTime": "0001-01-01T00:00:00Z"},
        {"userId": None},
        {"userId": ["u1"]},
        {"userId": ""},
        {"status": "refused"},
        {"status": {"errorCode": [53003]}},
        {"status": {"errorCode": True}},
        {"status": {"errorCode": "53003 "}},
        {"createdDateTime": None, "status": {"errorCode": {}}},
        {"clientAppUsed": 7},
        {"appId": {}},
        {"isInteractive": "true"},
        {"signInEventTypes": "interactiveUser"},
        {"authenticationProtocol": []},
        {"authenticationRequirementPolicies": {}},
        {"appliedConditionalAccessPolicies": "x"},
        {"appliedConditionalAccessPolicies": "x", "status": {"errorCode": 999999}},
    ],
)
async def test_a_row_that_may_be_a_use_and_cannot_be_read_leaves_its_day_in_part(
    spoilt: Json, question: Question
) -> None:
    (day,) = await read({**row(code=53003), **spoilt}, question=question)
    assert day.unread


@pytest.mark.parametrize(
    "odd",
    [
        {"status": None},
        {"status": {}},
        {"status": {"errorCode": None}},
        {"createdDateTime": None, "status": None},
        {"userId": None, "status": None},
        {"userId": None, "status": {"errorCode": 50126}},  # a guess at somebody who doesn't exist
        {"userId": "", "status": {"errorCode": 50034}},
        {"createdDateTime": None, "status": {"errorCode": 50126}},
        {"clientAppUsed": None, "appId": None, "isInteractive": None, "signInEventTypes": None},
        {"authenticationRequirementPolicies": None, "appliedConditionalAccessPolicies": None},
        {"userAgent": 7, "ipAddress": 7, "location": 7},
        {"createdDateTime": "2026-11-01T00:00:00Z"},
        {"userId": "somebody else"},
    ],
)
async def test_a_row_that_hides_nothing_leaves_its_day_whole(odd: Json) -> None:
    (day,) = await read({**row(code=53003), **odd})
    assert not day.unread


@pytest.mark.parametrize(
    ("times", "in_part"),
    [
        (("21T08", None, "20T08", "17T08"), {21, 20}),
        (("21T08", "20T08", None, "18T08", "17T08"), {20, 19, 18}),
        ((None, "20T08", "17T08"), {21, 20}),
        (("21T08", "17T08", None), {21, 20, 19, 18, 17}),  # what has no time may have been put last
        (("19T08", None, "21T08", "17T08"), {21, 20, 19, 18, 17}),  # out of order
    ],
)
async def test_a_row_without_a_time_is_of_a_day_between_its_neighbours(
    times: tuple[str | None, ...], in_part: set[int]
) -> None:
    rows = [{**row(), "createdDateTime": time and f"2026-11-{time}:00:00Z"} for time in times]
    assert {day.day.day for day in await read(*rows, back=4) if day.unread} == in_part


async def test_rows_out_of_order_count_on_their_days() -> None:
    rows = [row(at=f"2026-11-{day}T08:00:00Z") for day in (21, 19, 21)]
    found = await read(*rows, back=2)
    assert [(day.day.day, sum(use.count for use in day.uses)) for day in found] == [(21, 2), (20, 0), (19, 1)]


Handed = list[tuple[int, int, bool]]
"""Of each day that was handed out: which, how many sign-ins, and whether it is in doubt."""


async def handed_out(*pages: str, ends: bool = False) -> Handed:
    """What comes of a log whose pages hold rows of these times (``21T08:00 20T08:00``), and that ``ends`` or breaks off then."""

    def answer(request: web.Request) -> web.Response:
        number = int(request.query.get("page", 0))
        rows = [row(at=f"2026-11-{time}:00Z", id=f"{number} {time}") for time in pages[number].split()]
        more = (
            {}
            if ends and number + 1 == len(pages)
            else {"@odata.nextLink": str(request.url.with_query(page=number + 1))}
        )
        return web.json_response({"value": rows, **more})

    found: Handed = []
    async with scripted(answer) as server, connect(server.url) as client:
        try:
            async for day in read_days(client, Turns(len(pages), sleep=Naps()), OF_U1, LAST - timedelta(days=4), LAST):
                found.append((day.day.day, sum(use.count for use in day.uses), day.in_doubt))
        except OutOfTurns:
            assert not ends
    return found


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        (["19T08:00"], []),
        (["21T08:00 19T08:00"], [(21, 1, True)]),
        (["21T08:00 19T08:00", "18T08:00"], [(21, 1, False), (20, 0, False), (19, 1, True)]),
        (["21T08:00 19T08:00", "19T07:00", "19T06:00"], [(21, 1, False), (20, 0, False)]),
        (["19T08:00 18T08:00", "21T08:00"], []),
        (["21T08:00 20T08:00", "19T08:00", "20T08:00", "18T08:00", "17T08:00"], [(21, 1, False)]),
        (["19T08:00 20T08:00", "18T08:00", "17T08:00"], []),
        (  # minutes are no disorder
            ["21T00:10 20T23:40", "21T00:30 20T08:00", "19T08:00", "19T07:00"],
            [(21, 2, False), (20, 2, False)],
        ),
        (["21T08:00 20T23:30", "20T23:20", "20T23:10"], []),
    ],
)
async def test_a_log_that_breaks_off_has_handed_out_what_it_certainly_went_past_and_says_what_else_it_showed(
    pages: list[str], found: Handed
) -> None:
    assert await handed_out(*pages) == found


async def test_a_row_of_a_day_that_was_handed_out_puts_all_of_these_in_doubt_until_the_log_has_ended() -> None:
    pages = ["21T08:00 19T08:00", "18T08:00", "20T08:00 17T08:00"]
    early: Handed = [(21, 1, False), (20, 0, False), (21, 1, True), (20, 1, True)]
    assert await handed_out(*pages) == early
    whole = [(21, 1, False), (20, 1, False), (19, 1, False), (18, 1, False), (17, 1, False)]
    assert await handed_out(*pages, ends=True) == early + whole


async def test_a_sign_in_that_two_pages_repeat_counts_once() -> None:
    graph = log(row(at=f"2026-11-21T0{hour}:00:00Z") for hour in range(6))
    graph.page_sizes["signIns"] = 2
    graph.spoil("signIns", Spoilt.REPEATED)
    (day,) = await days(graph)
    assert [use.count for use in day.uses] == [6]


@pytest.mark.usefixtures("limits_of_microsoft")
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
    rows = [row(at=f"2026-11-{day}T0{hour}:00:00Z") for day in (21, 20, 19, 18) for hour in (1, 2)]
    graph = log(rows)
    graph.page_sizes["signIns"] = 1
    found = []
    async with graph as running, connect(running.url) as client:
        with pytest.raises(OutOfTurns):
            async for day in read_days(client, Turns(6, sleep=Naps()), LEGACY, LAST - timedelta(days=3), LAST):
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
