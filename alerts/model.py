"""What an alert says, before any channel puts it into its own form. All times are timezone-aware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What happened to a finding."""

    OPENED = "opened"
    REOPENED = "reopened"
    EXCEPTION_EXPIRED = "exception_expired"
    """Still open, and no longer accepted."""
    CHANGED = "changed"
    """Still open, with other causes or another severity."""
    FLAPPING = "flapping"
    """It comes and goes; its next changes are not told until it settles."""
    STILL_OPEN = "still_open"
    """Nothing happened: a reminder in a digest."""
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How urgent a finding is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """1 for low to 3 for high."""
        return ("low", "medium", "high").index(self.value) + 1


class Purpose(StrEnum):
    """Why an alert is sent."""

    CHANGES = "changes"
    DIGEST = "digest"
    FAILURE = "failure"
    """A scan, a channel, or the delivery of an alert failed, and somebody has to do something."""
    SIGHT = "sight"
    """What the product can't see any more, and what became of the accounts that it looks at."""
    PREDICTION = "prediction"
    """What a policy that is switched off would do, told to whoever has just made or changed it."""
    RECOVERED = "recovered"
    """What was told as a failure works again, and what couldn't be seen is seen again."""
    TEST = "test"


_NEWS = frozenset({Purpose.CHANGES, Purpose.DIGEST, Purpose.RECOVERED})


@dataclass(frozen=True, slots=True)
class AlertReason:
    """One cause of a finding."""

    text: str
    policy_id: str | None = None
    policy_name: str | None = None
    scope: str | None = None
    """How the account came into the policy's scope, e.g. ``group Backup apps > All service accounts``."""
    since: datetime | None = None
    effect: str | None = None
    """What the reason does, as in the public JSON, e.g. ``demands_mfa``."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The first remedy."""

    title: str
    steps: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AlertItem:
    """One change of one finding of one account."""

    kind: Kind
    account_id: str
    user_principal_name: str
    display_name: str
    check_id: str
    title: str
    """The title of the check."""
    severity: Severity
    summary: str
    """One sentence: what is wrong and what decides it."""
    first_seen: datetime
    """When the finding was (re)opened."""
    id: str = ""
    """The id of the change, stable across retries."""
    since: datetime | None = None
    """Since when it has been so in the tenant, where known."""
    actor: str | None = None
    """Who or what made it so, where known."""
    how: str = ""
    """When, by what change and through whom, in words that go on from "since"; empty where the audit log doesn't say."""
    reasons: tuple[AlertReason, ...] = ()
    """Those that decide this finding, most decisive first. Changes with the same first one are told together."""
    next_step: NextStep | None = None
    doubt: str | None = None
    """What speaks against the verdict, in a sentence or two: another answer of Microsoft's What If, or of the sign-in log."""
    resolution: str | None = None
    """Why it is resolved, in a sentence."""
    closing: bool = False
    """For ``resolved``: it ended with the account (gone, deselected, disabled), and not because the problem is gone."""
    previous_severity: Severity | None = None
    """Set where the severity differs from before."""
    newly: bool = False
    """Whether the account was watched before and had no trouble with its option then: this is news, and not only new to us."""
    lost: bool = False
    """Whether the account had the option before, and hasn't it any more."""
    came_back: bool = False
    """For ``resolved``: whether the account has now what the finding said that it was missing."""
    settled: bool = False
    """True for the change that ends flapping and says what the finding settled on."""
    accepted_until: date | None = None
    """For ``exception_expired``: the last day of the exception."""
    accepted_by: str | None = None
    """For ``exception_expired``: its owner."""
    urgency: str = ""
    """When it breaks something: ``now``, ``unknown``, ``later``, ``tidy``; empty where nobody said."""
    breaks_on: date | None = None
    """The day, for what works today and has one."""
    shared: str = ""
    """Of a finding that no reason decides: why, in a sentence that fits all that are told together; empty for one told by itself."""
    entra_url: str | None = None
    """The account in the Entra admin center (``links.entra_user_url``)."""
    policy_url: str | None = None
    """The policy of the first reason in the Entra admin center (``links.entra_policy_url``)."""
    products: tuple[str, ...] = ()
    """What uses the account, as far as it is recognised."""


@dataclass(frozen=True, slots=True)
class AlertGap:
    """An input that could not be read."""

    input: str
    """Its public name, e.g. ``conditional_access_policies``."""
    label: str
    """Its name in a sentence, e.g. ``the Conditional Access policies``."""
    error: str
    permission: str | None = None
    """The application permission that would open it."""
    account: str | None = None
    """The id of the account it concerns; None for an input of the whole tenant."""
    user_principal_name: str | None = None
    """How that account is called, where it is known."""


@dataclass(frozen=True, slots=True)
class AlertStep:
    """One of the steps that solve most of everything that is open."""

    title: str
    text: str
    """The title with what it solves and how long it takes, in a sentence."""
    accounts: int
    findings: int
    broken_now: int
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """How things stand after the scan. None: not known."""

    accounts: int | None = None
    """Service accounts that were judged."""
    high: int | None = None
    """Open findings of high severity."""
    medium: int | None = None
    low: int | None = None
    missing: int | None = None
    """Accounts from which the option is hidden, or which are stuck without it: the number that the report shows, too."""

    standing: str = ""
    """How many accounts are broken now, will break, and so on, in a line; empty where nothing is open, or nothing is known."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """The same as numbers: urgency -> accounts."""
    next_break: date | None = None
    """The next day on which something breaks that works today."""

    @property
    def open(self) -> int | None:
        """All open findings."""
        known = [count for count in (self.high, self.medium, self.low) if count is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class About:
    """What a notice is about: it isn't sent any more once that has changed. Either a channel or an alert."""

    channel: str | None = None
    """A channel that fails, or works again."""
    since: datetime | None = None
    """When the channel began to fail; with the channel it names the time for which it fails."""
    number: int = 0
    """The how manieth notice about that time it is: a later one says more."""
    alert_id: str | None = None
    """An alert that could not be delivered."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One message, the same for every channel. Make it with ``compose``."""

    id: str
    """Stable across retries: receivers drop repeats by it. At most 100 letters, digits and ``-_.``."""
    tenant_id: str
    tenant_name: str
    created: datetime
    headline: str
    """One line that says it all."""
    run_id: str | None = None
    purpose: Purpose = Purpose.CHANGES
    baseline: bool = False
    """True where everything that is open is told, as after the first scan of a tenant: nothing is known to have changed."""
    items: tuple[AlertItem, ...] = ()
    """Worst first. Fewer than ``counts`` says where an alert was too large to be kept whole."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Kind -> how many items there are."""
    gaps: tuple[AlertGap, ...] = ()
    totals: Totals = Totals()
    steps: tuple[AlertStep, ...] = ()
    """What to do first, of everything that is open after the scan; empty where an alert tells only news."""
    notes: tuple[str, ...] = ()
    """Sentences below the headline: what a failure or a test message has to say."""
    report_url: str | None = None
    about: About | None = None
    """For a notice that can become untrue before it is delivered."""

    @property
    def severity(self) -> Severity | None:
        """The worst among the items that are not resolved; None where there is none."""
        open_items = [item.severity for item in self.items if item.kind is not Kind.RESOLVED]
        return max(open_items, key=lambda severity: severity.rank, default=None)

    @property
    def good_news(self) -> bool:
        """Whether there is something to say and none of it is a problem."""
        if any(item.closing for item in self.items):
            return False
        if self.purpose is Purpose.DIGEST and not self.totals.accounts:  # nothing is open where nobody looked
            return False
        return self.severity is None and not self.gaps and self.purpose in _NEWS
