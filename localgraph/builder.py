"""Builds a tenant out of names; ids are made from them, so that they are the same every time.

    tenant = (
        TenantBuilder()
        .user("svc-backup@contoso.com", mfa="disabled", groups=["Backup apps"])
        .group("All service accounts", members=["Backup apps"])
        .policy("Require MFA", exclude_groups=["Break glass"], grant=["mfa"])
        .group("Break glass")
        .build()
    )

Order doesn't matter: names are resolved by ``build``. A group that a user or another group names comes into being by
being named; a user, policy scope, location or strength that nobody defined is a ``KeyError``. Ids pass as they are, so a
policy may name a group that doesn't exist any more.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, Unpack

from localgraph.ids import ROLES, SKUS, STRENGTHS, make_id
from localgraph.methods import make_method
from localgraph.names import NameBook
from localgraph.parts import (
    CREATED,
    app_role_json,
    built_in_strength,
    location_json,
    service_principal_json,
    sku_json,
    strength_json,
)
from localgraph.policy_json import Lookup, Names, PolicyWords, policy_json
from localgraph.schema import Json
from localgraph.tenant import (
    SAME,
    LocalRole,
    LocalRoleAssignment,
    LocalTenant,
    LocalUser,
    mfa_service_json,
    recommendation_json,
)

Kind = Literal["assigned", "activated", "eligible"]


@dataclass(frozen=True, slots=True)
class _Role:
    """A role assignment whose names aren't resolved yet."""

    role: str
    principal: str
    kind: Kind = "assigned"
    scope: str = "/"
    start: str | None = None
    end: str | None = None


class TenantBuilder:
    """Collects what a tenant consists of; every method but ``build`` returns the builder."""

    def __init__(
        self,
        name: str = "Contoso",
        *,
        domains: Sequence[str] = ("contoso.onmicrosoft.com", "contoso.com"),
        now: datetime | None = None,
        security_defaults: bool | None = False,
        skus: Sequence[str] = ("SPE_E5",),
        bulk_mfa_state: Literal["present", "absent"] = "present",
        hidden_members_readable: bool = True,
    ) -> None:
        """``skus``: names of ``localgraph.ids.SKUS``; without one that holds Entra ID P1 or P2 reports are refused."""
        self._key = domains[0]
        self._tenant = LocalTenant(
            id=make_id("tenant", domains[0]),
            name=name,
            domains=tuple(domains),
            now=now or datetime.now(UTC),
            security_defaults=security_defaults,
            bulk_mfa_state=bulk_mfa_state,
            hidden_members_readable=hidden_members_readable,
        )
        self._tenant.roles = {id: LocalRole(id, role) for role, id in ROLES.items()}
        self._tenant.strengths = [built_in_strength(id, name) for name, id in STRENGTHS.items()]
        self._names = NameBook(self._tenant, self._key)
        self._members: list[tuple[str, str]] = []
        self._roles: list[_Role] = []
        self._policies: list[tuple[str, PolicyWords] | Json] = []
        for sku in skus:
            self.sku(sku)

    def mfa_service(self, *, app_passwords: bool = True, trusted_ips: Sequence[str] = ()) -> Self:
        """The service settings of per-user MFA; a tenant has them with app passwords allowed anyway."""
        self._tenant.mfa_service = mfa_service_json(app_passwords=app_passwords, trusted_ips=trusted_ips)
        return self

    def without_mfa_service(self) -> Self:
        """A tenant whose Graph doesn't know the undocumented endpoint of these settings."""
        self._tenant.mfa_service = None
        return self

    def recommendation(self, kind: str, *, status: str = "active") -> Self:
        """Something that Microsoft recommends the tenant, by Graph's ``recommendationType``."""
        self._tenant.recommendations.append(recommendation_json(self._tenant.id, kind, status))
        return self

    def user(
        self,
        upn: str,
        *,
        name: str | None = None,
        mfa: str | None = "disabled",
        mfa_bulk: str | None = SAME,
        enabled: bool | None = True,
        user_type: str | None = "Member",
        methods: Sequence[str | Json] = (),
        groups: Names = (),
        roles: Names = (),
        eligible_roles: Names = (),
        mailbox: str | None = "user",
        in_report: bool = True,
        id: str | None = None,
        **extra: Any,
    ) -> Self:
        """A user.

        ``mfa``: ``disabled``, ``enabled``, ``enforced``, anything else Graph might say, None (null) or
        ``localgraph.tenant.ABSENT`` (left out); ``mfa_bulk`` is what /users says, by default the same. ``methods``: names of
        ``localgraph.methods.KINDS``, or Graph's JSON. ``extra``: further Graph properties, e.g. ``department="IT"`` or
        ``onPremisesExtensionAttributes={"extensionAttribute7": "service"}``; ``accountEnabled=ABSENT`` leaves one out.
        """
        made = (id or make_id(self._key, "user", upn)).lower()
        self._names.users[upn.casefold()] = made
        self._tenant.users[made] = LocalUser(
            id=made,
            upn=upn,
            name=upn.split("@")[0] if name is None else name,
            mfa=mfa,
            mfa_bulk=mfa_bulk,
            enabled=enabled,
            user_type=user_type,
            methods=tuple(make_method(made, kind) for kind in methods),
            mailbox=mailbox,
            in_report=in_report,
            extra=extra or None,
        )
        self._members += [(group, made) for group in groups]
        self._give(made, roles, eligible_roles)
        return self

    def group(
        self,
        name: str,
        *,
        members: Names = (),
        roles: Names = (),
        eligible_roles: Names = (),
        role_assignable: bool = False,
        rule: str | None = None,
        hidden: bool = False,
        id: str | None = None,
        **extra: Any,
    ) -> Self:
        """A group. ``members``: UPNs, group names, service principal names or ids; circles are allowed.

        ``rule`` makes it dynamic (``members`` is what the rule comes to), ``hidden`` hides its membership from readers
        without ``Member.Read.Hidden``. ``extra``: further Graph properties.
        """
        made = self._names.group(name, id)
        group = self._tenant.groups[made]
        group.role_assignable = role_assignable or bool(roles or eligible_roles)
        group.rule, group.hidden, group.extra = rule, hidden, extra or None
        self._members += [(made, member) for member in members]
        self._give(made, roles, eligible_roles)
        return self

    def role(self, name: str, *, built_in: bool = False, id: str | None = None, template_id: str | None = None) -> Self:
        """A further role definition, custom by default."""
        made = (id or make_id(self._key, "role", name)).lower()
        self._tenant.roles[made] = LocalRole(made, name, built_in, template_id or made)
        return self

    def assign(
        self,
        role: str,
        principal: str,
        *,
        scope: str = "/",
        kind: Kind = "assigned",
        start: str | None = None,
        end: str | None = None,
    ) -> Self:
        """A role (name, or id, also of one that has no definition) for a user, group or service principal (name or id).

        ``scope``: ``/``, or e.g. ``/administrativeUnits/{id}``.
        """
        self._roles.append(_Role(role, principal, kind, scope, start, end))
        return self

    def policy(self, name: str = "", *, raw: Json | None = None, **words: Unpack[PolicyWords]) -> Self:
        """A Conditional Access policy in ``PolicyWords``: by default for everybody and every app, without any control.

        ``raw``: Graph's JSON instead, served as it is (an ``id`` is added when it has none).
        """
        if raw is None:
            self._policies.append((name, words))
            id = words.get("id") or make_id(self._key, "policy", name)
        else:
            made = {"id": make_id(self._key, "policy", str(raw.get("displayName"))), **copy.deepcopy(raw)}
            self._policies.append(made)
            id = str(made["id"])
        if words.get("preview"):
            self._tenant.preview_policies.add(id)
        return self

    def plan(self, name: str, *, state: str = "enabled", **members: Any) -> Self:
        """A Conditional Access policy plan. ``members``: further ones of Graph's ``conditionalAccessPolicyPlan``."""
        plan = {"id": make_id(self._key, "plan", name), "displayName": name, "state": state, "createdDateTime": CREATED}
        self._tenant.policy_plans = [*(self._tenant.policy_plans or ()), {**plan, **members}]
        return self

    def location(
        self,
        name: str,
        *,
        ranges: Names = (),
        countries: Names = (),
        trusted: bool = False,
        id: str | None = None,
    ) -> Self:
        """A named location: IP ranges (CIDR) or countries (two letters)."""
        made = id or make_id(self._key, "location", name)
        self._names.locations[name.casefold()] = made
        self._tenant.named_locations.append(location_json(made, name, ranges, countries, trusted=trusted))
        return self

    def strength(
        self,
        name: str,
        *,
        combinations: Names = ("fido2",),
        requirements: str = "mfa",
        id: str | None = None,
    ) -> Self:
        """A custom authentication strength; ``requirements`` is ``requirementsSatisfied``."""
        made = id or make_id(self._key, "strength", name)
        self._tenant.strengths.append(strength_json(made, name, "custom", requirements, combinations))
        return self

    def sku(self, name: str, *, status: str = "Enabled", plans: Names | None = None) -> Self:
        """A subscription: a name of ``localgraph.ids.SKUS``, or any name with ``plans`` of ``localgraph.ids.SERVICE_PLANS``."""
        sku_id, known = SKUS.get(name, (make_id("sku", name), ()))
        account = self._key.split(".")[0]
        made = sku_json(self._tenant.id, account, sku_id, name, status, known if plans is None else plans)
        self._tenant.skus.append(made)
        return self

    def service_principal(
        self, name: str, *, app_id: str | None = None, owner: str | None = None, **extra: Any
    ) -> Self:
        """An application in the tenant. ``owner``: id of the tenant that owns it, by default this one."""
        made = make_id(self._key, "servicePrincipal", name)
        self._names.service_principals[name.casefold()] = made
        plain = service_principal_json(made, name, app_id, owner or self._tenant.id)
        self._tenant.service_principals[made] = {**plain, **extra}
        return self

    def consent(self, client: str, scope: str, *, user: str | None = None, resource: str = "Microsoft Graph") -> Self:
        """A delegated permission of an application: for a user (UPN), or for everybody. Define all three before."""
        self._tenant.permission_grants.append(
            {
                "id": make_id(self._key, "grant", client, scope, user or "", resource),
                "clientId": self._names.service_principal(client),
                "consentType": "Principal" if user else "AllPrincipals",
                "principalId": self._names.user(user) if user else None,
                "resourceId": self._names.service_principal(resource),
                "scope": scope,
            }
        )
        return self

    def app_role(self, user: str, app: str, *, created: str = CREATED) -> Self:
        """Assigns a user (UPN) to an application. Define both before."""
        user_id, app_id = self._names.user(user), self._names.service_principal(app)
        made = make_id(self._key, "appRoleAssignment", user, app)
        name = self._tenant.users[user_id].name
        self._tenant.app_role_assignments.append(app_role_json(made, user_id, name, app_id, app, created))
        return self

    def build(self) -> LocalTenant:
        """The tenant. Raises ``KeyError`` for a name that nothing has. Build once."""
        tenant = self._tenant
        for group, member in self._members:
            tenant.groups[self._names.group(group)].members.append(self._names.principal(member))
        tenant.role_assignments += [self._assignment(role) for role in self._roles]
        find = self._names.lookup()
        for policy in self._policies:
            tenant.policies.append(policy if isinstance(policy, dict) else self._policy(*policy, find))
        tenant.changed()
        return tenant

    def _policy(self, name: str, words: PolicyWords, find: Lookup) -> Json:
        return policy_json(words.get("id") or make_id(self._key, "policy", name), name, words, find)

    def _assignment(self, given: _Role) -> LocalRoleAssignment:
        role, principal = self._names.role(given.role), self._names.principal(given.principal)
        return LocalRoleAssignment(
            id=make_id(self._key, "assignment", role, principal, given.scope, given.kind),
            principal_id=principal,
            role_id=role,
            scope=given.scope,
            kind=given.kind,
            start=given.start or CREATED,
            end=given.end,
        )

    def _give(self, principal: str, roles: Names, eligible: Names) -> None:
        self._roles += [_Role(role, principal) for role in roles]
        self._roles += [_Role(role, principal, "eligible") for role in eligible]
