"""The report as a page for people, and what is told on it of what they just did.

Who does something gets the page again (303), so that reloading repeats nothing. What came of it travels there in a cookie of the
app's own that lives for that one step: only this app sets it and reads it, and its text is shown as text.
"""

import asyncio
import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import azure.functions as func
from azure.data.tables.aio import TableServiceClient

from basics.documents import read_json
from basics.text import well_formed
from functions.access import Principal
from functions.answers import QUICK, Body, has_it, tag
from jobs import views
from jobs.report_page import Basis, mark_of, page
from reports.html import security_headers
from reports.plain import plain_headers, render_plain
from reports.served import Message

COOKIE = "app-password-report"
MOST_BYTES = 2700
"""Of a message's text: browsers keep cookies of 4 KB, and base64 makes four characters of three bytes."""
_SECONDS = 120


async def page_answer(
    service: TableServiceClient, req: func.HttpRequest, caller: Principal, now: datetime, known: Basis, *, cloud: str
) -> func.HttpResponse:
    """The page with everything that the caller may do; before the first scan, a page that says so (404)."""
    message = remembered(req.headers)
    forget = {"Set-Cookie": _cookie("", 0)} if message else {}
    around = await views.around(service, now, may_act=caller.may_act, message=message, runs=known.runs)
    mark = None if message else mark_of(known, "html", around.may_act, around.last, around.going_on)
    headers = {**security_headers(acting=caller.may_act), **tag(mark), **forget}
    if has_it(req.headers, mark):
        return func.HttpResponse(status_code=304, headers=headers)
    try:
        text = await page(service, now, known, around, cloud=cloud)
    except views.NotFound as error:
        return plain_page(render_plain("No scan yet", str(error), served=around), 404, forget)
    body = Body(req.headers, QUICK)
    await asyncio.to_thread(body.take, text)
    return body.answer("text/html", 200, headers)


def plain_page(text: str, status: int, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A small page without a script."""
    return _html(text, status, {**plain_headers(), **(headers or {})})


def back_to_report(message: Message) -> func.HttpResponse:
    """Send the browser back to the page (303), where the message is shown; to the account that it is about."""
    place = f"#account={quote(message.account, safe='')}" if message.account else ""
    # Relative, so that it holds whatever name the app has been reached by.
    return func.HttpResponse(
        status_code=303, headers={"Location": f"../report{place}", "Cache-Control": "no-store", **carried(message)}
    )


def carried(message: Message) -> dict[str, str]:
    """The header that brings a message to the next page."""
    text = well_formed(message.text).encode()[:MOST_BYTES].decode(errors="ignore")
    content = json.dumps([text, message.account[:100]], ensure_ascii=False).encode()
    return {"Set-Cookie": _cookie(base64.urlsafe_b64encode(content).decode().rstrip("="), _SECONDS)}


def remembered(headers: Mapping[str, str]) -> Message | None:
    """The message that a request brings; None for none, or for what this app didn't write."""
    given = next((value for name, value in headers.items() if name.lower() == "cookie"), "")
    pairs = (one.strip().partition("=") for one in given.split(";"))
    found = next((value for name, _, value in pairs if name == COOKIE), "")
    try:
        text, account = read_json(base64.urlsafe_b64decode(f"{found}=="))
    except (ValueError, TypeError):
        return None
    return Message(text, account) if isinstance(text, str) and isinstance(account, str) and text else None


def _cookie(value: str, seconds: int) -> str:
    secure = "; Secure" if os.environ.get("WEBSITE_SITE_NAME") else ""
    return f"{COOKIE}={value}; Max-Age={seconds}; Path=/api/report; HttpOnly; SameSite=Strict{secure}"


def _html(text: str, status: int, headers: Mapping[str, str]) -> func.HttpResponse:
    return func.HttpResponse(
        well_formed(text), status_code=status, mimetype="text/html", charset="utf-8", headers=dict(headers)
    )
