"""Accepted findings, in table ``exceptions``.

An exception silences, it doesn't hide: a covered finding stays open and is shown with its exception, its changes go to
the history, and nobody is alerted. Its end is told: see ``compare``.

Rows are never overwritten by another exception, so that it stays known who accepted what. For one check of an account
only one exception holds, and one for all its checks beside it: another one is refused, or ends the one before in the same
transaction. The id of an exception follows from those before it, so that of two that are added at once only one can be
written; whoever loses looks again, and finds the other one holding. Rows that can't be read silence nothing, end nothing that
was accepted, and are left as they are.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient

from findings.accepted import dump_exception, load_exception
from findings.errors import ConflictError, FindingsError
from findings.keys import from_key, join, to_key
from findings.model import AcceptedException
from findings.odd import OddRows, UnreadableRow, columns_of
from findings.rows import make_row
from findings.tables import Entity, Table, put

EXCEPTIONS = "exceptions"
TEXT_CHARACTERS = 1000
ATTEMPTS = 5
"""How often ``add`` looks again when somebody else writes an exception for the same check."""
_NAMESPACE = UUID("0d7c3c54-5f0e-4b7e-9c62-3d1a8f2b6e90")


class ExceptionRefused(FindingsError):
    """An exception without reason, owner or a valid end date; the message says everything that is wrong at once."""


class ExceptionHolds(ExceptionRefused):
    """Another exception holds for the same check; the message names it."""


class ExceptionStore:
    """The exceptions. Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._exceptions = Table(service, EXCEPTIONS)
        self._odd = OddRows()

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, in sentences."""
        return self._odd.sentences

    async def add(
        self,
        *,
        account_id: str,
        user_principal_name: str,
        check_id: str | None,
        reason: str,
        owner: str,
        until: date,
        created_by: str,
        now: datetime,
        replace: bool = False,
    ) -> AcceptedException:
        """Accept a check of an account (None: all its checks) until the end of a day, in UTC.

        Adding what already holds changes nothing and returns it. With ``replace`` anything else ends what holds for the
        same account and check.

        Raises:
            ExceptionRefused: The reason or the owner is missing or too long, or the date is past or over a year away.
            ExceptionHolds: Another exception holds for the same account and check.
            ConflictError: Others wrote exceptions of the same account again and again.
        """
        wanted = AcceptedException(
            id="",
            account_id=account_id,
            user_principal_name=user_principal_name,
            check_id=check_id,
            reason=reason.strip(),
            owner=owner.strip(),
            until=until,
            created_at=now,
            created_by=created_by,
        )
        _validate(wanted, now)
        for _ in range(ATTEMPTS):
            try:
                return await self._add(wanted, replacing=replace)
            except ConflictError:
                continue
        raise ConflictError(
            f"Others wrote exceptions of {user_principal_name!a} {ATTEMPTS} times while this one was being added. "
            "Add it again."
        )

    async def _add(self, wanted: AcceptedException, *, replacing: bool) -> AcceptedException:
        now = wanted.created_at
        rows = [
            (exception, row)
            async for exception, row in self._read(wanted.account_id)
            if exception is None or exception.check_id == wanted.check_id
        ]
        holding = [(exception, row) for exception, row in rows if exception and exception.active(now)]
        for exception, _ in holding:
            if _content(exception) == _content(wanted):
                return exception
        if holding and not replacing:
            raise ExceptionHolds(_holds(holding[0][0]))
        wanted = replace(wanted, id=_next_id(wanted, (row["RowKey"] for _, row in rows)))
        ended = [
            put(_to_row(replace(exception, ended_at=now, ended_by=wanted.created_by)), row.metadata["etag"])
            for exception, row in holding
        ]
        await self._exceptions.submit([*ended, put(_to_row(wanted), None)])
        return wanted

    async def remove(self, exception_id: str, *, removed_by: str, now: datetime) -> AcceptedException | None:
        """End an exception now. Returns it as it is then; None where no exception that holds has this id."""
        for exception in await self.load():
            if exception.id == exception_id and exception.active(now):
                ended = replace(exception, ended_at=now, ended_by=removed_by)
                await self._exceptions.upsert(_to_row(ended))
                return ended
        return None

    async def load(self, *, account_id: str | None = None) -> list[AcceptedException]:
        """All exceptions, those that ended included; those that end last come first."""
        exceptions = [exception async for exception, _ in self._read(account_id) if exception]
        return sorted(exceptions, key=_last_first, reverse=True)

    async def active(self, now: datetime) -> tuple[AcceptedException, ...]:
        """The exceptions that hold at ``now``: what ``keep`` and ``load_findings`` take."""
        today = now.astimezone(UTC).date().isoformat()
        found = [exception async for exception, _ in self._read(None, since=today) if exception]
        holding = (exception for exception in found if exception.active(now))
        return tuple(sorted(holding, key=_last_first, reverse=True))

    async def unread(self, known: Iterable[AcceptedException], now: datetime) -> tuple[AcceptedException, ...]:
        """Those of exceptions that findings have and that should hold of which nobody can say that they ended: their rows can't be read.

        A row whose columns say another day than it does itself is one of these.
        """
        found: dict[str, AcceptedException] = {}
        for one in known:
            if one.active(now) and one.id not in found:
                row = await self._exceptions.get(to_key(one.account_id), join(one.id))
                said = self._odd.read(EXCEPTIONS, row, _from_row) if row is not None else None
                if row is not None and (said is None or said.active(now)):
                    found[one.id] = replace(one, unread=True)
        return tuple(found.values())

    async def _read(
        self, account_id: str | None, since: str = ""
    ) -> AsyncIterator[tuple[AcceptedException | None, TableEntity]]:
        """The rows of an account, or of all; ``since``: only those that end on that day or later."""
        if account_id is None:
            # A row without the day, or with an earlier one than the exception has, silences nothing.
            conditions, parameters = (
                ("until ge @since", {"since": since}) if since else ("PartitionKey ge @first", {"first": ""})
            )
        else:
            conditions, parameters = "PartitionKey eq @partition", {"partition": to_key(account_id)}
        async for row in self._exceptions.query(conditions, parameters):
            yield self._odd.read(EXCEPTIONS, row, _from_row), row


def _last_first(exception: AcceptedException) -> tuple[date, datetime]:
    return exception.until, exception.created_at


def _validate(exception: AcceptedException, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    problems = []
    for name, text in (("reason", exception.reason), ("owner", exception.owner)):
        if not text:
            problems.append(f"it needs a {name}" if name == "reason" else f"it needs an {name}")
        elif len(text) > TEXT_CHARACTERS:
            problems.append(f"its {name} is longer than {TEXT_CHARACTERS} characters")
    if exception.until < today:
        problems.append(f"its end date {exception.until} is in the past")
    elif exception.until > (latest := _a_year_after(today)):
        problems.append(f"its end date {exception.until} is more than a year away; the latest is {latest}")
    if problems:
        raise ExceptionRefused(f"The exception was not added: {'; '.join(problems)}.")


def _a_year_after(day: date) -> date:
    """The same day next year; 28 February after the 29th."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)


def _content(exception: AcceptedException) -> tuple[str, str, date]:
    return exception.reason, exception.owner, exception.until


def _to_row(exception: AcceptedException) -> Entity:
    return make_row(
        exception.account_id,
        join(exception.id),
        user_principal_name=exception.user_principal_name,
        until=exception.until.isoformat(),
        exception=dump_exception(exception),
    )


def _from_row(row: Mapping[str, Any]) -> AcceptedException:
    exception = columns_of(row).loaded("exception", load_exception, None)
    keys = from_key(row["PartitionKey"]), from_key(row["RowKey"])
    if exception is None or keys != (exception.account_id, exception.id):
        raise UnreadableRow("exception")
    return exception


def _next_id(wanted: AcceptedException, before: Iterable[str]) -> str:
    """The id of what follows these rows of an account and check: the same for all who have read the same rows."""
    return uuid5(_NAMESPACE, json.dumps([wanted.account_id, wanted.check_id, sorted(before)])).hex


def _holds(exception: AcceptedException) -> str:
    what = f"check {exception.check_id}" if exception.check_id else "every check"
    return (
        f"The exception was not added: another one holds for {what} of the account, {exception.id}, accepted by "
        f'"{exception.owner}" until {exception.until}. Remove that one first, or end it by adding this one with --replace '
        '(over HTTP: "replace": true).'
    )
