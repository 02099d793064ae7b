"""One record per scan."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from random import Random

from azure.data.tables.aio import TableServiceClient

from findings.lease import scan_lease
from findings.run_record import DONE, RunRecord, RunStatus
from findings.runs import RunStore, new_run_id
from tests.findings.build import DAY, HOUR, NOW

FULL = RunRecord(
    id="run/1;#?",
    status=RunStatus.INCOMPLETE,
    started=NOW,
    finished=NOW + HOUR,
    trigger="schedule",
    tenant_id="t1",
    tenant_name="Contoso <b>",
    accounts_total=18,
    accounts_done=17,
    graph_requests=41,
    alert_id="alert-1",
    error="Something was unreadable.",
    visibility={"hidden": 3, "visible": 14},
    usability={"usable": 17},
    severities={"high": 3},
    urgency={"now": 2, "later": 1},
    next_break=date(2026, 12, 31),
    steps=({"title": "Move", "minutes": None, "findings": 3, "broken_now": 2, "count": 2},),
    changes={"opened": 1},
    gaps=({"input": "conditional_access_policies", "error": "403 ...", "permission": "Policy.Read.All"},),
    app_passwords={"allowed": False, "source": "read", "contradiction": "The setting says yes."},
    says_when_writing=True,
)


async def test_a_run_comes_back_as_it_was(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(FULL)
    assert await runs.load(FULL.id) == FULL


async def test_a_run_is_the_first_until_another_was_done_before_it(service: TableServiceClient) -> None:
    runs = RunStore(service)
    later = RunRecord("later", RunStatus.COMPLETE, NOW + HOUR)
    for status in set(RunStatus) - DONE:
        await runs.save(RunRecord(status.value, status, NOW))
    await runs.save(later)
    assert await runs.is_first(later)
    await runs.save(RunRecord("sooner", RunStatus.INCOMPLETE, NOW))
    assert not await runs.is_first(later)


async def test_a_run_is_replaced_as_it_gets_on(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(FULL)
    again = RunRecord(FULL.id, RunStatus.RUNNING, NOW)
    await runs.save(again)
    assert await runs.load(FULL.id) == again


async def test_a_run_that_does_not_exist_is_none(service: TableServiceClient) -> None:
    runs = RunStore(service)
    assert await runs.load("nothing") is None
    await runs.save(FULL)
    assert await runs.load("nothing") is None
    assert await runs.load("' or true") is None
    assert await runs.load("/" * 1000) is None


async def test_the_newest_runs_come_first(service: TableServiceClient) -> None:
    runs = RunStore(service)
    for number in (2, 1, 4, 3):
        await runs.save(replace(FULL, id=f"run-{number}", started=NOW + number * DAY))
    assert [run.id for run in await runs.newest()] == ["run-4", "run-3", "run-2", "run-1"]
    assert [run.id for run in await runs.newest(limit=2)] == ["run-4", "run-3"]
    assert [run.id for run in await runs.newest(since=NOW + 3 * DAY)] == ["run-4", "run-3"]


async def test_the_lease_is_no_run(service: TableServiceClient) -> None:
    async with scan_lease(service, "run-1"):
        assert await RunStore(service).newest() == []


async def test_whatever_still_runs_while_the_lease_is_free_was_killed(service: TableServiceClient) -> None:
    runs = RunStore(service)
    for status in RunStatus:
        await runs.save(RunRecord(status.value, status, NOW))
    (ended,) = await runs.end_abandoned(NOW + HOUR)
    assert (ended.id, ended.status, ended.finished) == ("running", RunStatus.FAILED, NOW + HOUR)
    assert await runs.load("running") == ended
    assert ended.error
    assert "its process ended" in ended.error
    assert await runs.end_abandoned(NOW + HOUR) == []


async def test_the_own_run_is_not_ended_with_the_others(service: TableServiceClient) -> None:
    runs = RunStore(service)
    for run_id in ("own", "other"):
        await runs.save(RunRecord(run_id, RunStatus.RUNNING, NOW))
    assert [run.id for run in await runs.end_abandoned(NOW + HOUR, but="own")] == ["other"]


async def test_what_waits_for_longer_than_any_message_lives_is_ended(service: TableServiceClient) -> None:
    runs = RunStore(service)
    for days in (7, 9):
        await runs.save(RunRecord(f"{days} days", RunStatus.QUEUED, NOW - days * DAY, trigger="request"))
    (ended,) = await runs.end_abandoned(NOW)
    assert (ended.id, ended.status, ended.finished) == ("9 days", RunStatus.FAILED, NOW)
    assert ended.error == "It waited for 8 days and never started: its message was lost, or the app was stopped."


async def test_a_change_never_overwrites_what_was_written_meanwhile(service: TableServiceClient, storage: str) -> None:
    """A scan that was believed dead is done at this very moment."""
    runs = RunStore(service)
    await runs.save(RunRecord("run", RunStatus.RUNNING, NOW))
    seen: list[RunStatus] = []

    def fail(run: RunRecord | None) -> RunRecord | None:
        assert run
        seen.append(run.status)
        if run.status is RunStatus.RUNNING:
            in_another_process(replace(run, status=RunStatus.COMPLETE, finished=NOW))
            return replace(run, status=RunStatus.FAILED)
        return None

    def in_another_process(run: RunRecord) -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(asyncio.run, save_elsewhere(run)).result()

    async def save_elsewhere(run: RunRecord) -> None:
        async with TableServiceClient.from_connection_string(storage) as elsewhere:
            await RunStore(elsewhere).save(run)

    left = await runs.change("run", fail)
    assert seen == [RunStatus.RUNNING, RunStatus.COMPLETE]
    assert left
    assert left.status is RunStatus.COMPLETE
    assert await runs.load("run") == left


async def test_a_change_makes_a_run_that_does_not_exist(service: TableServiceClient) -> None:
    runs, made = RunStore(service), RunRecord("new", RunStatus.SKIPPED, NOW)
    assert await runs.change("new", lambda run: None if run else made) == made
    assert await runs.load("new") == made


async def test_the_last_whole_scan_is_found_behind_any_number_of_others(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(replace(FULL, id="before", started=NOW - DAY, finished=NOW - DAY + HOUR))
    await runs.save(replace(FULL, id="whole", finished=NOW + HOUR))
    await runs.save(replace(FULL, id="ahead", finished=NOW + 9 * DAY))
    for number in range(3):
        await runs.save(replace(FULL, id=f"one account {number}", partial=True, finished=NOW + 2 * HOUR))
    for status in set(RunStatus) - DONE:
        await runs.save(replace(FULL, id=status.value, status=status, finished=NOW + 2 * HOUR))
    found = await runs.last_whole(NOW - DAY, NOW + DAY)
    assert found
    assert found.id == "whole"
    assert await runs.last_whole(NOW + 2 * HOUR, NOW + DAY) is None


async def test_a_run_with_thousands_of_gaps_keeps_as_many_as_fit(service: TableServiceClient) -> None:
    chance = Random(1)
    gaps = tuple({"input": "groups", "error": f"403 {chance.randbytes(40).hex()}"} for _ in range(8000))
    await RunStore(service).save(replace(FULL, gaps=gaps))
    kept = await RunStore(service).load(FULL.id)
    assert kept
    assert 4000 < len(kept.gaps) < len(gaps)
    assert kept.gaps == gaps[: len(kept.gaps)]


def test_ids_of_runs_sort_by_time_and_differ() -> None:
    ids = [new_run_id(NOW), new_run_id(NOW + HOUR)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261122T070000Z-")
    assert new_run_id(NOW) != new_run_id(NOW)


def test_a_run_as_json_has_its_times_in_utc() -> None:
    public = FULL.public()
    assert (public["started"], public["finished"]) == ("2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z")
    assert (public["status"], public["complete"]) == ("incomplete", False)
