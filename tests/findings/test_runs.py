"""One record per scan."""

from dataclasses import replace
from random import Random

from azure.data.tables.aio import TableServiceClient

from findings.lease import scan_lease
from findings.model import RunRecord, RunStatus
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
    changes={"opened": 1},
    gaps=({"input": "conditional_access_policies", "error": "403 ...", "permission": "Policy.Read.All"},),
)


async def test_a_run_comes_back_as_it_was(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(FULL)
    assert await runs.load(FULL.id) == FULL


async def test_a_run_is_the_first_until_another_was_done_before_it(service: TableServiceClient) -> None:
    runs = RunStore(service)
    later = RunRecord("later", RunStatus.COMPLETE, NOW + HOUR)
    for run in (RunRecord("failed", RunStatus.FAILED, NOW), RunRecord("running", RunStatus.RUNNING, NOW), later):
        await runs.save(run)
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
