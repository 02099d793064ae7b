"""What the demo company's audit log holds of the last thirty days."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.company_policies import (
    ALL_USERS,
    CONNECTORS,
    EXCLUDED_UNTIL,
    INTEGRATIONS,
    LEGACY_EXCEPTIONS,
    MANAGED,
    SUPPORT,
    SWITCHED_ON,
)
from localgraph.ids import make_id
from localgraph.schema import Json
from localgraph.tenant import LocalTenant

_DOMAIN = "alderleaf.example"
_NIAMH, _TOMASZ, _JACK = f"niamh.o'brien@{_DOMAIN}", f"tomasz.kowalczyk@{_DOMAIN}", f"jack.whitlock@{_DOMAIN}"
_REPORT_ONLY = "enabledForReportingButNotEnforced"
_MICROSOFT = "Microsoft Managed Policy Manager"


def audits(tenant: LocalTenant, today: datetime) -> list[Json]:
    """The log, newest first, nothing later than the tenant's ``now``."""
    log = _Log(tenant, today)
    entries = [*_policies(log), *_settings(log), *_per_user_mfa(log), *_app_passwords(log), *_memberships(log)]
    entries += _everyday(log)
    newest = tenant.now.isoformat()
    entries = [entry for entry in entries if entry["activityDateTime"] <= newest]
    return sorted(entries, key=lambda entry: (entry["activityDateTime"], entry["id"]), reverse=True)


def _policies(log: "_Log") -> list[Json]:
    switched = log.today - SWITCHED_ON
    old = {**log.tenant.policy(ALL_USERS), "state": _REPORT_ONLY}
    days = {
        CONNECTORS: (8, 10, 31, _TOMASZ),
        INTEGRATIONS: (5, 8, 55, _TOMASZ),
        MANAGED: (12, 2, 0, _MICROSOFT),
        SUPPORT: (10, 13, 20, _NIAMH),
    }
    days["CA013 Verified workstation for payroll"] = (26, 11, 0, _NIAMH)
    added = [
        log.policy("Add conditional access policy", name, log.at(day, hour, minute), actor, None)
        for name, (day, hour, minute, actor) in days.items()
    ]
    return [log.policy("Update conditional access policy", ALL_USERS, switched, _NIAMH, old), *added]


def _settings(log: "_Log") -> list[Json]:
    """Settings of the whole tenant that have no policy in Microsoft Graph: two of its names in the log."""
    before = {"allowAppPasswords": True, "trustedIps": {"skipMfaForFederatedUsers": False}}
    after = {"allowAppPasswords": True, "trustedIps": {"skipMfaForFederatedUsers": True}}
    changed = [_modified("MfaServicePolicy", _text(before), _text(after))]
    return [
        log.tenant_wide(
            "MFA Service Policy Update",
            "ApplicationManagement",
            "Authentication Methods",
            log.at(22, 10, 40),
            _NIAMH,
            changed,
        ),
        log.tenant_wide(
            "Update User Risk and MFA Registration Policy",
            "Policy",
            "AAD Management UX",
            log.at(23, 9, 15),
            _TOMASZ,
            [],
        ),
    ]


def _per_user_mfa(log: "_Log") -> list[Json]:
    return [
        log.user(
            "Update per-user multifactor authentication state",
            f"svc-scan-bristol@{_DOMAIN}",
            log.at(25, 11, 2),
            _JACK,
            [_modified("PerUserMfaState", '"disabled"', '"enforced"')],
            service="Authentication Methods",
        ),
        *log.strong_authentication("Disable", "svc-codetwo-backup", log.at(20, 16, 48), _TOMASZ),
        *log.strong_authentication("Enable", "svc-scan-osaka", log.at(6, 9, 12), _JACK),
        *log.strong_authentication("Enable", "svc-erp-mailer", log.at(3, 15, 5), _JACK),
    ]


def _app_passwords(log: "_Log") -> list[Json]:
    bristol, signatures = f"svc-scan-bristol@{_DOMAIN}", f"svc-signatures@{_DOMAIN}"
    return [
        log.user("Create application password for user", bristol, log.at(25, 11, 20), bristol),
        log.user("Delete application password for user", signatures, log.at(18, 9, 2), signatures),
    ]


def _memberships(log: "_Log") -> list[Json]:
    return [
        log.member(
            "Remove member from group", LEGACY_EXCEPTIONS, "svc-scan-gdansk", log.today - EXCLUDED_UNTIL, _TOMASZ
        ),
        log.member("Add member to group", "Integrations under review", "svc-monitoring", log.at(5, 8, 50), _TOMASZ),
        log.eligible_role("svc-migration", "Exchange Administrator", log.at(13, 9, 30), _NIAMH),
    ]


def _everyday(log: "_Log") -> list[Json]:
    people = [
        user.upn for user in log.tenant.users.values() if user.upn.endswith(_DOMAIN) and "." in user.upn.split("@")[0]
    ]
    found = []
    for number, upn in enumerate(people):
        found.append(log.user("Update user", upn, log.at(1 + number, 8, 5 * number % 60), _JACK))
        if number % 4 == 0:
            found.append(log.user("Reset user password", upn, log.at(2 + number, 11, number), _JACK))
    return found


@dataclass(frozen=True, slots=True)
class _Log:
    tenant: LocalTenant
    today: datetime

    def at(self, day: int, hour: int, minute: int) -> datetime:
        """A moment some days ago."""
        return self.today - timedelta(days=day) + timedelta(hours=hour, minutes=minute)

    def policy(self, activity: str, name: str, when: datetime, actor: str, old: Json | None) -> Json:
        """A change of a Conditional Access policy."""
        policy = self.tenant.policy(name)
        changed = [_modified("ConditionalAccessPolicy", _text(old), _text(policy))]
        target = _target(policy["id"], name, "Policy", changed)
        return self._entry(activity, "Policy", "Conditional Access", when, actor, [target])

    def tenant_wide(
        self, activity: str, category: str, service: str, when: datetime, actor: str, changed: list[Json]
    ) -> Json:
        """A change of a setting of the whole tenant."""
        target = _target(self.tenant.id, self.tenant.name, "Directory", changed)
        return self._entry(activity, category, service, when, actor, [target])

    def user(
        self,
        activity: str,
        upn: str,
        when: datetime,
        actor: str,
        changed: list[Json] | None = None,
        *,
        service: str = "Core Directory",
    ) -> Json:
        """A change of a user."""
        target = self._user_target(upn, changed or [])
        return self._entry(activity, "UserManagement", service, when, actor, [target])

    def strong_authentication(self, verb: str, local_part: str, when: datetime, actor: str) -> list[Json]:
        """Per-user MFA switched on or off: Entra ID logs both the activity and an update of the user."""
        upn = f"{local_part}@{_DOMAIN}"
        requirement = [{"RelyingParty": "*", "State": 1, "RememberDevicesNotIssuedBefore": when.isoformat()}]
        before, after = ("[]", json.dumps(requirement)) if verb == "Enable" else (json.dumps(requirement), "[]")
        changed = [_modified("StrongAuthenticationRequirement", before, after)]
        return [
            self.user(f"{verb} Strong Authentication", upn, when, actor),
            self.user("Update user", upn, when, actor, changed),
        ]

    def member(self, activity: str, group: str, local_part: str, when: datetime, actor: str) -> Json:
        """A change of a group's members. Entra ID names the group among the user's modified properties."""
        found = self.tenant.group(group)
        added = activity.startswith("Add")
        changed = [
            _modified(name, None if added else json.dumps(value), json.dumps(value) if added else None)
            for name, value in (("Group.ObjectID", found.id), ("Group.DisplayName", found.name))
        ]
        targets = [self._user_target(f"{local_part}@{_DOMAIN}", changed), _target(found.id, None, "Group", [])]
        return self._entry(activity, "GroupManagement", "Core Directory", when, actor, targets)

    def eligible_role(self, local_part: str, role: str, when: datetime, actor: str) -> Json:
        """Somebody became eligible for a role."""
        id = next(item.id for item in self.tenant.roles.values() if item.name == role)
        targets = [_target(id, role, "Role", []), self._user_target(f"{local_part}@{_DOMAIN}", [])]
        return self._entry(
            "Add eligible member to role in PIM completed (permanent)", "RoleManagement", "PIM", when, actor, targets
        )

    def _user_target(self, upn: str, changed: list[Json]) -> Json:
        user = self.tenant.user(upn)
        return {**_target(user.id, user.name, "User", changed), "userPrincipalName": user.upn}

    def _entry(
        self, activity: str, category: str, service: str, when: datetime, actor: str, targets: list[Json]
    ) -> Json:
        id = make_id("audit", activity, when.isoformat(), str(targets[0]["id"]))
        return {
            "id": f"Directory_{id}",
            "category": category,
            "correlationId": make_id(id, "correlation"),
            "result": "success",
            "resultReason": "",
            "activityDisplayName": activity,
            "activityDateTime": when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(id[:5], 16) % 10_000_000:07d}Z",
            "loggedByService": service,
            "operationType": activity.split(" ", maxsplit=1)[0],
            "initiatedBy": self._actor(actor),
            "targetResources": targets,
            "additionalDetails": [],
        }

    def _actor(self, actor: str) -> Json:
        if "@" not in actor:
            app = {"appId": None, "displayName": actor, "servicePrincipalId": None, "servicePrincipalName": None}
            return {"app": app, "user": None}
        user = self.tenant.user(actor)
        shown = {"id": user.id, "displayName": None, "userPrincipalName": user.upn, "ipAddress": "203.0.113.60"}
        return {"app": None, "user": shown}


def _target(id: str, name: str | None, kind: str, changed: list[Json]) -> Json:
    return {
        "id": id,
        "displayName": name,
        "type": kind,
        "userPrincipalName": None,
        "groupType": "azureAD" if kind == "Group" else None,
        "modifiedProperties": changed,
    }


def _modified(name: str, old: str | None, new: str | None) -> Json:
    return {"displayName": name, "oldValue": old, "newValue": new}


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
