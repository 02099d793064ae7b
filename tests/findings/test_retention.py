"""Deleting what is old, and everything about one account."""

from dataclasses import replace

from azure.data.tables.aio import TableServiceClient

from findings.contents import Contents
from findings.exceptions import ExceptionStore
from findings.keys import to_key
from findings.packing import unpack
from findings.rate import Rate
from findings.retention import Pruned, forget, prune
from findings.run_record import RunRecord, RunStatus
from findings.runs import RUNS, RunStore
from findings.sight import Unseen, after_scan
from findings.sight_store import SightStore
from findings.store import FindingStore
from tests.findings.build import DAY, HOUR, NOW, account, seen

LONG_AGO = NOW - 400 * DAY


async def fill(service: TableServiceClient) -> None:
    store, runs, exceptions = FindingStore(service), RunStore(service), ExceptionStore(service)
    for name in ("old", "new"):
        at = LONG_AGO if name == "old" else NOW
        await store.keep(account(f"{name}-open", at=at), [seen()], alert_id=name)
        await store.keep(account(f"{name}-resolved", at=at), [seen()], alert_id=name)
        await store.keep(account(f"{name}-resolved", at=at + HOUR), [], alert_id=f"{name}-later")
        gone = account(f"{name}-gone", at=at, selected=False)
        await store.keep(gone, [], alert_id=name)
        await runs.save(RunRecord(name, RunStatus.COMPLETE, at))
        await exceptions.add(
            account_id=f"{name}-open",
            user_principal_name=name,
            check_id=None,
            reason="why",
            owner="Ada",
            until=at.date(),
            created_by="Ada",
            now=at,
        )
    for alert_id in await store.untold_alert_ids():
        if alert_id != "old":
            await store.mark_told(await store.changes_of(alert_id))


async def test_what_ended_long_ago_goes_and_everything_else_stays(service: TableServiceClient) -> None:
    await fill(service)
    store = FindingStore(service)
    pruned = await prune(service, NOW)
    assert pruned == Pruned(history=3, runs=1, findings=1, accounts=1, exceptions=1)
    accounts = [record.account_id async for record in store.load_accounts(selected_only=False)]
    assert accounts == ["new-gone", "new-open", "new-resolved", "old-open", "old-resolved"]
    findings = [state.account_id async for state in store.load_findings(now=NOW)]
    assert findings == ["new-open", "new-resolved", "old-open"]
    assert [run.id for run in await RunStore(service).newest()] == ["new"]
    assert len(await ExceptionStore(service).load()) == 1
    assert await prune(service, NOW) == Pruned()


async def test_what_is_made_of_findings_is_true_no_longer_once_some_are_deleted(service: TableServiceClient) -> None:
    await fill(service)
    contents = Contents(service)
    await contents.settle()
    await prune(service, NOW)
    assert await contents.stamp() is None
    await contents.settle()
    before = await contents.stamp()
    assert before
    await prune(service, NOW)
    assert await contents.stamp() == before, "there was nothing to delete"


async def test_a_change_that_still_waits_to_be_told_stays_however_old_it_is(service: TableServiceClient) -> None:
    await fill(service)
    await prune(service, NOW)
    assert await FindingStore(service).untold_alert_ids() == ["old"]


async def test_who_asked_over_the_web_is_forgotten_a_day_later(service: TableServiceClient) -> None:
    await Rate(service, "reads old", 60, HOUR).take(NOW - 2 * DAY)
    await Rate(service, "reads new", 60, HOUR).take(NOW)
    assert (await prune(service, NOW)).callers == 1
    rows = service.get_table_client(RUNS).query_entities("PartitionKey eq 'rate'")
    assert [row["RowKey"] async for row in rows] == [to_key("reads new")]


async def test_the_time_to_keep_can_be_chosen(service: TableServiceClient) -> None:
    await fill(service)
    assert await prune(service, NOW, keep_days=500) == Pruned()


async def test_more_than_one_transaction_can_hold_is_deleted(service: TableServiceClient) -> None:
    store = FindingStore(service)
    for number in range(3):
        observed = [seen(f"APW-{check:03}", fingerprint=str(number)) for check in range(45)]
        await store.keep(account(at=LONG_AGO + number * HOUR), observed, alert_id=f"alert-{number}")
    assert (await prune(service, NOW)).history == 135
    assert await store.history("a1") == ()


async def test_nothing_of_a_forgotten_account_is_left(service: TableServiceClient) -> None:
    await fill(service)
    gaps = ({"input": "groups", "account": "new-open"}, {"input": "groups", "account": "old-open"})
    await RunStore(service).save(replace(RunRecord("run", RunStatus.INCOMPLETE, NOW), gaps=gaps))
    assert await forget(service, {"new-open"}) == 5  # account, finding, history, exception, run
    for table in ("findings", "runs", "history", "exceptions"):
        async for row in service.get_table_client(table).list_entities():
            assert "new-open" not in str(row)
    run = await RunStore(service).load("run")
    assert run
    assert run.gaps == gaps[1:]
    store = FindingStore(service)
    assert len([record async for record in store.load_accounts()]) == 3


async def test_a_forgotten_account_that_is_still_selected_comes_back_as_new(service: TableServiceClient) -> None:
    store = FindingStore(service)
    await store.keep(account(), [seen()], alert_id="alert-1")
    known = await store.load_snapshot("a1")
    await forget(service, {"a1"})
    outcome = await store.keep(account(at=NOW + HOUR), [seen()], alert_id="alert-2", snapshot=known)
    assert [(change.kind.value, change.first_seen) for change in outcome.changes] == [("opened", NOW + HOUR)]


async def test_forgetting_somebody_unknown_deletes_nothing(service: TableServiceClient) -> None:
    assert await forget(service, {"' or true", "x" * 2000}) == 0


async def test_of_what_cannot_be_seen_a_forgotten_account_goes_and_the_others_stay(service: TableServiceClient) -> None:
    def state(name: str, input_name: str = "per_user_mfa") -> Unseen:
        return Unseen(
            f"input {input_name}", "The state can't be read.", "the state", "Again.", object=name, name=f"{name}@x"
        )

    store = SightStore(service)
    unseen = [state("a1"), state("b2"), state("a1", "mfa_methods"), Unseen("renamed a1 x", "a1@x has another name.")]
    first = after_scan([], unseen, run_id="1", now=NOW)
    await store.keep(after_scan(first.kept, unseen, run_id="2", now=NOW + DAY), ["alert"])
    assert await forget(service, ["a1", "a1@x"], dry=True) == 4
    assert await forget(service, ["a1", "a1@x"]) == 4
    assert [(one.unseen.key, one.unseen.name) for one in await store.load()] == [("input per_user_mfa", "b2@x")]
    rows = [dict(row) async for row in service.get_table_client(RUNS).list_entities()]
    assert "a1" not in repr([(row["RowKey"], row.get("text"), unpack(row)) for row in rows])
