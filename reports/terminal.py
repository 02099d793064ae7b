"""A scan for the terminal: plain text, no wider than asked for."""

import textwrap
from collections.abc import Iterator

from reports import times
from reports.age import facts_line
from reports.extras import Json, ReportExtras
from reports.page_data import group_of, most_urgent_first, rank, worst_first
from reports.plan import TOP, plan_of, step_sentence
from reports.proposals import proposal_lines
from reports.summary import finished, summarize
from reports.text import fit, readable, width
from reports.words import (
    OPTION,
    SEVERITY,
    URGENCY,
    count,
    gap_sentence,
    groups_in_words,
    option_of,
    say,
    verdict,
    works_words,
)

_COLOURS = {"high": "31;1", "medium": "33", "low": "34", "none": "32", "accepted": "2", "heading": "1", "quiet": "2"}
_NARROWEST = 60
_RANKS = {4: "high", 3: "medium", 2: "low", 1: "accepted", 0: "none"}
_LABELS = {**SEVERITY, "none": "No finding", "accepted": "Accepted"}
_GROUPS = {**{name: words.label for name, words in URGENCY.items()}, "accepted": "Accepted", "none": "No finding"}
_NAMES = 6
"""How many alike accounts are named."""
_ORDER = tuple(OPTION)


def render_table(document: Json, width: int = 100, color: bool = False, extras: ReportExtras | None = None) -> str:
    """The document as text: one sentence, a line per account, then the accounts with findings and their reasons.

    ``width`` is the terminal's, in columns (60 at least); ``color`` adds ANSI colours.
    """
    return "\n".join(line.rstrip() for line in _Table(max(width, _NARROWEST), color).lines(document, extras)) + "\n"


class _Table:
    def __init__(self, width: int, color: bool) -> None:
        self._width, self._color = width, color

    def lines(self, document: Json, extras: ReportExtras | None) -> Iterator[str]:
        run = document["run"]
        summary = summarize(document, extras or ReportExtras())
        yield from self._wrapped(summary.headline, "heading")
        where = groups_in_words(summary.groups)
        for sentence in (f"{where}." if where else None, summary.unknown, *summary.asides):
            if sentence:
                yield from self._wrapped(sentence)
        state = "complete" if run["complete"] else "incomplete"
        tenant = run.get("tenant_name") or run["tenant_id"] or "tenant unknown"
        yield from self._wrapped(f"{tenant}, {times.moment(finished(document))}, {state}", "quiet")
        accounts = sorted(document["accounts"], key=_worst_first)
        yield from self._plan(plan_of(document)["steps"])
        if accounts:
            yield ""
            yield from self._overview(accounts)
        for alike in _alike(accounts):
            yield ""
            yield from self._details(alike)
        if run["gaps"]:
            yield ""
            yield from self._gaps(run["gaps"], {one["id"]: one["user_principal_name"] for one in accounts})
        if proposals := list(proposal_lines(document, self._width)):
            yield ""
            yield from proposals
        if accounts:
            yield ""
            yield from self._wrapped(facts_line(finished(document).date()), "quiet")

    def _plan(self, steps: list[Json]) -> Iterator[str]:
        """The steps that solve most."""
        if not steps:
            return
        yield ""
        yield self._paint("What to do first", "heading")
        for place, step in enumerate(steps[:TOP], start=1):
            yield from self._wrapped(f"{place}. {step_sentence(step)}", None, "", "   ")
        if (more := len(steps) - TOP) > 0:
            yield from self._wrapped(f"And {count(more, 'more step', 'more steps')}: the report lists them.", "quiet")

    def _overview(self, accounts: list[Json]) -> Iterator[str]:
        names = [readable(account["user_principal_name"]) for account in accounts]
        options = [verdict(OPTION, option_of(account)).label for account in accounts]
        works = [works_words(account).label for account in accounts]
        columns = [10, *(max(map(width, cells)) for cells in (names, options, works))]
        columns = [columns[0], max(columns[1], 7), max(columns[2], 19), max(columns[3], 18)]
        while sum(columns) + 6 > self._width and max(columns[1:]) > 12:
            columns[columns.index(max(columns[1:]), 1)] -= 1
        head = ("Severity", "Account", "App password option", "App password works")
        yield self._paint("  ".join(map(fit, head, columns)).rstrip(), "quiet")
        before = ""
        for account, *cells in zip(accounts, names, options, works, strict=True):
            if (group := group_of(account)) != before:
                before = group
                number = sum(group_of(one) == group for one in accounts)
                yield self._paint(f"{_GROUPS[group]} ({number:,})", "heading")
            name = _RANKS[rank(account)]
            line = "  ".join(map(fit, cells, columns[1:]))
            yield f"{self._paint(fit(_LABELS[name], columns[0]), name)}  {line}"

    def _details(self, alike: list[Json]) -> Iterator[str]:
        """What is the same for these accounts."""
        account, names = alike[0], ", ".join(_named(one) for one in alike[:_NAMES])
        more = f" and {len(alike) - _NAMES:,} more" if len(alike) > _NAMES else ""
        yield from self._wrapped(names + more, "heading")
        findings = worst_first(account["findings"])
        for finding in findings:
            severity = say(SEVERITY, finding["severity"])
            first = f"{severity}: {finding['title']} ({finding['check_id']}), found {_moment(finding['first_seen'])}"
            yield from self._wrapped(first, finding["severity"], "  ")
            if exception := finding.get("exception"):
                accepted = f"Accepted until {times.day(times.parse(str(exception['until'])))} by {exception['owner']}: {exception['reason']}"
                yield from self._wrapped(accepted, "quiet", "    ")
        for reason in account["reasons"]:
            yield from self._wrapped(f"- {reason['text']}", None, "  ", "    ")
            if reason.get("cause"):
                yield from self._wrapped(reason["cause"], "quiet", "    ")
            elif reason.get("actor"):
                yield from self._wrapped(f"Changed by {reason['actor']}.", "quiet", "    ")
        for check in (account.get("cross_check"), account.get("sign_in_check")):
            if not check or check["result"] == "not_checked":
                continue
            yield from self._wrapped(check["text"], None if check["result"] == "disagrees" else "quiet", "  ", "    ")
        if exchange := account.get("exchange"):
            yield from self._wrapped(exchange["text"], "quiet" if exchange["stale"] else None, "  ", "    ")
            if exchange["command"]:
                yield from self._wrapped(exchange["command"], "quiet", "    ")
        if account["remediation"]:
            yield from self._wrapped(f"What to do: {account['remediation'][0]['title']}", None, "  ", "    ")
        else:
            worst = findings[0]["check_id"]
            yield from self._wrapped(f"What to do: python cli.py checks {worst}", None, "  ", "    ")

    def _gaps(self, gaps: list[Json], names: dict[str, str]) -> Iterator[str]:
        yield self._paint("What could not be read", "heading")
        for gap in gaps:
            yield from self._wrapped(f"- {gap_sentence(gap, names)}", None, "  ", "    ")

    def _wrapped(self, text: str, style: str | None = None, indent: str = "", hang: str | None = None) -> Iterator[str]:
        rest = indent if hang is None else hang
        text = readable(text)
        # textwrap counts characters; where some take two columns, half as many fit for certain.
        columns = self._width if width(text) <= len(text) else self._width // 2
        for line in textwrap.wrap(text, columns, initial_indent=indent, subsequent_indent=rest):
            yield self._paint(line, style)

    def _paint(self, text: str, style: str | None) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self._color and style in _COLOURS else text


def _worst_first(account: Json) -> tuple[int, int, int, str]:
    option = option_of(account)
    group, severity, name = most_urgent_first(account)
    return group, severity, _ORDER.index(option) if option in _ORDER else -1, name


def _alike(accounts: list[Json]) -> list[list[Json]]:
    """The accounts with findings, those together of which the same is to be said."""
    groups: dict[str, list[Json]] = {}
    for account in accounts:
        if account["findings"]:
            same = (account["findings"], account["reasons"], account["remediation"][:1])
            beside = (account.get("cross_check"), account.get("sign_in_check"), account.get("exchange"))
            groups.setdefault(repr((same, beside)), []).append(account)
    return list(groups.values())


def _named(account: Json) -> str:
    name, shown = readable(account["user_principal_name"]), readable(account["display_name"])
    return f"{name} ({shown})" if shown else name


def _moment(text: str) -> str:
    return times.moment(times.parse(text))
