"""Remembers what scans couldn't see, and what is to be told of it. The words: ``jobs/sight_words.py``; when: ``findings/sight.py``."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from basics.times import iso
from checks.catalog import BY_USE
from checks.decided import FROM_EVIDENCE
from findings.model import Snapshot
from findings.run_record import ANY_TIME
from findings.sight import Fate, Sight, Unseen, after_scan
from findings.sight_store import SightStore
from jobs.keep import is_kept, rests_on_audit_log
from jobs.look import Seen
from jobs.looked_at import selection_unread
from jobs.sight_words import (
    AUDIT_LOG,
    SCANS,
    audit_log_not_looked_at,
    audit_log_unseen,
    log_not_looked_at,
    nothing_selected,
    scans_fail,
    unseen_inputs,
)
from settings import Settings
from tenant.graph import GraphError


def unseen_by(seen: Seen, known: Mapping[str, Snapshot], settings: Settings) -> list[Unseen]:
    """What a scan of everything has to say about what it looks at; ``known``: what was known of every account, by id."""
    # What can't be read of an account that is kept, from this scan on or before, is a finding of its own.
    kept = {one.account.id for one in seen.judged if is_kept(one, seen.watch, known)}
    names = {group.id: group.display_name for group in seen.reading.tenant.groups.values()}
    names |= {account.id: account.user_principal_name for account in seen.reading.accounts}
    unseen = [*seen.watch.unseen, *unseen_inputs(seen.reading.gaps, known.keys() | kept, names)]
    if not seen.watch.watched and not seen.watch.lost_since and not selection_unread(seen.reading):
        unseen.append(nothing_selected())
    if "signins" not in settings.service_account_discovery:
        findings = [state for one in known.values() for state in one.findings if state.open]
        resting = sum(state.check_id in BY_USE for state in findings)
        unseen += [log_not_looked_at(resting)] if resting else []
    if settings.audit_log != "on" and (resting := sum(map(_rests_on_audit_log, known.values()))):
        unseen.append(audit_log_not_looked_at(resting))
    return unseen


def _rests_on_audit_log(known: Snapshot) -> bool:
    """Whether an open finding of the account does."""
    is_open = any(state.open and state.check_id == FROM_EVIDENCE for state in known.findings)
    return is_open and known.record is not None and rests_on_audit_log(known.record)


async def note_sight(
    store: SightStore,
    unseen: Iterable[Unseen],
    fate: Callable[[Unseen], Fate],
    run_id: str,
    channels: tuple[str, ...],
    now: datetime,
    *,
    apart: timedelta = ANY_TIME,
) -> bool:
    """Remember what a scan that was done couldn't see, and what is to be told of it through the channels; whether there is news.

    ``apart``: as :func:`findings.sight.after_scan` takes it; ``fate``: what it knows of what earlier scans couldn't see (``jobs/looked_at.py``). Raises ``StorageError``.
    """
    sight = after_scan(await store.load(), unseen, fate=fate, run_id=run_id, now=now, apart=apart)
    await _keep(store, sight, channels)
    return bool(sight.news)


async def note_failure(
    store: SightStore,
    run_id: str,
    error: str,
    channels: tuple[str, ...],
    now: datetime,
    *,
    certain: bool = False,
    apart: timedelta = ANY_TIME,
) -> None:
    """Remember that a scan of everything failed: the second one in a row is news, or one that is ``certain`` to have failed.

    ``apart``: as :func:`findings.sight.after_scan` takes it. Raises ``StorageError``.
    """
    before = [state for state in await store.load() if state.unseen.key == SCANS]
    sight = after_scan(before, [scans_fail(error, certain=certain)], run_id=run_id, now=now, apart=apart)
    await _keep(store, sight, channels)


async def note_log(
    store: SightStore, error: GraphError | None, since: datetime, channels: tuple[str, ...], now: datetime
) -> None:
    """Remember that the audit log can't be read between scans, which is news at once; None: that it can be again.

    It is the same thing as that a scan can't read it: who noticed it second has nothing to tell. Raises ``StorageError``.
    """
    before = [state for state in await store.load() if state.unseen.key == AUDIT_LOG]
    unseen = [audit_log_unseen(error, since)] if error else []
    await _keep(store, after_scan(before, unseen, run_id=f"{AUDIT_LOG} {iso(now)}", now=now), channels)


async def _keep(store: SightStore, sight: Sight, channels: tuple[str, ...]) -> None:
    await store.keep(sight, [str(uuid4()) for _ in range(store.alerts_needed(sight))], channels=channels)
