"""The mail as MIME: HTML and text as alternatives, CSV and JSON attached.

Graph's JSON form of ``sendMail`` takes one body, HTML or text; only its MIME form (``Content-Type: text/plain``, the message
in base64) carries both and keeps headers as they are. https://learn.microsoft.com/graph/outlook-send-mime-message
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alerts.attachments import changes_csv, changes_json
from alerts.groups import (
    Group,
    account_names,
    by_urgency,
    dated,
    grouped,
    grouped_gaps,
    in_brief,
    remark,
    repeated_steps,
    statement,
    step_in_words,
    step_places,
    told_in_full,
    way_back,
)
from alerts.links import accept_url, safe_url
from alerts.model import Alert, Kind, Purpose, Severity
from alerts.text import clean
from alerts.wording import (
    ACCEPT_COMMAND,
    PRODUCT_NAME,
    REPORT_COMMAND,
    UNCHANGED,
    account_name,
    count,
    label,
    meaning,
    more,
    product,
    says_open,
    says_the_same,
    sentence,
    user_principal_name,
)
from basics.times import moment

ID_HEADER = "X-App-Password-Alert"
"""Holds the alert's id, so that a rule in the mailbox can drop a repeat."""
FEW = 4
"""From this many problems on, the mail begins with a line for each; with fewer, where not each is told in full."""
OVERVIEW = 20
"""Lines of that, and of resolved ones."""
GROUPS = 5
"""Groups that are told in full: nobody reads more screens than these fill, and everything is attached."""
WITH_STEPS = 3
"""The same, below the steps that solve most."""
NAMES = 20
"""Accounts that are named in a group."""
SUBJECT = 180
_TEXT = 800


@dataclass(frozen=True, slots=True)
class _View:
    """What the templates show."""

    alert: Alert
    overview: tuple[tuple[str, tuple[Group, ...]], ...]
    """The groups that get a line each at the top, under their headings, where there are several to tell in full."""
    full: list[Group]
    again: frozenset[int]
    """The places of those in ``full`` whose next step an earlier one tells."""
    resolved: list[Group]
    left: int
    """Changes that the mail doesn't show."""
    rest: str
    """Where they are, as the end of a sentence."""
    attached: str
    """What the attachments hold, and where the rest is; empty where there are none."""


@dataclass(frozen=True, slots=True)
class _Attached:
    """How many changes are attached."""

    csv: int
    json: int
    total: int

    @property
    def all(self) -> bool:
        """Whether both attachments hold everything."""
        return min(self.csv, self.json) >= self.total


def subject_of(alert: Alert) -> str:
    """The subject: how bad, what, where. One line of visible characters, so no header can be injected."""
    severity = f"[{alert.severity.capitalize()}] " if alert.severity and alert.purpose is not Purpose.TEST else ""
    tenant = f" - {clean(alert.tenant_name, 60)}" if alert.tenant_name else ""
    return clean(f"{severity}{alert.headline}", SUBJECT - len(tenant)) + tenant


def mail_message(alert: Alert, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The mail.

    Args:
        alert: What to say.
        sender: The mailbox that sends it.
        recipients: Addresses; at least one.

    Raises:
        ValueError: An address can't stand in a mail header.
    """
    csv, in_csv = changes_csv(alert)
    json, in_json = changes_json(alert)
    html, text = _bodies(alert, _Attached(in_csv, in_json, _total(alert)))
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject_of(alert)
    message["Date"] = alert.created
    # The same on every attempt: Exchange drops a second mail with the same id if it comes soon after the first.
    message["Message-ID"] = f"<{clean(alert.id, 100)}@{sender.rpartition('@')[2]}>"
    message[ID_HEADER] = clean(alert.id, 100)
    # No answers from people who are away (RFC 3834; Exchange has its own header for it).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if alert.severity is Severity.HIGH or alert.purpose is Purpose.FAILURE:
        message["Importance"] = "high"
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    if alert.items:
        # With a byte order mark, or Excel takes UTF-8 for the system's code page.
        message.add_attachment(csv.encode("utf-8-sig"), maintype="text", subtype="csv", filename="changes.csv")
        message.add_attachment(json.encode(), maintype="application", subtype="json", filename="changes.json")
    return message


def _total(alert: Alert) -> int:
    return max(len(alert.items), sum(alert.counts.values()))


def _bodies(alert: Alert, attached: _Attached) -> tuple[str, str]:
    groups = grouped(alert.items)
    problems = [group for group in groups if group.kind is not Kind.RESOLVED]
    resolved = [group for group in groups if group.kind is Kind.RESOLVED]
    shown = [*problems[:OVERVIEW], *resolved[:OVERVIEW]]
    full = told_in_full(problems, alert)[: WITH_STEPS if alert.steps else GROUPS]
    view = _View(
        alert=alert,
        overview=by_urgency(problems[:OVERVIEW]) if len(problems) >= FEW or len(full) < len(problems) else (),
        full=full,
        again=repeated_steps(full),
        resolved=resolved[:OVERVIEW],
        left=attached.total - sum(len(group.items) for group in shown),
        rest=_rest(alert, attached),
        attached=_attached(alert, attached),
    )
    environment = _environment()
    return (
        environment.get_template("mail.html").render(view=view, alert=alert),
        environment.get_template("mail.txt").render(view=view, alert=alert),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers: dict[str, Any] = {
        "account_name": account_name,
        "count": count,
        "dated": dated,
        "in_brief": in_brief,
        "meaning": meaning,
        "more": more,
        "product_name": PRODUCT_NAME,
        "label": label,
        "gaps_of": grouped_gaps,
        "names": lambda group: account_names(group, NAMES, products=True),
        "product": product,
        "safe_url": safe_url,
        "accept_url": accept_url,
        "accept_command": ACCEPT_COMMAND,
        "step_places": step_places,
        "step_in_words": step_in_words,
        "way_back": way_back,
        "says_open": says_open,
        "says_the_same": says_the_same,
        "report": _report,
        "standing": _standing,
        "statement": statement,
        "remark": remark,
        "unchanged": UNCHANGED,
        "upn": user_principal_name,
        "when": moment,
    }
    environment.globals.update(helpers)
    environment.filters["clean"] = lambda text, limit=_TEXT: clean(str(text), limit)
    environment.filters["sentence"] = sentence
    return environment


def _rest(alert: Alert, attached: _Attached) -> str:
    """Where the changes are that aren't shown: ``the attached list shows them``, ``the report shows them``."""
    if alert.items and attached.all:
        return f"the attached list{' and the report show' if safe_url(alert.report_url) else ' shows'} them"
    return f"{_report(alert)} shows them"


def _attached(alert: Alert, attached: _Attached) -> str:
    if not alert.items:
        return ""
    changes = count(attached.total, "finding" if alert.purpose is Purpose.DIGEST else "change")
    if attached.all:
        return f"Attached as CSV and JSON: {changes}."
    csv, json = ("all" if some >= attached.total else f"the first {some:,}" for some in (attached.csv, attached.json))
    report = _report(alert).replace("the report", "The report")
    return f"Attached of {changes}: {csv} as CSV, {json} as JSON. {report} shows the rest."


def _report(alert: Alert) -> str:
    return "the report" if safe_url(alert.report_url) else REPORT_COMMAND


def _standing(alert: Alert) -> str:
    """How things stand: ``4 high, 2 medium``."""
    totals = alert.totals
    counts = ((totals.high, "high"), (totals.medium, "medium"), (totals.low, "low"))
    return ", ".join(f"{number:,} {word}" for number, word in counts if number) or "nothing"
