"""Findings in pages, in real tables."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.exceptions import ExceptionStore
from findings.listing import FindingFilter, FindingList, ListChanged
from findings.model import AcceptedException, FindingState
from findings.rows import finding_to_row
from findings.run_record import APART, RunRecord, RunStatus
from findings.runs import RunStore
from findings.seen import SeenStore, Sighting
from findings.store import FINDINGS, FindingStore
from findings.tables import Table
from tests.findings.build import DAY, NOW, account, seen

SEVERITIES = ("low", "high", "medium")


async def kept(store: FindingStore, count: int) -> None:
    """So many accounts with two findings each, of which every third account's are over."""
    for number in range(count):
        record = account(f"a{number:02}")
        findings = [replace(seen(check), severity=SEVERITIES[number % 3]) for check in ("APW-001", "APW-007")]
        await store.keep(record, findings, alert_id="alert")
        if number % 3 == 2 and number % 2:
            later = replace(record, judged_at=NOW + DAY)
            await store.keep(later, [], alert_id="later", apart=APART)


async def read(service: TableServiceClient, wanted: FindingFilter, limit: int) -> tuple[list[FindingState], list[int]]:
    """All pages in a row, and how many each had."""
    found: list[FindingState] = []
    sizes, after = [], None
    while True:
        page, more = await FindingList(service).page(wanted, NOW, limit, after)
        found += page
        sizes.append(len(page))
        if not more:
            return found, sizes
        after = page[-1].account_id, page[-1].check_id


WANTED = [
    FindingFilter(),
    FindingFilter(status="open"),
    FindingFilter(status="resolved"),
    FindingFilter(severity="medium"),
    FindingFilter(status="open", severity="high", check_id="APW-007"),
    FindingFilter(account="A04"),
    FindingFilter(check_id="APW-999"),
]


async def test_pages_hold_every_finding_that_is_wanted_once_and_the_worst_first(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, 6)
    weight = {"high": 0, "medium": 1, "low": 2}
    for wanted, limit in product(WANTED, (1, 3, 1000)):
        found, sizes = await read(service, wanted, limit)
        filters: dict[str, Any] = {"status": wanted.status, "severity": wanted.severity, "check_id": wanted.check_id}
        every = [one async for one in store.load_findings(now=NOW, account=wanted.account, **filters)]
        every.sort(key=lambda one: (not one.open, weight[one.severity], one.account_id, one.check_id))
        assert found == every, (wanted, limit)
        assert all(size == limit for size in sizes[:-1])


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many findings came in each answer of the storage account."""
    sizes: list[int] = []
    pages = Table.pages

    async def counting(self: Table, *arguments: Any, **options: Any) -> Any:
        async for rows, more in pages(self, *arguments, **options):
            if self.name == FINDINGS:
                sizes.append(len(rows))
            yield rows, more

    monkeypatch.setattr(Table, "pages", counting)
    return sizes


async def test_a_page_reads_its_own_rows_and_no_others(
    store: FindingStore, service: TableServiceClient, answers: list[int]
) -> None:
    await kept(store, 8)
    answers.clear()
    page, more = await FindingList(service).page(FindingFilter(), NOW, 2)
    assert (len(page), more) == (2, True)
    assert answers == [2]
    await FindingList(service).page(FindingFilter(), NOW, 2, (page[-1].account_id, page[-1].check_id))
    assert answers == [2, 2]


async def test_a_page_that_ends_with_a_kind_of_findings_looks_whether_there_are_others(
    store: FindingStore, service: TableServiceClient, answers: list[int]
) -> None:
    await kept(store, 3)
    answers.clear()
    page, more = await FindingList(service).page(FindingFilter(status="open"), NOW, 2)
    assert ([one.severity for one in page], more) == (["high", "high"], True)
    assert answers == [2, 1]
    everything = await FindingList(service).page(FindingFilter(status="open"), NOW, 6)
    assert (len(everything[0]), everything[1]) == (6, False)


async def test_a_page_is_full_though_some_of_its_rows_can_not_be_read(
    store: FindingStore, service: TableServiceClient, answers: list[int]
) -> None:
    await kept(store, 4)
    (state,) = [one async for one in store.load_findings(now=NOW, account="a01", check_id="APW-001")]
    await Table(service, FINDINGS).upsert({**finding_to_row(state), "status": "of a newer version"})
    answers.clear()
    page, more = await FindingList(service).page(FindingFilter(severity="high"), NOW, 1)
    assert ([one.check_id for one in page], more) == (["APW-007"], False)
    assert answers[:2] == [1, 1]


async def test_a_finding_has_its_exception_on_every_page(store: FindingStore, service: TableServiceClient) -> None:
    await kept(store, 3)
    accepted: AcceptedException = await ExceptionStore(service).add(
        account_id="a01", user_principal_name="u", check_id="APW-007", reason="r", owner="o",
        until=NOW.date(), created_by="c", now=NOW,
    )  # fmt: skip
    found, _ = await read(service, FindingFilter(), 1)
    assert [(one.account_id, one.check_id) for one in found if one.exception == accepted] == [("a01", "APW-007")]


async def test_a_list_whose_last_finding_is_gone_is_begun_again(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, 3)
    pages = FindingList(service)
    for after in (("a01", "APW-002"), ("nobody", "APW-001"), ("x" * 2000, "APW-001"), ("", ""), ("\ud800", "'")):
        with pytest.raises(ListChanged):
            await pages.page(FindingFilter(), NOW, 2, after)
    for wanted in (FindingFilter(status="resolved"), FindingFilter(severity="low"), FindingFilter(account="a00")):
        with pytest.raises(ListChanged):
            await pages.page(wanted, NOW, 2, ("a01", "APW-001"))


async def test_a_finding_whose_severity_is_lost_is_among_the_worst(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, 2)
    (state,) = [one async for one in store.load_findings(now=NOW, account="a00", check_id="APW-001")]
    row = finding_to_row(state)
    del row["severity"]
    await Table(service, FINDINGS).upsert(row)
    page, _ = await FindingList(service).page(FindingFilter(severity="high"), NOW, 10)
    assert ("a00", "APW-001") in [(one.account_id, one.check_id) for one in page]


async def test_the_stamp_of_the_list_is_another_whenever_a_page_could_be(
    store: FindingStore, service: TableServiceClient
) -> None:
    listed, stamps = FindingList(service), []
    exceptions, runs = ExceptionStore(service), RunStore(service)

    async def noted() -> None:
        stamps.append(await listed.stamp(NOW))

    async def accepted() -> AcceptedException:
        return await exceptions.add(
            account_id="a00",
            user_principal_name="svc-a00@contoso.example",
            check_id="APW-001",
            reason="Migration",
            owner="Ada",
            until=NOW.date() + 30 * DAY,
            created_by="ada",
            now=NOW,
        )

    await kept(store, 1)
    assert await listed.stamp(NOW) is None, "accounts are being written"
    await store.contents.settle()
    await noted()
    await noted()
    assert stamps[0] == stamps[1]
    mine = await accepted()
    await noted()
    await exceptions.remove(mine.id, removed_by="ada", now=NOW)
    await noted()
    assert len(set(stamps)) == 3, "one that came and went has left its trace"
    await SeenStore(service).save({"a00": Sighting(NOW, NOW + DAY, "run")})
    await noted()
    await store.keep(account("a00", at=NOW + DAY), [], alert_id="later")
    await store.contents.settle()
    await noted()
    stamps.append(await listed.stamp(NOW + DAY))
    assert len({str(one) for one in stamps[3:]}) == 4
    await runs.save(RunRecord("of an older version", RunStatus.RUNNING, NOW))
    assert await listed.stamp(NOW) is None
    await runs.save(RunRecord("of an older version", RunStatus.RUNNING, NOW, says_when_writing=True))
    assert await listed.stamp(NOW) == stamps[-2]
    await runs.save(RunRecord("of an older version", RunStatus.COMPLETE, NOW, NOW))
    assert await listed.stamp(NOW) not in (None, *stamps), "it wrote without a word of it"
