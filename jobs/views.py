"""What is kept, read back for people: findings, runs, exceptions, and everything that a report shows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from alerts.links import ENTRA_HOSTS
from basics.joint import Joint
from checks.catalog import known_checks
from connections.storage import TABLES, ensure_tables, tables
from evidence.store import StoredEvidence
from findings.exceptions import ExceptionStore
from findings.listing import FindingFilter, FindingList, ListChanged
from findings.model import AcceptedException, AccountRecord, FindingState
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from findings.store import FindingStore
from jobs.installation import NO_ACCOUNT_FIX
from jobs.many import Accounts
from jobs.passwords import kept_passwords
from reports.document import SCHEMA, Json
from reports.extras import SHOWN_OF_A_CHANGE, ReportExtras
from reports.files import csv_pieces, json_pieces
from reports.html import render_html
from reports.plan import plan_object
from reports.served import Message, Served
from reports.standing import with_urgency
from settings import Settings

TREND = timedelta(days=90)
"""How far back a report looks."""
MOST_RUNS = 1000
"""How many scans are looked at."""
LAST_RUNS = 10
"""How many scans the page lists."""


Take = Callable[[str], object]
"""What takes the pieces of a text as they come."""
OPEN = FindingFilter(status="open")
_looks = Joint[None, None]()
"""Whether all tables are there, by how storage is reached and signed in to."""


class NotFound(LookupError):
    """Something was asked for by a name that nothing has; the text is one sentence."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[TableServiceClient]:
    """The storage account with all tables there. Those who open it at the same moment share the look at that."""
    async with tables(settings) as service:

        async def look(asked: Sequence[None]) -> Sequence[None]:
            await ensure_tables(service, TABLES)
            return asked

        await _looks.ask(settings.storage, None, look)
        yield service


async def findings(service: TableServiceClient, wanted: FindingFilter, now: datetime) -> list[Json]:
    """The findings that match, worst and newest first, each with the exception that covers it."""
    exceptions = await ExceptionStore(service).active(now)
    found = [
        state
        async for state in FindingStore(service).load_findings(
            now=now,
            status=wanted.status,
            severity=wanted.severity,
            account=wanted.account,
            check_id=wanted.check_id,
            exceptions=exceptions,
        )
    ]
    return [{**state.public()} for state in _worst_first(found)]


def _worst_first(found: Iterable[FindingState]) -> list[FindingState]:
    """Findings, the worst and newest first."""
    weight = ("high", "medium", "low")
    newest = sorted(found, key=lambda state: state.first_seen, reverse=True)
    return sorted(newest, key=lambda state: (not state.open, weight.index(state.severity)))


async def findings_page(
    service: TableServiceClient, wanted: FindingFilter, now: datetime, limit: int, after: str
) -> tuple[list[Json], str | None]:
    """A page of the findings that match, the worst first, and what names the end of it where more follow.

    ``after`` is what named the end of the page before; empty for the first. Raises ``ListChanged``.
    """
    account, _, check_id = after.rpartition(";")
    found, more = await FindingList(service).page(wanted, now, limit, (account, check_id) if after else None)
    return [{**state.public()} for state in found], f"{found[-1].account_id};{found[-1].check_id}" if more else None


async def must_be_known(service: TableServiceClient, wanted: FindingFilter) -> None:
    """Raises :class:`NotFound` where a filter names a check that there isn't, or an account that no scan has seen."""
    if wanted.check_id is not None:
        _known_check(wanted.check_id)
    if wanted.account is not None and await FindingStore(service).find_account(wanted.account) is None:
        raise NotFound(f'No scan has seen the account "{wanted.account}": check its name, or scan it first.')


async def must_be_scanned(service: TableServiceClient, now: datetime) -> None:
    """Raises :class:`NotFound` where nothing was scanned yet, be it a single account."""
    async for _ in FindingStore(service).load_accounts():
        return
    await _last_finished(service, now)


async def doubt(service: TableServiceClient, now: datetime) -> str | None:
    """Why that nothing is found doesn't mean that all is well, in a sentence; None where the last scan saw accounts, and all that decides."""
    last = await RunStore(service).last_whole(since(now))
    if last is None:
        return "Only single accounts were scanned so far."
    if not last.accounts_total:
        return f"The last scan found no service account. {NO_ACCOUNT_FIX}"
    if last.status is not RunStatus.COMPLETE:
        return "The last scan could not read everything: the report says what is missing (python cli.py report --open)."
    return None


async def account(service: TableServiceClient, name: str) -> Json | None:
    """An account, by user principal name or object id, as it was last judged; None where no scan has seen it."""
    record = await FindingStore(service).find_account(name)
    return _account(record, []) if record is not None else None


async def run(service: TableServiceClient, run_id: str) -> Json:
    """One run. Raises :class:`NotFound`."""
    record = await RunStore(service).load(run_id)
    if record is None:
        raise NotFound(f'There is no run "{run_id}".')
    return {**record.public()}


async def accounts(service: TableServiceClient, now: datetime, wanted: FindingFilter = OPEN) -> AsyncIterator[Json]:
    """The last judgement of every selected account with the findings that match, one after the other, in no order to rely on.

    Of a filter for one account, only its own rows are read.
    """
    exceptions = await ExceptionStore(service).active(now)
    judged = FindingStore(service).load_judged(now=now, account=wanted.account, exceptions=exceptions)
    async for record, states in judged:
        yield _with_findings(record, states, wanted)


def _with_findings(record: AccountRecord, states: Iterable[FindingState], wanted: FindingFilter) -> Json:
    return _account(record, [{**state.public()} for state in _worst_first(states) if wanted.takes(state)])


async def _put(
    found: Accounts,
    service: TableServiceClient,
    now: datetime,
    wanted: FindingFilter = OPEN,
    *,
    failing_only: bool = False,
) -> None:
    """Put the accounts into ``found``; ``failing_only``: those with a finding that matches."""
    async for one in accounts(service, now, wanted):
        if one["findings"] or not failing_only:
            found.add(one)


@asynccontextmanager
async def gathered(service: TableServiceClient, now: datetime) -> AsyncIterator[tuple[Json, Accounts]]:
    """What is known as a scan document without its accounts, and these, with the findings that are open.

    Raises :class:`NotFound` where nothing was scanned yet.
    """
    finished = await _last_finished(service, now)
    with Accounts() as found:
        await _put(found, service, now)
        yield await _frame(service, now, finished, found), found


async def frame(service: TableServiceClient, now: datetime, found: Accounts) -> Json:
    """What a scan document with these accounts, which must be all of them, has beside them. Raises :class:`NotFound`."""
    return await _frame(service, now, await _last_finished(service, now), found)


async def _frame(service: TableServiceClient, now: datetime, finished: RunRecord, found: Accounts) -> Json:
    evidence = StoredEvidence(service)
    plan = await asyncio.to_thread(plan_object, found)
    passwords, _, _ = await kept_passwords(evidence, await asyncio.to_thread(_ids, found), now)
    return {
        "schema": SCHEMA,
        "run": _run_object(finished),
        "plan": plan,
        "accounts": (),
        "proposals": await evidence.proposals(),
        "simulations": [dict(one) for one in finished.simulations],
        "password_sign_ins": passwords,
    }


async def put_part(
    found: Accounts, service: TableServiceClient, now: datetime, limit: int, after: str | None
) -> str | None:
    """Put in so many accounts, by their ids, behind the one with the id ``after``. Returns the id of the last; None where none follows.

    Raises ``ListChanged`` where nothing is kept any more of the account ``after``.
    """
    store, last = FindingStore(service), ""
    if after is not None and not await store.keeps(after):
        raise ListChanged(after)
    exceptions = await ExceptionStore(service).active(now)
    async for record, states in store.load_judged(now=now, after=after, exceptions=exceptions):
        if len(found) == limit:
            return last
        found.add(_with_findings(record, states, OPEN))
        last = record.account_id
    return None


def _ids(found: Iterable[Json]) -> dict[str, str]:
    return {str(one["user_principal_name"]).lower(): str(one["id"]) for one in found}


async def document(service: TableServiceClient, now: datetime) -> Json:
    """The last judgement of every selected account as a scan document, with the findings that are open as they stand.

    Accounts share what they have in common: don't change it. Raises :class:`NotFound` where nothing was scanned yet.
    """
    async with gathered(service, now) as (around_them, found):
        return {**around_them, "accounts": await asyncio.to_thread(list, found)}


async def findings_csv(service: TableServiceClient, wanted: FindingFilter, now: datetime, take: Take) -> None:
    """The findings that match as CSV, piece by piece. Raises :class:`NotFound`."""
    await _csv(service, wanted, now, take, failing_only=True)


async def _csv(
    service: TableServiceClient, wanted: FindingFilter, now: datetime, take: Take, *, failing_only: bool
) -> None:
    finished = await _last_finished(service, now)
    with Accounts() as found:
        await _put(found, service, now, wanted, failing_only=failing_only)
        await taken(csv_pieces(_run_object(finished), found), take)


async def report(service: TableServiceClient, form: str, now: datetime, take: Take, *, cloud: str = "global") -> None:
    """The report of what is known, as ``html``, ``json`` or ``csv``, piece by piece: of however many accounts, never all of it at
    once but for the page. Raises :class:`NotFound`.
    """
    if form == "csv":
        await _csv(service, OPEN, now, take, failing_only=False)
    elif form == "json":
        async with gathered(service, now) as (around_them, found):
            await taken(json_pieces(around_them, found), take)
    else:
        shown = await document(service, now)
        take(await asyncio.to_thread(render_html, shown, await extras(service, now, cloud=cloud)))


async def taken(pieces: Iterable[str], take: Take) -> None:
    """Hand over all pieces. In a thread: of a large tenant it takes seconds, in which a scan must renew its lease."""

    def hand_over() -> None:
        for piece in pieces:
            take(piece)

    await asyncio.to_thread(hand_over)


def since(now: datetime) -> datetime:
    """The beginning of the time at which a report looks: all day the same, so that a report of the same day says the same."""
    return datetime.combine(now.astimezone(UTC).date(), time.min, UTC) - TREND


async def around(
    service: TableServiceClient,
    now: datetime,
    *,
    may_act: bool,
    message: Message | None = None,
    runs: Sequence[RunRecord] | None = None,
) -> Served:
    """What the page has beside the report for somebody who opens it in a browser; ``runs``, newest first, where they are known."""
    if runs is None:
        runs = await RunStore(service).newest(limit=LAST_RUNS, since=since(now))
    return Served(
        may_act=may_act,
        message=message,
        runs=[one.public() for one in runs[:LAST_RUNS]],
        now=now.astimezone(UTC),
    )


async def extras(service: TableServiceClient, now: datetime, *, cloud: str = "global") -> ReportExtras:
    """What a report shows beyond one scan: what happened, earlier scans and exceptions."""
    runs = await RunStore(service).newest(limit=MOST_RUNS, since=since(now), whole=True)
    same: dict[Any, Any] = {}  # of many accounts the same is told: its texts are kept once
    changes = [
        {name: same.setdefault(value, value) for name, value in one.public().items() if name in SHOWN_OF_A_CHANGE}
        async for one in FindingStore(service).history_since(since(now))
    ]
    return ReportExtras(
        history=changes,
        runs=[one.public() for one in reversed(runs)],
        exceptions=await exceptions(service),
        admin_center=ENTRA_HOSTS[cloud],
    )


async def exceptions(service: TableServiceClient) -> list[Json]:
    """All exceptions, those that ended included."""
    return [{**one.public()} for one in await ExceptionStore(service).load()]


async def add_exception(
    service: TableServiceClient,
    *,
    account: str,
    check_id: str | None,
    reason: str,
    owner: str,
    until: date,
    created_by: str,
    replace: bool = False,
) -> AcceptedException:
    """Accept a finding of an account that was scanned before; ``replace`` ends another exception that holds for it.

    Raises :class:`NotFound` for an unknown account or check, ``ExceptionRefused`` for a missing reason, owner or a wrong
    end date, ``ExceptionHolds`` where another exception holds and isn't to be replaced.
    """
    if check_id is not None:
        _known_check(check_id)
    record = await FindingStore(service).find_account(account)
    if record is None:
        raise NotFound(f'No scan has seen the account "{account}": check its name, or scan it first.')
    return await ExceptionStore(service).add(
        account_id=record.account_id,
        user_principal_name=record.user_principal_name,
        check_id=check_id,
        reason=reason,
        owner=owner,
        until=until,
        created_by=created_by,
        now=datetime.now(UTC),
        replace=replace,
    )


async def exception_called(service: TableServiceClient, beginning: str) -> str:
    """The id of the one exception that holds whose id begins so. Raises :class:`NotFound` for none, and for several."""
    found = await ExceptionStore(service).active(datetime.now(UTC))
    return _the_one(
        [one for one in found if one.id == beginning]
        or [one for one in found if beginning and one.id.startswith(beginning)],
        f'the id "{beginning}"',
    )


async def exception_of(service: TableServiceClient, account: str, check_id: str | None) -> str:
    """The id of the exception that holds for a check of an account (None: for every check). Raises :class:`NotFound`."""
    if check_id is not None:
        _known_check(check_id)
    record = await FindingStore(service).find_account(account)
    ids = {account.lower(), record.account_id if record else ""}
    found = [
        one
        for one in await ExceptionStore(service).active(datetime.now(UTC))
        if one.check_id == check_id and (one.account_id in ids or one.user_principal_name.lower() in ids)
    ]
    return _the_one(found, f'the account "{account}" and {check_id or "every check"}')


def _the_one(found: Sequence[AcceptedException], what: str) -> str:
    if not found:
        raise NotFound(f"No exception that holds has {what}.")
    if len(found) > 1:
        raise NotFound(f"Several exceptions have {what}: {', '.join(one.id for one in found)}.")
    return found[0].id


async def remove_exception(service: TableServiceClient, exception_id: str, *, removed_by: str) -> AcceptedException:
    """End an exception now. Raises :class:`NotFound`."""
    ended = await ExceptionStore(service).remove(exception_id, removed_by=removed_by, now=datetime.now(UTC))
    if ended is None:
        raise NotFound(f'No exception that holds has the id "{exception_id}".')
    return ended


async def last_run(service: TableServiceClient, now: datetime) -> Json:
    """The last finished scan of everything, as the ``run`` of a document. Raises :class:`NotFound` where there is none."""
    return _run_object(await _last_finished(service, now))


async def _last_finished(service: TableServiceClient, now: datetime) -> RunRecord:
    finished = await RunStore(service).last_whole(since(now))
    if finished is None:
        raise NotFound("There is no finished scan yet: run one first.")
    return finished


def _known_check(check_id: str) -> None:
    if check_id not in known_checks():
        raise NotFound(f'There is no check "{check_id}": the checks are {", ".join(sorted(known_checks()))}.')


def _account(record: AccountRecord, findings_now: list[Json]) -> Json:
    """The account as it was judged, with its findings as they stand now."""
    kept = judged(record)
    shown = ("check_id", "severity", "status", "first_seen", "title", "summary", "exception")
    kept["findings"] = [{name: finding[name] for name in shown} for finding in findings_now]
    return with_urgency(kept)


def judged(record: AccountRecord) -> Json:
    """The account as it was last judged, with the findings of then."""
    return {**_bare(record), **(record.document or {})}


def _bare(record: AccountRecord) -> Json:
    """What can be shown of an account whose document can't be read."""
    empty = dict.fromkeys(("selected_by", "reasons", "findings", "remediation", "notices", "products"), ())
    return {
        "id": record.account_id,
        "user_principal_name": record.user_principal_name,
        "display_name": record.display_name,
        "per_user_mfa": record.per_user_mfa or "unknown",
        "visibility": record.visibility,
        "usability": record.usability,
        **{name: list(none) for name, none in empty.items()},
        "app_password_events": None,
        "cross_check": None,
        "sign_in_check": None,
        "sign_ins": [],
        "deadlines": [],
    }


def _run_object(record: RunRecord) -> Json:
    public: Json = {**record.public()}
    names = ("id", "started", "finished", "tenant_id", "tenant_name", "complete", "gaps", "graph_requests", "notes")
    return {name: public[name] for name in (*names, "app_passwords")}
