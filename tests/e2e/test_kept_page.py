"""The page that is kept is always the page that would be made now, and each one's own; large answers come packed, and one account's alone."""

import asyncio
import csv
import gzip
import io
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import azure.functions as func
import pytest
from azure.data.tables.aio import TableServiceClient

from evidence.store import StoredEvidence
from findings.contents import Contents
from findings.errors import StorageError
from findings.kept_pages import KeptPages
from findings.listing import FindingFilter
from findings.runs import RunStore
from findings.tables import Table
from functions import answers, http_api, queues
from functions.access import OPERATOR, READER
from jobs import report_page, views
from jobs.messages import ScanMessage
from jobs.passwords import import_report
from jobs.report_page import basis, keep_pages, page
from jobs.scan import ScanRequest, scan
from reports.files import render_csv, render_json
from reports.html import content_security_policy, filled, render_unfilled
from reports.served import Message, Served
from settings import load_settings
from tests.e2e.conftest import BACKUP, MAILER, VISIBLE, Installation
from tests.e2e.test_http import request
from tests.findings.crash import Killed
from tests.functions.test_access import AZURE, header

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
Use = Callable[[TableServiceClient], Awaitable[Any]]


def using(do: Use) -> Any:
    """Do something with storage."""

    async def run() -> Any:
        async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
            return await do(service)

    return asyncio.run(run())


class Made:
    """How often a page was made anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def counted(*arguments: Any) -> str:
            self.count += 1
            return render_unfilled(*arguments)

        monkeypatch.setattr(report_page, "render_unfilled", counted)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


async def served_page(service: TableServiceClient, now: datetime, *, may_act: bool) -> str:
    known = await basis(service, now)
    served = await views.around(service, now, may_act=may_act, runs=known.runs)
    return await page(service, now, known, served)


async def fresh_page(service: TableServiceClient, now: datetime, *, may_act: bool) -> str:
    served = await views.around(service, now, may_act=may_act)
    document, extras = await views.document(service, now), await views.extras(service, now)
    return filled(render_unfilled(document, extras, served.until if may_act else None), served)


async def is_what_would_be_made(service: TableServiceClient) -> None:
    for may_act in (True, False):
        assert await served_page(service, NOW, may_act=may_act) == await fresh_page(service, NOW, may_act=may_act)


class Life:
    """What may happen to an installation, one thing after the other."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.installation, self.chance, self.now = installation, random.Random(seed), NOW

    def steps(self) -> Iterator[str]:
        """Everything that may happen, in random order, each with its name."""
        writing = (self.scan, self.scheduled, self.recheck, self.change, self.recheck, self.killed)
        others = (self.accept, self.accept, self.end, self.forget, self.next_day, self.import_report)
        for what in self.chance.sample((*writing, *others), len(writing) + len(others)):
            what()
            yield what.__name__

    def run(self, *arguments: str) -> None:
        """One command. It may be refused, since the account may be forgotten; but it is one that there is."""
        answer = self.installation.run(*arguments)
        assert answer.code == 0 or "has seen the account" in answer.err, answer.err

    def scan(self) -> None:
        self.installation.scan()

    def scheduled(self) -> None:
        asyncio.run(queues.run_scan(ScanMessage(f"r{self.chance.random()}", "request").text.encode()))

    def recheck(self) -> None:
        self.installation.scan("--account", self.chance.choice((BACKUP, MAILER, VISIBLE)))

    def change(self) -> None:
        user = self.installation.graph.tenant.user(self.chance.choice((BACKUP, MAILER, VISIBLE)))
        user.mfa = self.chance.choice(("disabled", "enabled", "enforced"))
        self.installation.graph.tenant.changed()

    def accept(self) -> None:
        until = (self.now + self.chance.choice((0, 1, 30)) * DAY).date().isoformat()
        which = self.chance.choice((BACKUP, MAILER))
        self.run(
            *("exceptions", "add", "--account", which, "--check", self.chance.choice(("APW-001", "APW-003"))),
            *("--reason", "r", "--owner", f"Ada {self.chance.random()}", "--until", until, "--replace"),
        )

    def end(self) -> None:
        holding = [one for one in using(views.exceptions) if not one["ended_at"]]
        if holding:
            self.run("exceptions", "remove", self.chance.choice(holding)["id"])

    def forget(self) -> None:
        self.run("forget", self.chance.choice((BACKUP, MAILER)), "--yes")

    def next_day(self) -> None:
        self.now += DAY

    def import_report(self) -> None:
        sent = f"Sender address,Message count,Authentication protocol\n{MAILER},{self.chance.randint(1, 9)},Basic\n"

        async def keep(service: TableServiceClient) -> None:
            await import_report(StoredEvidence(service), sent, self.now)

        using(keep)

    def killed(self) -> None:
        """A recheck dies while it writes; the next scan finishes what it left."""

        async def dies(_: Contents) -> None:
            raise StorageError("killed")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Contents, "settle", dies)
            self.installation.scan("--account", MAILER)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_page_is_what_would_be_made_now(installation: Installation, seed: int) -> None:
    life, happened = Life(installation, seed), ["scan"]
    life.scan()

    async def compare(service: TableServiceClient) -> None:
        for may_act in (True, False, False, True):
            served = await served_page(service, life.now, may_act=may_act)
            assert served == await fresh_page(service, life.now, may_act=may_act), happened

    using(compare)
    for step in life.steps():
        happened.append(step)
        using(compare)


def test_it_is_made_when_a_scan_ends_and_then_only_when_something_changes(
    installation: Installation, made: Made
) -> None:
    asyncio.run(queues.run_scan(ScanMessage("r1", "request").text.encode()))
    assert made.count == 2  # for Readers and for Operators

    async def look(service: TableServiceClient) -> None:
        for may_act in (True, False):
            await served_page(service, NOW, may_act=may_act)

    using(look)
    assert made.count == 2
    installation.run(
        "exceptions", "add", "--account", BACKUP, "--reason", "r", "--owner", "o", "--until", str(NOW.date())
    )
    using(look)
    assert made.count == 4
    using(lambda service: served_page(service, NOW + DAY, may_act=False))
    assert made.count == 5


def test_while_accounts_are_written_it_is_made_anew_and_not_kept(installation: Installation, made: Made) -> None:
    installation.scan()

    async def look(service: TableServiceClient) -> None:
        contents = Contents(service)
        await contents.disturb()
        for _ in range(3):
            await served_page(service, NOW, may_act=False)
        assert await KeptPages(service).load("readers", "") is None
        await contents.settle()

    using(look)
    assert made.count == 3


def test_what_changes_while_it_is_made_keeps_it_from_being_kept(
    installation: Installation, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    extras = views.extras

    async def meanwhile(service: TableServiceClient, now: datetime, **options: Any) -> Any:
        contents = Contents(service)
        await contents.disturb()
        await contents.settle()
        return await extras(service, now, **options)

    monkeypatch.setattr(views, "extras", meanwhile)
    for _ in range(2):
        using(lambda service: served_page(service, NOW, may_act=False))
    assert made.count == 2


def test_what_a_version_writes_that_does_not_say_so_is_shown_all_the_same(installation: Installation) -> None:
    installation.scan()

    using(lambda service: keep_pages(service, NOW))
    with pytest.MonkeyPatch.context() as older:
        older.setattr(Contents, "disturb", _nothing)
        older.setattr(Contents, "settle", _nothing)
        save = RunStore.save
        older.setattr(RunStore, "save", lambda runs, run: save(runs, replace(run, says_when_writing=False)))
        with pytest.MonkeyPatch.context() as killed, pytest.raises(Killed):
            killed.setattr("jobs.scan.finished_record", _dies)
            installation.graph.tenant.user(VISIBLE).mfa = "disabled"
            installation.graph.tenant.changed()
            asyncio.run(scan(load_settings(), ScanRequest("older", "test")))
        using(is_what_would_be_made)  # half of it is written, and nobody goes on with it
        installation.scan("--account", MAILER)
        using(is_what_would_be_made)
    using(is_what_would_be_made)


def test_whom_a_version_forgets_that_does_not_say_so_is_on_no_page(installation: Installation) -> None:
    for _ in range(2):
        installation.scan()
    using(lambda service: keep_pages(service, NOW))
    with pytest.MonkeyPatch.context() as older:
        for what, does in ((Contents, "disturb"), (Contents, "settle"), (KeptPages, "drop_all")):
            older.setattr(what, does, _nothing)
        installation.run("forget", VISIBLE, "--yes")
    using(is_what_would_be_made)


def test_a_page_that_is_made_while_an_account_is_forgotten_is_not_left_behind(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    forget = StoredEvidence.forget

    async def meanwhile(evidence: StoredEvidence, names: set[str], *, dry: bool = False) -> int:
        if not dry:
            async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
                await keep_pages(service, NOW)
        return await forget(evidence, names, dry=dry)

    monkeypatch.setattr(StoredEvidence, "forget", meanwhile)
    assert installation.run("forget", MAILER, "--yes").code == 0

    async def kept(service: TableServiceClient) -> list[str]:
        return [row["RowKey"] async for row in Table(service, "pages").query("PartitionKey ge @all", {"all": ""})]

    assert using(kept) == []


async def _nothing(_: Contents | KeptPages) -> None:
    """What a version does that doesn't know of it."""


def _dies(*_: Any) -> Any:
    raise Killed


def test_when_something_was_seen_last_is_part_of_what_is_told(installation: Installation) -> None:
    """A scan that finds everything as it is kept, and is killed before it says that it is over."""
    installation.scan()
    before = using(lambda service: basis(service, NOW)).stamp
    with pytest.MonkeyPatch.context() as killed, pytest.raises(Killed):
        killed.setattr("jobs.scan.finished_record", _dies)
        asyncio.run(scan(load_settings(), ScanRequest("killed", "test")))
    assert using(lambda service: basis(service, NOW)).stamp != before


def test_one_that_cannot_be_kept_or_found_is_served_all_the_same(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()

    async def refuses(*_: Any) -> Any:
        raise StorageError("The table is full.")

    monkeypatch.setattr(KeptPages, "save", refuses)
    assert "service accounts" in using(lambda service: served_page(service, NOW, may_act=False))
    monkeypatch.setattr(KeptPages, "load", refuses)
    assert "service accounts" in using(lambda service: served_page(service, NOW, may_act=True))


def test_a_page_under_the_wrong_name_is_not_served(installation: Installation) -> None:
    installation.scan()

    async def exchanged(service: TableServiceClient) -> str:
        await keep_pages(service, NOW)
        table = Table(service, "pages")
        moved = [row async for row in table.query("PartitionKey eq @name", {"name": "operators"})]
        await table.delete([("readers", "page")])
        for row in moved:
            await table.upsert({**row, "PartitionKey": "readers"})
        return await served_page(service, NOW, may_act=False)

    assert 'method="post"' not in using(exchanged)


# --- over HTTP ---


@pytest.fixture
def asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[..., func.HttpResponse]:
    """Asks for the report as somebody with a role."""
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    installation.scan()

    def ask(role: str = READER, form: str = "html", what: Any = http_api.report, **more: Any) -> func.HttpResponse:
        headers = {**header(role), **more.pop("headers", {})}
        found: func.HttpResponse = asyncio.run(what(request(headers=headers, format=form, **more)))
        return found

    return ask


def test_it_comes_packed_to_whom_takes_that_and_says_the_same(asked: Callable[..., func.HttpResponse]) -> None:
    for form in ("html", "json", "csv"):
        plain, packed = asked(form=form), asked(form=form, headers={"Accept-Encoding": "br, GZIP;q=0.5"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.get_body()) == plain.get_body()
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert packed.headers["Cache-Control"] == plain.headers["Cache-Control"] == "no-store"
        assert packed.mimetype == plain.mimetype


def test_what_is_too_large_for_that_is_refused_with_the_way_out(
    asked: Callable[..., func.HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LARGEST_PLAIN", 1000)
    for form in ("html", "json", "csv"):
        refused = asked(form=form)
        assert refused.status_code == 406
        assert "Accept-Encoding: gzip" in json.loads(refused.get_body())["error"]
        assert asked(form=form, headers={"Accept-Encoding": "gzip"}).status_code == 200
    assert asked(form="csv", what=http_api.findings).status_code == 406


def test_who_has_it_already_is_told_so_until_something_changes(
    asked: Callable[..., func.HttpResponse], installation: Installation
) -> None:
    forms = ("html", "json", "csv")
    tags = {form: asked(form=form).headers["ETag"] for form in forms}
    assert len(set(tags.values())) == len(forms)
    for form in forms:
        again = asked(form=form, headers={"If-None-Match": f'"x", {tags[form]}'})
        assert (again.status_code, again.get_body()) == (304, b"")
        assert again.headers["ETag"] == tags[form]
        assert asked(form=form, headers={"If-None-Match": '"x"'}).status_code == 200
    installation.run(
        "exceptions", "add", "--account", BACKUP, "--reason", "r", "--owner", "o", "--until", str(NOW.date())
    )
    for form in forms:
        assert asked(form=form, headers={"If-None-Match": tags[form]}).status_code == 200


def test_each_gets_the_page_of_their_own_role(asked: Callable[..., func.HttpResponse]) -> None:
    tags = set()
    for role in (READER, OPERATOR, READER, OPERATOR):
        found = asked(role)
        acting, text = role == OPERATOR, found.get_body().decode()
        assert ('method="post"' in text) == acting
        assert ("fetch(" in text) == acting
        assert content_security_policy(acting=acting).replace("'", "&#39;") in text or (
            content_security_policy(acting=acting) in text
        )
        assert found.headers["Content-Security-Policy"].startswith(content_security_policy(acting=acting))
        tags.add((role, found.headers["ETag"]))
    assert len({tag for _, tag in tags}) == 2
    theirs = next(tag for role, tag in tags if role == OPERATOR)
    assert asked(READER, headers={"If-None-Match": theirs}).status_code == 200


def test_what_somebody_was_told_is_on_their_page_once(asked: Callable[..., func.HttpResponse]) -> None:
    asked(OPERATOR)
    message = Message("</script><b>Done</b>\u202e", "x")
    served = Served(NOW, may_act=True, message=message)
    text = using(lambda service: _page_of(service, served))
    assert "&lt;/script&gt;&lt;b&gt;Done&lt;/b&gt;" in text
    assert "\u202e" not in text
    assert "Done" not in using(lambda service: _page_of(service, Served(NOW, may_act=True)))


async def _page_of(service: TableServiceClient, served: Served) -> str:
    return await page(service, NOW, await basis(service, NOW), served)


# --- piece by piece, and of one account ---


def test_files_come_piece_by_piece_as_they_come_whole(installation: Installation) -> None:
    installation.scan()
    document = using(lambda service: views.document(service, NOW))
    for form, whole in (("json", render_json(document)), ("csv", render_csv(document))):
        assert "".join(pieces := using(partial(_pieces, form=form))) == whole
        assert len(pieces) > 3


async def _pieces(service: TableServiceClient, *, form: str) -> list[str]:
    pieces: list[str] = []
    await views.report(service, form, NOW, pieces.append)
    return pieces


@pytest.mark.parametrize("by_id", [True, False])
def test_of_one_account_no_other_is_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, *, by_id: bool
) -> None:
    installation.scan()
    document = using(lambda service: views.document(service, NOW))
    one = next(one for one in document["accounts"] if one["user_principal_name"] == MAILER)
    read: list[tuple[str, str, bool]] = []
    query = Table.query

    async def counted(table: Table, *arguments: Any, **options: Any) -> Any:
        async for row in query(table, *arguments, **options):
            if table.name == "findings":
                read.append((row["PartitionKey"], row["RowKey"], any(name.startswith("data") for name in row)))
            yield row

    monkeypatch.setattr(Table, "query", counted)
    pieces: list[str] = []
    wanted = FindingFilter(status="open", account=one["id"].upper() if by_id else MAILER.upper())
    using(lambda service: views.findings_csv(service, wanted, NOW, pieces.append))
    assert {id for id, _, _ in read} == {one["id"]}
    assert sum(document for _, _, document in read) == 1
    rows = list(csv.DictReader(io.StringIO("".join(pieces))))
    assert [row["user_principal_name"] for row in rows] == [MAILER] * len(one["findings"])
    assert {row["check_id"] for row in rows} == {finding["check_id"] for finding in one["findings"]}
