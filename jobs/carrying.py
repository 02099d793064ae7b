"""Whether a scan may carry over what earlier ones read of accounts one by one, and of whom.

The audit log says who may have changed since; what it doesn't show is noticed where it shows in the properties of an account, or in one of
those that are read all the same. Whatever else isn't known to be as it was is read anew, and every scan that somebody asks for by hand reads
everything (docs/changes.md).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from basics.times import moment
from evidence.audit_log import LATE
from evidence.carried import KeptAnswers, keep_answers, kept_answers
from evidence.store import Evidence
from findings.clocks import is_ahead
from findings.model import AccountRecord
from jobs.log_bookmark import REACHES, is_watched
from jobs.messages import BETWEEN, LOG, SCHEDULE
from reports.words import count
from settings import Settings
from tenant.audits import Lately
from tenant.carried import NOTHING_CARRIED, Carried
from tenant.graph import Graph, GraphError
from tenant.log_events import LogEvent, TooManyEvents, events_of, read_lately
from tenant.reader import CarriedOver

PROOF = 10
"""Accounts that are read all the same, other ones each time."""
_SLACK = timedelta(hours=2)
"""A scan that is due once a week, or a day, doesn't begin at the same second each time."""
_LONGEST = timedelta(days=7)
"""Nothing is carried over for longer, whatever started the scans between."""
_BRINGS_MEMBERS = "restore group"
"""The activity that gives a group its members again, in lower case."""
_MEMBERS = frozenset({"user", "group", ""})
"""The types of targets whose id must be known, in lower case."""


@dataclass(frozen=True, slots=True)
class Carrying:
    """What a scan found kept, and what of it may stand for a reading."""

    kept: KeptAnswers | None = None
    carried: Carried = NOTHING_CARRIED
    lately: Lately | None = None
    """What was read of the audit log for it."""
    over: CarriedOver = field(default_factory=CarriedOver)
    """What became of it; nothing before the tenant is read."""

    @property
    def since(self) -> datetime | None:
        """Since when what was carried over was read; None where nothing was."""
        return self.kept.whole if self.kept and self.over.accounts else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of a scan that carried something over, or couldn't, in sentences."""
        if self.over.surprises:
            what = count(len(self.over.surprises), "account", "accounts")
            return (
                f"Everything was read anew: of {what} Microsoft Graph shows something else than before, and the audit log no change.",
            )
        if self.since is None:
            return ()
        accounts = count(len(self.over.accounts), "account", "accounts")
        return (
            f"Of {accounts} the audit log shows no change: their groups, per-user MFA states and registrations are as they were "
            f"read since {moment(self.since)}. Everything else was read anew.",
        )


NOTHING = Carrying()


def may_carry(settings: Settings, trigger: str) -> bool:
    """Whether a scan of everything that this started may carry anything over, as far as the settings say."""
    scheduled = trigger == SCHEDULE and settings.whole_scan_days > 0
    return settings.audit_log == "on" and (scheduled or (trigger in BETWEEN and is_watched(settings)))


def is_kept(settings: Settings) -> bool:
    """Whether any scan may ask for what this one read."""
    return may_carry(settings, SCHEDULE) or may_carry(settings, LOG)


async def carrying(
    graph: Graph,
    settings: Settings,
    trigger: str,
    evidence: Evidence,
    known: Mapping[str, AccountRecord],
    now: datetime,
) -> Carrying:
    """What may be carried over: of the accounts that nothing is known to have changed.

    ``known``: the records of accounts by id; one that was read later than what is kept stands against it. Raises ``StorageError``.
    """
    kept = await kept_answers(evidence) if may_carry(settings, trigger) else None
    if kept is None or not _is_young(kept, settings, trigger, now):
        return NOTHING
    try:
        lately = await read_lately(graph, kept.until - LATE)
    except (GraphError, TooManyEvents):
        return NOTHING  # the reading of the log for causes says what is wrong with it
    changed = changed_by(events_of(lately.rows, now), kept.carried)
    if changed is None:
        return Carrying(lately=lately)
    later = {id for id, one in known.items() if one.judged_at > kept.until}
    answers = {id: one for id, one in kept.carried.answers.items() if id not in changed and id not in later}
    return Carrying(kept, replace(kept.carried, answers=answers, proof=_proof(answers, now)), lately)


def _is_young(kept: KeptAnswers, settings: Settings, trigger: str, now: datetime) -> bool:
    if is_ahead(kept.until, now) or is_ahead(kept.whole, now) or now - kept.until > REACHES - LATE:
        return False
    longest = timedelta(days=settings.whole_scan_days) if trigger == SCHEDULE else _LONGEST
    return now - kept.whole < longest - _SLACK


def _proof(ids: Collection[str], now: datetime) -> frozenset[str]:
    """Those that are read all the same: by chance, and the same ones for a scan that is done again."""

    def by_chance(id: str) -> str:
        return sha256(f"{id} {now.isoformat()}".encode("utf-8", "surrogatepass")).hexdigest()

    return frozenset(sorted(ids, key=by_chance)[:PROOF])


def changed_by(events: Iterable[LogEvent], carried: Carried) -> frozenset[str] | None:
    """Ids of the accounts of which events may have changed what is carried over; None where it may be anybody's.

    What policies, locations, strengths and the tenant's own switches say is read by every scan.
    """
    groups = {group for one in carried.answers.values() for group in one.groups}
    found: set[str] = set()
    for event in events:
        concerned = _accounts_of(event, groups)
        if concerned is None:
            return None
        found |= concerned
    return frozenset(found & carried.answers.keys())


def _accounts_of(event: LogEvent, groups: Collection[str]) -> frozenset[str] | None:
    if event.about_conditional_access:
        return frozenset()
    unnamed = any(not target.id for target in event.targets if target.type in _MEMBERS)
    if event.about_tenant or event.about_policy or unnamed or not event.targets:
        return None
    # A group that comes into a group brings all its members along; a role that is given to one leaves its members what they are.
    inside = event.groups.union(target.id for target in event.targets if target.id in groups) - {event.container}
    if event.container and inside and not event.about_role:
        return None
    if not event.container and (event.groups.intersection(groups) or event.activity.casefold() == _BRINGS_MEMBERS):
        return None
    return frozenset(target.id for target in event.targets)


async def carry_on(settings: Settings, evidence: Evidence, carrying: Carrying, read_at: datetime) -> None:
    """Keep what a scan of everything read, for the next one. Raises ``StorageError``."""
    if is_kept(settings):
        kept = KeptAnswers(carrying.over.next, carrying.since or read_at, read_at)
        await keep_answers(evidence, kept, carrying.kept)
