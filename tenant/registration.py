"""Reads the MFA registration of accounts, from the registration report and from the accounts' own methods."""

from collections.abc import Sequence

from tenant.batch import Answer, Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, GraphRefused
from tenant.methods import has_mfa_method
from tenant.model import Gap, Registration
from tenant.odata import key_segment
from tenant.permissions import REGISTRATION_REPORT_PERMISSION
from tenant.shapes import METHOD, REGISTRATION, shaped

_INPUT = "mfa_registration"
_REPORT = "/reports/authenticationMethods/userRegistrationDetails"

Report = tuple[str, ...] | Gap | None


async def read_registrations(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> dict[str, Registration]:
    """The registrations of accounts by id.

    The report lags behind and needs a licence: anything but a clear yes is checked with the account's own methods. Those are
    a gap only where the report leaves the answer open too.
    """
    rows = await batch(graph, [Member(f"{_REPORT}/{key_segment(id)}") for id in ids])
    reports = {id: _report(id, row) for id, row in zip(ids, rows, strict=True)}
    asked = [id for id in ids if _verdict(reports[id]) is not True]
    answers = await batch(graph, [Member(f"/users/{key_segment(id)}/authentication/methods") for id in asked])
    own = {id: await _own(graph, gaps, id, answer, reports[id]) for id, answer in zip(asked, answers, strict=True)}
    return {id: Registration(reports[id], own.get(id)) for id in ids}


async def _own(graph: Graph, gaps: Gaps, id: str, answer: Answer, report: Report) -> tuple[str, ...] | Gap:
    items = await collect(graph, answer, METHOD)
    if not isinstance(items, GraphError):
        # A method without a type is one that nobody knows, not one that isn't there.
        return tuple(str(item.get("@odata.type") or "unknown") for item in items)
    if _verdict(report) is None:
        return gaps.add_for(id, _INPUT, items)
    return Gap(_INPUT, str(items), account_id=id, tenant_wide=False)


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
