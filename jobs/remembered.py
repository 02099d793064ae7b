"""What earlier scans read of the tenant itself, for a scan that can't read it: the switch for app passwords, and policy plans;
and which groups count, and how old what was read of accounts is, for who looks at the audit log between scans.

Both come from endpoints that may refuse without taking a verdict away (docs/verdicts.md): without a memory a refusal would be
news, and sometimes good news. Pure; it is kept in the record of every scan of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from basics.times import day, parse
from evidence.audit_log import groups_of_verdicts
from tenant.model import Gap, MfaService, Tenant
from tenant.reader import Reading

MOST_GROUPS = 3000
"""Groups of either kind that are kept."""
COUNTS_FOR = timedelta(days=30)
"""How long the switch counts as it was last read; then what is attested counts, and that it can't be read is told on."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was known after the last scan of everything."""

    allowed: bool | None = None
    """Whether the tenant let users create app passwords when that could last be read; None where it never could."""
    read_at: datetime | None = None
    plans: bool = False
    """Whether the tenant had policy plans when they could last be read."""
    groups: frozenset[str] = frozenset()
    """Ids of the groups that could change a verdict when the policies could last be read."""
    carried_since: datetime | None = None
    """Since when that was read which the scan carried over of accounts; None where it read everything anew."""
    selecting: frozenset[str] = frozenset()
    """Ids of the groups that the settings name, with those nested in them, as far as somebody asked."""
    plans_doubted: bool = False
    """Whether earlier scans left open whether there are plans, and none has told since. Known of what can't be seen, not kept here."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Remembered":
        """What a run's record holds of it, as far as it can be read."""
        allowed, read_at = kept.get("allowed"), _time(kept.get("read_at"))
        groups, selecting = _ids(kept.get("groups")), _ids(kept.get("selecting"))
        known = isinstance(allowed, bool) and read_at is not None
        switch = (allowed, read_at) if known else (None, None)
        return cls(*switch, kept.get("plans") is True, groups, _time(kept.get("carried_since")), selecting)

    def doubting_plans(self, kept: Mapping[str, Any]) -> "Remembered":
        """The same where earlier scans left open whether there are plans: where their record (see ``of``) got lost, there may be some."""
        lost = not isinstance(kept.get("plans"), bool)
        return replace(self, plans=self.plans or lost, plans_doubted=True)

    @property
    def kept(self) -> dict[str, Any]:
        """For a run's record."""
        return {
            "allowed": self.allowed,
            "read_at": self.read_at and self.read_at.isoformat(),
            "plans": self.plans,
            "groups": sorted(self.groups)[:MOST_GROUPS],
            "carried_since": self.carried_since and self.carried_since.isoformat(),
            "selecting": sorted(self.selecting)[:MOST_GROUPS],
        }

    def applied_to(self, reading: Reading, now: datetime) -> Reading:
        """The reading, with what is remembered in the place of what could not be read, and gaps that say so."""
        tenant, gaps = reading.tenant, reading.gaps
        if tenant.mfa_service is None and self.allowed is not None and self.read_at is not None:
            gaps = (*gaps, _unread_switch(self.read_at))
            if now - self.read_at <= COUNTS_FOR:
                tenant = replace(tenant, mfa_service=MfaService(self.allowed, remembered=self.read_at))
        unread = tenant.plans_unread
        if unread is not None and tenant.unlisted_plans is None and self._may_be_plans(unread):
            gaps = (*gaps, unread)
            tenant = replace(tenant, unlisted_plans=unread)
        return replace(reading, tenant=tenant, gaps=gaps)

    def _may_be_plans(self, unread: Gap) -> bool:
        """Whether there may be plans that can't be read. Graph's failures say nothing new where it is open already; refusals do."""
        return self.plans or (self.plans_doubted and unread.passing)

    def after(self, tenant: Tenant, now: datetime) -> "Remembered":
        """What is known of the tenant after a scan that saw it."""
        plans = _has_plans(tenant, self.plans) or (self.plans and tenant.plans_unread is not None)
        groups = self.groups if isinstance(tenant.policies, Gap) else groups_of_verdicts(tenant)
        service = tenant.mfa_service
        if service is None or service.remembered is not None:
            return Remembered(self.allowed, self.read_at, plans, groups)
        return Remembered(service.allows_app_passwords, now, plans, groups)


def _ids(kept: object) -> frozenset[str]:
    return frozenset(id for id in kept if isinstance(id, str)) if isinstance(kept, list) else frozenset()


def _time(text: object) -> datetime | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _has_plans(tenant: Tenant, before: bool) -> bool:
    if isinstance(tenant.policies, Gap):  # then nobody asked for the plans
        return before
    return any(one.plan and not one.deleted for one in tenant.policies)


def _unread_switch(read_at: datetime) -> Gap:
    text = f"Microsoft Graph doesn't show it any more; what was read last, on {day(read_at)}, counts for {COUNTS_FOR.days} days"
    return Gap("mfa_service", text, tenant_wide=False, optional=True)


NOTHING = Remembered()
"""Nothing is remembered."""
