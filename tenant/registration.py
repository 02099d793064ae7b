"""Reads the MFA registration of accounts: from their own methods, and from the registration report where those leave it open.

The account's own methods are the better source: the report lags behind by hours, needs a licence, and takes five requests in ten
seconds, shared with the logs. Where the own methods turn out to be limited like the report, the report comes first, many accounts
in one request, and what it doesn't say yes to is checked with the own methods.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from tenant import turns
from tenant.batch import Answer, Member, batch, collect, in_pieces
from tenant.gaps import Gaps, account_gap, gap_of
from tenant.graph import REFINEMENT_REFUSED, TOO_MANY, Graph, GraphError, GraphRefused, Json
from tenant.methods import has_mfa_method
from tenant.model import Gap, Registration
from tenant.odata import key_segment, literal
from tenant.permissions import REGISTRATION_REPORT_PERMISSION
from tenant.shapes import METHOD, REGISTRATION, another, shaped

_INPUT = "mfa_registration"
_METHODS = "mfa_methods"
"""The same of accounts that are judged without it."""
_REPORT = "/reports/authenticationMethods/userRegistrationDetails"
_FIRST = turns.REQUESTS + 1
"""Accounts whose own methods show whether they may be read, and whether they are limited: one more than the reports' limit."""
_AT_ONCE = 15
"""Accounts in one filter of the report."""
_BY_ID = turns.REQUESTS
"""Up to so many rows of the report are asked for one by one, in one envelope: that needs no filter."""
_MOST_CHECKED = 60
"""Accounts without a method in the report whose own methods are read where only five in ten seconds may be: two minutes."""

Names = tuple[str, ...]
Report = Names | Gap | None
Own = Names | GraphError


async def read_registrations(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> dict[str, Registration]:
    """The registrations of accounts by id.

    Own methods that can't be read are a gap only where the report leaves the answer open too.
    """
    own = await _first_methods(graph, ids)
    rest = [id for id in ids if id not in own]
    reports: dict[str, Report] = {}
    if own and all(_is_forbidden(answer) for answer in own.values()):
        own |= dict.fromkeys(rest, next(iter(own.values())))  # nobody's may be read
    elif rest and graph.limits.methods_are_limited:
        reports = await _reports(graph, rest)
        own |= await _own_methods(graph, _worth_checking(rest, reports))
    else:
        own |= await _own_methods(graph, rest)
    undecided = [id for id in ids if id not in reports and _decided(own.get(id)) is None]
    reports |= await _reports(graph, undecided)
    return {id: Registration(reports.get(id), _kept(gaps, id, own.get(id), reports.get(id))) for id in ids}


async def read_registered(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> dict[str, Registration]:
    """The registrations of accounts of which no verdict depends on them: only which methods they are matters.

    The accounts' own methods, which are never late; where the first of them can't be read, or are limited like the report, that is
    asked in their place. What can't be read is an optional gap.
    """
    own = await _first_methods(graph, ids)
    rest = [id for id in ids if id not in own]
    if own and all(isinstance(methods, GraphError) for methods in own.values()):
        return await _from_report(graph, gaps, ids, next(iter(own.values())))
    reports = await _reports(graph, rest) if rest and graph.limits.methods_are_limited else {}
    own |= await _own_methods(graph, [id for id in rest if not isinstance(reports.get(id), tuple)])
    return {id: Registration(reports.get(id), _optional(gaps, own[id], [id]) if id in own else None) for id in ids}


async def _from_report(graph: Graph, gaps: Gaps, ids: Sequence[str], refused: Own) -> dict[str, Registration]:
    reports = await _reports(graph, ids)
    if not all(isinstance(report, tuple) for report in reports.values()):
        _optional(gaps, refused, [id for id, report in reports.items() if not isinstance(report, tuple)])
    return {id: Registration(report) for id, report in reports.items()}


def _optional(gaps: Gaps, methods: Own, ids: Sequence[str]) -> Names | Gap:
    if not isinstance(methods, GraphError):
        return methods
    gaps.add_optional(_METHODS, methods, of=ids)
    return gap_of(_METHODS, methods, tenant_wide=False)


async def _first_methods(graph: Graph, ids: Sequence[str]) -> dict[str, Own]:
    """The own methods of those whose answers show whether they may be read and how fast; without whoever that was too fast for."""
    if graph.limits.methods_are_free:
        return await _own_methods(graph, ids)
    first = await _read_methods(graph, ids[:_FIRST], insists=False)
    return {id: answer for id, answer in first.items() if not _is_too_many(answer)}


def _worth_checking(ids: Sequence[str], reports: Mapping[str, Report]) -> list[str]:
    """Those about whom the report says nothing that counts, and of those without a method in it as many as time allows."""
    silent = [id for id in ids if _decided(reports[id]) is None]
    without = [id for id in ids if _decided(reports[id]) is False]
    return [*silent, *without[:_MOST_CHECKED]]


def _kept(gaps: Gaps, id: str, own: Own | None, report: Report) -> Names | Gap | None:
    if not isinstance(own, GraphError):
        return own
    if _decided(report) is None:
        return gaps.add_for(id, _INPUT, own, passing=isinstance(report, Gap) and report.passing)
    return Gap(_INPUT, str(own), account_id=id, tenant_wide=False)


async def _own_methods(graph: Graph, ids: Sequence[str]) -> dict[str, Own]:
    """The own methods of accounts. Where so few may be read that each takes its turn, nobody waits once a whole turn was refused for good."""
    if not graph.limits.methods_are_limited:
        return await in_pieces(ids, lambda piece: _read_methods(graph, piece))
    found: dict[str, Own] = {}
    for start in range(0, len(ids), turns.REQUESTS):
        turn = await _read_methods(graph, ids[start : start + turns.REQUESTS])
        found |= turn
        if all(map(_is_too_many, turn.values())):
            return dict.fromkeys(ids, found[ids[start]]) | found
    return found


async def _read_methods(graph: Graph, ids: Sequence[str], *, insists: bool = True) -> dict[str, Own]:
    paths = [f"/users/{key_segment(id)}/authentication/methods" for id in ids]
    answers = await batch(graph, [Member(path, insists=insists) for path in paths])
    return {id: _types(await collect(graph, answer, METHOD)) for id, answer in zip(ids, answers, strict=True)}


def _types(items: list[Json] | GraphError) -> Own:
    if isinstance(items, GraphError):
        return items
    # A method without a type is one that nobody knows, not one that isn't there.
    return tuple(str(item.get("@odata.type") or "unknown") for item in items)


async def _reports(graph: Graph, ids: Sequence[str]) -> dict[str, Report]:
    """What the report says of accounts: many in one request where Graph filters it, otherwise one by one."""
    if len(ids) <= _BY_ID:
        return await _rows(graph, ids)
    pieces = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
    first = await batch(graph, [Member(_filter(piece)) for piece in pieces[: turns.REQUESTS]])
    if any(isinstance(answer, GraphRefused) and answer.status in REFINEMENT_REFUSED for answer in first):
        return await _rows(graph, ids)
    answers = first + await batch(graph, [Member(_filter(piece)) for piece in pieces[turns.REQUESTS :]])
    found: dict[str, Report] = {}
    for piece, answer in zip(pieces, answers, strict=True):
        found |= _listed(piece, await collect(graph, answer))
    return found


def _filter(ids: Sequence[str]) -> str:
    return f"{_REPORT}?$filter={quote(' or '.join(f'id eq {literal(id)}' for id in ids), safe='')}"


def _listed(ids: Sequence[str], rows: list[Json] | GraphError) -> dict[str, Report]:
    if isinstance(rows, GraphError):
        return {id: _report(id, rows) for id in ids}
    by_id = {str(row.get("id") or "").lower(): row for row in rows}
    return {id: _report(id, by_id[id]) if id in by_id else None for id in ids}


async def _rows(graph: Graph, ids: Sequence[str]) -> dict[str, Report]:
    rows = await batch(graph, [Member(f"{_REPORT}/{key_segment(id)}") for id in ids])
    return {id: _report(id, row) for id, row in zip(ids, rows, strict=True)}


def _report(id: str, row: Answer) -> Report:
    if isinstance(row, GraphRefused) and row.status == 404:
        return None
    if isinstance(row, GraphError):
        return account_gap(id, _INPUT, row, REGISTRATION_REPORT_PERMISSION)
    try:
        if error := another(row, id):
            raise error
        methods = shaped(row, REGISTRATION).get("methodsRegistered")
    except GraphError as garbled:
        return account_gap(id, _INPUT, garbled, REGISTRATION_REPORT_PERMISSION)
    return tuple(methods) if methods is not None else None


def _decided(names: Names | Gap | GraphError | None) -> bool | None:
    """Whether a method is registered, as far as a source says it."""
    return has_mfa_method(names) if isinstance(names, tuple) else None


def _is_forbidden(answer: object) -> bool:
    return isinstance(answer, GraphRefused) and answer.status == 403


def _is_too_many(answer: Own) -> bool:
    return isinstance(answer, GraphRefused) and answer.status == TOO_MANY
