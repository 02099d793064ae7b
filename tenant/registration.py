"""Reads the MFA registration of accounts, from the registration report and from the accounts' own methods."""

from collections.abc import Sequence

from tenant.batch import SIZE, Answer, Member, batch, collect
from tenant.gaps import Gaps, gap_of
from tenant.graph import Graph, GraphError, GraphRefused, Json
from tenant.methods import has_mfa_method
from tenant.model import Gap, Registration
from tenant.odata import key_segment
from tenant.permissions import REGISTRATION_REPORT_PERMISSION
from tenant.shapes import METHOD, REGISTRATION, shaped

_INPUT = "mfa_registration"
_METHODS = "mfa_methods"
"""The same of accounts that are judged without it."""
_REPORT = "/reports/authenticationMethods/userRegistrationDetails"

Report = tuple[str, ...] | Gap | None


async def read_registrations(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> dict[str, Registration]:
    """The registrations of accounts by id.

    The report lags behind and needs a licence: anything but a clear yes is checked with the account's own methods. Those are
    a gap only where the report leaves the answer open too.
    """
    reports = await _reports(graph, ids)
    asked = [id for id in ids if _verdict(reports[id]) is not True]
    read = await _methods(graph, asked)
    own = {id: _own(gaps, id, items, reports[id]) for id, items in read.items()}
    return {id: Registration(reports[id], own.get(id)) for id in ids}


async def read_registered(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> dict[str, Registration]:
    """The registrations of accounts of which no verdict depends on them: only which methods they are matters.

    The accounts' own methods, which are never late; where the first of them can't be read, the report is asked in their place.
    What can't be read is an optional gap.
    """
    own = await _methods(graph, ids[:SIZE])
    if own and all(isinstance(methods, GraphError) for methods in own.values()):
        return await _from_report(graph, gaps, ids, next(iter(own.values())))
    own |= await _methods(graph, ids[SIZE:])
    return {id: Registration(own=_optional(gaps, methods)) for id, methods in own.items()}


async def _from_report(
    graph: Graph, gaps: Gaps, ids: Sequence[str], refused: list[Json] | GraphError
) -> dict[str, Registration]:
    reports = await _reports(graph, ids)
    if not all(isinstance(report, tuple) for report in reports.values()):
        _optional(gaps, refused)
    return {id: Registration(report) for id, report in reports.items()}


def _optional(gaps: Gaps, methods: list[Json] | GraphError) -> tuple[str, ...] | Gap:
    if not isinstance(methods, GraphError):
        return _types(methods)
    gaps.add_optional(_METHODS, methods)
    return gap_of(_METHODS, methods, tenant_wide=False)


async def _methods(graph: Graph, ids: Sequence[str]) -> dict[str, list[Json] | GraphError]:
    answers = await batch(graph, [Member(f"/users/{key_segment(id)}/authentication/methods") for id in ids])
    return {id: await collect(graph, answer, METHOD) for id, answer in zip(ids, answers, strict=True)}


async def _reports(graph: Graph, ids: Sequence[str]) -> dict[str, Report]:
    rows = await batch(graph, [Member(f"{_REPORT}/{key_segment(id)}") for id in ids])
    return {id: _report(id, row) for id, row in zip(ids, rows, strict=True)}


def _own(gaps: Gaps, id: str, items: list[Json] | GraphError, report: Report) -> tuple[str, ...] | Gap:
    if not isinstance(items, GraphError):
        return _types(items)
    if _verdict(report) is None:
        return gaps.add_for(id, _INPUT, items)
    return Gap(_INPUT, str(items), account_id=id, tenant_wide=False)


def _types(items: Sequence[Json]) -> tuple[str, ...]:
    """A method without a type is one that nobody knows, not one that isn't there."""
    return tuple(str(item.get("@odata.type") or "unknown") for item in items)


def _report(id: str, row: Answer) -> Report:
    if isinstance(row, GraphRefused) and row.status == 404:
        return None
    if isinstance(row, GraphError):
        refused = isinstance(row, GraphRefused) and row.status == 403
        return Gap(_INPUT, str(row), REGISTRATION_REPORT_PERMISSION if refused else None, id, tenant_wide=False)
    try:
        methods = shaped(row, REGISTRATION).get("methodsRegistered")
    except GraphError as garbled:
        return Gap(_INPUT, str(garbled), account_id=id, tenant_wide=False)
    return tuple(methods) if methods is not None else None


def _verdict(report: Report) -> bool | None:
    return has_mfa_method(report) if isinstance(report, tuple) else None
