"""What can be asked over HTTP: by whom, with which parameters and body, and what is answered.

The functions take their roles and parameters from here, and docs/openapi.json is made from it; routes and methods stand in
``function_app.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import azure.functions as func

from findings.model import PublicException, PublicFinding
from findings.run_record import PublicRun
from functions.access import OPERATOR, READER
from functions.bodies import Accept, Form, Recheck
from functions.pages import AFTER, LIMIT
from functions.parameters import Choice, Number, Parameter
from jobs.doctor import PublicLine
from reports.history import AccountHistory
from reports.ocsf import MEDIA_TYPE

JSON, CSV, OCSF, HTML, TEXT, FORM = (
    "application/json",
    "text/csv",
    MEDIA_TYPE,
    "text/html",
    "text/plain",
    "application/x-www-form-urlencoded",
)
SCAN_DOCUMENT = "scan document"
"""Stands for ``reports/schema/scan.schema.json``."""


class Refusal(TypedDict):
    """A refusal in one sentence."""

    error: str


class FindingsPage(TypedDict):
    """A page of findings, the worst first."""

    schema: Literal[1]
    findings: list[PublicFinding]
    next: str | None


class ExceptionsPage(TypedDict):
    """A page of exceptions."""

    schema: Literal[1]
    exceptions: list[PublicException]
    next: str | None


class Examined(TypedDict):
    """A line for each thing that was looked at."""

    schema: Literal[1]
    lines: list[PublicLine]


class Started(TypedDict):
    """A scan that was put on the queue."""

    run_id: str


class ChannelAnswer(TypedDict):
    """What a channel answered to the test."""

    channel: str
    delivered: bool
    answer: str


class Tested(TypedDict):
    """What each channel answered to the test."""

    channels: list[ChannelAnswer]


class Told(TypedDict):
    """What came of a form, for the page's script."""

    text: str
    account: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One status: what it means, and for each media type what the body is (None: text)."""

    text: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    role: str
    """The app role that the caller needs; empty where nobody is asked for one."""
    answers: Mapping[int, Answer]
    """Beside what every operation answers to what it can't serve."""
    parameters: tuple[Parameter | Choice | Number, ...] = ()
    body: tuple[str, type] | None = None
    """Media type and model."""
    body_required: bool = False
    refusal: tuple[str, ...] = (JSON,)
    """The media types of a refusal."""


STATUS = Choice("status", "Which findings.", ("open", "resolved", "all"), "open")
SEVERITY = Choice("severity", "Only these.", ("low", "medium", "high"))
ACCOUNT = Parameter("account", "User principal name or object id.")
CHECK = Parameter("check", "The id of a check, e.g. APW-001.")
LIST_FORM = Choice("format", "As what.", ("json", "csv", "ocsf"), "json")
REPORT_FORM = Choice("format", "As what.", ("html", "json", "csv", "ocsf"), "html")
HISTORY_FORM = Choice("format", "As what.", ("html", "json"), "html")
ACCOUNT_ID = Parameter("id", "The object id of an account.", place="path")
DOCTOR_FORM = Choice("format", "As what.", ("json", "html"), "json")
RUN_ID = Parameter("id", "The id of a run.", place="path")
EXCEPTION_ID = Parameter("id", "The id of an exception.", required=True)
ACTION = Choice("action", "What to do.", ("recheck", "scan", "accept", "end", "test"), place="path")

TOO_LARGE = Answer("It is sent compressed only: send Accept-Encoding: gzip.", {JSON: Refusal})
"""For a client that doesn't say that it takes gzip."""

FINDINGS = Operation(
    READER,
    {
        200: Answer("The findings.", {JSON: FindingsPage, CSV: None, OCSF: None}),
        404: Answer("There is no such check, no scan has seen the account, or there was no scan yet.", {JSON: Refusal}),
        406: TOO_LARGE,
        409: Answer("The list has changed: begin again without after.", {JSON: Refusal}),
    },
    (STATUS, SEVERITY, ACCOUNT, CHECK, LIST_FORM, LIMIT, AFTER),
)
REPORT = Operation(
    READER,
    {
        200: Answer("The report.", {HTML: None, JSON: SCAN_DOCUMENT, CSV: None, OCSF: None}, ("ETag", "Link")),
        304: Answer("It is what If-None-Match names.", headers=("ETag",)),
        404: Answer("No scan was done yet.", {HTML: None, JSON: Refusal}),
        406: TOO_LARGE,
        409: Answer("The accounts have changed: begin again without after.", {JSON: Refusal}),
    },
    (REPORT_FORM, LIMIT, AFTER),
)
HISTORY = Operation(
    READER,
    {
        200: Answer("What happened to the account.", {HTML: None, JSON: AccountHistory}),
        404: Answer("No scan has seen such an account.", {HTML: None, JSON: Refusal}),
    },
    (ACCOUNT_ID, HISTORY_FORM),
    refusal=(HTML, JSON),
)
ACT = Operation(
    OPERATOR,
    {
        200: Answer("What came of it, where JSON is asked for.", {JSON: Told}),
        303: Answer("It was done: back to the page.", headers=("Location", "Set-Cookie")),
        404: Answer("There is no such form, account, check or exception.", {HTML: None, JSON: Refusal}),
        409: Answer("What is there stands against it.", {HTML: None, JSON: Refusal}),
        415: Answer("The body is no url-encoded form.", {HTML: None, JSON: Refusal}),
    },
    (ACTION,),
    (FORM, Form),
    refusal=(HTML, JSON),
)
RUN = Operation(
    READER,
    {200: Answer("The run.", {JSON: PublicRun}), 404: Answer("There is no such run.", {JSON: Refusal})},
    (RUN_ID,),
)
LIST_EXCEPTIONS = Operation(
    READER,
    {
        200: Answer("The accepted findings, those whose exception ended included.", {JSON: ExceptionsPage}),
        409: Answer("The list has changed: begin again without after.", {JSON: Refusal}),
    },
    (LIMIT, AFTER),
)
ACCEPT = Operation(
    OPERATOR,
    {
        200: Answer("The new exception.", {JSON: PublicException}),
        404: Answer("No scan has seen the account, or there is no such check.", {JSON: Refusal}),
        409: Answer("Another exception holds.", {JSON: Refusal}),
    },
    body=(JSON, Accept),
    body_required=True,
)
END_EXCEPTION = Operation(
    OPERATOR,
    {
        200: Answer("The ended exception.", {JSON: PublicException}),
        404: Answer("None that holds has this id.", {JSON: Refusal}),
    },
    (EXCEPTION_ID,),
)
RECHECK = Operation(
    OPERATOR,
    {
        200: Answer("The accounts as they are now.", {JSON: SCAN_DOCUMENT}),
        202: Answer("A scan of everything was put on the queue.", {JSON: Started}, ("Location",)),
        404: Answer("None of the accounts exists.", {JSON: Refusal}),
        409: Answer("A scan is going on.", {JSON: Refusal}),
    },
    body=(JSON, Recheck),
)
TEST_ALERT = Operation(OPERATOR, {200: Answer("What each channel answered.", {JSON: Tested})})
DOCTOR = Operation(
    OPERATOR, {200: Answer("What is wrong with this installation.", {JSON: Examined, HTML: None})}, (DOCTOR_FORM,)
)
HEALTH = Operation("", {200: Answer("ok", {TEXT: None}), 503: Answer("not ok, and nothing else", {TEXT: None})})

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("findings", "GET"): FINDINGS,
    ("report", "GET"): REPORT,
    ("account_history", "GET"): HISTORY,
    ("act", "POST"): ACT,
    ("runs", "GET"): RUN,
    ("exceptions", "GET"): LIST_EXCEPTIONS,
    ("exceptions", "PUT"): ACCEPT,
    ("exceptions", "DELETE"): END_EXCEPTION,
    ("recheck", "POST"): RECHECK,
    ("test_alert", "POST"): TEST_ALERT,
    ("doctor", "GET"): DOCTOR,
    ("health", "GET"): HEALTH,
}
"""By function of ``function_app.py`` and method."""


def of(function: str, req: func.HttpRequest) -> Operation:
    """What a request asks a function for."""
    return OPERATIONS[function, req.method.upper()]
