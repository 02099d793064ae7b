"""What an Operator does on the page: forms in, the page again out. Only the app's own page may ask.

The page's script sends the same forms and asks for JSON, so that a refusal can be said beside the form.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs

import azure.functions as func

from basics.text import well_formed
from findings.runs import new_run_id
from findings.store import FindingStore
from functions import operations
from functions.access import Principal
from functions.bodies import Form, accounts_of, exception_of
from functions.http_api import (
    RecheckAnswer,
    check_now,
    error_response,
    json_response,
    limit_rechecks,
    limit_tests,
    queue_scan,
    served,
)
from functions.page import back_to_report, carried, plain_page
from functions.requests import BadRequest, body_of
from jobs import views
from jobs.tell import send_test_alert
from reports import times
from reports.plain import render_plain
from reports.served import Message, checked_again
from settings import Settings

_NO_CHANNEL = "No alert channel is set, so nobody is told of what changes: docs/deploy.md, step 5."


@dataclass(frozen=True, slots=True)
class _Deed:
    """What was asked for, by whom, and the messages for the queues that follow from it."""

    settings: Settings
    caller: Principal
    given: Form
    scans: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


async def act(req: func.HttpRequest) -> RecheckAnswer:
    """Do what a form of the page asks for, and send the browser back to the page: 303; with JSON asked for, 200."""
    plainly = "application/json" in req.headers.get("accept", "")
    messages: dict[str, list[str]] = {"scans": [], "alerts": []}

    async def answer(settings: Settings, caller: Principal) -> func.HttpResponse:
        what = _DEEDS[operations.ACTION.of(req) or ""]
        deed = _Deed(settings, caller, _fields(req), messages["scans"], messages["alerts"])
        message = await what(deed)
        if plainly:
            return json_response({"text": message.text, "account": message.account}, headers=carried(message))
        return back_to_report(message)

    refusal = error_response if plainly else _refusal
    response = await served(req, operations.ACT, answer, from_page=True, refusal=refusal)
    return RecheckAnswer(response, messages["scans"], messages["alerts"])


def _refusal(status: int, text: str) -> func.HttpResponse:
    return plain_page(render_plain("That was not done", text, back="../report"), status)


def _fields(req: func.HttpRequest) -> Form:
    """The fields of the form. Raises :class:`BadRequest` for a body that isn't one."""
    if req.headers.get("content-type", "").partition(";")[0].strip().lower() != operations.FORM:
        raise BadRequest("The page sends its forms url-encoded.", 415)
    try:
        found = parse_qs(body_of(req).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadRequest("The form can't be read.") from None
    return Form.model_validate({well_formed(name): well_formed(values[-1]) for name, values in found.items()})


async def _check_again(deed: _Deed) -> Message:
    accounts = accounts_of({"accounts": [deed.given.account]})
    await limit_rechecks(deed.settings)
    run_id = new_run_id(datetime.now(UTC))
    async with views.opened(deed.settings) as service:
        before = await views.account(service, accounts[0])
        document = await check_now(deed.settings, run_id, accounts, deed.alerts)
        after = document["accounts"][0]
        changes = [one.public() for one in await FindingStore(service).history(after["id"]) if one.run_id == run_id]
    return checked_again(before, after, changes, document["run"])


async def _scan(deed: _Deed) -> Message:
    now = datetime.now(UTC)
    async with views.opened(deed.settings) as service:
        going_on = (await views.around(service, now, may_act=True)).going_on
    if going_on:
        return Message(f"Nothing was started, since one scan of everything is enough. {going_on['text']}")
    await limit_rechecks(deed.settings)
    deed.scans.append(await queue_scan(deed.settings, new_run_id(now), now))
    return Message("A scan of everything was asked for. It begins within half a minute.")


async def _accept(deed: _Deed) -> Message:
    given = {**deed.given.model_dump(), "check": deed.given.check or None, "replace": deed.given.replace == "yes"}
    async with views.opened(deed.settings) as service:
        added = await views.add_exception(service, created_by=deed.caller.id, **exception_of(given))
    what = added.check_id or "Every finding"
    return Message(
        f"{what} of {added.user_principal_name} is accepted until {times.day(added.until)}, by {added.owner}.",
        added.account_id,
    )


async def _end(deed: _Deed) -> Message:
    async with views.opened(deed.settings) as service:
        ended = await views.remove_exception(service, deed.given.id, removed_by=deed.caller.id)
    what = f"for {ended.check_id} " if ended.check_id else ""
    return Message(
        f"The exception {what}of {ended.user_principal_name} has ended: the next scan tells what is still open.",
        ended.account_id,
    )


async def _test(deed: _Deed) -> Message:
    await limit_tests(deed.settings)
    answers = await send_test_alert(deed.settings, by_app=True)
    said = " ".join(str(one["answer"]) for one in answers)
    return Message(f"A test was sent. {said}" if said else _NO_CHANNEL)


_DEEDS: Mapping[str, Callable[[_Deed], Awaitable[Message]]] = {
    "recheck": _check_again,
    "scan": _scan,
    "accept": _accept,
    "end": _end,
    "test": _test,
}
