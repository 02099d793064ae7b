"""What one scan knows of a tenant: frozen dataclasses, filled by the reader and judged by ``checks``.

An input that could not be read is never an empty value: a field of type ``X | Gap`` holds the ``Gap`` instead, so
that no rule can take "unreadable" for "none".

Ids (users, groups, roles, applications) are lower-cased when they enter the model: Graph compares them without case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """An input that could not be read, and what would open it."""

    input: str
    """Name of the input, e.g. ``conditional_access_policies``; public in the JSON output."""
    error: str
    """What Graph answered, shortened, e.g. ``403 Authorization_RequestDenied: Insufficient privileges``."""
    permission: str | None = None
    """The permission that would open it, as an application permission to an app; None where no permission helps."""
    account_id: str | None = None
    """The account it concerns; None for an input of the whole tenant."""
    tenant_wide: bool = True
    """Whether it may concern every account; False for an input that is read account by account."""
    not_found: bool = False
    """True where Graph did answer, and the answer is that the thing doesn't exist (a mistyped account)."""
    optional: bool = False
    """True where no verdict depends on it: without the sign-in log an account is judged as well."""
    objects: tuple[str, ...] = field(default=(), compare=False)
    """The groups, accounts or settings that it is about, where the input is read one by one: ids, or what the settings say."""
    for_a_person: str = ""
    """What opens it to the person who is signed in, a sentence; empty where an app reads."""
    passing: bool = field(default=False, compare=False)
    """Whether Graph may answer some time later: it had no time, was broken or couldn't be reached."""

    @property
    def about(self) -> tuple[str, ...]:
        """What it is about; an empty text where it is all of the input."""
        return self.objects or (self.account_id or "",)


@dataclass(frozen=True, slots=True)
class AuthenticationStrength:
    """An authentication strength policy. ``requirements_satisfied`` is Graph's ``requirementsSatisfied``."""

    id: str
    display_name: str
    requirements_satisfied: str | None


@dataclass(frozen=True, slots=True)
class GrantControls:
    """The grant controls of a Conditional Access policy."""

    operator: str
    """``AND`` or ``OR`` as Graph says it, upper-cased; empty when absent."""
    built_in: tuple[str, ...] = ()
    custom_factors: tuple[str, ...] = ()
    terms_of_use: tuple[str, ...] = ()
    strength: AuthenticationStrength | None = None
    """The strength named by the policy; ``requirements_satisfied`` is None when the policy doesn't carry it."""
    unknown_members: tuple[str, ...] = ()
    """Names of non-empty members that this version doesn't know."""

    @property
    def blocks(self) -> bool:
        """Whether they block access, whatever else they ask for."""
        return "block" in map(str.lower, self.built_in)


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """A custom-security-attribute filter on applications. ``mode`` is ``include`` or ``exclude``."""

    mode: str
    rule: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A Conditional Access policy, reduced to what a verdict needs. Empty collections mean "no such condition"."""

    id: str
    display_name: str
    state: str
    """Graph's ``state``, lower-cased: ``enabled``, ``disabled``, ``enabledforreportingbutnotenforced``, or new."""
    created: datetime | None = None
    modified: datetime | None = None
    deleted: bool = False
    include_users: frozenset[str] = frozenset()
    """Ids, and Graph's tokens lower-cased: ``all``, ``none``, ``guestsorexternalusers``."""
    exclude_users: frozenset[str] = frozenset()
    include_groups: frozenset[str] = frozenset()
    exclude_groups: frozenset[str] = frozenset()
    include_roles: frozenset[str] = frozenset()
    """Role template ids."""
    exclude_roles: frozenset[str] = frozenset()
    names_guests: bool = False
    """Whether ``includeGuestsOrExternalUsers`` is set; guests are never judged, so the types don't matter."""
    unknown_user_members: bool = False
    """Whether ``conditions.users`` holds non-empty members that this version doesn't know and that may include somebody."""
    workload_identities: bool = False
    """Whether the policy is about service principals and so never reaches a user."""
    include_applications: frozenset[str] = frozenset()
    """Application ids, and Graph's tokens lower-cased: ``all``, ``none``, ``office365``, ..."""
    exclude_applications: frozenset[str] = frozenset()
    application_filter: ApplicationFilter | None = None
    user_actions: tuple[str, ...] = ()
    authentication_contexts: tuple[str, ...] = ()
    unknown_application_members: bool = False
    client_app_types: frozenset[str] = frozenset()
    """Graph's client app types, lower-cased; empty means all."""
    include_locations: tuple[str, ...] = ()
    exclude_locations: tuple[str, ...] = ()
    include_platforms: tuple[str, ...] = ()
    exclude_platforms: tuple[str, ...] = ()
    sign_in_risk_levels: tuple[str, ...] = ()
    user_risk_levels: tuple[str, ...] = ()
    insider_risk_levels: tuple[str, ...] = ()
    device_filter: str | None = None
    transfer_methods: tuple[str, ...] = ()
    """Authentication flows, without ``none``."""
    grant: GrantControls | None = None
    unknown_members: tuple[str, ...] = ()
    """Dotted paths of what isn't understood: non-empty members that this version doesn't know, of ``conditions`` at any depth and
    of the policy itself, and members of the wrong kind."""
    plan: bool = False
    """Whether it is a policy plan: rules of a kind of their own, which this version doesn't read."""
    malformed: bool = False
    """Whether what decides its effect is missing or of the wrong kind: what it really does, another reading may tell."""
    description: str = ""
    """What the tenant says of it, shortened; it decides nothing but who made the policy."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that a policy or an account's membership names."""

    id: str
    display_name: str
    deleted: bool = False
    """True where Graph says that there is no such group: it has no members any more."""
    hidden_membership: bool = False
    """True where the group hides its members from readers without ``Member.Read.Hidden``."""
    dynamic: bool = False
    """Whether a rule says who is in it: nobody can be added by hand. Read of groups that policies name."""
    by_member_of: bool = False
    """Whether that rule is about the members of other groups (``memberOf``), which Microsoft has retired."""
    gap: Gap | None = None
    """Set where the group itself could not be read: that an account doesn't list it proves nothing then."""


@dataclass(frozen=True, slots=True)
class GroupDetails:
    """A group that an account may be put into: what that would bring with it, and who is in it already."""

    id: str
    display_name: str
    containers: Mapping[str, str] = field(default_factory=dict)
    """Id -> name of the groups that it is in, nested ones included, as far as is known."""
    containers_gap: Gap | None = None
    """Set where it may be in further ones."""
    members: tuple[str, ...] = ()
    """User principal names of the users in it, by name, as far as is known."""
    members_gap: Gap | None = None
    """Set where there may be others, and nobody could read them."""
    more_members: bool = False
    """Whether it has more users than are listed."""
    dynamic: bool = False
    """Whether a rule says who is in it: nobody can be added by hand."""
    synchronised: bool = False
    """Whether it comes from an on-premises directory, and is changed there."""


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A directory role held by a user or a role-assignable group, active or eligible."""

    principal_id: str
    template_id: str
    """Template id of a built-in role; the definition id where the definition could not be read."""
    role_name: str
    built_in: bool | None = True
    """None where the role definition could not be read."""
    scope: str = "/"
    """``directoryScopeId``; only ``/`` counts for Conditional Access."""


@dataclass(frozen=True, slots=True)
class MfaService:
    """The tenant's settings of per-user MFA."""

    allows_app_passwords: bool
    """The switch "Allow users to create app passwords to sign in to non-browser apps"."""
    trusted_ips: tuple[str, ...] = ()
    """The address ranges of the MFA trusted IPs, as Graph writes them."""
    trusts_federated_users: bool | None = None
    """Whether requests of federated users from the intranet skip MFA; None where the answer doesn't say."""
    remembered: datetime | None = None
    """When that was read, where it can't be read now; None where it was."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Everything that is read once per scan."""

    id: str = ""
    display_name: str = ""
    security_defaults: bool | Gap = False
    policies: tuple[Policy, ...] | Gap = ()
    unlisted_policies: Gap | None = None
    """Set where policies may be missing from ``policies``: v1.0's list leaves out those that use preview features."""
    unlisted_plans: Gap | None = None
    """Set where nobody can tell whether there are policy plans: one that is on makes an answer conditional at most."""
    licences: Gap | None = None
    """The subscribed licences, where they couldn't be read and would have told whether there can be policies at all."""
    strengths: Mapping[str, AuthenticationStrength] | Gap = field(default_factory=dict)
    named_locations: Mapping[str, str] | Gap = field(default_factory=dict)
    """Named location id -> display name."""
    groups: Mapping[str, Group] = field(default_factory=dict)
    """Group id -> group, for every group that a policy names and every group an account is in."""
    nesting: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Group id -> ids of the groups that are its direct members, as far as it was read to explain a chain."""
    role_assignments: tuple[RoleAssignment, ...] | Gap = ()
    role_eligibilities: tuple[RoleAssignment, ...] | Gap = ()
    role_holding_users: frozenset[str] = frozenset()
    """Ids among the principals of roles that are users', not groups': nobody else holds a role through them. Read only where
    memberships are unread, and otherwise empty."""
    role_definitions: Gap | None = None
    """Set where the definitions of roles could not be read: whether a role is built-in is then unknown."""
    role_names: Mapping[str, str] = field(default_factory=dict)
    """Role template id -> display name, to explain a scope."""
    plans_unread: Gap | None = None
    """Why the policy plans weren't read. Alone it changes nothing, unless the tenant is known to have some."""
    mfa_service: MfaService | None = None
    """The settings of per-user MFA; None where they couldn't be read. No verdict depends on them."""
    advised_to_switch_off: bool | None = None
    """Whether Microsoft's recommendation to switch off per-user MFA is active in the tenant; None where nobody asked, or it couldn't
    be read. No verdict depends on it."""

    @property
    def known_policies(self) -> tuple[Policy, ...]:
        """The policies that could be read; none of them where the list couldn't be, which is no answer to whether there are any."""
        return () if isinstance(self.policies, Gap) else self.policies

    def with_nested(self, groups: Iterable[str]) -> frozenset[str]:
        """The groups, and all that are nested in them through any number of others, as far as that was read."""
        found = set(groups)
        waiting = list(found)
        while waiting:
            nested = self.nesting.get(waiting.pop(), frozenset()) - found
            found |= nested
            waiting += nested
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Registration:
    """The MFA registration of an account as its two sources show it."""

    report: tuple[str, ...] | Gap | None = None
    """``methodsRegistered`` of the registration report; None where the account is missing from it or it wasn't read."""
    own: tuple[str, ...] | Gap | None = None
    """``@odata.type`` of the account's own authentication methods; None where they weren't read."""


@dataclass(frozen=True, slots=True)
class MfaDemand:
    """Sign-in evidence: an MFA demand seen in the sign-in log (``authenticationRequirementPolicies``)."""

    provider: str
    """Graph's ``requirementProvider``."""
    seen: datetime


@dataclass(frozen=True, slots=True)
class SignInUse:
    """How an account was used: its sign-ins with the right password by one client to one application, summed up over some days.

    Whether they got in is a matter of :class:`SignInOutcome`.
    """

    account_id: str
    client_app: str
    """Graph's ``clientAppUsed``, e.g. ``Authenticated SMTP``."""
    app_id: str
    app_name: str
    user_agent: str
    """Shortened; empty for a browser."""
    way: str
    """``browser``, ``app`` (interactive, in a desktop or mobile app) or ``background`` (nobody sat there)."""
    count: int
    days: int
    """On how many different days."""
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class SignInOutcome:
    """How sign-ins of an account with one client to one application ended, for those that ended in the same way.

    Summed up over some days. Browsers are left out.
    """

    account_id: str
    client_app: str
    """Graph's ``clientAppUsed``, e.g. ``Authenticated SMTP``."""
    app_id: str
    app_name: str
    how: str
    """``legacy`` (a client without modern authentication), ``password`` (a modern one that sends the account's password itself),
    ``background`` (nobody sat there) or ``app`` (somebody did)."""
    code: int
    """The log's error code; 0 where it got in."""
    policies: tuple[tuple[str, str], ...] | None
    """Id and name of every policy whose result the log calls a failure; None where it doesn't show the policies."""
    count: int
    days: int
    """On how many different days."""
    first_seen: datetime
    last_seen: datetime
    places: tuple[str, ...] = ()
    """From which addresses, each with its country where the log has one; the newest few, newest first."""
    since_last_in: int = 0
    """How many of them came after the last sign-in of the same client (:func:`tenant.sign_in_outcomes.client_of`) that got in."""
    run_start: datetime | None = None
    """When the first of these was; None where there are none."""
    run_places: tuple[str, ...] = ()
    """From where these came, as in ``places``."""


@dataclass(frozen=True, slots=True)
class Consent:
    """An application that isn't Microsoft's and an account: the account consented to it, or was assigned to it."""

    app_id: str
    app_name: str
    kind: str
    """``consent`` or ``assignment``."""
    scopes: tuple[str, ...] = ()
    """Delegated permissions, e.g. ``IMAP.AccessAsUser.All``."""


@dataclass(frozen=True, slots=True)
class Account:
    """A selected service account. ``None`` in a property means that Graph did not return it."""

    id: str
    user_principal_name: str
    display_name: str = ""
    selected_by: tuple[str, ...] = ()
    enabled: bool | None = True
    user_type: str | None = "Member"
    external_user_state: str | None = None
    on_premises_sync_enabled: bool | None = None
    properties: Gap | None = None
    """Set where the account's properties could not be read."""
    per_user_mfa: str | None | Gap = None
    """The documented per-user MFA state, as Graph says it; None where the answer had no state."""
    per_user_mfa_bulk: str | None = None
    """The undocumented ``perUserMfaState`` of /users; shown when it disagrees, never relied on."""
    groups: frozenset[str] | Gap = frozenset()
    """Ids of all groups the account is in, nested and dynamic ones included."""
    registration: Registration = Registration()
    mfa_demands: tuple[MfaDemand, ...] = ()
    sign_ins: tuple[SignInUse, ...] = ()
    """Empty where the sign-in log wasn't asked for."""
    outcomes: tuple[SignInOutcome, ...] = ()
    """How its sign-ins ended; wrong passwords and the like are among them, what a browser did is not."""
    consents: tuple[Consent, ...] = ()

    @property
    def known_groups(self) -> frozenset[str]:
        """The groups that the account is known to be in; none where they couldn't be read, which is no answer to whether it is in any."""
        return frozenset() if isinstance(self.groups, Gap) else self.groups


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that nobody selected and that may be a service account, with what tells it from a person's."""

    account: Account
    mailbox_purpose: str | None = None
    """Graph's ``userPurpose``, lower-cased: ``user``, ``shared``, ``room``, ``equipment``, ...; None where unknown."""
    password_never_expires: bool = False
    persons_name: bool = False
    """Whether it has a given name and a surname."""
    personal_details: bool = False
    """Whether it has a given name and a surname, and a job title, an employee number or a mobile phone."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A change that the audit log holds and that may be behind a verdict."""

    time: datetime
    kind: str
    """``policy_added``, ``policy_updated``, ``policy_deleted``, ``security_defaults``, ``mfa_enabled``, ``mfa_disabled``,
    ``mfa_changed`` (per-user MFA, and the log doesn't say how), ``tenant_switch``, ``mfa_registration_policy``,
    ``app_password_created``, ``app_password_deleted``, ``group_added``, ``group_removed``, ``role_added``, ``role_removed``."""
    actor: str | None
    """User principal name of the person, or the name of the application, that did it."""
    target_id: str
    """Id of the policy, account or group that was changed."""
    target_name: str
    detail: str = ""
    """What it was afterwards, where the log says so: ``on`` or ``off`` of ``security_defaults`` and ``tenant_switch``, the state
    of per-user MFA."""
    container_id: str = ""
    """Id of the group or role that the target was added to or removed from."""
    container_name: str = ""
    before: Policy | None = None
    """The policy as it was, where the log says so."""
    after: Policy | None = None


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """What is known of the audit log."""

    events: tuple[AuditEvent, ...]
    """Newest first."""
    since: datetime
    """From when on the log was read; what happened before is unknown."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What Microsoft's What If answers about one sign-in of an account to Exchange Online."""

    client_app: str
    """Graph's ``clientAppType`` of the sign-in: ``browser`` or ``other``."""
    applies: tuple[Policy, ...]
    """The policies in force that apply to it."""
    undecided: frozenset[str]
    """Ids of the policies about which it had not enough information, such as where the sign-in comes from."""
