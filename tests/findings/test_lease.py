"""Two scans of the same tenant don't overlap."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.errors import LeaseLost, ScanAlreadyRunning
from findings.lease import DEFAULT_TIMES, Lease, LeaseTimes, scan_lease
from findings.seen import SeenStore
from findings.tables import Table
from tests.findings.build import NOW
from tests.findings.crash import FaultyTransport

FAST = LeaseTimes(duration=3, renew_every=0.5, wait=10, poll=0.05)
"""A machine that stands still for a second or two breaks no test."""


class Clock:
    """A clock that moves only while somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def elapsed(self) -> float:
        """The same on a clock that nobody sets."""
        return (self.now - NOW).total_seconds()


def waiting(service: TableServiceClient, clock: Clock, wall: Callable[[], datetime] | None = None) -> Lease:
    """A lease that somebody is about to ask for, and whose time passes on ``clock``; ``wall`` tells the time of day."""
    table = Table(service, "runs")
    return Lease(table, "next", DEFAULT_TIMES, wall or clock, clock.sleep, elapsed=clock.elapsed)


async def never(seconds: float) -> None:
    """For a holder that doesn't renew: it was killed, or is frozen."""
    await asyncio.Event().wait()


async def hold_without_renewing(service: TableServiceClient, clock: Callable[[], datetime]) -> Lease:
    """A holder that was killed right after it got the lease."""
    lease = Lease(Table(service, "runs"), "killed run", DEFAULT_TIMES, clock, never)
    await lease.acquire()
    return lease


async def holds(service: TableServiceClient) -> str | None:
    row = await Table(service, "runs").get("lease", "scan")
    return row["owner"] if row else None


async def test_the_lease_is_given_up_at_the_end_and_after_an_error(service: TableServiceClient) -> None:
    async with scan_lease(service, "first") as lease:
        assert await holds(service) == "first"
        lease.check()
    assert await holds(service) is None
    with pytest.raises(RuntimeError, match="the scan failed"):
        async with scan_lease(service, "second"):
            raise RuntimeError("the scan failed")
    assert await holds(service) is None


async def test_a_second_scan_is_refused_in_a_sentence_while_the_first_goes_on(service: TableServiceClient) -> None:
    clock = Clock()
    async with scan_lease(service, "run-1", times=FAST):
        short = LeaseTimes(duration=3, renew_every=0.1, wait=0.3, poll=0.05)
        with pytest.raises(
            ScanAlreadyRunning, match=r"Another scan is going on: run-1, since 20\d\d-.*Z\. This one was"
        ):
            async with scan_lease(service, "run-2", times=short):
                pytest.fail("two scans at once")
    assert clock() == NOW
    assert await holds(service) is None


async def test_a_second_scan_starts_as_soon_as_the_first_is_done(service: TableServiceClient) -> None:
    async def second() -> None:
        async with scan_lease(service, "second", times=FAST):
            order.append("second begins")

    order: list[str] = []
    async with scan_lease(service, "first", times=FAST):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        order.append("first ends")
    await waiting
    assert order == ["first ends", "second begins"]


async def test_a_killed_holder_blocks_the_next_scan_no_longer_than_its_lease(service: TableServiceClient) -> None:
    clock = Clock()
    await hold_without_renewing(service, clock)
    await waiting(service, clock).acquire()
    waited = (clock.now - NOW).total_seconds()
    assert DEFAULT_TIMES.duration <= waited <= DEFAULT_TIMES.duration + DEFAULT_TIMES.poll
    assert await holds(service) == "next"


async def test_whoever_outlives_a_killed_holder_has_the_next_scan_write_every_account(
    service: TableServiceClient,
) -> None:
    seen = SeenStore(service)
    async with scan_lease(service, "forget"):
        assert not await seen.writes_demanded()
    clock = Clock()
    await hold_without_renewing(service, clock)
    async with scan_lease(service, "forget", clock=clock, sleep=clock.sleep, elapsed=clock.elapsed):
        assert await seen.writes_demanded()


@pytest.mark.parametrize("ahead", [timedelta(seconds=35), timedelta(days=1), timedelta(days=-1)], ids=str)
async def test_whatever_time_it_is_elsewhere_a_killed_holder_is_outlived_after_the_same_wait(
    service: TableServiceClient, ahead: timedelta
) -> None:
    clock = Clock()
    await hold_without_renewing(service, lambda: NOW + ahead)
    await waiting(service, clock).acquire()
    assert DEFAULT_TIMES.duration <= clock.elapsed() <= DEFAULT_TIMES.duration + DEFAULT_TIMES.poll


async def test_a_clock_that_is_ahead_or_behind_steals_no_lease_that_is_renewed(service: TableServiceClient) -> None:
    times = replace(FAST, wait=1.5 * FAST.duration)

    async def steal(ahead: timedelta) -> None:
        with pytest.raises(ScanAlreadyRunning, match="going on: alive"):
            async with scan_lease(service, "ahead", times=times, clock=lambda: datetime.now(UTC) + ahead):
                pytest.fail("two scans at once")

    async with scan_lease(service, "alive", times=FAST) as alive:
        await asyncio.gather(*map(steal, (timedelta(seconds=35), timedelta(days=365), timedelta(days=-365))))
        assert not alive.lost
        assert await holds(service) == "alive"


async def test_setting_the_clock_while_waiting_neither_shortens_nor_lengthens_the_wait(
    service: TableServiceClient,
) -> None:
    clock, jumps = Clock(), iter(range(1, 1000))
    await hold_without_renewing(service, clock)
    await waiting(service, clock, lambda: NOW + timedelta(hours=(-1) ** next(jumps) * 5)).acquire()
    assert DEFAULT_TIMES.duration <= clock.elapsed() <= DEFAULT_TIMES.duration + DEFAULT_TIMES.poll


async def test_setting_the_clock_of_a_holder_that_cannot_renew_for_a_moment_loses_nothing(storage: str) -> None:
    transport, ahead = FaultyTransport(), [timedelta()]
    async with (
        TableServiceClient.from_connection_string(storage, transport=transport, retry_total=0) as service,
        scan_lease(service, "run-1", times=FAST, clock=lambda: NOW + ahead[0]) as lease,
    ):
        ahead[0] = timedelta(hours=1)
        transport.unreachable = 2
        await asyncio.sleep(1.5)
        assert transport.unreachable == 0
        assert not lease.lost


async def test_who_waits_for_less_than_a_lease_outlives_a_killed_holder_all_the_same(
    service: TableServiceClient,
) -> None:
    """Otherwise a recheck would be refused until the next day because of a scan that is long dead."""
    clock = Clock()
    await hold_without_renewing(service, clock)
    impatient = LeaseTimes(wait=10)
    await Lease(Table(service, "runs"), "recheck", impatient, clock, clock.sleep, elapsed=clock.elapsed).acquire()
    assert await holds(service) == "recheck"


async def test_a_killed_holder_is_watched_for_as_long_as_its_own_lease(service: TableServiceClient) -> None:
    clock = Clock()
    await hold_without_renewing(service, clock)
    quick = LeaseTimes(duration=1, renew_every=0.3, wait=2, poll=0.5)
    await Lease(Table(service, "runs"), "quick", quick, clock, clock.sleep, elapsed=clock.elapsed).acquire()
    assert clock.elapsed() >= DEFAULT_TIMES.duration


async def test_who_is_refused_learns_who_holds_the_lease_and_whether_it_scans_everything(
    service: TableServiceClient,
) -> None:
    short = LeaseTimes(duration=3, renew_every=0.1, wait=0.3, poll=0.05)
    for whole in (True, False):
        async with scan_lease(service, "first", whole=whole, times=FAST):
            await asyncio.sleep(1.2 * FAST.renew_every)  # it still says so after it was renewed
            with pytest.raises(ScanAlreadyRunning) as refused:
                async with scan_lease(service, "second", times=short):
                    pytest.fail("two scans at once")
        assert (refused.value.owner, refused.value.whole) == ("first", whole)


async def test_a_lease_that_was_taken_although_the_answer_got_lost_is_recognised(
    service: TableServiceClient, storage: str
) -> None:
    clock = Clock()
    await hold_without_renewing(service, clock)
    # The SDK repeats the write that took the lease, and finds that somebody has taken it.
    lossy = FaultyTransport(lose_write=0)
    async with TableServiceClient.from_connection_string(storage, transport=lossy) as client:
        await waiting(client, clock).acquire()
    assert clock.elapsed() <= DEFAULT_TIMES.duration + 2 * DEFAULT_TIMES.poll
    assert await holds(service) == "next"


async def test_a_holder_that_renews_keeps_the_lease_beyond_its_duration(service: TableServiceClient) -> None:
    async with scan_lease(service, "long", times=FAST) as lease:
        await asyncio.sleep(1.5 * FAST.duration)
        assert not lease.lost
        assert await holds(service) == "long"


async def test_of_many_that_wait_only_one_gets_the_lease(service: TableServiceClient) -> None:
    times = LeaseTimes(duration=0.5, renew_every=0.1, wait=30, poll=0.05)
    await Lease(Table(service, "runs"), "killed run", times, lambda: NOW, never).acquire()
    inside = most = 0

    async def compete(number: int) -> None:
        nonlocal inside, most
        async with scan_lease(service, f"run-{number}", times=replace(times, duration=10)):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.02)
            inside -= 1

    await asyncio.gather(*(compete(number) for number in range(5)))
    assert most == 1


async def take_over(service: TableServiceClient) -> None:
    """Another scan believes the holder dead."""
    table = Table(service, "runs")
    row = await table.get("lease", "scan")
    assert row
    await table.upsert({**row, "owner": "thief", "token": "other"})


async def vanish(service: TableServiceClient) -> None:
    """Somebody deleted the lease by hand."""
    await Table(service, "runs").delete([("lease", "scan")])


@pytest.mark.parametrize("lose", [take_over, vanish])
async def test_a_scan_that_lost_its_lease_is_stopped(
    service: TableServiceClient, lose: Callable[[TableServiceClient], Awaitable[None]]
) -> None:
    leases: list[Lease] = []

    async def scan() -> None:
        async with scan_lease(service, "run-1", times=FAST) as lease:
            leases.append(lease)
            await lose(service)
            await asyncio.sleep(60)

    started = asyncio.get_running_loop().time()
    with pytest.raises(LeaseLost, match="The scan run-1 stopped: another scan has taken over"):
        await scan()
    assert asyncio.get_running_loop().time() - started < 30
    with pytest.raises(LeaseLost):
        leases[0].check()
    task = asyncio.current_task()
    assert task
    assert task.cancelling() == 0
    assert await holds(service) == ("thief" if lose is take_over else None)


async def test_a_lease_that_cannot_be_renewed_is_lost_before_it_expires(storage: str) -> None:
    transport = FaultyTransport()
    times = LeaseTimes(duration=4, renew_every=0.1, wait=2, poll=0.05)

    clock = asyncio.get_running_loop().time
    held = 0.0

    async def scan(service: TableServiceClient) -> None:
        nonlocal held
        async with scan_lease(service, "run-1", times=times):
            held, transport.unreachable = clock(), 10_000
            await asyncio.sleep(60)

    async with TableServiceClient.from_connection_string(storage, transport=transport, retry_total=0) as service:
        with pytest.raises(LeaseLost):
            await scan(service)
        assert clock() - held < times.duration


async def test_a_renewal_that_fails_is_tried_again(storage: str) -> None:
    transport = FaultyTransport()
    async with (
        TableServiceClient.from_connection_string(storage, transport=transport, retry_total=0) as service,
        scan_lease(service, "run-1", times=FAST) as lease,
    ):
        transport.unreachable = 2
        await asyncio.sleep(1.5)
        assert transport.unreachable == 0
        assert not lease.lost


async def test_a_renewal_whose_answer_got_lost_is_recognised(storage: str) -> None:
    times = LeaseTimes(duration=6, renew_every=0.2, wait=2, poll=0.05)
    async with (
        TableServiceClient.from_connection_string(storage) as service,
        scan_lease(service, "creates the table", times=times),
    ):
        pass
    # Write 0 takes the lease, 1 is the first renewal.
    lossy = FaultyTransport(lose_write=1)
    async with (
        TableServiceClient.from_connection_string(storage, transport=lossy) as service,
        scan_lease(service, "run-1", times=times) as lease,
    ):
        await asyncio.sleep(1)
        assert lossy.writes > 3
        assert not lease.lost


async def test_a_cancellation_from_outside_stays_one_and_frees_the_lease(service: TableServiceClient) -> None:
    entered = asyncio.Event()

    async def work() -> None:
        async with scan_lease(service, "run-1", times=FAST):
            entered.set()
            await asyncio.sleep(5)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await holds(service) is None
