"""What a tenant consists of. Cheap enough for 100,000 users; build one with ``localgraph.builder.TenantBuilder``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from localgraph.membership import Membership

Json = dict[str, Any]

ABSENT: Final = "(absent)"
"""A per-user MFA state that the answer leaves out altogether, as opposed to None: the answer says null."""
SAME: Final = "(same)"
"""The undocumented bulk state says what the documented one says."""


AAD_PREMIUM_P1: Final = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
AAD_PREMIUM_P2: Final = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
"""Ids of the service plans AAD_PREMIUM and AAD_PREMIUM_P2 (Microsoft's licensing service plan reference)."""


def mfa_service_json(*, app_passwords: bool = True, trusted_ips: Iterable[str] = ()) -> Json:
    """The service settings of per-user MFA in the shape in which scripts read them; Microsoft documents none."""
    return {
        "allowAppPasswords": app_passwords,
        "trustedIps": {"skipMfaForFederatedUsers": False, "ipRanges": list(trusted_ips)},
        "rememberMfaOnTrustedDevice": {"isEnabled": False, "allowedNumberOfDays": 90},
    }


def recommendation_json(tenant_id: str, kind: str, status: str) -> Json:
    """A recommendation, with what people read left out (Microsoft Graph beta reference, ``recommendation``)."""
    name = kind[:1].upper() + kind[1:]
    return {
        "id": f"{tenant_id}_Microsoft.Identity.IAM.Insights.{name}",
        "recommendationType": kind,
        "displayName": kind,
        "status": status,
        "category": "identityBestPractice",
        "priority": "medium",
        "releaseType": "generallyAvailable",
        "impactType": "users",
        "postponeUntilDateTime": None,
        "featureAreas": ["conditionalAccess"],
        "actionSteps": [],
    }


@dataclass(slots=True)
class LocalUser:
    """A user. ``extra`` holds further properties of Graph's ``user`` as Graph names them."""

    id: str
    upn: str
    name: str
    mfa: str | None = "disabled"
    mfa_bulk: str | None = SAME
    enabled: bool | None = True
    user_type: str | None = "Member"
    methods: tuple[Json, ...] = ()
    """The account's own authentication methods, beside the password."""
    mailbox: str | None = "user"
    """``userPurpose`` of the mailbox; None: no mailbox."""
    in_report: bool = True
    """Whether the registration report knows the account: it lags, and leaves disabled accounts out."""
    extra: Json | None = None


@dataclass(slots=True)
class LocalGroup:
    """A group with its direct members (ids of users, groups, service principals)."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    role_assignable: bool = False
    rule: str | None = None
    """The membership rule of a dynamic group; ``members`` is what it comes to."""
    hidden: bool = False
    """Whether its membership is hidden from readers without ``Member.Read.Hidden``."""
    extra: Json | None = None


@dataclass(slots=True)
class LocalRole:
    """A directory role definition. Built-in ones have their template id as id."""

    id: str
    name: str
    built_in: bool = True
    template_id: str = ""


@dataclass(slots=True)
class LocalRoleAssignment:
    """A role held by a user, group or service principal."""

    id: str
    principal_id: str
    role_id: str
    scope: str = "/"
    kind: Literal["assigned", "activated", "eligible"] = "assigned"
    start: str | None = None
    end: str | None = None


@dataclass(slots=True)
class LocalTenant:
    """A tenant. Everything may be changed between two scans; call :meth:`changed` after changing members or roles."""

    id: str
    name: str
    domains: tuple[str, ...]
    """The first one is the initial onmicrosoft.com domain."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    users: dict[str, LocalUser] = field(default_factory=dict)
    groups: dict[str, LocalGroup] = field(default_factory=dict)
    roles: dict[str, LocalRole] = field(default_factory=dict)
    role_assignments: list[LocalRoleAssignment] = field(default_factory=list)
    service_principals: dict[str, Json] = field(default_factory=dict)
    policies: list[Json] = field(default_factory=list)
    preview_policies: set[str] = field(default_factory=set)
    """Ids of the policies that use preview features: v1.0 doesn't show them."""
    policy_plans: list[Json] | None = None
    """None: policy plans haven't come to this tenant, and Graph doesn't know the address."""
    named_locations: list[Json] = field(default_factory=list)
    strengths: list[Json] = field(default_factory=list)
    security_defaults: bool | None = False
    """None: the answer has no ``isEnabled``."""
    mfa_service: Json | None = field(default_factory=lambda: mfa_service_json())
    """The service settings of per-user MFA; None: the endpoint isn't known here."""
    recommendations: list[Json] = field(default_factory=list)
    """What Microsoft recommends the tenant, in the shape of beta's ``recommendation``."""
    skus: list[Json] = field(default_factory=list)
    app_role_assignments: list[Json] = field(default_factory=list)
    permission_grants: list[Json] = field(default_factory=list)
    sign_ins: list[Json] = field(default_factory=list)
    """In the shape of beta, newest first; v1.0 serves what it declares."""
    audits: list[Json] = field(default_factory=list)
    """Newest first."""
    bulk_mfa_state: Literal["present", "absent"] = "present"
    """Whether /users knows the undocumented ``perUserMfaState``."""
    hidden_members_readable: bool = True
    """Whether the reader has ``Member.Read.Hidden``."""
    _by_upn: dict[str, str] | None = None
    _membership: Membership | None = None

    def changed(self) -> None:
        """Forgets what was worked out from users, groups and roles."""
        self._by_upn = None
        self._membership = None

    @property
    def membership(self) -> Membership:
        """Who is in what, worked out when first asked."""
        if self._membership is None:
            self._membership = Membership(self._edges())
        return self._membership

    def find_user(self, id_or_upn: str) -> LocalUser | None:
        """The user with an object id or user principal name, in any case."""
        key = id_or_upn.casefold()
        if key in self.users:
            return self.users[key]
        if self._by_upn is None:
            self._by_upn = {user.upn.casefold(): user.id for user in self.users.values()}
        return self.users.get(self._by_upn.get(key, ""))

    def user(self, id_or_upn: str) -> LocalUser:
        """The user with an object id or user principal name. Raises ``KeyError`` when there is none."""
        found = self.find_user(id_or_upn)
        if found is None:
            raise KeyError(f"The tenant has no user {id_or_upn!r}.")
        return found

    def group(self, name_or_id: str) -> LocalGroup:
        """The group with a display name or id. Raises ``KeyError`` when there is none."""
        for group in self.groups.values():
            if name_or_id in {group.name, group.id}:
                return group
        raise KeyError(f"The tenant has no group {name_or_id!r}.")

    def policy(self, name_or_id: str) -> Json:
        """The Conditional Access policy with a display name or id. Raises ``KeyError`` when there is none."""
        for policy in self.policies:
            if name_or_id in {policy["displayName"], policy["id"]}:
                return policy
        raise KeyError(f"The tenant has no policy {name_or_id!r}.")

    def add_member(self, group: str, member: str) -> None:
        """Puts a user (UPN or id) or a group (name or id) into a group."""
        self.group(group).members.append(self._principal_id(member))
        self.changed()

    def remove_member(self, group: str, member: str) -> None:
        """Takes a user or a group out of a group."""
        self.group(group).members.remove(self._principal_id(member))
        self.changed()

    def remove_user(self, id_or_upn: str) -> None:
        """Deletes a user, as an administrator would: out of all groups and roles, too."""
        gone = self.user(id_or_upn).id
        del self.users[gone]
        for group in self.groups.values():
            group.members = [member for member in group.members if member != gone]
        self.role_assignments = [item for item in self.role_assignments if item.principal_id != gone]
        self.changed()

    def has_plan(self, *plan_ids: str) -> bool:
        """Whether a subscription that still counts holds one of the service plans."""
        return any(
            plan["servicePlanId"] in plan_ids
            for sku in self.skus
            if sku["capabilityStatus"] in {"Enabled", "Warning"}
            for plan in sku["servicePlans"]
        )

    @property
    def has_p1(self) -> bool:
        """Whether the tenant has Microsoft Entra ID P1 or P2."""
        return self.has_plan(AAD_PREMIUM_P1, AAD_PREMIUM_P2)

    @property
    def has_p2(self) -> bool:
        """Whether the tenant has Microsoft Entra ID P2."""
        return self.has_plan(AAD_PREMIUM_P2)

    def active_roles(self, *, scope: str | None = "/") -> Iterable[LocalRoleAssignment]:
        """Role assignments in force, of built-in and custom roles."""
        return (
            item for item in self.role_assignments if item.kind != "eligible" and (scope is None or item.scope == scope)
        )

    def _principal_id(self, name: str) -> str:
        user = self.find_user(name)
        return user.id if user else self.group(name).id

    def _edges(self) -> Iterable[tuple[str, list[str]]]:
        for group in self.groups.values():
            yield group.id, group.members
        holders: dict[str, list[str]] = {}
        for item in self.active_roles():
            role = self.roles.get(item.role_id)
            if role is not None and role.built_in:
                holders.setdefault(role.id, []).append(item.principal_id)
        yield from holders.items()
