"""Builds a tenant out of names; ids are made from them, so that they are the same every time.

    tenant = (
        TenantBuilder()
        .user("svc-backup@contoso.com", mfa="disabled", groups=["Backup apps"])
        .group("Backup apps")
        .group("All service accounts", members=["Backup apps"])
        .policy("Require MFA", exclude_groups=["Break glass"], grant=["mfa"])
        .build()
    )

Order doesn't matter: names are resolved by ``build``. A group that a user or another group names comes into being by
being named; a user, policy scope, location or strength that nobody defined is a ``KeyError``. Ids pass as they are, so a
policy may name a group that doesn't exist any more.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID

from demo.ids import APPS, ROLES, SERVICE_PLANS, SKUS, STRENGTHS, make_id
from demo.methods import make_method
from demo.policy_json import Lookup, Names, PolicyWords, policy_json
from demo.schema import Json
from demo.tenant import SAME, DemoGroup, DemoRole, DemoRoleAssignment, DemoTenant, DemoUser
from demo.times import iso

_TOKENS = {"all", "none", "guestsorexternalusers"}
_CREATED = "2024-03-04T09:30:00Z"


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
        """``skus``: names of ``demo.ids.SKUS``; without one that holds Entra ID P1 or P2 reports are refused."""
        self._key = domains[0]
        self._tenant = DemoTenant(
            id=make_id("tenant", domains[0]),
            name=name,
            domains=tuple(domains),
            now=now or datetime.now(UTC),
            security_defaults=security_defaults,
            bulk_mfa_state=bulk_mfa_state,
            hidden_members_readable=hidden_members_readable,
        )
        self._tenant.roles = {id: DemoRole(id, role) for role, id in ROLES.items()}
        self._tenant.strengths = [_built_in_strength(name, id) for name, id in STRENGTHS.items()]
        self._groups: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._members: list[tuple[str, str]] = []
        self._roles: list[tuple[str, str, Json]] = []
        self._policies: list[PolicyWords | Json] = []
        self._locations: dict[str, str] = {}
        self._principals: dict[str, str] = {}
        for sku in skus:
            self.sku(sku)

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
        ``demo.tenant.ABSENT`` (left out); ``mfa_bulk`` is what /users says, by default the same. ``methods``: names of
        ``demo.methods.KINDS``, or Graph's JSON. ``extra``: further Graph properties, e.g. ``department="IT"`` or
        ``onPremisesExtensionAttributes={"extensionAttribute7": "service"}``; ``accountEnabled=ABSENT`` leaves one out.
        """
        made = (id or make_id(self._key, "user", upn)).lower()
        self._users[upn.casefold()] = made
        self._tenant.users[made] = DemoUser(
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
        self._roles += [(role, made, {}) for role in roles]
        self._roles += [(role, made, {"kind": "eligible"}) for role in eligible_roles]
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
        """A group. ``members``: UPNs, group names, service principal names or ids; circles are allowed."""
        made = self._group_id(name, id)
        group = self._tenant.groups[made]
        group.role_assignable = role_assignable or bool(roles or eligible_roles)
        group.rule, group.hidden, group.extra = rule, hidden, extra or None
        self._members += [(made, member) for member in members]
        self._roles += [(role, made, {}) for role in roles]
        self._roles += [(role, made, {"kind": "eligible"}) for role in eligible_roles]
        return self

    def role(self, name: str, *, built_in: bool = False, id: str | None = None, template_id: str | None = None) -> Self:
        """A further role definition, custom by default."""
        made = (id or make_id(self._key, "role", name)).lower()
        self._tenant.roles[made] = DemoRole(made, name, built_in, template_id or made)
        return self

    def assign(
        self,
        role: str,
        principal: str,
        *,
        scope: str = "/",
        kind: Literal["assigned", "activated", "eligible"] = "assigned",
        start: str | None = None,
        end: str | None = None,
    ) -> Self:
        """A role (name, or id of one that has no definition) for a user, group or service principal (name or id).

        ``scope``: ``/``, or e.g. ``/administrativeUnits/{id}``.
        """
        self._roles.append((role, principal, {"scope": scope, "kind": kind, "start": start, "end": end}))
        return self

    def policy(
        self,
        name: str = "",
        *,
        raw: Json | None = None,
        state: str = "enabled",
        include_users: Names | None = None,
        exclude_users: Names = (),
        include_groups: Names = (),
        exclude_groups: Names = (),
        include_roles: Names = (),
        exclude_roles: Names = (),
        include_guests: str | None = None,
        exclude_guests: str | None = None,
        apps: Names | None = None,
        exclude_apps: Names = (),
        app_filter: tuple[str, str] | None = None,
        user_actions: Names = (),
        auth_contexts: Names = (),
        client_apps: Names = ("all",),
        locations: Names = (),
        exclude_locations: Names = (),
        platforms: Names = (),
        exclude_platforms: Names = (),
        sign_in_risk: Names = (),
        user_risk: Names = (),
        insider_risk: str | None = None,
        device_filter: tuple[str, str] | None = None,
        flows: str | None = None,
        service_principals: Names = (),
        service_principal_risk: Names = (),
        grant: Names = (),
        operator: str = "OR",
        strength: str | None = None,
        terms_of_use: Names = (),
        custom_factors: Names = (),
        session: Mapping[str, Any] | None = None,
        template_id: str | None = None,
        description: str | None = None,
        created: str = _CREATED,
        modified: str | None = None,
        id: str | None = None,
        conditions: Mapping[str, Any] | None = None,
        grant_members: Mapping[str, Any] | None = None,
        **members: Any,
    ) -> Self:
        """A Conditional Access policy.

        ``raw``: Graph's JSON, served as it is (an ``id`` is added when it has none). Otherwise words: users by UPN, or
        ``All``, ``None``, ``GuestsOrExternalUsers``; groups, roles, locations (or ``All``, ``AllTrusted``) and strengths
        by name; ``apps`` by name of ``demo.ids.APPS``, ``All``, ``None``, ``Office365`` or id. Ids pass everywhere.
        By default it reaches everybody for every app: ``include_users`` is ``All`` unless groups, roles or guests are
        included, ``apps`` is ``All`` unless user actions or contexts are. ``state``: Graph's, or ``on``, ``off``,
        ``report-only``. Without ``grant``, ``strength`` and the like the grant controls are null. ``conditions``,
        ``grant_members`` and further keywords set members of the JSON that have no word here, or replace them.
        """
        if raw is not None:
            self._policies.append(
                {"id": make_id(self._key, "policy", str(raw.get("displayName"))), **copy.deepcopy(raw)}
            )
            return self
        scoped = bool(include_groups or include_roles or include_guests or service_principals)
        elsewhere = bool(user_actions or auth_contexts or app_filter)
        self._policies.append(
            PolicyWords(
                name=name,
                id=id or make_id(self._key, "policy", name),
                state=state,
                include_users=include_users
                if include_users is not None
                else _default_users(scoped, service_principals),
                exclude_users=exclude_users,
                include_groups=include_groups,
                exclude_groups=exclude_groups,
                include_roles=include_roles,
                exclude_roles=exclude_roles,
                include_guests=include_guests,
                exclude_guests=exclude_guests,
                apps=apps if apps is not None else (() if elsewhere else ("All",)),
                exclude_apps=exclude_apps,
                app_filter=app_filter,
                user_actions=user_actions,
                auth_contexts=auth_contexts,
                client_apps=client_apps,
                locations=locations,
                exclude_locations=exclude_locations,
                platforms=platforms,
                exclude_platforms=exclude_platforms,
                sign_in_risk=sign_in_risk,
                user_risk=user_risk,
                insider_risk=insider_risk,
                device_filter=device_filter,
                flows=flows,
                service_principals=service_principals,
                service_principal_risk=service_principal_risk,
                grant=grant,
                operator=operator,
                strength=strength,
                terms_of_use=terms_of_use,
                custom_factors=custom_factors,
                session=session,
                template_id=template_id,
                description=description,
                created=created,
                modified=modified,
                conditions=conditions or {},
                grant_members=grant_members or {},
                members=members,
            )
        )
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
        self._locations[name.casefold()] = made
        base = {"id": made, "displayName": name, "createdDateTime": _CREATED, "modifiedDateTime": _CREATED}
        if countries:
            special: Json = {
                "@odata.type": "#microsoft.graph.countryNamedLocation",
                "countriesAndRegions": list(countries),
                "countryLookupMethod": "clientIpAddress",
                "includeUnknownCountriesAndRegions": False,
            }
        else:
            special = {
                "@odata.type": "#microsoft.graph.ipNamedLocation",
                "isTrusted": trusted,
                "ipRanges": [_ip_range(text) for text in ranges],
            }
        self._tenant.named_locations.append({**special, **base})
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
        self._tenant.strengths.append(_strength(made, name, "custom", requirements, combinations))
        return self

    def sku(self, name: str, *, status: str = "Enabled", plans: Names | None = None) -> Self:
        """A subscription: a name of ``demo.ids.SKUS``, or any name with ``plans`` of ``demo.ids.SERVICE_PLANS``."""
        sku_id, known = SKUS.get(name, (make_id("sku", name), ()))
        self._tenant.skus.append(
            {
                "id": f"{self._tenant.id}_{sku_id}",
                "accountId": self._tenant.id,
                "accountName": self._key.split(".")[0],
                "skuId": sku_id,
                "skuPartNumber": name,
                "appliesTo": "User",
                "capabilityStatus": status,
                "consumedUnits": 48,
                "prepaidUnits": {"enabled": 75, "suspended": 0, "warning": 0, "lockedOut": 0},
                "subscriptionIds": [make_id(self._key, "subscription", name)],
                "servicePlans": [
                    {
                        "servicePlanId": SERVICE_PLANS[plan],
                        "servicePlanName": plan,
                        "provisioningStatus": "Success",
                        "appliesTo": "User",
                    }
                    for plan in (known if plans is None else plans)
                ],
            }
        )
        return self

    def service_principal(
        self, name: str, *, app_id: str | None = None, owner: str | None = None, **extra: Any
    ) -> Self:
        """An application in the tenant. ``owner``: id of the tenant that owns it, by default this one."""
        made = make_id(self._key, "servicePrincipal", name)
        self._principals[name.casefold()] = made
        self._tenant.service_principals[made] = {
            "id": made,
            "deletedDateTime": None,
            "accountEnabled": True,
            "appId": app_id or make_id("app", name),
            "appDisplayName": name,
            "appOwnerOrganizationId": owner or self._tenant.id,
            "displayName": name,
            "servicePrincipalType": "Application",
            "signInAudience": "AzureADMultipleOrgs",
            "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
            **extra,
        }
        return self

    def consent(self, client: str, scope: str, *, user: str | None = None, resource: str = "Microsoft Graph") -> Self:
        """A delegated permission of an application: for a user (UPN), or for everybody. Define both before."""
        self._tenant.permission_grants.append(
            {
                "id": make_id(self._key, "grant", client, scope, user or "", resource),
                "clientId": self._principals[client.casefold()],
                "consentType": "Principal" if user else "AllPrincipals",
                "principalId": self._users[user.casefold()] if user else None,
                "resourceId": self._principals[resource.casefold()],
                "scope": scope,
            }
        )
        return self

    def app_role(self, user: str, app: str, *, created: str = _CREATED) -> Self:
        """Assigns a user (UPN) to an application. Define both before."""
        user_id = self._users[user.casefold()]
        self._tenant.app_role_assignments.append(
            {
                "id": make_id(self._key, "appRoleAssignment", user, app),
                "deletedDateTime": None,
                "appRoleId": "00000000-0000-0000-0000-000000000000",
                "createdDateTime": created,
                "principalDisplayName": self._tenant.users[user_id].name,
                "principalId": user_id,
                "principalType": "User",
                "resourceDisplayName": app,
                "resourceId": self._principals[app.casefold()],
            }
        )
        return self

    def build(self) -> DemoTenant:
        """The tenant. Raises ``KeyError`` for a name that nothing has. Build once."""
        tenant = self._tenant
        for group, member in self._members:
            tenant.groups[self._group_id(group)].members.append(self._principal(member))
        for role, principal, how in self._roles:
            role_id = self._role(role)
            assigned = DemoRoleAssignment(
                make_id(
                    self._key,
                    "assignment",
                    role_id,
                    self._principal(principal),
                    str(how.get("scope")),
                    str(how.get("kind")),
                ),
                self._principal(principal),
                role_id,
                **{name: value for name, value in how.items() if name not in {"start", "end"}},
            )
            assigned.start = how.get("start") or iso(tenant.now - timedelta(days=200))
            assigned.end = how.get("end")
            tenant.role_assignments.append(assigned)
        find = Lookup(self._user, self._known_group, self._role, _app, self._location, self._strength)
        for policy in self._policies:
            tenant.policies.append(policy_json(policy, find) if isinstance(policy, PolicyWords) else policy)
        tenant.changed()
        return tenant

    def _group_id(self, name: str, id: str | None = None) -> str:
        if name in self._tenant.groups:
            return name
        made = self._groups.get(name.casefold())
        if made is None:
            made = (id or make_id(self._key, "group", name)).lower()
            self._groups[name.casefold()] = made
            self._tenant.groups[made] = DemoGroup(made, name)
        return made

    def _principal(self, name: str) -> str:
        if _is_id(name):
            return name
        key = name.casefold()
        for known in (self._users, self._groups, self._principals):
            if key in known:
                return known[key]
        if "@" in name:
            raise KeyError(f"No user {name!r} was defined.")
        return self._group_id(name)

    def _user(self, name: str) -> str:
        if name.casefold() in _TOKENS or _is_id(name):
            return name
        return _find(self._users, name, "user")

    def _known_group(self, name: str) -> str:
        return name if _is_id(name) else _find(self._groups, name, "group")

    def _role(self, name: str) -> str:
        if _is_id(name):
            return name
        roles = {role.name.casefold(): role.id for role in self._tenant.roles.values()}
        return _find(roles, name, "role")

    def _location(self, name: str) -> str:
        return name if name in {"All", "AllTrusted"} or _is_id(name) else _find(self._locations, name, "location")

    def _strength(self, name: str) -> Json:
        for strength in self._tenant.strengths:
            if name in {strength["displayName"], strength["id"]}:
                return copy.deepcopy(strength)
        raise KeyError(f"No authentication strength {name!r} was defined.")


def _default_users(scoped: bool, service_principals: Names) -> Names:
    if service_principals:
        return ("None",)
    return () if scoped else ("All",)


def _app(name: str) -> str:
    return APPS.get(name, name)


def _find(known: Mapping[str, str], name: str, kind: str) -> str:
    if name.casefold() not in known:
        raise KeyError(f"No {kind} {name!r} was defined.")
    return known[name.casefold()]


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _ip_range(text: str) -> Json:
    version = "iPv6" if ":" in text else "iPv4"
    return {"@odata.type": f"#microsoft.graph.{version}CidrRange", "cidrAddress": text}


def _built_in_strength(name: str, id: str) -> Json:
    combinations = {
        "Multifactor authentication": (
            "windowsHelloForBusiness",
            "fido2",
            "x509CertificateMultiFactor",
            "deviceBasedPush",
            "password,microsoftAuthenticatorPush",
            "password,softwareOath",
            "password,hardwareOath",
            "password,sms",
        ),
        "Passwordless MFA": ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush"),
        "Phishing-resistant MFA": ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"),
    }[name]
    return _strength(id, name, "builtIn", "mfa", combinations)


def _strength(id: str, name: str, kind: str, requirements: str, combinations: Names) -> Json:
    return {
        "id": id,
        "createdDateTime": "2021-12-01T08:00:00Z",
        "modifiedDateTime": "2021-12-01T08:00:00Z",
        "displayName": name,
        "description": f"{name}.",
        "policyType": kind,
        "requirementsSatisfied": requirements,
        "allowedCombinations": list(combinations),
        "combinationConfigurations": [],
    }
