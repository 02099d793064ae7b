"""The report as one HTML page that needs nothing else: styles, script and data are in it, and it asks nobody for anything.

The page shows names from the tenant. Three things keep them text: the template escapes, the script only ever sets
``textContent`` (the browser enforces it: trusted types), and the Content-Security-Policy names the hashes of the page's own
style and script, so that nothing else runs.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alerts.links import policy_page
from checks.pages import CheckPage, page, page_ids
from reports import times
from reports.age import facts_line
from reports.changes import grouped
from reports.extras import Json, ReportExtras
from reports.figures import matrix, trend
from reports.page_data import GROUPS, group_of, most_urgent_first, page_data
from reports.passwords import STALE, headline, is_refused
from reports.plan import TOP, plan_of
from reports.served import Served
from reports.summary import Summary, finished, summarize
from reports.text import readable
from reports.words import (
    INPUT,
    OPTION,
    PLACES,
    SEVERITY,
    URGENCY,
    USABILITY,
    Words,
    option_of,
    say,
    verdict,
    works_words,
)

_TEMPLATES = Path(__file__).with_name("templates")
_PASSWORDS = 300
"""How many uses of a password are listed; ``cli.py legacy`` lists all."""
_WHOLE = 30
"""So long may a part of an address be and not be broken. (As an ``inline-block`` it would be read out with a space behind it.)"""
_WITHOUT_SCRIPT = 200
"""How many accounts are listed where no script runs, e.g. in a mail preview."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number at the top that filters the accounts."""

    key: str
    label: str
    number: int


@cache
def content_security_policy(*, acting: bool = False) -> str:
    """What the page may do: its own style and script, nothing else. As in the page's ``<meta>``.

    Only where somebody may do something on it (``acting``) it may send forms, and ask, and only this app.
    """
    scripts = " ".join(hash_of(asset(name)) for name in (("report.js", "act.js") if acting else ("report.js",)))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src {hash_of(_style(acting=acting))}",
            *(["connect-src 'self'"] if acting else []),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'self'" if acting else "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def security_headers(*, acting: bool = False) -> dict[str, str]:
    """The headers to send with the page over HTTP.

    Where forms are sent from it the browser must say whose page they are from: with ``no-referrer`` it would send ``Origin: null``,
    which App Service refuses, and so does this app. Source: Fetch Standard, "append a request Origin header".
    """
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"{content_security_policy(acting=acting)}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": referrer_policy(acting=acting),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-store",
    }


def referrer_policy(*, acting: bool = False) -> str:
    """Whom the page's address is told to: nobody, or only this app."""
    return "same-origin" if acting else "no-referrer"


def render_html(document: Json, extras: ReportExtras | None = None, served: Served | None = None) -> str:
    """The page for a scan document, with what the extras add, and what it has where the app serves it. Encode it as UTF-8."""
    until = served.until if served and served.may_act else None
    return filled(render_unfilled(document, extras, until, served=served is not None), served)


def filled(page: str, served: Served | None) -> str:
    """The page of :func:`render_unfilled` with what is different each time somebody opens it; without ``served``, with none of it.

    Raises ``ValueError`` for anything else.
    """
    before, first, rest = page.partition(_TOLD)
    between, second, after = rest.partition(_SCANS)
    if not first or not second:
        raise ValueError("It is no page that could be filled.")
    act: Any = environment().get_template("act.html").module
    told, listed = "", ""
    if served is not None:
        message = act.message(served.message) if served.message else ""
        told = f"{message}{act.desk(served.going_on) if served.may_act else ''}"
        listed = str(act.runs(served.last)) if served.runs else ""
    return "".join((before, told, between, listed, after))


# No name of a tenant is such a comment: its brackets are escaped, in the page and in its data.
_TOLD, _SCANS = "<!--told-->", "<!--scans-->"


def render_unfilled(
    document: Json,
    extras: ReportExtras | None = None,
    until: Mapping[str, str] | None = None,
    *,
    served: bool = True,
) -> str:
    """The page for everybody who may do the same: with ``until``, the days on which an exception may end, for those who may act.

    Where what :func:`filled` adds belongs, it has marks. ``served``: by the app, and not written into a file.
    """
    extras = extras or ReportExtras()
    acting = until is not None
    run, accounts = document["run"], document["accounts"]
    changes, summary, plan = extras.changes_of(run), summarize(document, extras), plan_of(document)
    return (
        environment()
        .get_template("report.html")
        .render(
            csp=Markup(content_security_policy(acting=acting)),  # noqa: S704  our own text
            referrer=referrer_policy(acting=acting),
            script=Markup(asset("report.js")),  # noqa: S704  our own file
            act_script=Markup(asset("act.js")) if acting else None,  # noqa: S704  our own file
            style=Markup(_style(acting=acting)),  # noqa: S704  our own files
            told=Markup(_TOLD),  # noqa: S704  our own text
            scans=Markup(_SCANS),  # noqa: S704  our own text
            until=until,
            acting=acting,
            served=served,
            data=page_data(document, extras, acting=acting, served=served),
            run=run,
            finished=times.moment(finished(document)),
            summary=summary,
            standing=_standing(summary),
            steps=plan["steps"],
            top=TOP,
            causes=_causes(plan, summary, extras.admin_center),
            also_unknown=_also_unknown(accounts),
            changes=grouped(changes),
            tiles=_tiles(accounts, {change["account"] for change in changes}),
            accounts=sorted(accounts, key=most_urgent_first)[:_WITHOUT_SCRIPT],
            total=len(accounts),
            gaps=_gaps(run["gaps"], accounts),
            simulations=document.get("simulations", ()),
            proposals=document.get("proposals", ()),
            passwords=_passwords(document.get("password_sign_ins", ()), accounts, finished(document)),
            exceptions=_exceptions(extras.exceptions, accounts, finished(document)),
            trend=trend(extras),
            matrix=matrix(accounts),
            pages=_pages(accounts, changes),
            facts=facts_line(finished(document).date()),
        )
    )


def _style(*, acting: bool) -> str:
    return asset("report.css") + (asset("act.css") if acting else "")


@cache
def environment() -> Environment:
    """The templates, and the words that they use."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    made.filters["severity"] = lambda name: say(SEVERITY, name)
    made.filters["option"] = lambda account: verdict(OPTION, option_of(account))
    made.filters["findings_to_accept"] = _to_accept
    made.filters["works"] = works_words
    made.filters["address"] = address
    made.filters["anchor"] = lambda id: quote(readable(id))
    made.filters["usability"] = lambda name: verdict(USABILITY, name)
    return made


def _to_accept(account: Json) -> list[tuple[str, str]]:
    """Id and title of each finding of an account that can be accepted, behind all of them together."""
    return [("", "Every finding"), *((one["check_id"], one["title"]) for one in account["findings"])]


def _clean(value: Any) -> Any:
    """What an expression of the template puts out: text without anything that steers a browser."""
    return readable(value) if type(value) is str else value


@cache
def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def hash_of(content: str) -> str:
    """A style or script as a Content-Security-Policy names it."""
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _tiles(accounts: list[Json], changed: set[str]) -> list[Tile]:
    """The numbers at the top: all of them but the first and the last add up to the first."""
    places = Counter(group_of(account) for account in accounts)
    tiles = [
        Tile("all", "All", len(accounts)),
        *(Tile(name, PLACES[name], places[name]) for name in GROUPS),
        Tile("changed", "Changed", sum(account["id"] in changed for account in accounts)),
    ]
    return [tile for tile in tiles if tile.number or tile.key in ("all", "now")]


def _also_unknown(accounts: list[Json]) -> int:
    """Accounts that can't be judged completely and stand in another group, because something is certain about them."""
    return sum(
        "unknown" in (account["visibility"], account["usability"]) and group_of(account) != "unknown"
        for account in accounts
    )


def _standing(summary: Summary) -> list[dict[str, Any]]:
    """How many accounts are broken now, will break, and so on, for the line under the headline."""
    following = f"the next on {times.day(summary.groups.next)}" if summary.groups.next else ""
    return [
        {"name": name, "label": words.label, "number": number, "more": following if name == "later" else ""}
        for name, words in URGENCY.items()
        if (number := summary.groups.of(name))
    ]


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """What is behind the findings of one urgency."""

    name: str
    words: Words
    accounts: int
    """How many accounts stand in this group; others may have such findings besides worse ones."""
    causes: list[dict[str, Any]]


def _causes(plan: Json, summary: Summary, admin_center: str) -> list[CauseGroup]:
    """The causes of the plan by urgency, each with a link to its policy."""
    shown: dict[str, list[dict[str, Any]]] = {name: [] for name in URGENCY}
    for cause in plan["causes"]:
        on = cause["urgency"]["date"]
        shown.setdefault(cause["urgency"]["group"], []).append(
            {
                **cause,
                "policy_url": policy_page(admin_center, cause["policy_id"]) or "",
                "since": times.moment(times.parse(cause["since"])) if cause["since"] else "",
                "on": times.day(times.parse(on)) if on else "",
                "by": cause["actor"] or "",
            }
        )
    return [
        CauseGroup(name, verdict(URGENCY, name), summary.groups.of(name), causes)
        for name, causes in shown.items()
        if causes
    ]


def address(name: str) -> Markup:
    """A user principal name that breaks before its ``@``, and elsewhere only where a part is too long for its column."""
    local, at, domain = readable(name).rpartition("@")
    return Markup("<bdi>{}<wbr>{}</bdi>").format(_piece(local), _piece(at + domain))


def _piece(part: str) -> Markup:
    long = "yes" if len(part) > _WHOLE else "no"
    return Markup('<span class="piece" data-long="{}">{}</span>').format(long, part)


def _gaps(gaps: list[Json], accounts: list[Json]) -> list[dict[str, Any]]:
    """Unreadable inputs; those of single accounts that are alike are one line."""
    names: dict[str, str] = {account["id"]: account["user_principal_name"] for account in accounts}
    lines: dict[tuple[str, str, str | None, str | None], list[str]] = {}
    for gap in gaps:
        of = lines.setdefault((gap["input"], gap["error"], gap["permission"], gap.get("for_a_person")), [])
        if gap.get("account") and str(gap["account"]) not in gap["input"]:
            of.append(names.get(gap["account"]) or gap["account"])
    return [
        {
            "input": say(INPUT, name),
            "error": error,
            "permission": permission,
            "for_a_person": for_a_person,
            "accounts": of[:5],
            "others": len(of[5:]),
        }
        for (name, error, permission, for_a_person), of in lines.items()
    ]


def _exceptions(exceptions: Any, accounts: list[Json], now: Any) -> list[dict[str, Any]]:
    """Exceptions that hold, the next to end first."""
    known = {account["id"] for account in accounts}
    holding = [one for one in exceptions if not one.get("ended_at") and str(one["until"]) >= now.date().isoformat()]
    return [
        {
            "id": readable(one.get("id") or ""),
            "account": readable(one["account"]),
            "linked": one["account"] in known,
            "name": one["user_principal_name"],
            "check": one.get("check_id") or "Every check",
            "reason": one["reason"],
            "owner": one["owner"],
            "until": times.day(times.parse(str(one["until"]))),
            "days": (times.parse(str(one["until"])).date() - now.date()).days,
        }
        for one in sorted(holding, key=lambda one: (str(one["until"]), str(one["user_principal_name"])))
    ]


def _passwords(rows: Sequence[Json], accounts: list[Json], now: datetime) -> dict[str, Any]:
    """Who still signs in with a password, the selected accounts first; at most as many as fit a page."""
    known = {account["id"] for account in accounts}
    shown = [
        {
            **row,
            "linked": row["account"] in known,
            "name": row["user_principal_name"] or row["account"],
            "last": times.moment(times.parse(row["last"])) if row["last"] else None,
            "as_of": times.day(times.parse(row["as_of"])) if row["as_of"] else None,
            "old": bool(row["as_of"]) and now - times.parse(row["as_of"]) > STALE,
            "refused_last": is_refused(row),
            "ends": _ends(row["retirement"], now),
        }
        for row in rows[:_PASSWORDS]
    ]
    return {"headline": headline(rows), "rows": shown, "others": len(rows) - len(shown)}


def _ends(retirement: Json | None, now: datetime) -> str | None:
    if not retirement:
        return None
    day = times.parse(retirement["date"])
    return times.day(day) if day > now else f"ended {times.day(day)}"


def _pages(accounts: list[Json], changes: list[Json]) -> list[CheckPage]:
    """The pages about the checks that this report names, in the order of their ids."""
    named = {finding["check_id"] for account in accounts for finding in account["findings"]}
    named |= {change["check_id"] for change in changes}
    return [page(check_id) for check_id in page_ids() if check_id in named]
