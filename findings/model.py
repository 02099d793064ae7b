"""The records that outlive a scan. All times are timezone-aware and stored in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypedDict

from basics import times


class Status(StrEnum):
    """Whether a finding is true now."""

    OPEN = "open"
    RESOLVED = "resolved"


class ChangeKind(StrEnum):
    """What happened to a finding between two scans."""

    OPENED = "opened"
    CHANGED = "changed"
    """Still open, with other causes or another severity; also how a flapping finding is announced."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    EXCEPTION_EXPIRED = "exception_expired"
    """Still open, and no longer accepted: the exception reached its end date or was removed."""


class Flap(StrEnum):
    """Why a change is told about a finding that keeps coming and going."""

    STARTED = "started"
    """It changed so often that its further changes are recorded, but not told."""
    SETTLED = "settled"
    """It has been still for some days; the change says what it settled on."""


class Silence(StrEnum):
    """Why a change is recorded in the history but not told."""

    EXCEPTION = "exception"
    FLAPPING = "flapping"
    HICCUP = "hiccup"
    """Seen by one scan only, where it takes two in a row to be news."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a scan saw for one check of one account."""

    check_id: str
    title: str
    severity: str
    """``low``, ``medium`` or ``high``."""
    fingerprint: str
    """Equal as long as the causes are the same."""
    summary: str
    cause: str | None = None
    """Since when it has been so and through whom, in a sentence, where that is known."""
    exact: bool = True
    """Whether everything that decides it could be read. If not, it is true all the same, but its causes and words may lack
    something, and its severity may be higher."""


class PublicException(TypedDict):
    """An exception as a JSON object: docs/openapi.json is made from this."""

    id: str
    account: str
    user_principal_name: str
    check_id: str | None
    reason: str
    owner: str
    until: str
    created_at: str
    created_by: str
    ended_at: str | None
    ended_by: str | None


class PublicFinding(TypedDict):
    """A finding as a JSON object, with the account it belongs to: docs/openapi.json is made from this."""

    account: str
    user_principal_name: str
    display_name: str
    check_id: str
    severity: str
    status: Status
    title: str
    summary: str
    cause: str | None
    first_seen: str
    first_ever: str
    last_seen: str
    changed_at: str
    resolved_at: str | None
    resolution: str | None
    occurrences: int
    flapping_since: str | None
    excepted_until: str | None
    exception: PublicException | None


@dataclass(frozen=True, slots=True)
class AcceptedException:
    """A finding that somebody accepted: silent in alerts until its end date, and shown as such everywhere else."""

    id: str
    account_id: str
    user_principal_name: str
    """As it was when the exception was made; for display only."""
    check_id: str | None
    """None accepts every check of the account."""
    reason: str
    owner: str
    until: date
    """The last day on which it holds, in UTC."""
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None
    """When it was removed or replaced before its end date."""
    ended_by: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What another version of this app knows of it, carried along."""
    unread: bool = field(default=False, compare=False)
    """Whether it is only known from a finding, because its own row can't be read: it silences nothing, and hasn't ended. Never kept."""

    def active(self, now: datetime) -> bool:
        """Whether it holds at ``now``."""
        return self.ended_at is None and now.astimezone(UTC).date() <= self.until

    def public(self) -> PublicException:
        """The exception as a JSON object."""
        return {
            "id": self.id,
            "account": self.account_id,
            "user_principal_name": self.user_principal_name,
            "check_id": self.check_id,
            "reason": self.reason,
            "owner": self.owner,
            "until": self.until.isoformat(),
            "created_at": times.iso(self.created_at),
            "created_by": self.created_by,
            "ended_at": iso(self.ended_at),
            "ended_by": self.ended_by,
        }


@dataclass(frozen=True, slots=True)
class FindingState:
    """A finding as it stands. Its identity is (account id, check id)."""

    account_id: str
    user_principal_name: str
    display_name: str
    check_id: str
    title: str
    severity: str
    status: Status
    first_ever: datetime
    """When it was opened for the very first time."""
    first_seen: datetime
    """When its current (or last) opening began."""
    last_seen: datetime
    """When a scan last saw it."""
    changed_at: datetime
    """When it last opened, changed, resolved or reopened."""
    fingerprint: str
    """Empty where the finding was never seen whole, or where this can't be read: then other causes are no change."""
    summary: str
    run_id: str
    """The run that last saw or resolved it."""
    cause: str | None = None
    """Since when it has been so and through whom, in a sentence, where that is known."""
    resolved_at: datetime | None = None
    resolution: str | None = None
    """Why it is resolved, in a sentence."""
    occurrences: int = 1
    """How many times it was opened, ever; what one scan alone has seen doesn't count where it takes two."""
    transitions: tuple[datetime, ...] = ()
    """Its last changes, oldest first, as many as flapping is decided by."""
    flapping_since: datetime | None = None
    pending: bool = False
    """Whether it is open and not told yet: the next scan that sees it tells it."""
    exception: AcceptedException | None = None
    """The exception that covers it while it is open: as of the last scan, or as of now where a reader was given the
    exceptions."""

    @property
    def open(self) -> bool:
        """Whether the finding is true now."""
        return self.status is Status.OPEN

    def public(self) -> PublicFinding:
        """The finding as a JSON object, with the account it belongs to."""
        return {
            "account": self.account_id,
            "user_principal_name": self.user_principal_name,
            "display_name": self.display_name,
            "check_id": self.check_id,
            "severity": self.severity,
            "status": self.status,
            "title": self.title,
            "summary": self.summary,
            "cause": self.cause,
            "first_seen": times.iso(self.first_seen),
            "first_ever": times.iso(self.first_ever),
            "last_seen": times.iso(self.last_seen),
            "changed_at": times.iso(self.changed_at),
            "resolved_at": iso(self.resolved_at),
            "resolution": self.resolution,
            "occurrences": self.occurrences,
            "flapping_since": iso(self.flapping_since),
            "excepted_until": self.exception.until.isoformat() if self.exception else None,
            "exception": self.exception.public() if self.exception else None,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one finding, to be told once and kept in the history."""

    id: str
    """The same however often the change is written or sent: made from alert, account, check and kind."""
    alert_id: str
    """The group it is told in: one per execution of a scan."""
    kind: ChangeKind
    status: Status
    """The finding's status after the change."""
    account_id: str
    user_principal_name: str
    display_name: str
    check_id: str
    title: str
    severity: str
    summary: str
    at: datetime
    first_seen: datetime
    run_id: str
    cause: str | None = None
    """Since when it has been so and through whom, in a sentence, where that is known."""
    previous_severity: str | None = None
    """Set where the severity differs from before."""
    previous_visibility: str | None = None
    """What was known of the account's option before this scan (:attr:`AccountRecord.last_visibility`); None for an account that
    nobody watched."""
    resolution: str | None = None
    flapping: Flap | None = None
    silence: Silence | None = None
    """None for a change that is told."""
    exception: AcceptedException | None = None
    """The exception that silences the change, or the one that expired."""
    closing: bool = False
    """Whether the finding ended because nobody watches the account any more, and not because the problem is gone."""
    channels: tuple[str, ...] = ()
    """The alert channels that it is to be told through, as configured when it was kept."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The account as it was judged at that moment: its public JSON object with verdict, reasons and remediation."""

    def public(self) -> dict[str, Any]:
        """The change as a JSON object, without ``detail``."""
        return {
            "id": self.id,
            "alert_id": self.alert_id,
            "kind": self.kind.value,
            "status": self.status.value,
            "account": self.account_id,
            "user_principal_name": self.user_principal_name,
            "display_name": self.display_name,
            "check_id": self.check_id,
            "title": self.title,
            "severity": self.severity,
            "previous_severity": self.previous_severity,
            "previous_visibility": self.previous_visibility,
            "summary": self.summary,
            "cause": self.cause,
            "at": iso(self.at),
            "first_seen": iso(self.first_seen),
            "run_id": self.run_id,
            "resolution": self.resolution,
            "flapping": self.flapping.value if self.flapping else None,
            "silence": self.silence.value if self.silence else None,
            "closing": self.closing,
            "exception": self.exception.public() if self.exception else None,
        }


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The latest judgement of an account."""

    account_id: str
    user_principal_name: str
    display_name: str
    run_id: str
    judged_at: datetime
    """When reading began that it was judged from. A judgement never replaces one that was read later."""
    complete: bool
    """Whether everything that concerns the account was readable."""
    selected: bool = True
    """False once the account is no longer selected or was deleted."""
    selected_as: str = ""
    """The user principal name with which the settings last selected it: a renamed account is watched on under its id. Empty
    for one that was only proposed."""
    lost_since: datetime | None = None
    """Since when the settings no longer select it, while it is watched on nevertheless."""
    per_user_mfa: str | None = None
    """The per-user MFA state when it could last be read."""
    on_evidence: bool = False
    """Whether the verdict rested on what the sign-in log showed."""
    needs_no_log: bool = False
    """Whether it did so without the audit log. A version that didn't know kept nothing: then it may have taken that log."""
    off_for_the_tenant: bool = False
    """Whether app passwords were known to be switched off for the whole tenant, so that nobody was offered one."""
    switched_off_from: str | None = None
    """The per-user MFA state that the account had before it was switched off; None unless it was, and still is."""
    visibility: str = "unknown"
    usability: str = "unknown"
    document: Mapping[str, Any] | None = None
    """The public JSON object of the account; None where a reader asked for the record without it."""
    digest: str = field(default="", compare=False)
    """Equal for equal documents; empty where nobody worked it out."""

    @property
    def last_visibility(self) -> str:
        """The visibility; where it couldn't be told, ``visible`` all the same if the state that was last read offers the option.

        Where the tenant had switched app passwords off, the account wasn't offered one, whatever its own state.
        """
        enforced = (self.per_user_mfa or "").lower() == "enforced"
        found = "visible" if self.visibility == "unknown" and enforced else self.visibility
        return "not_offered" if found == "visible" and self.off_for_the_tenant else found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store knew of an account at one moment; needed to write it again."""

    account_id: str
    record: AccountRecord | None
    """None for an account that was never kept, or whose row can't be read."""
    findings: tuple[FindingState, ...] = ()
    """With the time at which each was last seen, though nobody wrote it since."""
    etag: str | None = None
    """Of the account's row: a write fails if the row has changed since. There is one, too, where the row can't be read."""
    set_aside: frozenset[str] = frozenset()
    """The checks whose findings can't be read: they are left as they are, whatever a scan sees."""
    written_at: datetime | None = None
    """The time of the judgement that its row holds: ``record`` may have been found the same since."""
    written: tuple[FindingState, ...] = ()
    """Its findings as their rows hold them."""
    intact: bool = True
    """Whether all that was read of it is as this version writes it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of comparing what was known of an account with what a scan saw."""

    states: tuple[FindingState, ...]
    """Every finding of the account as it stands now, by check id."""
    changes: tuple[Change, ...] = ()
    """What happened, the silent changes included."""
    touched: tuple[FindingState, ...] = ()
    """Those of ``states`` that differ from what is stored."""
    superseded: bool = False
    """True where a later judgement was already kept, so that this one was dropped."""
    unchanged: bool = False
    """True where everything is as it was, so that nothing was written."""

    @property
    def told(self) -> tuple[Change, ...]:
        """The changes that people are told of."""
        return tuple(change for change in self.changes if change.silence is None)


def iso(time: datetime | None) -> str | None:
    """``time`` in UTC as ISO 8601 to the second, e.g. ``2026-11-22T07:00:00Z``; None for None."""
    return times.iso(time) if time else None
