"""The Teams card: what changed, worst first, with account, cause, since when, who, and the next step.

Teams refuses messages of more than 28 KB, so the card is made with less and less detail until it fits; what isn't shown is
counted and linked. Nobody reads sixty paragraphs in a chat anyway.
"""

import json
from dataclasses import dataclass
from typing import Any

from alerts.elements import Json, box, buttons, heading, line, link, open_url, run, spaced
from alerts.groups import (
    HOW,
    GapGroup,
    Group,
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

MAX_BYTES = 27_500
"""Of the message as JSON. 28 KB is the limit of Teams; a workflow wraps the card into a little more."""

FALLBACK = "This program can't show what changed with your service accounts: open the message in a newer Teams."
"""In place of the card where it can't be drawn. Programs read it as Markdown, so nothing of a tenant stands in it."""

NAMED = 140
"""Characters of an account's name with what uses it."""

BUTTONS = 3
"""With more groups than this, the names of accounts are links instead: a column of buttons is no longer read."""

_COLOURS = {Severity.HIGH: "Attention", Severity.MEDIUM: "Warning", Severity.LOW: "Accent"}


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much a card shows."""

    full: int
    """Groups that are told in full."""
    short: int
    """Groups after those that get a line each, and as many resolved ones."""
    names: int
    """Accounts that are named in a group."""
    text: int
    """Characters of a sentence; a note is a few of them."""
    notes: int
    """Notes that are shown."""


_DETAILS = (
    _Detail(full=6, short=8, names=6, text=500, notes=12),
    _Detail(full=5, short=6, names=5, text=350, notes=10),
    _Detail(full=4, short=4, names=4, text=250, notes=8),
    _Detail(full=3, short=3, names=3, text=160, notes=6),
    _Detail(full=2, short=2, names=2, text=100, notes=4),
    _Detail(full=1, short=1, names=1, text=80, notes=3),
)
"""From the most to the least. The last one fits whatever the names are: about 40 texts of at most 12 bytes a character."""


def card_message(alert: Alert) -> Json:
    """The message for a Workflows webhook, under 28 KB as JSON however it is escaped."""
    groups = grouped(alert.items)
    for detail in _DETAILS:
        message = _message(_card(alert, groups, detail))
        if size_of(message) <= MAX_BYTES:
            return message
    raise AssertionError("the smallest card doesn't fit")


def size_of(message: Json) -> int:
    """Bytes of the message in the longest of the usual ways to write JSON (ASCII only)."""
    return len(json.dumps(message))


def _message(card: Json) -> Json:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _card(alert: Alert, groups: tuple[Group, ...], detail: _Detail) -> Json:
    problems = [group for group in groups if group.kind is not Kind.RESOLVED]
    resolved = [group for group in groups if group.kind is Kind.RESOLVED]
    body = [_top(alert)]
    body += _notes(alert, detail)
    body += [line(run(meaning(alert), detail.text, isSubtle=True), spacing="Small")] if meaning(alert) else []
    body += _steps(alert, detail)
    button = len(problems) <= BUTTONS
    full = told_in_full(problems, alert)[: detail.full]
    again = repeated_steps(full)
    shorter = problems[len(full) : len(full) + detail.short]
    for title, groups_of in by_urgency([*full, *shorter]):
        body += [heading(title)] if title else []
        for group in groups_of:
            place = problems.index(group)
            if place < len(full):
                body.append(_full(group, alert, detail, button=button, step_again=place in again))
            else:
                body += [heading("Also")] if place == len(full) and not title else []
                first = {"spacing": "Medium"} if place == len(full) > 0 else {}
                body.append({**_short(group, alert, detail), **first})
    if resolved:
        body += [heading("Resolved"), *(_short(group, alert, detail) for group in resolved[: detail.short])]
    told = [*full, *shorter, *resolved[: detail.short]]
    left = max(len(alert.items), sum(alert.counts.values())) - sum(len(group.items) for group in told)
    if left > 0:
        where = ": see the report." if safe_url(alert.report_url) else "."
        body.append(line(run(f"{more(alert, left)}{where}", 100, weight="Bolder"), spacing="Medium"))
    body += _gaps(alert, detail)
    counted = left > 0 or any(group.accounts > detail.names for group in full)
    counted = counted or any(group.accounts > 1 for group in (*shorter, *resolved))
    body += _bottom(alert, all_named=not counted and len(alert.gaps) <= _gaps_shown(detail))
    body[1:2] = [{**element, "separator": False} for element in body[1:2]]  # the coloured top is border enough
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "lang": "en",
        "msteams": {"width": "Full"},
        "fallbackText": FALLBACK,
        "body": body,
    }


def _notes(alert: Alert, detail: _Detail) -> list[Json]:
    """The sentences below the headline, and how many more there are."""
    shown = [line(run(note, 2 * detail.text), spacing="Small") for note in alert.notes[: detail.notes]]
    left = len(alert.notes) - len(shown)
    if left > 0:
        shown.append(line(run(f"And {count(left, 'other thing')} to know.", 60, weight="Bolder"), spacing="Small"))
    return shown


def _steps(alert: Alert, detail: _Detail) -> list[Json]:
    """What to do first, of everything that is open."""
    if not alert.steps:
        return []
    return [
        heading("What to do first"),
        *(
            line(run(f"{place}.", 5, weight="Bolder"), spaced(step.text, detail.text), spacing="Small")
            for place, step in enumerate(alert.steps, start=1)
        ),
    ]


def _top(alert: Alert) -> Json:
    tenant = [spaced(f"· {alert.tenant_name}", 90, isSubtle=True)] if alert.tenant_name else []
    subtle: dict[str, Any] = {"isSubtle": True, "size": "Small"}
    verbs = {Purpose.CHANGES: "scanned", **dict.fromkeys((Purpose.DIGEST, Purpose.SIGHT, Purpose.PREDICTION), "as of")}
    verb = verbs.get(alert.purpose, "")
    return box(
        [
            line(run(alert.headline, 240, size="Large", weight="Bolder")),
            line(
                run(PRODUCT_NAME, 40, **subtle),
                *({**one, "size": "Small"} for one in tenant),
                spaced(f"· {f'{verb} ' if verb else ''}{moment(alert.created)}", 60, **subtle),
                spacing="Small",
            ),
            *([line(run(f"{alert.totals.standing}.", 200), spacing="Small")] if alert.totals.standing else []),
        ],
        style=_style(alert),
        bleed=True,
    )


def _style(alert: Alert) -> str:
    if alert.good_news:
        return "good"
    if alert.severity is Severity.HIGH or alert.purpose is Purpose.FAILURE:
        return "attention"
    warns = alert.purpose in (Purpose.SIGHT, Purpose.PREDICTION)
    return "warning" if alert.severity or alert.gaps or warns else "accent"


def _full(group: Group, alert: Alert, detail: _Detail, *, button: bool, step_again: bool) -> Json:
    item = group.first
    what = line(
        run(item.severity.capitalize(), 10, weight="Bolder", size="Small", color=_COLOURS[item.severity]),
        spaced(f"· {label(item.kind, baseline=alert.baseline)}", 30, size="Small", isSubtle=True),
    )
    said = statement(group, baseline=alert.baseline)
    # Where it is the only thing to say, the headline has said it.
    parts = [what, line(run(said, 200, weight="Bolder"), spacing="None")] if said != alert.headline else [what]
    single = len(group.items) == 1
    url = safe_url(item.entra_url)
    used_by = product(item)
    if single and not (says_the_same(item) and not used_by and (button or url is None)):
        target = None if button else url
        parts.append(line(link(f"{account_name(item)}{used_by}", NAMED, target, isSubtle=True), spacing="None"))
    parts.append(line(run(sentence(group.cause), detail.text), spacing="Small"))
    special = remark(group)
    if special:
        parts.append(line(run(special, detail.text, italic=True), spacing="Small"))
    parts += _facts(group, alert, detail, step_again=step_again)
    policy = safe_url(item.policy_url)
    targets = [open_url("Open account in Entra", url)] if single and url else []
    targets += [open_url("Open policy in Entra", policy)] if policy else []
    accepting = accept_url(alert.report_url, item.account_id) if single else None
    targets += [open_url("Accept with a reason", accepting)] if accepting else []
    if button and targets:
        parts.append(buttons(*targets))
    elif policy:
        parts.append(line(link("Open policy in Entra", 30, policy), spacing="Small"))
    return box(parts, spacing="Medium", style="emphasis")


def _facts(group: Group, alert: Alert, detail: _Detail, *, step_again: bool) -> list[Json]:
    """Since when, who, which accounts, and what to do."""
    facts = []
    since = dated(group)
    if since:
        facts.append(line(run(since[0], 30, weight="Bolder"), spaced(f"{since[1]}.", HOW + 10), spacing="Small"))
    if len(group.items) > 1:
        facts.append(_names(group, detail))
    step = group.next_step
    if step:
        first = step_in_words(alert, group, again=step_again)
        if step.steps and not step_again and not step_places(alert, group):
            first += f" {step.steps[0]}"
        facts.append(line(run("Next step", 20, weight="Bolder"), spaced(first, detail.text), spacing="Small"))
    if back := way_back(alert, group):
        facts.append(line(run("Way back", 20, weight="Bolder"), spaced(back, 200), spacing="Small"))
    return facts


def _names(group: Group, detail: _Detail) -> Json:
    """The accounts of a group, each leading to its page in the Entra admin center."""
    shown = list({item.account_id: item for item in group.items}.values())
    runs = [run("Accounts", 20, weight="Bolder")]
    for number, item in enumerate(shown[: detail.names]):
        runs.append({"type": "TextRun", "text": ", " if number else " "})
        runs.append(link(f"{user_principal_name(item)}{product(item)}", NAMED, item.entra_url))
    others = group.accounts - min(len(shown), detail.names)
    if others > 0:
        runs.append(spaced(f"and {others:,} more", 40))
    return line(*runs, spacing="Small")


def _short(group: Group, alert: Alert, detail: _Detail) -> Json:
    if group.kind is Kind.RESOLVED:
        cause = spaced(sentence(group.cause), min(detail.text, 200), isSubtle=True)
        return line(run(f"{statement(group)}.", detail.text), cause, spacing="Small")
    return line(
        run(group.severity.capitalize(), 10, weight="Bolder", color=_COLOURS[group.severity]),
        spaced(f"· {label(group.kind, baseline=alert.baseline)} ·", 30, isSubtle=True),
        spaced(statement(group, baseline=alert.baseline), 200),
        *(spaced(f"· {said}", min(detail.text, 250), isSubtle=True) for said in in_brief(group)),
        spacing="Small",
    )


def _gaps(alert: Alert, detail: _Detail) -> list[Json]:
    if not alert.gaps:
        return []
    groups = grouped_gaps(alert.gaps)
    shown = groups[: _gaps_shown(detail)]
    lines = [heading("Could not be read"), *(_gap(group, detail) for group in shown)]
    if len(groups) > len(shown):
        lines.append(line(run(f"And {count(len(groups) - len(shown), 'other input')}.", 60), spacing="Small"))
    if not alert.baseline:
        lines.append(line(run(UNCHANGED, 80, isSubtle=True), spacing="Small"))
    return lines


def _gaps_shown(detail: _Detail) -> int:
    return min(3, detail.short)


def _gap(gap: GapGroup, detail: _Detail) -> Json:
    runs = [run(gap.what, 190, weight="Bolder"), spaced(f"({gap.error}).", min(detail.text, 160), isSubtle=True)]
    if gap.permission:
        runs.append(spaced(f"Grant this product {gap.permission}.", 120))
    return line(*runs, spacing="Small")


def _bottom(alert: Alert, *, all_named: bool) -> list[Json]:
    """How things stand, and where everything is that was only counted."""
    parts = []
    if says_open(alert) and not alert.totals.standing:
        counts = ((alert.totals.high, "high"), (alert.totals.medium, "medium"), (alert.totals.low, "low"))
        standing = ", ".join(f"{number:,} {word}" for number, word in counts if number) or "nothing"
        parts.append(
            line(run(f"Open now: {standing}.", 80, isSubtle=True, size="Small"), spacing="Large", separator=True)
        )
    url = safe_url(alert.report_url)
    if url:
        parts.append(buttons(open_url("Open the report", url, style="positive")))
    elif not all_named:
        parts.append(line(run(f"{REPORT_COMMAND} shows everything.", 80, isSubtle=True, size="Small"), spacing="Small"))
    if not url and any(item.kind is not Kind.RESOLVED for item in alert.items):
        parts.append(line(run(ACCEPT_COMMAND, 200, isSubtle=True, size="Small"), spacing="Small"))
    return parts
