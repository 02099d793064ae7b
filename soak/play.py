"""Plays stories against the real code, and compares what was told and kept with what the model expects."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from azure.data.tables.aio import TableServiceClient
from pydantic import SecretStr

from alerts.ledger import CLAIM, DeliveryStatus
from checks.reasons import INPUTS
from connections import storage as storage_module
from devtools.azurite import Azurite, start_azurite
from findings.errors import AlreadyDone, FindingsError
from findings.exceptions import ExceptionStore
from findings.lease import PARTITION, ROW, LeaseTimes
from findings.model import FindingState
from findings.run_record import RunRecord, RunStatus
from findings.runs import RUNS, RunStore
from findings.store import FindingStore
from jobs import scan as scan_module
from jobs.errors import EXPECTED
from jobs.scan import ScanRequest, ScanResult, scan
from jobs.tell import send_alert, waiting_alerts
from localgraph.faults import Spoilt
from localgraph.server import LocalGraph
from settings import Settings
from soak.dying import DyingTransport, Killed
from soak.model import Key, Model
from soak.scripted_receiver import SECRET, FailingReceiver
from soak.steps import Accept, Break, Mend, Outage, Recheck, Revoke, Scan, Step, Story
from soak.world import IDS, OF_PROPOSED, OWNER, PATTERN, POLICY_GROUP, POLICY_GROUP_NAME, SELECTING_GROUP, World
from tenant.graph import GraphError
from tenant.pacing import Pace

START = datetime(2026, 1, 5, 7, tzinfo=UTC)
LONGEST_OUTAGE = timedelta(days=14)
"""After 30 days an alert is given up (docs/operations.md): no receiver of these stories is out for so long."""
QUICK = LeaseTimes(duration=0.15, renew_every=30, wait=5, poll=0.02)
ATTEMPTS = 3
"""How often the queue repeats the message of an alert."""
ENDING = (Mend(), Outage(0, ""), Scan(after=26 * 60), Scan(after=26 * 60))
"""What every story ends with: everything can be read, everything is delivered."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: after which step of the story, and how."""

    step: int
    what: str

    @property
    def kind(self) -> str:
        """What stays the same while a story is shrunk."""
        return self.what.partition(":")[0]


class Broken(Exception):
    """A promise was broken."""


@dataclass(slots=True)
class Stage:
    """The services of a worker: used for one story after the other."""

    azurite: Azurite
    graph: LocalGraph
    receiver: FailingReceiver
    counts: Counter[str] = field(default_factory=Counter)

    def storage(self) -> str:
        """A storage account that nobody has used."""
        try:
            return self.azurite.new_account()
        except StopIteration:
            self.azurite.close()
            self.azurite = start_azurite()
            return self.azurite.new_account()


@contextmanager
def stage() -> Iterator[Stage]:
    """All services, running on this machine; waiting for Microsoft Graph takes no time."""
    with ExitStack() as stack:
        stack.enter_context(_without_waiting())
        graph = stack.enter_context(LocalGraph(World().local_tenant()).in_thread())
        receiver = stack.enter_context(FailingReceiver().in_thread())
        found = Stage(start_azurite(), graph, receiver)
        stack.callback(lambda: found.azurite.close())
        yield found


@contextmanager
def _without_waiting() -> Iterator[None]:
    waits: Callable[[Pace, float, float], float | None] = Pace._wait

    def at_once(self: Pace, pause: float, patience: float) -> float | None:
        return None if waits(self, pause, patience) is None else 0.0

    loggers = [logging.getLogger(name) for name in ("azure", "asyncio", "httpx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)  # killed processes leave connections open, and that is meant
    with (
        patch.object(Pace, "_wait", at_once),
        patch("tenant.turns.SECONDS", 0.0),
        patch("tenant.turns.CONDITIONAL_ACCESS_SECONDS", 0.0),
    ):
        yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def play(story: Story, on: Stage) -> Violation | None:
    """The first promise that is broken while a story is played; None where all are kept."""
    on.receiver.forget()
    on.graph.heal()
    player = _Player(on, on.storage())
    for number, step in enumerate((*story, *ENDING)):
        try:
            player.take(step)
        except Broken as broken:
            return Violation(number, str(broken))
    try:
        player.check_end()
    except Broken as broken:
        return Violation(len(story) + len(ENDING), str(broken))
    return None


class _Player:
    """One story."""

    def __init__(self, on: Stage, storage: str) -> None:
        self._on, self._storage = on, storage
        self._world, self._model = World(), Model()
        self._now, self._runs = START, 0
        self._heard_at = START
        """When the receiver last failed nothing."""

    def take(self, step: Step) -> None:
        """One step, and what must be true after it."""
        self._on.counts[type(step).__name__.lower()] += 1
        match step:
            case Outage(calls, way):
                self._on.receiver.outages = [way] * calls
            case Scan():
                self._scan(step)
            case Recheck(account, after):
                self._now += timedelta(minutes=after)
                self._look(Scan(), asked=IDS[account])
            case _:
                self._world.apply(step, self._now)
                if isinstance(step, Accept | Revoke):
                    asyncio.run(self._keep_exceptions(step))
                if isinstance(step, Break | Mend):
                    self._break()

    def _break(self) -> None:
        self._on.graph.heal()
        for pattern, way in self._world.patterns():
            self._on.counts["reads broken"] += 1
            if way == "cut":
                self._on.graph.spoil(pattern, Spoilt.CUT)
            elif way == "null":
                self._on.graph.fail(pattern, 200, body={"value": [None]})
            else:
                self._on.graph.fail(pattern, int(way))

    async def _keep_exceptions(self, step: Accept | Revoke) -> None:
        account = IDS[step.account]
        async with TableServiceClient.from_connection_string(self._storage) as service:
            with suppress(Exception):
                await service.create_table("exceptions")
            store = ExceptionStore(service)
            if isinstance(step, Accept):
                await store.add(
                    account_id=account,
                    user_principal_name="",
                    check_id=step.check or None,
                    reason="soak",
                    owner="soak",
                    until=self._now.date() + timedelta(days=step.days),
                    created_by="soak",
                    now=self._now,
                    replace=True,
                )
            else:
                for one in await store.load(account_id=account):
                    await store.remove(one.id, removed_by="soak", now=self._now)

    def _scan(self, step: Scan) -> None:
        self._now += timedelta(minutes=step.after)
        self._look(step)
        if step.twice:
            self._process(step, None)
            self._compare()

    def _look(self, step: Scan, asked: str | None = None) -> None:
        """A scan in a process of its own, and another one where that was killed; then compare."""
        self._runs += 1
        self._on.counts["scans"] += 1
        self._on.graph.tenant = self._world.local_tenant()
        outages = self._on.receiver.outages
        if self._now - self._heard_at > LONGEST_OUTAGE:
            outages.clear()
        if not outages:
            self._heard_at = self._now
        run = f"run-{self._runs:04d}"
        if self._world.answers:
            self._model.scan(self._world.view(self._model, self._now, run, asked))
        elif asked is None:
            self._model.failed_scan(run, self._now)
        result = None
        if step.kill is not None:
            with suppress(Killed):
                result = self._process(step, asked, step.kill)
        if result is None or step.kill is None:
            result = self._process(step, asked) or result
        self._compare(result if self._world.answers else None, asked)

    def _process(self, step: Scan, asked: str | None, kill: int | None = None) -> ScanResult | None:
        """What the app does about one message: scan, then send what is to be sent."""
        ahead = timedelta(minutes=step.ahead)

        async def off(service: TableServiceClient, names: Iterable[str]) -> timedelta:
            await storage_module.ensure_tables(service, names)
            return ahead

        transport = DyingTransport(kill, did=step.did)
        self._on.graph.date_skew = -ahead
        with (
            patch.object(scan_module, "ensure_tables", off),
            patch.dict(storage_module.CLIENT_OPTIONS, transport=transport),
        ):
            try:
                return asyncio.run(self._work(f"run-{self._runs:04d}", asked, ahead))
            except Killed:
                self._on.counts["kills"] += 1
                raise

    async def _work(self, run: str, asked: str | None, ahead: timedelta) -> ScanResult | None:
        settings = self._settings()
        request = ScanRequest(run, "soak", (asked,) if asked else (), times=QUICK)
        result, alert_ids = None, list[str]()
        try:
            result = await scan(settings, request, clock=lambda: self._now + ahead)
            alert_ids += result.alert_ids
        except AlreadyDone:
            alert_ids += await waiting_alerts(settings, clock=lambda: self._now)
        except GraphError:
            if self._world.answers:
                raise
        except FindingsError as error:
            raise Broken(f"the scan failed: {error}") from error
        for alert_id in alert_ids:
            await self._deliver(settings, alert_id)
        return result

    async def _deliver(self, settings: Settings, alert_id: str) -> None:
        waited = timedelta()

        def clock() -> datetime:
            return self._now + waited

        for _ in range(ATTEMPTS):
            try:
                result = await send_alert(settings, alert_id, clock=clock)
            except EXPECTED:
                continue
            if result is None or all(one.status is not DeliveryStatus.SENDING for one in result.results):
                return
            # Whoever was killed with it holds it no longer by then, and the queue brings it again.
            waited += CLAIM + timedelta(seconds=1)

    def _settings(self) -> Settings:
        return Settings(
            **self._world.settings(),
            graph_endpoint=self._on.graph.url,
            storage_connection_string=SecretStr(self._storage),
            webhook_url=SecretStr(self._on.receiver.url),
            webhook_secret=SecretStr(SECRET),
            audit_log="off",
            what_if_budget=0,
        )

    # What must be true

    def _compare(self, result: ScanResult | None = None, asked: str | None = None) -> None:
        states, runs = asyncio.run(self._kept())
        kept = {(one.account_id, one.check_id): one for one in states if one.open}
        self._check_kept(kept)
        if result is not None and asked is None:
            self._check_document(result, kept)
        self._check_run(runs)
        self._check_told(whole=False)

    async def _kept(self) -> tuple[list[FindingState], list[RunRecord]]:
        async with TableServiceClient.from_connection_string(self._storage) as service:
            states = [one async for one in FindingStore(service).load_findings(now=self._now)]
            return states, await RunStore(service).newest(limit=1000)

    def _check_kept(self, kept: dict[Key, FindingState]) -> None:
        expected = self._model.open_findings()
        if kept.keys() != expected.keys():
            much = [_name(key) for key in sorted(kept.keys() - expected.keys())]
            little = [_name(key) for key in sorted(expected.keys() - kept.keys())]
            raise Broken(f"kept: open and shouldn't be: {much}; missing: {little}")
        for key, finding in expected.items():
            state = kept[key]
            is_so = (state.first_seen, state.pending, state.flapping_since is not None)
            should = (finding.first_seen, finding.pending, finding.flapping)
            if is_so != should:
                raise Broken(
                    f"kept state: {_name(key)} has (first seen, pending, flapping) {is_so} in place of {should}"
                )

    def _check_document(self, result: ScanResult, kept: dict[Key, FindingState]) -> None:
        for account in result.document["accounts"]:
            id = account["id"]
            if not self._model.shown(id):
                continue
            shown = {one["check_id"] for one in account["findings"]}
            should = {check for owner, check in kept if owner == id}
            if shown != should:
                raise Broken(
                    f"document: {account['user_principal_name']} shows {sorted(shown)}, kept are {sorted(should)}"
                )

    def _check_run(self, runs: list[RunRecord]) -> None:
        newest = max(runs, key=lambda run: run.id)
        allowed = {RunStatus.COMPLETE, RunStatus.INCOMPLETE} if self._world.answers else {RunStatus.FAILED}
        if newest.status not in allowed:
            raise Broken(f"run: {newest.id} ends as {newest.status}")
        if newest.status is RunStatus.INCOMPLETE and not self._world.broken and not newest.gaps:
            raise Broken(f"run: {newest.id} is incomplete, and says nothing of why")

    def _check_told(self, *, whole: bool) -> None:
        """What was heard so far is what there was to tell; as long as a delivery may wait, it may be less."""
        heard, notes = self._heard()
        told: Counter[tuple[str, str, str]] = Counter()
        for one, times in self._model.told.items():
            told[one.kind, one.account, one.check] += times
        expected = Counter(self._comparable(self._model.notes))
        if much := heard - told:
            raise Broken(f"told and isn't so: {_names(much)}")
        if much_more := notes - expected:
            raise Broken(f"noted and isn't so: {dict(much_more)}")
        if whole and (little := told - heard):
            raise Broken(f"never told: {_names(little)}")
        if whole and (fewer := expected - notes):
            raise Broken(f"never noted: {dict(fewer)}")
        if self._on.receiver.differing:
            raise Broken("told differently: two things were said under one id")

    def check_end(self) -> None:
        """Everything was told, nothing waits, nobody holds the lease, every run has an end."""
        self._on.counts["messages told"] += len(self._on.receiver.bodies)
        self._check_told(whole=True)
        asyncio.run(self._check_rest())

    async def _check_rest(self) -> None:
        async with TableServiceClient.from_connection_string(self._storage) as service:
            if waiting := await FindingStore(service).untold_alert_ids():
                raise Broken(f"waits: {len(waiting)} alerts are still to be told")
            going_on = [run.id for run in await RunStore(service).newest(limit=1000) if run.status is RunStatus.RUNNING]
            if going_on:
                raise Broken(f"run: {going_on} never ended")
            rows = service.get_table_client(RUNS).query_entities(
                "PartitionKey eq @lease and RowKey eq @row", parameters={"lease": PARTITION, "row": ROW}
            )
            if [row async for row in rows]:
                raise Broken("lease: it is still held")

    def _heard(self) -> tuple[Counter[tuple[str, str, str]], Counter[str]]:
        """Everything that was told of findings, and of what can't be seen."""
        changes: dict[str, tuple[str, str, str]] = {}
        notes: Counter[str] = Counter()
        good = {(one.account, one.check) for one in self._model.told if one.good_news}
        for body in self._on.receiver.bodies.values():
            data = body["data"]
            for change in data["changes"]:
                what = (change["kind"], change["account"]["id"], change["check_id"])
                changes[change["id"]] = what
                if data["headline"].startswith("Good news") and what[0] == "resolved" and what[1:] not in good:
                    raise Broken(f"good news: {data['headline']!r} isn't")
            if body["type"] in ("app_password_scan.sight", "app_password_scan.recovered"):
                notes.update(self._comparable(Counter(key for note in data["notes"] for key in _keys_of(note))))
        return Counter(changes.values()), notes

    def _comparable(self, notes: Counter[str]) -> Counter[str]:
        """Without what the contract leaves open."""
        found: Counter[str] = Counter()
        for note, times in notes.items():
            what, _, key = note.partition(" ")
            if " ".join(key.split()[:2]) not in self._world.doubtful:
                found[f"{what} shrunk" if key.startswith("shrunk") else note] += times
        return found


_LABELS = {label.lower().replace("account's", "accounts'"): f"input {name}" for name, label in INPUTS.items()}
_LABELS["the group memberships of accounts that may be proposed"] = OF_PROPOSED
_LABELS |= {
    "candidates": "input candidates",
    "mailbox purpose": "input mailbox_purpose",
    "the sign-in log": "input sign_ins",
}
_LABELS["the mfa methods of accounts that are enforced"] = "input mfa_methods"
_OBJECTS = {
    **{id: id for id in IDS},
    **{name: IDS[number] for name, number in OWNER.items()},
    **dict.fromkeys((POLICY_GROUP, POLICY_GROUP_NAME), POLICY_GROUP),
    **{name: name for name in (f"pattern {PATTERN}", f"group {SELECTING_GROUP}")},
}
"""What a note calls an object -> what the model calls it."""
_NOTES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"(\S+) was renamed to (\S+)\. ", lambda found: f"began renamed {IDS[OWNER[found[2]]]} {found[2]}"),
    (r"The settings no longer select (\S+) by", lambda found: f"ended renamed {IDS[OWNER[found[1]]]} {found[1]}"),
    (r"SERVICE_ACCOUNTS names (\S+), which", lambda found: f"began missing {found[1]}"),
    (r"SERVICE_ACCOUNTS no longer names (\S+) in vain", lambda found: f"ended missing {found[1]}"),
    (r".* gone from what the settings select(, all at once)?:", lambda found: "began shrunk"),
    (r"The settings select no account at all", lambda found: "began nothing selected"),
    (r"The settings select service accounts again", lambda found: "ended nothing selected"),
    (r"The scan of the service accounts fails", lambda found: "began scans"),
    (r"The scans succeed again", lambda found: "ended scans"),
)
_INPUT_NOTES = (
    ("ended", r"(?P<label>[^.]+?) can be read again\.( It concerns (?P<objects>.+?)\.)? It was otherwise"),
    (
        "unasked",
        r"Scans no longer look at (?P<label>[^,]+), which couldn't be read since [^:]+:\d\d[^:]*?(: (?P<objects>.+))?\.$",
    ),
    ("began", r"(?P<label>[^.(]+?) can't be read \((?P<objects>pattern \S+|group \S+): "),
    ("began", r"(?P<label>[^.(]+?) can't be read(.* It concerns (?P<objects>.+?)\.( Noticed.*)?$)?"),
)


def _keys_of(note: str) -> list[str]:
    """What a note is about, as the model calls it: a key for each object that it names."""
    for pattern, key in _NOTES:
        if found := re.match(pattern, note):
            return [key(found)]
    for what, pattern in _INPUT_NOTES:
        if found := re.match(pattern, note):
            about = f"{what} {_LABELS[found['label'].lower()]}"
            names = (found["objects"] or "").split(", ")
            return sorted({f"{about} {_OBJECTS[name]}" if name else about for name in names})
    raise Broken(f"note: nobody knows what {note!r} means")


def _name(key: Key) -> str:
    return f"account {IDS.index(key[0])} {key[1]}"


def _names(counted: Counter[tuple[str, str, str]]) -> str:
    return ", ".join(f"{times} x {kind} {_name((account, check))}" for (kind, account, check), times in counted.items())
