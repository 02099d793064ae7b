"""Random weeks: what looks at the audit log and daily scans find together, against a scan after every single change.

python -m tests.jobs.log_weeks WEEKS SEED
"""

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest.mock import patch

from azure.data.tables.aio import TableServiceClient

from checks.catalog import METHODS_END
from checks.usage import RETIRED
from devtools.azurite import start_azurite
from findings.model import Change, ChangeKind, Flap
from findings.store import FindingStore
from jobs import carrying
from jobs.log_watch import Looked, watch_log
from jobs.messages import ScanMessage
from jobs.scan import ScanRequest, scan
from localgraph.audit_events import events_between
from localgraph.audit_log import AuditLog
from localgraph.server import LocalGraph
from settings import Settings, load_settings
from tests.jobs.log_histories import CHANGES, NOW, happen, selection, tenant

EVERY, DAY = timedelta(minutes=5), timedelta(days=1)
LATEST = timedelta(minutes=20)
"""How late the log shows something."""
BOUND = timedelta(minutes=7)
"""Within which a change is told once the log shows it."""
Told = tuple[str, str, str]


@dataclass
class Week:
    """A tenant, and two installations that look at it."""

    graph: LocalGraph
    watching: str
    """The storage account of the one that scans daily and looks at the log."""
    always: str
    """That of the one that scans after every change."""
    now: datetime = NOW
    log: AuditLog = field(default_factory=AuditLog)
    scans: int = 0
    carried: int = 0
    """Scans that carried over what was read of accounts."""
    looks: int = 0

    def settings(self, storage: str) -> Settings:
        chosen = selection(self.graph.tenant)
        environment = {
            "GRAPH_ENDPOINT": self.graph.url,
            "AzureWebJobsStorage": storage,
            "SERVICE_ACCOUNT_PATTERNS": ",".join(chosen.patterns),
            "SERVICE_ACCOUNT_GROUPS": ",".join(chosen.groups),
            "AUDIT_LOG": "on",
        }
        with patch.dict(os.environ, environment):
            return load_settings()

    async def scan(
        self, storage: str, accounts: Sequence[str] = (), at: datetime | None = None, trigger: str = "test"
    ) -> None:
        self.scans += 1
        when = at or self.now
        self.graph.tenant.audits = self.log.visible(when)
        request = ScanRequest(f"run-{self.scans:05}", trigger, tuple(accounts))
        done = await scan(self.settings(storage), request, clock=lambda: when)
        self.carried += any("the audit log shows no change" in note for note in done.document["run"]["notes"])

    async def look(self) -> None:
        async def start(message: ScanMessage, delay: timedelta, _: Looked) -> None:
            await self.scan(self.watching, message.accounts, self.now + delay, message.trigger)

        self.looks += 1
        self.graph.tenant.audits = self.log.visible(self.now)
        await watch_log(self.settings(self.watching), start, clock=lambda: self.now)

    async def history(self, storage: str) -> list[tuple[datetime, Told]]:
        """What was told, in order: the first scan apart, and what comes with time alone, which whoever scans next tells."""
        async with TableServiceClient.from_connection_string(storage) as service:
            changes = [change async for change in FindingStore(service).history_since(NOW + timedelta(seconds=1))]
        return sorted((one.at, (one.kind.value, one.account_id, one.check_id)) for one in changes if not _by_time(one))

    async def open(self, storage: str) -> list[tuple[str, str]]:
        """Account and check of every finding that is open."""
        async with TableServiceClient.from_connection_string(storage) as service:
            found = FindingStore(service).load_findings(now=self.now, status="open")
            return sorted([(one.account_id, one.check_id) async for one in found])


async def play(
    changes: int, seed: int, watching: str, always: str, *, unlogged: float = 0
) -> tuple[list[str], int, int]:
    """A week with so many changes, most of an hour apart. Returns what was missed, told twice or late, in words; how much was told; and how
    many scans carried something over.

    ``unlogged``: the part of them that the log never shows; then only what is open after the next daily scan is compared.
    """
    chance = random.Random(seed)
    times = sorted(chance.sample(range(1, 7 * 24), changes))
    due: list[tuple[datetime, datetime]] = []
    """When something happened, and when it must have been told at the latest."""
    async with LocalGraph(tenant()) as graph:
        week = Week(graph, watching, always)
        for storage in (watching, always):
            await week.scan(storage)
        await week.look()
        next_day = NOW + DAY
        for hour in times:
            happens = NOW + timedelta(hours=hour, minutes=chance.randrange(20))
            while next_day < happens:
                week.now = next_day
                await week.scan(watching)
                next_day += DAY
            week.now = happens
            was = happen(chance.choice(CHANGES), graph, chance)
            delay = timedelta(seconds=chance.randrange(int(LATEST.total_seconds())))
            rows = events_between(was, graph.tenant, at=happens, classic=chance.random() < 0.3)
            week.log.record([] if chance.random() < unlogged else rows, delay=delay)
            await week.scan(always)
            due.append((happens, happens + delay + BOUND))
            # The looks before it turns up, and the one after: a quiet one changes nothing, whoever does it.
            for minutes in (0, 5, 10, 15, 20, 25):
                week.now = _next_look(happens) + timedelta(minutes=minutes)
                if next_day < week.now:
                    next_day += DAY
                    await week.scan(watching)
                await week.look()
        week.now = next_day
        for storage in (watching, always):
            await week.scan(storage)
        if (kept := await week.open(watching)) != (should := await week.open(always)):
            return [f"week {seed}: open are {kept} in place of {should}"], 0, week.carried
        told = await week.history(watching)
        if unlogged:
            return [], len(told), week.carried
        return _differences(told, await week.history(always), due, seed), len(told), week.carried


def _by_time(change: Change) -> bool:
    """Whether it was told because days went by: it kept changing and is still now, or a day of Microsoft's comes near."""
    dated = change.kind is ChangeKind.CHANGED and change.check_id in (METHODS_END, RETIRED)
    return dated or change.flapping is Flap.SETTLED


def _next_look(after: datetime) -> datetime:
    return after + EVERY - (after - NOW) % EVERY


def _differences(
    told: list[tuple[datetime, Told]],
    expected: list[tuple[datetime, Told]],
    due: Sequence[tuple[datetime, datetime]],
    seed: int,
) -> list[str]:
    found = []
    if _by_change(told, due) != _by_change(expected, due):
        found.append(f"week {seed}: told {_by_change(told, due)} in place of {_by_change(expected, due)}")
    by_events = set(expected)  # what comes with a date is told by whoever scans next
    for at, what in told:
        happened = max((one for one in due if one[0] <= at), default=None)
        if happened and at > happened[1] and (happened[0], what) in by_events:
            found.append(f"week {seed}: {what} was told {at - happened[0]} after it happened, not before {happened[1]}")
    return found


def _by_change(told: list[tuple[datetime, Told]], due: Sequence[tuple[datetime, datetime]]) -> list[list[Told]]:
    """What was told after each change, before the next one."""
    starts = [begin for begin, _ in due]
    return [
        sorted(what for at, what in told if begin <= at and (end is None or at < end))
        for begin, end in zip(starts, [*starts[1:], None], strict=True)
    ]


async def weeks(number: int, seed: int) -> list[str]:
    """So many weeks."""
    missed, told, carried = list[str](), 0, 0
    with (
        start_azurite() as azurite,
        patch.object(
            carrying, "PROOF", 1
        ),  # there are five accounts: where all of them are read, nothing is carried over
        patch.multiple(
            "tenant.turns", CONDITIONAL_ACCESS_SECONDS=0.0, SECONDS=0.0
        ),  # nobody waits for Microsoft's limits
    ):
        for one in range(number):
            storages = azurite.new_account(), azurite.new_account()
            differences, more, over = await play(6, seed + one, *storages, unlogged=0.3 if one % 4 == 3 else 0)
            missed, told, carried = missed + differences, told + more, carried + over
            sys.stdout.write(
                f"{one + 1} weeks, {told} changes told, {carried} scans that carried over, {len(missed)} differences\n"
            )
            sys.stdout.flush()
    return missed


if __name__ == "__main__":
    lost = asyncio.run(weeks(int(sys.argv[1]), int(sys.argv[2])))
    sys.stdout.write("\n".join(lost) + ("\n" if lost else "Nothing was missed, late or told twice.\n"))
    sys.exit(bool(lost))
