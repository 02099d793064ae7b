"""Keeping: compare what was seen with what was known, and write every account with its changes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from azure.data.tables.aio import TableServiceClient

from checks.catalog import causing_effects, switched_off
from checks.model import JudgedAccount, Reason, Visibility
from checks.resolutions import why_resolved
from checks.visibility import per_user_state
from findings.exceptions import ExceptionStore
from findings.model import AcceptedException, AccountRecord, Comparison, Observation, Snapshot
from findings.parallel import for_each
from findings.store import FindingStore
from jobs.clock import Clock
from jobs.look import Seen
from reports.document import account_object

Advance = Callable[[int, int], None]
"""Told how many accounts are kept, and how many there are."""


class Keeper:
    """Keeps one scan. Every method raises ``StorageError`` when Table Storage can't be used.

    ``alert_id`` names the alert that will tell of all changes that are kept.
    """

    def __init__(self, service: TableServiceClient, run_id: str, alert_id: str, clock: Clock, advance: Advance) -> None:
        self._findings, self._exceptions = FindingStore(service), ExceptionStore(service)
        self._run_id, self._alert_id, self._clock, self._advance = run_id, alert_id, clock, advance
        self._known: Mapping[str, Snapshot] = {}
        self._accepted: Sequence[AcceptedException] = ()

    async def keep(self, seen: Seen, *, close_others: bool) -> tuple[list[JudgedAccount], list[Comparison]]:
        """Compare every account with what was known, and write it; returns the accounts with findings that only time
        shows, and what changed.

        ``close_others``: what was known of accounts that weren't seen is over.
        """
        self._known = {snapshot.account_id: snapshot async for snapshot in self._findings.load_snapshots()}
        self._accepted = await self._exceptions.active(self._clock())
        judged = [_with_history(one, self._known.get(one.account.id)) for one in seen.judged]
        kept = [one for one in judged if one.account.properties is None]
        outcomes: list[Comparison] = []

        async def keep(one: JudgedAccount) -> None:
            outcomes.append(await self._keep_one(one, complete=seen.complete_for(one)))
            self._advance(len(outcomes), len(kept))

        async def close(snapshot: Snapshot) -> None:
            outcomes.append(await self._close(snapshot, seen))

        await for_each(kept, keep)
        if close_others:
            await for_each(self._gone(seen), close)
        return judged, outcomes

    async def _keep_one(self, one: JudgedAccount, *, complete: bool) -> Comparison:
        closing = None
        if one.verdict.visibility is Visibility.NOT_APPLICABLE:
            closing = one.verdict.reasons[0].text
        account, known = one.account, self._known.get(one.account.id)
        # A state that can't be read today must not hide that it was switched off since it last could.
        last_state = known.record.per_user_mfa if known and known.record else None
        now = self._clock()
        record = AccountRecord(
            account_id=account.id,
            user_principal_name=account.user_principal_name,
            display_name=account.display_name,
            run_id=self._run_id,
            judged_at=now,
            complete=complete,
            per_user_mfa=per_user_state(account) or last_state,
            visibility=one.verdict.visibility,
            usability=one.verdict.usability,
            document=account_object(one, {}, now),
        )
        return await self._findings.keep(
            record,
            _observations(one),
            alert_id=self._alert_id,
            closing=closing,
            resolution=lambda check_id: why_resolved(check_id, one.verdict),
            exceptions=self._accepted,
            snapshot=known,
        )

    def _gone(self, seen: Seen) -> Iterable[Snapshot]:
        """Accounts of earlier scans that this one didn't select."""
        judged = {one.account.id for one in seen.judged}
        return [
            snapshot
            for snapshot in self._known.values()
            if snapshot.account_id not in judged and snapshot.record is not None and snapshot.record.selected
        ]

    async def _close(self, snapshot: Snapshot, seen: Seen) -> Comparison:
        if snapshot.record is None:
            raise AssertionError("an account without a record is never closed")
        name = snapshot.record.user_principal_name
        missing = {gap.account_id for gap in seen.reading.gaps if gap.not_found}
        deleted = {snapshot.account_id, name.lower()} & {(id or "").lower() for id in missing}
        record = replace(
            snapshot.record,
            run_id=self._run_id,
            judged_at=self._clock(),
            complete=True,
            selected=False,
            document=None,
        )
        closing = (
            "The account no longer exists in the tenant."
            if deleted
            else "The account was deleted, or is no longer selected as a service account."
        )
        return await self._findings.keep(
            record, (), alert_id=self._alert_id, closing=closing, exceptions=self._accepted, snapshot=snapshot
        )


def _with_history(one: JudgedAccount, known: Snapshot | None) -> JudgedAccount:
    """The account with the findings that only time shows."""
    if known is None or known.record is None:
        return one
    open_before = {state.check_id for state in known.findings if state.open}
    finding = switched_off(known.record.per_user_mfa, one, open_before)
    return replace(one, findings=(*one.findings, finding)) if finding else one


def _observations(one: JudgedAccount) -> list[Observation]:
    return [
        Observation(
            finding.check_id,
            finding.title,
            finding.severity.value,
            finding.fingerprint,
            finding.summary,
            _cause(one.verdict.reasons, causing_effects(finding.check_id)),
        )
        for finding in one.findings
    ]


def _cause(reasons: Iterable[Reason], effects: Collection[str]) -> str | None:
    """What the audit log says of the first reason; the policy's own date is no cause."""
    decisive = next((reason for reason in reasons if reason.effect in effects), None)
    return decisive.cause if decisive and not decisive.since_is_policy_date else None
