"""Keeping: compare what was seen with what was known, and write every account with its changes."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.catalog import BY_USE, SWITCHED_OFF, causing_effects, known_checks, state_before, switched_off
from checks.decided import CONFIRMED, FROM_EVIDENCE, undecided
from checks.model import Effect, JudgedAccount, Verdict, Visibility
from checks.resolutions import why_resolved
from checks.visibility import per_user_state
from findings.model import AcceptedException, AccountRecord, Comparison, Observation, Snapshot
from findings.parallel import for_each
from findings.rows import digest_of
from findings.run_record import ANY_TIME
from findings.seen import Sighting
from findings.store import FindingStore
from jobs.look import Seen
from jobs.overlooked import says_when
from jobs.watch import Watch
from reports.document import account_object

Advance = Callable[[int, int], None]
"""Told how many accounts are kept, and how many there are."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What everything that one scan keeps has in common."""

    run_id: str
    alert_id: str
    """Names the alert that will tell of all changes that are kept."""
    channels: tuple[str, ...]
    """The alert channels that it is for."""
    now: datetime
    """When keeping began."""
    partial: bool = False
    """Whether the scan looks at some accounts only."""
    apart: timedelta = ANY_TIME
    """How long ago a hiccup must have been seen first for this scan to confirm it."""
    sparing: bool = False
    """Whether accounts about which nothing changed needn't be written."""


def is_kept(one: JudgedAccount, watch: Watch, known: Container[str]) -> bool:
    """Whether an account is kept: not what was only asked for, and not what has no id because it could never be read.

    ``known``: the ids of the accounts of which something is kept already.
    """
    account = one.account
    return account.id in watch.watched and (account.properties is None or account.id in known)


def rests_on_audit_log(record: AccountRecord) -> bool:
    """Whether the verdict rested on sign-ins of which only the audit log tells that nothing explains them."""
    return record.on_evidence and not record.needs_no_log


class Keeper:
    """Keeps one scan. Every method raises ``StorageError`` when Table Storage can't be used.

    ``known`` is what was known of every account when the scan began, by id.
    """

    def __init__(
        self,
        findings: FindingStore,
        occasion: Occasion,
        known: Mapping[str, Snapshot],
        accepted: Sequence[AcceptedException],
        advance: Advance,
    ) -> None:
        self._findings = findings
        self._occasion, self._known, self._accepted, self._advance = occasion, known, accepted, advance
        self._unchanged: set[str] = set()

    async def keep(self, seen: Seen) -> tuple[list[JudgedAccount], list[Comparison]]:
        """Compare every watched account with what was known, and write it; end the findings of those that nobody watches.

        Returns the accounts with the findings that only time shows, and what changed.
        """
        judged = [self._with_history(one) for one in seen.judged]
        kept = [one for one in judged if is_kept(one, seen.watch, self._known)]
        outcomes: list[Comparison] = []

        async def keep(one: JudgedAccount) -> None:
            outcomes.append(outcome := _light(await self._keep_one(one, seen)))
            if outcome.unchanged:
                self._unchanged.add(one.account.id)
            self._advance(len(outcomes), len(kept))

        async def miss(snapshot: Snapshot) -> None:
            outcomes.append(_light(await self._keep_missed(snapshot, seen)))

        await for_each(kept, keep)
        await for_each(self._missed(seen), miss)
        changes = [change for outcome in outcomes for change in outcome.changes]
        if changes:
            await self._findings.note_kept(self._occasion.alert_id, changes)
        if not self._occasion.partial:
            await self._note_seen(self._unchanged, seen.read_at)
        return judged, outcomes

    async def _note_seen(self, unchanged: Collection[str], at: datetime) -> None:
        """Note of the accounts that weren't written when they were last found to be as they are kept."""
        before = await self._findings.seen.loaded()
        now: dict[str, Sighting] = {}
        for id, known in self._known.items():
            if id in unchanged and known.written_at:
                now[id] = Sighting(known.written_at, at, self._occasion.run_id)
            elif id in before and before[id].of == known.written_at:
                now[id] = before[id]
        if now != before or not self._occasion.sparing:
            await self._findings.seen.save(now)

    async def _keep_one(self, one: JudgedAccount, seen: Seen) -> Comparison:
        account, verdict = one.account, one.verdict
        known = self._known.get(account.id)
        before = known.record if known else None
        open_questions = self._undecided(one, seen, known)
        closing = verdict.reasons[0].text if verdict.visibility is Visibility.NOT_APPLICABLE else None
        unread = account.properties is not None
        document = account_object(one, (), self._occasion.now)
        on_evidence = any(reason.effect is Effect.EVIDENCE for reason in verdict.reasons)
        # As long as it isn't certain that it is over, the finding rests on what it rested on.
        lasting = before if before and before.on_evidence and FROM_EVIDENCE in open_questions else None
        record = AccountRecord(
            account_id=account.id,
            user_principal_name=before.user_principal_name if unread and before else account.user_principal_name,
            display_name=before.display_name if unread and before else account.display_name,
            run_id=self._occasion.run_id,
            judged_at=seen.read_at,
            complete=not verdict.inexact and not open_questions,
            selected_as=seen.watch.selected_as.get(account.id, ""),
            lost_since=seen.watch.lost_since.get(account.id),
            # A state that can't be read today must not hide that it was switched off since it last could.
            per_user_mfa=per_user_state(account) or (before.per_user_mfa if before else None),
            switched_off_from=self._state_before(one),
            on_evidence=on_evidence or lasting is not None,
            needs_no_log=verdict.needs_no_log if on_evidence else lasting is not None and lasting.needs_no_log,
            off_for_the_tenant=verdict.app_passwords_allowed is False,
            visibility=verdict.visibility,
            usability=verdict.usability,
            document=document,
            digest=digest_of(document),
        )
        return await self._findings.keep(
            record,
            _observations(one, log_read=account.id in seen.whole),
            alert_id=self._occasion.alert_id,
            channels=self._occasion.channels,
            closing=closing,
            resolution=lambda check_id: why_resolved(check_id, verdict),
            undecided=open_questions,
            confirmed=CONFIRMED | verdict.on_malformed,
            apart=self._occasion.apart,
            exceptions=self._accepted,
            snapshot=known or Snapshot(account.id, None),
            now=self._occasion.now,
            sparing=self._occasion.sparing,
        )

    def _undecided(self, one: JudgedAccount, seen: Seen, known: Snapshot | None) -> frozenset[str]:
        """The checks about which this scan can't say that the account passes them."""
        of_other_versions = {state.check_id for state in known.findings} - known_checks() if known else set()
        before = known.record if known else None
        found = undecided(
            one,
            log_read=one.account.id in seen.whole,
            on_evidence=before is not None and before.on_evidence,
            log_said=before.judged_at if before and rests_on_audit_log(before) else None,
        )
        return found | of_other_versions

    def _missed(self, seen: Seen) -> Iterable[Snapshot]:
        """The known accounts that are watched no longer, and those that are gone and looked for once more."""
        judged = {one.account.id for one in seen.judged if one.account.id in seen.watch.watched}
        ids = (*seen.watch.closing, *(id for id in seen.watch.lost_since if id not in judged))
        return [self._known[id] for id in ids]

    async def _keep_missed(self, snapshot: Snapshot, seen: Seen) -> Comparison:
        if snapshot.record is None:
            raise AssertionError("an account without a record is never missed")
        id = snapshot.account_id
        closing = seen.watch.closing.get(id)
        record = replace(
            snapshot.record,
            run_id=self._occasion.run_id,
            judged_at=seen.read_at,
            selected=closing is None,
            lost_since=seen.watch.lost_since.get(id),
            document=None,
        )
        return await self._findings.keep(
            record,
            (),
            alert_id=self._occasion.alert_id,
            channels=self._occasion.channels,
            closing=closing,
            undecided={state.check_id for state in snapshot.findings},
            exceptions=self._accepted,
            snapshot=snapshot,
            now=self._occasion.now,
        )

    def _with_history(self, one: JudgedAccount) -> JudgedAccount:
        """The account with the findings that only time shows."""
        finding = switched_off(one, self._state_before(one))
        return replace(one, findings=(*one.findings, finding)) if finding else one

    def _state_before(self, one: JudgedAccount) -> str | None:
        known = self._known.get(one.account.id)
        if known is None or known.record is None:
            return None
        record = known.record
        # What a version kept that remembered it by the finding alone.
        remembered = any(state.check_id == SWITCHED_OFF and state.open for state in known.findings)
        before = record.switched_off_from or ("enabled" if remembered else None)
        return state_before(before, record.per_user_mfa, per_user_state(one.account))


def _light(outcome: Comparison) -> Comparison:
    """What is kept, without what only writing it takes: the accounts as JSON, of a large tenant most of what a scan would hold."""
    changes = tuple(replace(change, detail=says_when(change.detail)) for change in outcome.changes)
    return replace(outcome, touched=(), changes=changes)


def _observations(one: JudgedAccount, *, log_read: bool) -> list[Observation]:
    return [
        Observation(
            finding.check_id,
            finding.title,
            finding.severity.value,
            finding.fingerprint,
            finding.summary,
            _cause(one.verdict, causing_effects(finding.check_id)),
            exact=finding.check_id not in one.verdict.inexact and (log_read or finding.check_id not in BY_USE),
        )
        for finding in one.findings
    ]


def _cause(verdict: Verdict, effects: Collection[str]) -> str | None:
    """What the audit log says of the first reason; the policy's own date is no cause, nor is what ended something else."""
    decisive = next((reason for reason in verdict.reasons if reason.effect in effects), None)
    if decisive is None or decisive.cause is None or decisive.since_is_policy_date:
        return None
    return decisive.cause.removesuffix(verdict.ended or "").rstrip() or None
