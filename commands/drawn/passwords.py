"""Who still signs in with a password, for the terminal."""

from collections.abc import Mapping
from typing import Any

from commands.drawn.paper import Paper
from commands.drawn.scan import say_domain, shared_domain
from reports.passwords import cell, is_refused

_HEAD = ("Account", "Signs in with", "Days", "Got in", "Refused", "Last", "Ends")
_WHOLE = (2, 4, 6)


def render_passwords(document: Mapping[str, Any], width: int | None = None) -> str:
    """The document as text, no wider than ``width`` columns (60 at least; default: the terminal's)."""
    paper = Paper(width)
    paper.write(document["headline"])
    if rows := document["password_sign_ins"]:
        paper.blank()
        domain = shared_domain(map(_name, rows))
        say_domain(domain, paper)
        paper.table(_HEAD, [_cells(row, domain) for row in rows], whole=_WHOLE, names=0)
    if document["notes"]:
        paper.blank()
    for note in document["notes"]:
        paper.write(note)
    return str(paper)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["user_principal_name"] or row["account"])


def _with(row: Mapping[str, Any]) -> str:
    client = row["client"] if row["legacy"] else "sends the password"
    return f"{client} ({row['application']})" if row["application"] else str(client)


def _cells(row: Mapping[str, Any], domain: str) -> list[str]:
    got_in = cell(row["got_in"]) or (f"{row['messages']:,} sent" if row["messages"] is not None else "")
    return [
        _name(row).removesuffix(domain),
        _with(row),
        cell(row["days"]),
        got_in,
        cell(row["refused"]),
        _last(row),
        str((row["retirement"] or {}).get("date") or ""),
    ]


def _last(row: Mapping[str, Any]) -> str:
    if not row["last"]:
        return f"report {str(row['as_of'])[:10]}"
    return f"{str(row['last'])[:10]}{', refused' if is_refused(row) else ''}"
