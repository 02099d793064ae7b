"""Accepted findings, in table ``exceptions``.

An exception silences, it doesn't hide: a covered finding stays open and is shown with its exception, its changes go to
the history, and nobody is alerted. Its end is told: see ``compare``.

Rows are never overwritten by another exception, so that it stays known who accepted what. Adding one for the same
account and check ends the one before in the same transaction.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from findings.accepted import dump_exception, load_exception
from findings.errors import FindingsError
from findings.keys import join, to_key
from findings.model import AcceptedException
from findings.rows import make_row
from findings.tables import Entity, Table, upsert

EXCEPTIONS = "exceptions"
TEXT_CHARACTERS = 1000


class ExceptionRefused(FindingsError):
    """An exception without reason, owner or a valid end date; the message says everything that is wrong at once."""


class ExceptionStore:
    """The exceptions. Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._exceptions = Table(service, EXCEPTIONS)

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
    ) -> AcceptedException:
        """Accept a check of an account (None: all its checks) until the end of a day, in UTC.

        Adding what already holds changes nothing and returns it; anything else replaces what holds for the same
        account and check.

        Raises:
            ExceptionRefused: The reason or the owner is missing or too long, or the date is past or over a year away.
        """
        wanted = AcceptedException(
            id=uuid4().hex,
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
        rivals = [
            exception
            for exception in await self.load(account_id=account_id)
            if exception.check_id == check_id and exception.active(now)
        ]
        for exception in rivals:
            if _content(exception) == _content(wanted):
                return exception
        ended = [replace(exception, ended_at=now, ended_by=created_by) for exception in rivals]
        await self._exceptions.submit([upsert(_to_row(exception)) for exception in (*ended, wanted)])
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
        if account_id is None:
            conditions, parameters = "PartitionKey ge @first", {"first": ""}
        else:
            conditions, parameters = "PartitionKey eq @partition", {"partition": to_key(account_id)}
        exceptions = [_from_row(row["exception"]) async for row in self._exceptions.query(conditions, parameters)]
        return sorted(exceptions, key=lambda exception: (exception.until, exception.created_at), reverse=True)

    async def active(self, now: datetime) -> tuple[AcceptedException, ...]:
        """The exceptions that hold at ``now``: what ``keep`` and ``load_findings`` take."""
        return tuple(exception for exception in await self.load() if exception.active(now))


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


def _from_row(text: str) -> AcceptedException:
    exception = load_exception(text)
    if exception is None:
        raise ValueError("A row of table exceptions holds no exception.")
    return exception
