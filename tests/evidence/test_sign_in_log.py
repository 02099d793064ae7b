"""The sign-in log over several scans: what is asked of it, which days are read, and going on where a scan stopped."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from evidence.store import KeptDay, PassingEvidence, StoredEvidence
from evidence.usage import read_usage
from tenant.reader import read_tenant
from tenant.selection import Selection
from tenant.turns import Turns
from tests.evidence.company import LISTED, NOW, Company, listed, settings, usage
from tests.tenant.reading import Naps, connect


async def test_every_request_for_the_log_is_filtered_and_bounded(company: Company) -> None:
    await usage(company, PassingEvidence())
    assert company.asked
    for query in company.asked:
        assert "createdDateTime ge " in query
        assert "createdDateTime lt " in query
        assert any(f"({name} eq " in query for name in ("clientAppUsed", "userId", "appId"))


async def test_a_second_scan_on_the_same_day_asks_nothing_and_knows_the_same(company: Company) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    asked = len(company.asked)
    second = await usage(company, evidence)
    assert len(company.asked) == asked
    assert second.proposals == first.proposals
    assert listed(second).sign_ins == listed(first).sign_ins


async def test_the_next_day_reads_one_day(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence)
    asked = len(company.asked)
    found = await usage(company, evidence, NOW + timedelta(days=1))
    new = company.asked[asked:]
    assert new
    for query in new:  # of accounts also what there is of today, in the same request
        end = "2026-11-23T07:00:00Z" if "userId eq" in query else "2026-11-23T00:00:00Z"
        assert f"createdDateTime ge 2026-11-22T00:00:00Z and createdDateTime lt {end}" in query
    assert listed(found).sign_ins[0].count == 29  # the oldest day fell out
    assert min([day.day async for day in evidence.days()]) == date(2026, 10, 24)


async def test_a_day_is_read_when_its_sign_ins_have_arrived(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence, datetime(2026, 11, 22, 1, 59, tzinfo=UTC))
    assert max([day.day async for day in evidence.days() if "until" not in day.sums]) == date(2026, 11, 20)


async def test_days_that_go_on_are_known_so_far_and_read_whole_later(company: Company) -> None:
    evidence = PassingEvidence()
    company.tenant.sign_ins.insert(0, company.row(LISTED, "Authenticated SMTP", NOW.date(), code=53003))
    early = await usage(company, evidence, datetime(2026, 11, 22, 9, tzinfo=UTC))
    assert [(one.code, one.count, one.since_last_in) for one in listed(early).outcomes] == [(53003, 1, 1), (0, 30, 0)]
    assert sum(use.count for use in listed(early).sign_ins) == 30  # uses are of whole days
    row = company.row(LISTED, "Authenticated SMTP", NOW.date())
    company.tenant.sign_ins.insert(0, {**row, "createdDateTime": "2026-11-22T20:00:00Z"})
    later = await usage(company, evidence, datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert [(one.code, one.count, one.since_last_in) for one in listed(later).outcomes] == [(0, 30, 0), (53003, 1, 0)]
    assert [day.sums for day in [one async for one in evidence.days()] if "until" in day.sums] == []


@pytest.mark.parametrize("legacy_is_whole", [False, True])
async def test_what_was_read_of_a_day_that_went_on_counts_until_the_day_is_read_whole(
    company: Company, *, legacy_is_whole: bool
) -> None:
    evidence = PassingEvidence()
    company.tenant.sign_ins.insert(0, company.row(LISTED, "Authenticated SMTP", NOW.date(), code=53003))
    await usage(company, evidence, datetime(2026, 11, 22, 9, tzinfo=UTC))
    company.graph.fail("auditLogs/signIns", 500)
    if legacy_is_whole:  # it says all of them, so none counts twice
        await evidence.keep(KeptDay("legacy", (), NOW.date(), {"uses": [], "demands": [], "outcomes": []}))
    later = await usage(company, evidence, datetime(2026, 11, 25, 9, tzinfo=UTC))
    refused = [one.count for one in listed(later).outcomes if one.code]
    assert refused == ([] if legacy_is_whole else [1])
    assert later.whole == frozenset()


async def test_days_of_a_version_that_did_not_ask_how_sign_ins_ended_are_read_again(company: Company) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    asked = len(company.asked)
    for day in [day async for day in evidence.days()]:
        await evidence.keep(replace(day, sums={name: sums for name, sums in day.sums.items() if name != "outcomes"}))
    second = await usage(company, evidence)
    assert company.asked[asked:] == company.asked[:asked]
    assert listed(second) == listed(first)


async def test_outcomes_that_did_not_all_fit_count_for_nothing(company: Company) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    assert first.whole == {listed(first).id}
    days = [day async for day in evidence.days() if listed(first).id in day.ids]
    day = next(day for day in days if day.day == date(2026, 11, 20))
    await evidence.keep(replace(day, sums={**day.sums, "outcomes": day.sums["outcomes"][:0], "outcomes_omitted": 1}))
    second = await usage(company, evidence)
    assert second.whole == frozenset()


async def test_an_account_that_is_new_to_the_selection_is_read_from_the_beginning(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence)
    asked = len(company.asked)
    new = company.tenant.user("boss@contoso.com").id
    async with connect(company.graph.url) as client:
        reading = await read_tenant(client, Selection(accounts=(LISTED, "boss@contoso.com")))
        found = await read_usage(client, settings(company), reading, evidence, NOW, turns=Turns(sleep=Naps()))
    assert [f"userId eq '{new}'" in query for query in company.asked[asked:]] in ([True], [])
    boss = next(one for one in found.reading.accounts if one.id == new)
    assert {use.way for use in boss.sign_ins} == {"browser"}


async def test_what_few_accounts_do_is_kept_first_as_a_day_has_room_for_so_much() -> None:
    company, evidence = Company(old_mail_programs=3), PassingEvidence()
    async with company.graph:
        await usage(company, evidence)
    kept = next(day for day in [one async for one in evidence.days()] if day.about == "legacy")
    assert [use[1] for use in kept.sums["uses"]][-4:] == ["IMAP4"] * 4


def of_listed(company: Company, day: date) -> dict[str, Any]:
    """The sign-in of a day of the account that is listed."""
    id = company.tenant.user(LISTED).id
    return next(
        row for row in company.tenant.sign_ins if row["userId"] == id and row["createdDateTime"].startswith(str(day))
    )


async def test_days_between_rows_out_of_order_are_read_again_where_the_log_broke_off(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = PassingEvidence()
    old = of_listed(company, date(2026, 11, 10))
    company.graph.fail(
        r"signIns\?.*userId(?!.*skiptoken)",
        200,
        body={"value": [old], "@odata.nextLink": f"{company.graph.url}/beta/auditLogs/signIns?$skiptoken=next"},
    )
    company.graph.fail("skiptoken=next", 503)
    broken = await usage(company, evidence)
    assert broken.whole == frozenset()
    company.graph.heal()
    healed = await usage(company, evidence)
    assert healed.whole == whole.whole
    assert listed(healed) == listed(whole)


async def test_a_day_that_got_rows_late_is_read_again_where_the_log_broke_off(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = PassingEvidence()
    pages = [[19], [18], [20]]
    for number, days in enumerate(pages):
        body = {
            "value": [of_listed(company, date(2026, 11, day)) for day in days],
            "@odata.nextLink": f"{company.graph.url}/beta/auditLogs/signIns?$skiptoken=page{number + 1}",
        }
        company.graph.fail(f"skiptoken=page{number}" if number else r"signIns\?.*userId(?!.*skiptoken)", 200, body=body)
    company.graph.fail("skiptoken=page3", 503)
    broken = await usage(company, evidence)
    assert {one.count for one in listed(broken).sign_ins} == {1}  # what was seen counts
    company.graph.heal()
    healed = await usage(company, evidence)
    assert healed.whole == whole.whole
    assert listed(healed) == listed(whole)


async def test_a_row_that_cannot_be_read_leaves_its_day_in_part_until_it_can_be(company: Company) -> None:
    evidence, broken = PassingEvidence(), of_listed(company, date(2026, 11, 20))
    broken["status"] = {"errorCode": [53003]}
    first = await usage(company, evidence)
    assert first.whole == frozenset()
    (gap,) = first.reading.gaps
    assert (gap.input, gap.optional, gap.tenant_wide) == ("sign_ins", True, False)
    assert "can't be read" in gap.error
    assert not first.complete
    assert sum(use.count for use in listed(first).sign_ins) == 29
    asked = len(company.asked)
    second = await usage(company, evidence, NOW + timedelta(hours=4))
    assert len(company.asked) == asked  # it is too early
    assert (second.whole, second.reading.gaps) == (frozenset(), first.reading.gaps)
    assert listed(second) == listed(first)
    third = await usage(company, evidence, NOW + timedelta(days=1))
    assert third.whole == frozenset()
    of_listed_account = [query for query in company.asked[asked:] if f"userId eq '{listed(first).id}'" in query]
    starts = sorted(query.partition("createdDateTime ge ")[2][:10] for query in of_listed_account)
    assert starts == ["2026-11-20", "2026-11-22"]  # that day, and the new one
    broken["status"] = {"errorCode": 53003}
    healed = await usage(company, evidence, NOW + timedelta(days=2))
    assert healed.whole == {listed(healed).id}
    assert healed.reading.gaps == ()
    assert [one.code for one in listed(healed).outcomes] == [0, 53003]


async def test_a_day_that_another_question_knows_whole_counts_once(company: Company) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    days = [one async for one in evidence.days() if listed(first).id in one.ids]
    for other in ("0", "1", "2", "3"):  # of a selection before, and before or after it in the order of the keys
        for day in days:
            in_part = {**day.sums, "unsure": "2026-11-22T07:00:00+00:00"}
            await evidence.keep(replace(day, ids=(listed(first).id, other), sums=in_part))
    second = await usage(company, evidence)
    assert second.whole == first.whole
    assert second.reading.gaps == ()
    assert listed(second) == listed(first)


async def test_what_a_row_that_cannot_be_read_hides_of_a_day_that_goes_on_is_unknown(company: Company) -> None:
    evidence = PassingEvidence()
    row = company.row(LISTED, "Authenticated SMTP", NOW.date(), code=53003)
    company.tenant.sign_ins.insert(0, {**row, "status": {"errorCode": [53003]}})
    early = datetime(2026, 11, 22, 9, tzinfo=UTC)
    for hours in (0, 1):  # the second asks nothing
        found = await usage(company, evidence, early + timedelta(hours=hours))
        assert found.whole == frozenset()
        assert len(found.reading.gaps) == 1
    company.tenant.sign_ins[0]["status"] = {"errorCode": 53003}
    later = await usage(company, evidence, early + timedelta(days=1))
    assert later.whole == {listed(later).id}
    assert later.reading.gaps == ()


@pytest.mark.parametrize("unsure", [None, 7, "", "soon", "2026-12-24T00:00:00+00:00"])
async def test_a_day_in_part_is_asked_for_at_once_where_nothing_says_when_it_was_read(
    company: Company, unsure: Any
) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    days = [one async for one in evidence.days() if one.day == date(2026, 11, 20)]
    for day in days:
        await evidence.keep(replace(day, sums={**day.sums, "unsure": unsure}))
    asked = len(company.asked)
    second = await usage(company, evidence)
    assert len(company.asked) > asked
    assert second.whole == first.whole
    assert [one for one in [day async for day in evidence.days()] if "unsure" in one.sums] == []


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(days=10), timedelta(days=17), timedelta(days=28)])
async def test_days_that_a_clock_ahead_kept_count_for_nothing_and_are_read_once_they_are_over(
    company: Company, ahead: timedelta
) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence, NOW + ahead)
    row = company.row(LISTED, "IMAP4", NOW.date(), code=53003)
    company.tenant.sign_ins.insert(0, {**row, "createdDateTime": "2026-11-22T20:00:00Z"})
    for later in (timedelta(hours=1), timedelta(days=1), timedelta(days=2)):
        found = await usage(company, evidence, NOW + later)
        right = await usage(company, PassingEvidence(), NOW + later)
        assert listed(found).sign_ins == listed(right).sign_ins
        if later >= timedelta(days=1):
            assert listed(found).outcomes == listed(right).outcomes
        assert found.whole == {listed(found).id}
        asked = len(company.asked)
        await usage(company, evidence, NOW + later)
        assert len(company.asked) == asked


async def test_what_a_clock_ahead_kept_is_in_doubt_until_it_is_read_again(company: Company) -> None:
    """It may have kept a day as over while it went on."""
    evidence = PassingEvidence()
    right = await usage(company, evidence)
    await usage(company, evidence, NOW + timedelta(days=1))
    of_listed_account = [day for day in [one async for one in evidence.days()] if listed(right).id in day.ids]
    for day in range(23, 30):
        nothing: dict[str, Any] = {"uses": [], "demands": [], "outcomes": []}
        await evidence.keep(replace(of_listed_account[0], day=date(2026, 11, day), sums=nothing))
    company.graph.fail("auditLogs/signIns", 500)
    for later in (1, 2, 8):
        found = await usage(company, evidence, NOW + timedelta(days=later))
        assert found.whole == frozenset()
        assert listed(found).sign_ins[0].last_seen == listed(right).sign_ins[0].last_seen  # what was seen stays


async def test_a_scan_killed_while_it_doubts_what_a_clock_ahead_kept_leaves_that_to_the_next(company: Company) -> None:
    evidence = Dying()
    evidence.left = -1
    await usage(company, evidence, NOW + timedelta(days=10))
    company.graph.fail("auditLogs/signIns", 500)
    for left in (0, 1, 20):
        evidence.left = left
        with pytest.raises(Killed):
            await usage(company, evidence, NOW + timedelta(days=1))
        evidence.left = -1
        last: Callable[[KeptDay], bool] = lambda day: day.day > NOW.date() and "unsure" not in day.sums  # noqa: E731
        assert list(filter(last, [day async for day in evidence.days()]))
    assert (await usage(company, evidence, NOW + timedelta(days=1))).whole == frozenset()


class Killed(RuntimeError):
    """Where the process ended."""


class Dying(PassingEvidence):
    """Keeps some days, and then the process ends."""

    left = 42

    async def keep(self, day: KeptDay) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        await super().keep(day)


async def test_a_killed_scan_goes_on_where_it_stopped(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = Dying()
    with pytest.raises(Killed):
        await usage(company, evidence)
    assert len([day async for day in evidence.days()]) == 42
    asked = len(company.asked)
    evidence.left = -1
    found = await usage(company, evidence)
    assert found.proposals == whole.proposals
    assert listed(found) == listed(whole)
    legacy = [query for query in company.asked[asked:] if "clientAppUsed eq" in query]
    assert not any("createdDateTime lt 2026-11-22" in query for query in legacy)


async def test_a_scan_that_spent_its_requests_says_so_and_the_next_goes_on(company: Company) -> None:
    whole = await usage(company, PassingEvidence())
    evidence = PassingEvidence()
    found = await usage(company, evidence, turns=Turns(2, sleep=Naps()))
    (gap,) = found.reading.gaps
    assert (gap.input, gap.optional, gap.tenant_wide) == ("sign_ins", True, False)
    assert "the next scan goes on" in gap.error
    assert not found.complete
    asked = len(company.asked)
    assert (await usage(company, evidence)).proposals == whole.proposals
    assert len(company.asked) > asked


@pytest.mark.parametrize(
    "sums",
    [
        {"uses": [["u1", "IMAP4"]]},
        {"uses": [["u1", "IMAP4", "app", "name", "agent", "background", "x", "2026-11-20", "2026-11-20"]]},
        {"uses": [["u1", ["IMAP4"], "app", "name", "agent", "background", 1, "2026-11-20", "2026-11-20"]]},
        {"uses": [["u1", "IMAP4", "app", "name", "agent", "background", 1, "2026-11-20T00:00:00+25:00", ""]]},
        {"uses": [7]},
        {"uses": 7},
        {"uses": [], "demands": [["u1", "provider", None]]},
    ],
)
async def test_a_day_whose_sums_cannot_be_read_is_read_anew(company: Company, sums: dict[str, Any]) -> None:
    evidence = PassingEvidence()
    first = await usage(company, evidence)
    asked = len(company.asked)
    days = [day async for day in evidence.days() if day.day == date(2026, 11, 20)]
    for day in days:
        await evidence.keep(replace(day, sums=sums))
    second = await usage(company, evidence)
    new = company.asked[asked:]
    assert new
    assert all("createdDateTime ge 2026-11-20T00:00:00Z and createdDateTime lt 2026-11-21" in query for query in new)
    assert listed(second).sign_ins == listed(first).sign_ins
    assert second.proposals == first.proposals


async def test_a_day_that_cannot_be_read_and_is_not_read_anew_counts_for_nothing(company: Company) -> None:
    evidence = PassingEvidence()
    await usage(company, evidence)
    for day in [day async for day in evidence.days() if day.day == date(2026, 11, 20)]:
        await evidence.keep(replace(day, sums={"uses": [7]}))
    company.graph.fail("signIns", 403)
    found = await usage(company, evidence)
    assert listed(found).sign_ins[0].days == 29


async def test_a_stored_day_that_cannot_be_read_is_noted(company: Company, storage: str) -> None:
    async with TableServiceClient.from_connection_string(storage) as service:
        evidence = StoredEvidence(service)
        await evidence.keep(KeptDay("legacy", (), date(2026, 11, 20), {"uses": [7]}))
        await usage(company, evidence)
        assert evidence.odd == [
            "Row 2026-11-20 of partition legacy in table signins can't be read: it counts as not there."
        ]
        assert [day.sums for day in [day async for day in evidence.days()] if day.sums["uses"] == [7]] == []
