"""A scan for the terminal: plain text, no wider than asked for."""

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from commands.drawn.paper import Paper, terminal_size
from commands.drawn.proposals import draw_proposals
from reports import times
from reports.age import facts_line
from reports.extras import Json, ReportExtras
from reports.page_data import group_of, most_urgent_first, rank, worst_first
from reports.plan import TOP, plan_of, step_sentence
from reports.summary import finished, summarize
from reports.text import readable
from reports.words import (
    OPTION,
    PLACES,
    SEVERITY,
    count,
    gap_sentence,
    groups_in_words,
    option_of,
    say,
    verdict,
    works_words,
)

_RANKS = {4: "high", 3: "medium", 2: "low", 1: "accepted", 0: "none"}
_LABELS = {**SEVERITY, "none": "No finding", "accepted": "Accepted"}
_NAMES = 6
"""How many alike accounts are named."""
_ORDER = tuple(OPTION)


def render_table(
    document: Json,
    width: int | None = None,
    color: bool = False,
    extras: ReportExtras | None = None,
    *,
    brief: bool = False,
    lines: int | None = None,
) -> str:
    """The document as text: one sentence, a line per account, then the accounts with findings and their reasons.

    ``width`` is in columns (60 at least; default: the terminal's); ``color`` adds ANSI colours; ``brief`` says of accounts only how
    many are how. What is longer than ``lines`` (default: the terminal's) ends with the sentence again that it began with.
    """
    summary = summarize(document, extras or ReportExtras())
    paper = Paper(width, color=color)
    paper.write(summary.headline, "heading")
    where = groups_in_words(summary.groups)
    for sentence in (f"{where}." if where else None, summary.unknown, *summary.asides):
        if sentence:
            paper.write(sentence)
    _Table(paper, document).draw(brief)
    if str(paper).count("\n") > (terminal_size()[1] if lines is None else lines):
        paper.blank()
        paper.write(summary.headline, "heading")
    return str(paper)


class _Table:
    def __init__(self, paper: Paper, document: Json) -> None:
        self._paper, self._document = paper, document
        self._accounts: list[Json] = sorted(document["accounts"], key=_worst_first)
        self._domain = shared_domain(account["user_principal_name"] for account in self._accounts)

    def draw(self, brief: bool) -> None:
        run = self._document["run"]
        state = "complete" if run["complete"] else "incomplete"
        tenant = run.get("tenant_name") or run["tenant_id"] or "tenant unknown"
        self._paper.write(f"{tenant}, {times.moment(finished(self._document))}, {state}", "quiet")
        self._plan(plan_of(self._document)["steps"])
        if self._accounts:
            self._paper.blank()
            self._counts() if brief else self._overview()
        for alike in [] if brief else _alike(self._accounts):
            self._paper.blank()
            self._details(alike)
        if run["gaps"]:
            self._paper.blank()
            self._gaps(run["gaps"])
        if not brief and self._document.get("proposals"):
            self._paper.blank()
            draw_proposals(self._document, self._paper)
        if self._accounts:
            self._paper.blank()
            self._paper.write(facts_line(finished(self._document).date()), "quiet")

    def _plan(self, steps: list[Json]) -> None:
        """The steps that solve most."""
        if not steps:
            return
        self._paper.blank()
        self._paper.write("What to do first", "heading")
        for place, step in enumerate(steps[:TOP], start=1):
            self._paper.write(step_sentence(step), None, f"{place}. ", "   ")
        if (more := len(steps) - TOP) > 0:
            self._paper.write(f"And {count(more, 'more step', 'more steps')}: the report lists them.", "quiet")

    def _overview(self) -> None:
        say_domain(self._domain, self._paper)
        rows, styles = [], []
        for group, accounts in groupby(self._accounts, group_of):
            members = list(accounts)
            rows.append((f"{PLACES[group]} ({len(members):,})", "", "", ""))
            styles.append("heading")
            for account in members:
                name = _RANKS[rank(account)]
                rows.append((f"  {_LABELS[name]}", self._short(account), _option(account), works_words(account).label))
                styles.append(name)
        head = ("Severity", "Account", "App password option", "App password works")
        self._paper.table(head, rows, styles, names=1)

    def _counts(self) -> None:
        found = Counter((_RANKS[rank(account)], _option(account)) for account in self._accounts)
        self._paper.table(
            ("Severity", "Accounts", "App password option"),
            ((_LABELS[name], f"{number:,}", option) for (name, option), number in found.items()),
            [name for name, _ in found],
        )

    def _short(self, account: Json) -> str:
        return str(account["user_principal_name"]).removesuffix(self._domain)

    def _details(self, alike: list[Json]) -> None:
        """What is the same for these accounts."""
        write, account = self._paper.write, alike[0]
        names = ", ".join(self._named(one) for one in alike[:_NAMES])
        write(names + (f" and {len(alike) - _NAMES:,} more" if len(alike) > _NAMES else ""), "heading")
        findings = worst_first(account["findings"])
        for finding in findings:
            severity = say(SEVERITY, finding["severity"])
            first = f"{severity}: {finding['title']} ({finding['check_id']}), found {_moment(finding['first_seen'])}"
            write(first, finding["severity"], "  ")
            if exception := finding.get("exception"):
                accepted = f"Accepted until {times.day(times.parse(str(exception['until'])))} by {exception['owner']}: {exception['reason']}"
                write(accepted, "quiet", "    ")
        for reason in account["reasons"]:
            write(reason["text"], None, "  - ", "    ")
            if reason.get("cause"):
                write(reason["cause"], "quiet", "    ")
            elif reason.get("actor"):
                write(f"Changed by {reason['actor']}.", "quiet", "    ")
        for check in (account.get("cross_check"), account.get("sign_in_check")):
            if not check or check["result"] == "not_checked":
                continue
            write(check["text"], None if check["result"] == "disagrees" else "quiet", "  ", "    ")
        if exchange := account.get("exchange"):
            write(exchange["text"], "quiet" if exchange["stale"] else None, "  ", "    ")
            if exchange["command"]:
                write(exchange["command"], "quiet", "    ")
        if account["remediation"]:
            write(f"What to do: {account['remediation'][0]['title']}", None, "  ", "    ")
        else:
            write(f"What to do: python cli.py checks {findings[0]['check_id']}", None, "  ", "    ")

    def _named(self, account: Json) -> str:
        name, shown = readable(self._short(account)), readable(account["display_name"])
        return f"{name} ({shown})" if shown else name

    def _gaps(self, gaps: list[Json]) -> None:
        names = {one["id"]: one["user_principal_name"] for one in self._accounts}
        self._paper.write("What could not be read", "heading")
        for gap in gaps:
            self._paper.write(gap_sentence(gap, names), None, "  - ", "    ")


def shared_domain(names: Iterable[str]) -> str:
    """The domain that most of several names end with, from its @ on: it isn't to be repeated. Empty where there is none."""
    ends = [name[place:] if (place := name.rfind("@")) > 0 else "" for name in names]
    domain, times = Counter(ends).most_common(1)[0] if ends else ("", 0)
    return domain if times > 1 and times * 2 > len(ends) else ""


def say_domain(domain: str, paper: Paper) -> None:
    """Say once what isn't repeated below."""
    if domain:
        paper.write(f"Where an account has no domain, it is {domain}", "quiet")
        paper.blank()


def _worst_first(account: Json) -> tuple[int, int, int, str]:
    option = option_of(account)
    group, severity, name = most_urgent_first(account)
    return group, severity, _ORDER.index(option) if option in _ORDER else -1, name


def _option(account: Json) -> str:
    return verdict(OPTION, option_of(account)).label


def _alike(accounts: list[Json]) -> list[list[Json]]:
    """The accounts with findings, those together of which the same is to be said."""
    groups: dict[str, list[Json]] = {}
    for account in accounts:
        if account["findings"]:
            same = (account["findings"], account["reasons"], account["remediation"][:1])
            beside = (account.get("cross_check"), account.get("sign_in_check"), account.get("exchange"))
            groups.setdefault(repr((same, beside)), []).append(account)
    return list(groups.values())


def _moment(text: str) -> str:
    return times.moment(times.parse(text))
