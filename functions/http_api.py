"""The HTTP functions: who asks, what for, and the answer. Every refusal is one sentence; no request body is ever logged."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
from azure.data.tables.aio import TableServiceClient

from alerts.episodes import ChannelRecord, is_lost
from alerts.ledger import Ledger
from basics.text import well_formed
from basics.times import day
from connections.channels import configured
from connections.storage import StorageUnavailable
from findings.errors import FindingsError, ScanAlreadyRunning
from findings.exceptions import ExceptionHolds, ExceptionRefused
from findings.lease import LeaseTimes
from findings.listing import FindingFilter, FindingList, ListChanged
from findings.rate import Rate
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore, new_run_id
from functions import operations
from functions.access import Principal, Refused, require
from functions.answers import Body, has_it, tag
from functions.bodies import accounts_of, exception_of
from functions.operations import Operation
from functions.origin import refuse_cross_site
from functions.page import page_answer, plain_page
from functions.pages import AFTER, CHANGED, LIMIT, page_of
from functions.requests import BadRequest, json_of, parameter, refuse_large
from functions.shared import shared
from functions.turns import count_read, moment, turn
from jobs import history, views
from jobs.doctor import Level, Line, PublicLine
from jobs.errors import EXPECTED, sentence
from jobs.installation import CLOCKS, HEALTHY, NO_ACCOUNT_FIX, examine_installation, is_switched_off
from jobs.messages import AlertMessage, ScanMessage
from jobs.ocsf import findings_lines, origin, report_lines
from jobs.report_page import Basis, basis, mark_of
from jobs.report_parts import part
from jobs.scan import ScanRequest, scan
from jobs.tell import send_test_alert
from reports.document import Json
from reports.history_page import render_history
from reports.plain import render_plain
from reports.words import count
from settings import Settings, SettingsError, load_settings

log = logging.getLogger(__name__)

RECHECKS_A_MINUTE = 10
TESTS_A_MINUTE = 5
EXAMINATIONS_A_MINUTE = 20
HEALTH_HOLDS = 30.0
"""Seconds for which an answer of ``health`` holds."""
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """An answer in JSON that nobody stores."""
    return json_text(_text(content), status, headers)


def _text(content: Any) -> str:
    return well_formed(json.dumps(content, ensure_ascii=False))


def json_text(text: str, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """The same with the JSON text."""
    return func.HttpResponse(
        text,
        status_code=status,
        mimetype="application/json",
        charset="utf-8",
        headers={**_PRIVATE, **(headers or {})},
    )


def error_response(status: int, text: str) -> func.HttpResponse:
    """A refusal in one sentence."""
    return json_response({"error": text}, status)


@dataclass(frozen=True, slots=True)
class RecheckAnswer:
    """The response, and the messages for the queues."""

    response: func.HttpResponse
    scans: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


async def recheck(req: func.HttpRequest) -> RecheckAnswer:
    """``{"accounts": [...]}``: judge them now and keep it, 200. Without a body: start a whole scan, 202."""
    messages: dict[str, list[str]] = {"scans": [], "alerts": []}

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        accounts = accounts_of(json_of(req))
        await limit_rechecks(settings)
        now = datetime.now(UTC)
        run_id = new_run_id(now)
        if not accounts:
            messages["scans"].append(await queue_scan(settings, run_id, now))
            return json_response({"run_id": run_id}, 202, {"Location": f"/api/runs/{run_id}"})
        return json_response(await check_now(settings, run_id, accounts, messages["alerts"]))

    response = await served(req, operations.RECHECK, answer)
    return RecheckAnswer(response, messages["scans"], messages["alerts"])


async def queue_scan(settings: Settings, run_id: str, now: datetime) -> str:
    """Note a scan of everything, so that it can be followed before one picks it up. Returns the message that starts it."""
    async with views.opened(settings) as service:
        await RunStore(service).save(RunRecord(run_id, RunStatus.QUEUED, now, trigger="request"))
    return ScanMessage(run_id, "request").text


async def check_now(settings: Settings, run_id: str, accounts: tuple[str, ...], alerts: list[str]) -> Json:
    """Judge accounts now and keep it. Returns the scan document, and adds to ``alerts`` the messages that tell what changed.

    Raises :class:`BadRequest` where there are no such accounts, and what ``scan`` raises.
    """
    result = await scan(settings, ScanRequest(run_id, "request", accounts, times=LeaseTimes(wait=10)))
    alerts += [AlertMessage(alert_id).text for alert_id in result.alert_ids]
    if not result.accounts:
        why = "; ".join(f"{gap['input']}: {gap['error']}" for gap in result.run["gaps"])
        raise BadRequest(why or "No such account.", 404)
    return result.document


async def findings(req: func.HttpRequest) -> func.HttpResponse:
    """``?status=open|resolved|all&severity=…&account=…&check=…&format=json|csv|ocsf&limit=…&after=…``."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        status = operations.STATUS.of(req)
        form = operations.LIST_FORM.of(req)
        wanted = FindingFilter(
            status=None if status == "all" else status,
            severity=operations.SEVERITY.of(req),
            account=operations.ACCOUNT.of(req) or None,
            check_id=operations.CHECK.of(req).upper() or None,
        )
        async with views.opened(settings) as service:
            await views.must_be_known(service, FindingFilter(check_id=wanted.check_id))
            if form == "json":
                await count_read(service, caller.id)
                return json_text(await _findings_page(settings, service, wanted, LIMIT.of(req), AFTER.of(req)))
            async with turn(service, caller.id):
                await views.must_be_known(service, wanted)  # a mistyped name must not be read as all is well
                if form == "ocsf":
                    return await _lines_answer(req, findings_lines(service, settings, wanted, datetime.now(UTC)))
                body = _csv_body(req)
                await views.findings_csv(service, wanted, datetime.now(UTC), body.take)
                return body.answer("text/csv", 200, _as_file("findings.csv"))

    return await served(req, operations.FINDINGS, answer)


async def _findings_page(
    settings: Settings, service: TableServiceClient, wanted: FindingFilter, limit: int, after: str
) -> str:
    """A page of findings as JSON; of what several ask for, or one again, made once while nothing changes.

    Raises :class:`BadRequest` where the page before isn't in the list any more, and ``NotFound`` where nothing is found because nobody
    has looked: of an account that no scan has seen, and before the first scan.
    """

    async def make() -> str:
        async with moment(), views.opened(settings) as mine:  # whoever asked first may be gone before it is made
            now = datetime.now(UTC)
            page, following = await views.findings_page(mine, wanted, now, limit, after)
            if not page and not after:
                await views.must_be_known(mine, wanted)
                await views.must_be_scanned(mine, now)
        return _text({"schema": 1, "findings": page, "next": following})

    async def about(of: TableServiceClient) -> Hashable:
        stamp = await FindingList(of).stamp(datetime.now(UTC))
        return None if stamp is None else (stamp, wanted, limit, after)

    async def still() -> Hashable:
        async with views.opened(settings) as mine:
            return await about(mine)

    try:
        known = await about(service)
        return await (make() if known is None else shared(known, make, still))
    except ListChanged:
        raise BadRequest(CHANGED, 409) from None


async def report(req: func.HttpRequest) -> func.HttpResponse:
    """The report as one HTML page, JSON, CSV or OCSF."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        form, now = operations.REPORT_FORM.of(req) or "html", datetime.now(UTC)
        async with views.opened(settings) as service, turn(service, caller.id):
            known = await basis(service, now, cloud=settings.graph_cloud)
            if form == "html":
                return await page_answer(service, req, caller, now, known, cloud=settings.graph_cloud)
            about: dict[str, list[object]] = {"ocsf": [origin(settings)], "json": [LIMIT.of(req), AFTER.of(req)]}
            mark = mark_of(known, form, *about.get(form, []))
            if has_it(req.headers, mark):
                return func.HttpResponse(status_code=304, headers={**_PRIVATE, **tag(mark)})
            if form == "ocsf":
                return await _lines_answer(req, report_lines(service, settings, now), mark)
            if form == "json":
                return await _part_answer(service, req, now, known, tag(mark), cloud=settings.graph_cloud)
            body = _csv_body(req)
            await views.report(service, form, now, body.take, cloud=settings.graph_cloud)
        return body.answer("text/csv", 200, {**_as_file("report.csv"), **tag(mark)})

    return await served(req, operations.REPORT, answer)


async def _part_answer(
    service: TableServiceClient,
    req: func.HttpRequest,
    now: datetime,
    known: Basis,
    headers: dict[str, str],
    *,
    cloud: str,
) -> func.HttpResponse:
    """The scan document, as many accounts of it as are asked for, with the address of the part that follows (RFC 8288)."""
    body, limit = Body(req.headers), LIMIT.of(req)
    try:
        following = await part(service, now, known, body.take, limit=limit, after=AFTER.of(req) or None, cloud=cloud)
    except ListChanged:
        raise BadRequest(CHANGED, 409) from None
    query = urlencode({"format": "json", "limit": limit, "after": following})
    link = {"Link": f'</api/report?{query}>; rel="next"'} if following is not None else {}
    return body.answer("application/json", 200, {**_PRIVATE, **headers, **link})


async def account_history(req: func.HttpRequest) -> func.HttpResponse:
    """What happened to one account, as a page or as JSON."""
    plainly = parameter(req, operations.HISTORY_FORM.name).lower() == "json"

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        form, now = operations.HISTORY_FORM.of(req), datetime.now(UTC)
        async with views.opened(settings) as service:
            await count_read(service, caller.id)
            async with moment():
                found = await history.account_history(service, operations.ACCOUNT_ID.of(req), now)
        return json_response(found) if form == "json" else plain_page(render_history(found), 200)

    return await served(req, operations.HISTORY, answer, refusal=error_response if plainly else _no_history)


def _no_history(status: int, text: str) -> func.HttpResponse:
    return plain_page(render_plain("There is nothing to show", text, back="../../report"), status)


async def run(req: func.HttpRequest) -> func.HttpResponse:
    """One run: where it stands, and what came out of it."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        async with views.opened(settings) as service:
            return json_response(await views.run(service, operations.RUN_ID.of(req)))

    return await served(req, operations.RUN, answer)


async def exceptions(req: func.HttpRequest) -> func.HttpResponse:
    """GET lists them; PUT accepts a finding; DELETE with ``?id=`` ends one."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        async with views.opened(settings) as service:
            if req.method == "GET":
                await count_read(service, caller.id)
                async with moment():
                    found, after = page_of(req, await views.exceptions(service), lambda one: str(one["id"]))
                return json_response({"schema": 1, "exceptions": found, "next": after})
            if req.method == "DELETE":
                ended = await views.remove_exception(service, operations.EXCEPTION_ID.of(req), removed_by=caller.id)
                return json_response(ended.public())
            added = await views.add_exception(service, created_by=caller.id, **exception_of(json_of(req)))
            return json_response(added.public())

    return await served(req, operations.of("exceptions", req), answer)


async def test_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Send a test through every channel, and say what each answered."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        await limit_tests(settings)
        return json_response({"channels": await send_test_alert(settings, by_app=True)})

    return await served(req, operations.TEST_ALERT, answer)


async def doctor(req: func.HttpRequest) -> func.HttpResponse:
    """What is wrong with this installation, as JSON or as a page: a line for each thing, with what to do."""

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        form = operations.DOCTOR_FORM.of(req)
        await limit_examinations(settings)
        lines = await examine_installation(datetime.now(UTC))
        shown = [line.public() for line in lines]
        if form == "json":
            return json_response({"schema": 1, "lines": shown})
        return plain_page(render_plain(_headline(lines), lines=_as_text(shown), back="report"), 200)

    return await served(req, operations.DOCTOR, answer)


def _headline(lines: Sequence[Line]) -> str:
    """What a look at the installation came to: nothing that was not tried is called well (``act.js`` says the same)."""
    bad = sum(line.level in (Level.ATTENTION, Level.WRONG) for line in lines)
    if bad:
        return f"{count(bad, 'thing asks', 'things ask')} for attention."
    untried = any(line.level is Level.NOT_TRIED for line in lines)
    return "What could be tried is well." if untried else "All is well."


async def health(req: func.HttpRequest) -> func.HttpResponse:
    """``ok`` while settings are right, those of the alert channels too, no channel has lost them, one of them works and gets
    what is to be sent, storage answers and a scan of everything was done lately that found service accounts; else ``not ok`` with 503.

    Why, only the log says.
    """
    try:
        refuse_large(req)
        settings = load_settings()
        now = datetime.now(UTC)
        async with views.opened(settings) as service:
            problem = (
                await _scan_trouble(service, now)
                or _broken_channels(settings)
                or _silent_channels(await Ledger(service).book.records(), configured(settings), now)
                or _nobody_sends(configured(settings))
            )
    except BadRequest as error:
        return error_response(error.status, str(error))
    except EXPECTED as error:
        problem = sentence(error)
    if problem:
        log.error("Not healthy: %s", problem)
    return func.HttpResponse("not ok" if problem else "ok", status_code=503 if problem else 200, headers=_PRIVATE)


class RememberedHealth:
    """Answers from memory for a while, so that calls which anybody may make cost nothing."""

    def __init__(self, seconds: float = HEALTH_HOLDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._answer: func.HttpResponse | None = None
        self._until = 0.0
        self._asking: asyncio.Lock | None = None

    async def __call__(self, req: func.HttpRequest) -> func.HttpResponse:
        """What :func:`health` answered last, or answers now; a body that is too large is refused as everywhere."""
        try:
            refuse_large(req)
        except BadRequest as error:
            return error_response(error.status, str(error))
        self._asking = self._asking or asyncio.Lock()
        async with self._asking:  # who comes while it is looked up waits for the same answer
            if self._answer is None or self._clock() >= self._until:
                self._answer = await health(req)
                self._until = self._clock() + self._seconds
            return self._answer


remembered_health = RememberedHealth()


def _broken_channels(settings: Settings) -> str | None:
    """A sentence or more where the settings of alert channels are wrong: where it is the only one, nobody else can tell."""
    return " ".join(f"Alerts can't go to {name}: {why}." for name, why in settings.broken_channels.items()) or None


def _silent_channels(records: Mapping[str, ChannelRecord], names: Sequence[str], now: datetime) -> str | None:
    """A sentence or more where no channel works, and for each that the last scan found gone: somebody may have lost its settings.

    Where there is no other channel, nobody else can tell.
    """
    gone = [one for one in records.values() if is_lost(one, names, now)]
    said = [f"Alerts went to {one.name}, whose settings are gone{_since(one)}." for one in gone]
    failing = [records[name] for name in names if name in records and records[name].since]
    if names and len(failing) == len(names):
        said += [f"Alerts don't get through to {one.name}{_since(one)}: {one.error}" for one in failing]
    return " ".join(said) or None


def _nobody_sends(names: Sequence[str]) -> str | None:
    """A sentence where channels are set, and what sends alerts to them is switched off: no channel can tell it."""
    return (
        "No alert is sent: the function send_alerts is switched off."
        if names and is_switched_off("send_alerts", os.environ)
        else None
    )


def _since(record: ChannelRecord) -> str:
    return f" since {day(record.since)}" if record.since else ""


async def _scan_trouble(service: TableServiceClient, now: datetime) -> str | None:
    """A sentence where no scan of everything was done for too long, or none was ever, or the last one found no account. Raises what
    storage raises.
    """
    last = await RunStore(service).last_whole(now - HEALTHY, now + CLOCKS)
    if last is None:
        return f"No scan of all accounts was done in the last {HEALTHY // timedelta(hours=1)} hours."
    return None if last.accounts_total else f"The last scan found no service account. {NO_ACCOUNT_FIX}"


async def served(
    req: func.HttpRequest,
    operation: Operation,
    answer: Callable[[Settings, Principal], Awaitable[func.HttpResponse]],
    *,
    from_page: bool = False,
    refusal: Callable[[int, str], func.HttpResponse] = error_response,
) -> func.HttpResponse:
    """The answer for a caller who may have it; otherwise, and for every expected error, one sentence.

    ``from_page``: only the app's own page may ask. ``refusal`` makes the answer of a status and a sentence: JSON by itself.
    """
    try:
        refuse_large(req)
        settings = load_settings(require=frozenset({"storage"}))
        own = (settings.report_url, os.environ.get("WEBSITE_HOSTNAME"))
        refuse_cross_site(req.method, req.headers, own, from_page=from_page)
        caller = require(operation.role, req.headers, os.environ, graph_is_local=settings.graph_is_local)
        return await answer(settings, caller)
    except (Refused, BadRequest) as error:
        log.warning("%s %s: %d %s", req.method, req.url.split("?")[0], error.status, error)
        return refusal(error.status, str(error))
    except SettingsError as error:
        log.error("%s", error)
        return refusal(500, "The app's settings are wrong; its log says which.")
    except EXPECTED as error:
        log.error("%s", sentence(error))
        return refusal(_status_of(error), sentence(error))


def _status_of(error: Exception) -> int:
    if isinstance(error, views.NotFound):
        return 404
    if isinstance(error, ScanAlreadyRunning | ExceptionHolds):
        return 409
    if isinstance(error, ExceptionRefused):
        return 400
    return 503 if isinstance(error, FindingsError) else 502


async def limit_rechecks(settings: Settings) -> None:
    """Raise :class:`BadRequest` (429) after too many in a minute. A recheck costs Graph requests that the tenant's other apps need too."""
    await _limit_rate(settings, "recheck", RECHECKS_A_MINUTE, "rechecks in a minute")


async def limit_tests(settings: Settings) -> None:
    """Raise :class:`BadRequest` (429) after too many in a minute. Each test is a card or a mail that somebody gets.

    Without storage nobody counts: that the channels work is the more worth knowing.
    """
    with suppress(StorageUnavailable, FindingsError):
        await _limit_rate(settings, "test alert", TESTS_A_MINUTE, "test alerts in a minute")


async def limit_examinations(settings: Settings) -> None:
    """Raise :class:`BadRequest` (429) after too many in a minute. Each asks Graph for every permission.

    Without storage nobody counts: that it can't be used is what the answer says.
    """
    with suppress(StorageUnavailable, FindingsError):
        await _limit_rate(settings, "doctor", EXAMINATIONS_A_MINUTE, "looks at the installation in a minute")


async def _limit_rate(settings: Settings, name: str, most: int, what: str) -> None:
    async with views.opened(settings) as service:
        if not await Rate(service, name, most, timedelta(minutes=1)).take(datetime.now(UTC)):
            raise BadRequest(f"More than {most} {what}: wait a minute and ask again.", 429)


def _as_text(lines: Sequence[PublicLine]) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in line.items()} for line in lines]


def _csv_body(req: func.HttpRequest) -> Body:
    body = Body(req.headers)
    body.take("\ufeff")  # the mark tells Excel that it is UTF-8
    return body


def _as_file(name: str) -> dict[str, str]:
    return {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}


async def _lines_answer(req: func.HttpRequest, lines: AsyncIterator[str], mark: str | None = None) -> func.HttpResponse:
    body = Body(req.headers)
    async for line in lines:
        body.take(line)
    return body.answer(operations.OCSF, 200, {**_PRIVATE, **tag(mark)})
