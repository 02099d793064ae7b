"""Asks Microsoft's What If about accounts with findings, newest findings first, as far as the budget of a scan goes.

What it said is remembered: an answer holds as long as the findings are the same, and is asked for again after a week.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from checks.cross_check import clients_to_ask, compare, security_defaults_on, worth_asking
from checks.model import CrossCheck, JudgedAccount
from evidence.store import Evidence
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError
from tenant.model import Tenant
from tenant.turns import Turns
from tenant.what_if import ask_what_if, explain

HOLDS = timedelta(days=7)
FORGOTTEN = timedelta(days=60)
_NAME = "what_if"
_RESULTS = frozenset({"agrees", "disagrees", "not_checked"})

Json = dict[str, Any]


async def cross_checked(
    graph: Graph,
    evidence: Evidence,
    turns: Turns,
    gaps: Gaps,
    tenant: Tenant,
    judged: Sequence[JudgedAccount],
    first_seen: Callable[[JudgedAccount], datetime],
    now: datetime,
) -> list[JudgedAccount]:
    """The accounts with what What If says of them, as far as it was asked, in the given order.

    ``first_seen``: since when the newest finding of an account is known. What can't be asked becomes an optional gap, once.
    Raises ``StorageError`` where the answers can't be kept.
    """
    today = now.date()
    wanted = [one for one in judged if worth_asking(one)]
    if tenant.security_defaults is True:
        ids = {one.account.id for one in wanted}
        return [
            replace(one, cross_check=security_defaults_on(today)) if one.account.id in ids else one for one in judged
        ]
    kept = await evidence.recall(_NAME)
    rows = {id: row for id, row in kept.items() if _is_row(row)}
    if len(rows) < len(kept):
        evidence.note(_NAME)
    known = {one.account.id: check for one in wanted if (check := _kept(rows, one))}
    due = [one for one in wanted if not _fresh(known.get(one.account.id), today)]
    due.sort(key=first_seen, reverse=True)
    due.sort(key=lambda one: _asked_on(known.get(one.account.id)))
    asked = False
    for one in due:
        clients = clients_to_ask(one)
        if turns.left < len(clients):
            break
        try:
            answers = [await ask_what_if(graph, turns, one.account.id, client) for client in clients]
        except GraphError as error:
            gaps.add_optional("what_if", error, text=explain(error))
            break
        known[one.account.id] = compare(one, tenant, answers, today)
        asked = True
    if asked:
        checks = ((one, known.get(one.account.id)) for one in wanted)
        mine = {one.account.id: _row(one, check) for one, check in checks if check}
        await evidence.remember(_NAME, {**_of_others(rows, judged, today), **mine})
    return [replace(one, cross_check=known.get(one.account.id)) for one in judged]


def _asked_on(check: CrossCheck | None) -> date:
    """Those that were never asked about come first."""
    return check.date if check else date.min


def _fresh(check: CrossCheck | None, today: date) -> bool:
    return check is not None and today - check.date < HOLDS


def _of_others(rows: Mapping[str, Any], judged: Sequence[JudgedAccount], today: date) -> Json:
    """What is remembered of accounts that this scan didn't judge, unless it is too old to be of use."""
    here = {one.account.id for one in judged}
    oldest = (today - FORGOTTEN).isoformat()
    return {id: row for id, row in rows.items() if id not in here and row["date"] >= oldest}


def _causes(one: JudgedAccount) -> list[str]:
    return sorted(finding.fingerprint for finding in one.findings)


def _row(one: JudgedAccount, check: CrossCheck) -> Json:
    return {"of": _causes(one), "result": check.result, "text": check.text, "date": check.date.isoformat()}


def _kept(rows: Mapping[str, Any], one: JudgedAccount) -> CrossCheck | None:
    row = rows.get(one.account.id)
    if row is None or row["of"] != _causes(one):
        return None
    return CrossCheck(row["result"], row["text"], date.fromisoformat(row["date"]))


def _is_row(row: Any) -> bool:
    """Whether it is what :func:`_row` writes, with a result that this version knows."""
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("result", "text", "date")):
        return False
    try:
        date.fromisoformat(row["date"])
    except ValueError:
        return False
    return "of" in row and row["result"] in _RESULTS
