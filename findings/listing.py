"""Findings in pages, the worst first: of a page only its own rows are read, however many there are.

Table Storage knows one order, that of the keys. So the list goes through the kinds of findings, from open and severe to resolved and
slight, and through each in the order of its keys: account, then check. Where a page ends is named by a finding, whose row says in
which kind to go on.
"""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from azure.data.tables.aio import TableServiceClient

from basics.joint import Joint
from findings.accepted import with_exception
from findings.contents import Contents
from findings.exceptions import ExceptionStore
from findings.keys import join, prefix_range, to_key
from findings.model import FindingState, Status
from findings.odd import OddRows
from findings.rows import FINDING, finding_from_row, fold
from findings.runs import RunStore
from findings.seen import SeenStore, finding_up_to_date
from findings.store import FINDINGS, IS_ACCOUNT, names_of
from findings.tables import LARGEST_PAGE, Table

# What this version can't read counts as the worst, as where it is read: "not" also matches what isn't there.
_STATUS = {Status.OPEN: "not ( status eq @resolved )", Status.RESOLVED: "status eq @resolved"}
_SEVERITY = {
    "high": "not ( severity eq @medium or severity eq @low_severity )",
    "medium": "severity eq @medium",
    "low": "severity eq @low_severity",
}
_stamps = Joint[datetime, Hashable]()
_WORDS = {"resolved": Status.RESOLVED.value, "medium": "medium", "low_severity": "low"}


class ListChanged(LookupError):
    """What the last page ended with isn't in the list any more."""


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings; None for all."""

    status: str | None = None
    severity: str | None = None
    account: str | None = None
    check_id: str | None = None

    def takes(self, state: FindingState) -> bool:
        """Whether a finding is among them."""
        mine = self.account is None or (
            to_key(state.account_id) in (names_of(self.account)["partition"], names_of(self.account)["lower"])
            or fold(state.user_principal_name) == fold(self.account)
        )
        return (
            mine
            and self.status in (None, state.status)
            and self.severity in (None, state.severity)
            and self.check_id in (None, state.check_id)
        )


class FindingList:
    """Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._findings = Table(service, FINDINGS)
        self._seen, self._exceptions = SeenStore(service), ExceptionStore(service)
        self._contents, self._runs = Contents(service), RunStore(service)
        self._odd, self._url = OddRows(), service.url

    async def page(
        self, wanted: FindingFilter, now: datetime, limit: int, after: tuple[str, str] | None = None
    ) -> tuple[list[FindingState], bool]:
        """So many findings behind ``after`` (account and check), each with the exception that covers it; and whether more follow.

        Raises :class:`ListChanged`.
        """
        last = await self._last(wanted, after) if after else None
        (found, more), seen, exceptions = await asyncio.gather(
            self._found(wanted, limit, last), self._seen.load(), self._exceptions.active(now)
        )
        # With when each was last seen, and the exception that covers it.
        states = [
            with_exception(finding_up_to_date(state, seen.get(state.account_id)), exceptions, now) for state in found
        ]
        return states, more

    async def _found(
        self, wanted: FindingFilter, most: int, last: FindingState | None
    ) -> tuple[list[FindingState], bool]:
        """So many at most, behind the last one; and whether more follow."""
        found: list[FindingState] = []
        for kind in _kinds(wanted):
            if last is not None and kind != (last.status, last.severity):
                continue
            some, more = await self._of_kind(kind, wanted, max(most - len(found), 1), last)
            last = None
            if some and len(found) == most:
                return found, True
            found += some
            if more:
                return found, True
        return found, False

    async def _last(self, wanted: FindingFilter, after: tuple[str, str]) -> FindingState:
        """The finding that a page ended with, as it is now."""
        try:
            row = await self._findings.get(to_key(after[0]), join(FINDING, after[1]))
        except ValueError:  # longer than any key
            row = None
        state = self._odd.read(FINDINGS, row, finding_from_row) if row is not None else None
        if state is None or not wanted.takes(state):
            raise ListChanged(";".join(after))
        return state

    async def _of_kind(
        self, kind: tuple[Status, str], wanted: FindingFilter, most: int, last: FindingState | None
    ) -> tuple[list[FindingState], bool]:
        """So many of a kind at most; and whether more of it may follow: then these are so many."""
        conditions = ["RowKey ge @low", "RowKey lt @high", _STATUS[kind[0]], _SEVERITY[kind[1]]]
        parameters: dict[str, Any] = {**prefix_range(FINDING), **_WORDS}
        if wanted.check_id is not None:
            conditions.append("check_id eq @check_id")
            parameters["check_id"] = wanted.check_id
        if wanted.account is not None:
            conditions.append(IS_ACCOUNT)
            parameters |= names_of(wanted.account)
        if last is not None:
            conditions.append("( PartitionKey gt @last or ( PartitionKey eq @last and RowKey gt @last_row ) )")
            parameters |= {"last": to_key(last.account_id), "last_row": join(FINDING, last.check_id)}
        found: list[FindingState] = []
        # Somebody waits for the list, and every answer is a search of its own: as few as can be.
        async for rows, more in self._findings.pages(" and ".join(conditions), parameters, min(most, LARGEST_PAGE)):
            read = (self._odd.read(FINDINGS, row, finding_from_row) for row in rows)
            found += [state for state in read if state]
            if len(found) >= most:
                return found[:most], more or len(found) > most
        return found, False

    async def stamp(self, now: datetime) -> Hashable:
        """Equal as long as every page is the same; None while that can't be told. Those who ask at the same moment share a reading."""
        return await _stamps.ask(self._url, now, self._read_stamp)

    async def _read_stamp(self, asked_at: Sequence[datetime]) -> Sequence[Hashable]:
        now = asked_at[-1]
        # Of exceptions those that ended, too: one that came and went while a page was made has left its trace.
        at_rest, over, exceptions = await asyncio.gather(
            self._contents.stamp(), self._runs.over_lately(now), self._exceptions.load()
        )
        known = at_rest is not None and over is not None
        stamp = (at_rest, over, now.astimezone(UTC).date(), tuple(exceptions)) if known else None
        return [stamp] * len(asked_at)


def _kinds(wanted: FindingFilter) -> list[tuple[Status, str]]:
    """The kinds of findings among those that are wanted, the worst first."""
    return [
        (status, severity)
        for status, severity in product((Status.OPEN, Status.RESOLVED), _SEVERITY)
        if wanted.status in (None, status) and wanted.severity in (None, severity)
    ]
