"""The record of a scan. All times are timezone-aware and stored in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict

from basics import times
from findings.model import iso


class RunStatus(StrEnum):
    """Where a scan stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """Done, but something was unreadable."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not started, because another scan of everything was going on."""


DONE = frozenset({RunStatus.COMPLETE, RunStatus.INCOMPLETE})
"""The scans that read and judged what they were asked for."""
ANY_TIME = timedelta()
"""How far a scheduled scan must be from the one before it to confirm what that saw."""
APART = timedelta(minutes=30)
"""Of two scans that are closer together the second one may look at the same hiccup as the first."""
AGAIN_APART = timedelta(hours=6)
"""The same where the second one only looks again because Microsoft Graph failed: some hours of that are no news."""
OVER = DONE | {RunStatus.SKIPPED}
"""The scans that nobody does again; a failed one may be tried again under the same id."""


class PublicSwitch(TypedDict):
    """What is known of the tenant's switch for app passwords, as a JSON object."""

    allowed: bool | None
    source: str | None
    contradiction: str | None


class PublicRun(TypedDict):
    """A run as a JSON object: docs/openapi.json is made from this."""

    id: str
    status: RunStatus
    started: str
    finished: str | None
    trigger: str
    tenant_id: str
    tenant_name: str
    complete: bool
    partial: bool
    accounts_total: int
    accounts_done: int
    graph_requests: int
    error: str | None
    visibility: dict[str, int]
    usability: dict[str, int]
    severities: dict[str, int]
    urgency: dict[str, int]
    next_break: str | None
    steps: list[dict[str, Any]]
    changes: dict[str, int]
    gaps: list[dict[str, Any]]
    notes: list[str]
    app_passwords: PublicSwitch


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One scan: how far it got and what came out of it."""

    id: str
    status: RunStatus
    started: datetime
    finished: datetime | None = None
    trigger: str = ""
    """What started it, e.g. ``schedule``, ``request``, ``command line``."""
    tenant_id: str = ""
    tenant_name: str = ""
    partial: bool = False
    """Whether only some accounts were asked for, so that it says nothing about the others."""
    accounts_total: int = 0
    accounts_done: int = 0
    graph_requests: int = 0
    alert_id: str | None = None
    error: str | None = None
    """Why it failed or was skipped, in a sentence."""
    visibility: Mapping[str, int] = field(default_factory=dict)
    """Visibility -> number of accounts."""
    usability: Mapping[str, int] = field(default_factory=dict)
    severities: Mapping[str, int] = field(default_factory=dict)
    """Severity -> number of open findings."""
    urgency: Mapping[str, int] = field(default_factory=dict)
    """Group (now, unknown, later, tidy) -> number of accounts."""
    next_break: date | None = None
    """The next day on which something breaks that works today, where one is known."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """The steps that solve most: ``title``, ``minutes``, ``findings``, ``broken_now``, ``count`` (of accounts)."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """Kind of change -> how many."""
    simulations: tuple[Mapping[str, Any], ...] = ()
    """What report-only policies would change: ``title``, ``policy_id``, ``count``, ``accounts``."""
    gaps: tuple[Mapping[str, Any], ...] = ()
    """The unreadable inputs: ``input``, ``error``, ``permission``, ``account``."""
    notes: tuple[str, ...] = ()
    """What is to be known about the run itself, in sentences: a wrong clock, a row that can't be read."""
    app_passwords: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the tenant's switch for app passwords: ``allowed``, ``source``, ``contradiction``."""
    remembered: Mapping[str, Any] = field(default_factory=dict)
    """What later scans need to know of the tenant where they can't read it; for a scan of everything."""
    says_when_writing: bool = False
    """Whether who does it says when accounts are written (``findings/contents.py``); an older version doesn't."""

    @property
    def may_write_unsaid(self) -> bool:
        """Whether accounts may be written, or may have been left half written, without a word of it."""
        return self.status is RunStatus.RUNNING and not self.says_when_writing

    def public(self) -> PublicRun:
        """The run as a JSON object."""
        return {
            "id": self.id,
            "status": self.status,
            "started": times.iso(self.started),
            "finished": iso(self.finished),
            "trigger": self.trigger,
            "tenant_id": self.tenant_id,
            "tenant_name": self.tenant_name,
            "complete": self.status is RunStatus.COMPLETE,
            "partial": self.partial,
            "accounts_total": self.accounts_total,
            "accounts_done": self.accounts_done,
            "graph_requests": self.graph_requests,
            "error": self.error,
            "visibility": dict(self.visibility),
            "usability": dict(self.usability),
            "severities": dict(self.severities),
            "urgency": dict(self.urgency),
            "next_break": self.next_break.isoformat() if self.next_break else None,
            "steps": [dict(one) for one in self.steps],
            "changes": dict(self.changes),
            "gaps": [dict(gap) for gap in self.gaps],
            "notes": list(self.notes),
            "app_passwords": {
                "allowed": self.app_passwords.get("allowed"),
                "source": self.app_passwords.get("source"),
                "contradiction": self.app_passwords.get("contradiction"),
            },
        }
