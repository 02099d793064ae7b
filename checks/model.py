"""What judging an account yields: the verdict with its reasons and remedies, and the findings."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tenant.model import Account, AuditEvent, Gap


class Visibility(StrEnum):
    """Whether "App password" is offered to the account on its Security info page."""

    NOT_APPLICABLE = "not_applicable"
    VISIBLE = "visible"
    STUCK = "stuck"
    PENDING = "pending"
    HIDDEN = "hidden"
    CONDITIONAL = "conditional"
    PREDICTED = "predicted"
    NOT_OFFERED = "not_offered"
    UNKNOWN = "unknown"


class Usability(StrEnum):
    """Whether a legacy client would be let in with an app password."""

    NOT_CHECKED = "not_checked"
    BLOCKED_BY_SECURITY_DEFAULTS = "blocked_by_security_defaults"
    BLOCKED_BY_POLICY = "blocked_by_policy"
    CONDITIONAL = "conditional"
    USABLE = "usable"
    UNKNOWN = "unknown"


class Effect(StrEnum):
    """What a reason does to the account."""

    PER_USER_STATE = "per_user_state"
    DEMANDS_MFA = "demands_mfa"
    BLOCKS_LEGACY = "blocks_legacy"
    BLOCKS_INTERACTIVE = "blocks_interactive"
    WOULD_DEMAND_MFA = "would_demand_mfa"
    WOULD_BLOCK_LEGACY = "would_block_legacy"
    EXCLUDED = "excluded"
    EVIDENCE = "evidence"
    TENANT_SWITCH_OFF = "tenant_switch_off"
    CONTRADICTORY_STATE = "contradictory_state"
    UNREADABLE = "unreadable"


class Severity(StrEnum):
    """How urgent a finding is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """1 for low to 3 for high, for comparing and sorting."""
        return ("low", "medium", "high").index(self.value) + 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a verdict, in a sentence that an administrator understands."""

    text: str
    effect: Effect
    policy_id: str | None = None
    policy_name: str | None = None
    scope: str | None = None
    """How the account came into the policy's scope, e.g. ``group Backup apps > All service accounts``."""
    since: datetime | None = None
    circumstances: tuple[str, ...] = ()
    """What must be the case for the effect; empty where it is unconditional."""
    permission: str | None = None
    """For ``unreadable``: the permission that would open the input, as an application permission to an app."""
    for_a_person: str = ""
    """For ``unreadable``: what opens it to the person who is signed in; empty where an app reads."""
    actor: str | None = None
    """Who or what made it so, as the audit log says."""
    cause: str | None = None
    """Since when and through what, in a sentence."""
    understood: bool = True
    """False where something that this version doesn't know decides (a grant control, a strength, a condition), so that it may
    have this effect or not."""
    since_is_policy_date: bool = False
    """Whether ``since`` is only the policy's own date, because the audit log has nothing that explains the reason."""


class Way(StrEnum):
    """What kind of way out a remedy is."""

    GRANT = "grant"
    """Let this product read what it needs."""
    ENFORCE = "enforce"
    """Set per-user MFA to Enforced: for an account that is stuck at Enabled."""
    REGISTER = "register"
    """Register an MFA method: for an account that waits for it."""
    METHOD = "method"
    """Register an MFA method that stays."""
    APP_ONLY = "app_only"
    OAUTH = "oauth"
    RELAY = "relay"
    EWS = "ews"
    """Move away from Exchange Web Services."""
    PER_USER = "per_user"
    """Per-user MFA and an app password, where the product has no modern way."""
    NOT_POSSIBLE = "not_possible"
    EXCLUDE = "exclude"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out, with its price."""

    title: str
    steps: tuple[str, ...]
    trade_off: str
    url: str
    way: Way


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two answers for an account, and why."""

    visibility: Visibility
    usability: Usability
    reasons: tuple[Reason, ...]
    """Most decisive first."""
    predicted: Visibility | None = None
    """What visibility would become (hidden or conditional) if everything report-only or eligible took effect."""
    predicted_by_microsoft: bool = False
    """Whether a Microsoft-managed policy is behind the prediction."""
    would_be_blocked: bool = False
    """Whether a report-only policy would block a legacy client that is let in today."""
    would_be_blocked_by_microsoft: bool = False
    roles: tuple[str, ...] = ()
    """Names of the active directory roles of the account."""
    has_option: bool = False
    """Whether an account whose visibility is unknown has the option or will have it all the same."""
    app_passwords_allowed: bool | None = None
    """Whether the tenant lets users create app passwords at all; None where nobody knows."""
    undecided: frozenset[str] = frozenset()
    """Ids of the checks of which what is missing leaves open whether the account fails them."""
    missing: tuple[Gap, ...] = ()
    """For ``unknown`` on either side: every input that is missing."""
    inexact: frozenset[str] = frozenset()
    """Ids of the checks that the account fails for causes of which some may be missing."""
    on_malformed: frozenset[str] = frozenset()
    """Ids of the checks that the account fails, or fails so badly, because of nothing but policies that Graph answered malformed."""
    needs_no_log: bool = False
    """Whether sign-ins show a demand for MFA that nothing explains, and it doesn't take the audit log to tell."""
    explained_unseen: datetime | None = None
    """Where sign-ins show a demand that is taken to be explained, and it isn't certain: when a policy was last changed, nobody knows
    from what, so that this may be why; long ago where none was."""
    ended: str | None = None
    """What hid the option from the account until it ended, and by whom, in a sentence, where the audit log says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that the account fails. Its identity is (account id, check id)."""

    check_id: str
    title: str
    severity: Severity
    fingerprint: str
    """Equal as long as the causes are the same; no names or texts go into it."""
    summary: str
    """One sentence: what is wrong and what decides it."""


@dataclass(frozen=True, slots=True)
class ProductUse:
    """A product that uses an account, and what showed it."""

    name: str
    vendor: str
    evidence: str
    modern_sign_in: bool | None
    """Whether it can do without the account's password; None where it depends on the model or version."""
    url: str
    advice: str


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """What Microsoft's own What If, or the sign-in log, says about a verdict."""

    result: str
    """``agrees``, ``disagrees`` or ``not_checked``."""
    text: str
    date: date


class SmtpAuth(StrEnum):
    """Whether Exchange Online takes SMTP AUTH with a password for a mailbox, as far as its exports say."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """What the Exchange side says about an account, beside its verdict."""

    smtp_auth: SmtpAuth
    text: str
    command: str | None
    """The command of Exchange Online PowerShell that changes it; None where nothing is off."""
    taken: datetime
    """When the oldest export that says so was taken."""
    stale: bool
    """Whether that is too long ago to be relied on."""
    url: str


@dataclass(frozen=True, slots=True)
class JudgedAccount:
    """An account with everything that was concluded about it."""

    account: Account
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    remediation: tuple[Remedy, ...] = ()
    products: tuple[ProductUse, ...] = ()
    app_password_events: tuple[AuditEvent, ...] | None = None
    """App passwords that were created or deleted, newest first; None where the audit log wasn't read."""
    cross_check: CrossCheck | None = None
    exchange: ExchangeView | None = None
    """None where nobody exported the Exchange side of the account."""
    log_check: CrossCheck | None = None
    """What the sign-in log says about the verdict; None where it shows nothing of it."""
