"""The policies of a tenant as the verdicts need them: sets of policies are bits of an integer, and a question is one AND."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from checks import reasons as say
from checks.model import Effect, Reason
from checks.policy import ENABLED, Effects, PolicyEffect, Strength, can_reach_users
from checks.scope import Reach, Roles, Scopes
from tenant.model import Account, Gap, Policy, Registration, Tenant


@dataclass(frozen=True, slots=True)
class Situation:
    """An account among the policies: what both answers are worked out from."""

    account: Account
    roles: Roles
    reach: Reach


@dataclass(frozen=True, slots=True)
class Masks:
    """Sets of policies, in the order of their effects."""

    enforced: int
    mfa_least: int
    """Those that demand MFA for certain; ``most``: or may, as far as could be read. ``always``: under no circumstance."""
    mfa_least_always: int
    mfa_most: int
    mfa_most_always: int
    legacy: int
    legacy_always: int
    blocks_interactive: int
    lapsed: int
    """Those in force that blocked legacy authentication by nothing but controls that Microsoft has retired."""
    mfa_open: int
    """Those of which what they demand is open, because an authentication strength couldn't be read."""
    malformed: int
    """Those of which only a part could be read right: they count as applying in some circumstances."""

    @classmethod
    def of(cls, effects: tuple[PolicyEffect, ...]) -> "Masks":
        """The sets of these policies."""

        def those(wanted: Callable[[PolicyEffect], object]) -> int:
            return sum(1 << bit for bit, effect in enumerate(effects) if wanted(effect))

        return cls(
            enforced=those(lambda effect: effect.matters and not effect.report_only),
            mfa_least=those(lambda effect: effect.mfa_least),
            mfa_least_always=those(lambda effect: effect.mfa_least is Strength.ALWAYS),
            mfa_most=those(lambda effect: effect.mfa_most),
            mfa_most_always=those(lambda effect: effect.mfa_most is Strength.ALWAYS),
            legacy=those(lambda effect: effect.legacy),
            legacy_always=those(lambda effect: effect.legacy is Strength.ALWAYS),
            blocks_interactive=those(lambda effect: effect.blocks_interactive),
            lapsed=those(lambda effect: effect.lapsed and not effect.report_only),
            mfa_open=those(lambda effect: effect.mfa_least is not effect.mfa_most),
            malformed=those(lambda effect: effect.policy.malformed),
        )


class Landscape:
    """The policies that matter to mail, by name. Making one costs time per policy, asking only the policies that reach an account."""

    def __init__(
        self, tenant: Tenant, today: date, *, switched_off: bool = False, known: Effects | None = None
    ) -> None:
        """Takes the tenant, the day of judging (what Microsoft has retired by then doesn't count), whether the tenant has switched
        app passwords off for everybody, which changes words alone, and the effects that are known already.
        """
        self.tenant, self.switched_off = tenant, switched_off
        policies = _each_once(tenant.known_policies)
        known = known or Effects(tenant, today)
        effects = (known.of(policy) for policy in policies if can_reach_users(policy))
        self.effects = tuple(
            sorted(
                (effect for effect in effects if effect.matters or effect.lapsed),
                key=lambda effect: (effect.policy.display_name.casefold(), effect.policy.id),
            )
        )
        self.scopes = Scopes(tenant, self.effects)
        self.masks = Masks.of(self.effects)
        self._wording = say.Wording(self.scopes)
        self._unread = bool(self.tenant_gaps())
        enabled = any(policy.state == ENABLED and not policy.deleted for policy in policies)
        self.contradiction = [say.contradictory_state()] if tenant.security_defaults is True and enabled else []
        """Security Defaults beside an enabled policy."""
        self.reaching_nobody = [
            say.group_no_longer_exists(effect, groups)
            for effect in self.effects
            if effect.matters and not effect.report_only and (groups := self.scopes.deleted_groups(effect))
        ]
        """Groups that policies name and that no longer exist."""

    def those(self, mask: int) -> Iterator[PolicyEffect]:
        """The policies in a set, by name."""
        return (effect for _, effect in self._each(mask))

    def _each(self, mask: int) -> Iterator[tuple[int, PolicyEffect]]:
        while mask:
            bit = mask & -mask
            yield bit, self.effects[bit.bit_length() - 1]
            mask ^= bit

    def worded(self, what: Effect, mask: int, always: int, situation: Situation) -> list[Reason]:
        """What a set of policies does to the account, in words: unconditional ones first, each part by policy name."""
        sure = situation.reach.least | situation.reach.eligible_least
        return [
            self._wording.reason(what, effect, situation.account, situation.roles, certain=bool(bit & sure))
            for part in (mask & always, mask & ~always)
            for bit, effect in self._each(part)
        ]

    def excluding(self, situation: Situation) -> list[Reason]:
        """The enforced policies that include the account and exclude it, in words."""
        return [
            self._wording.excluded(effect, situation.account, situation.roles)
            for effect in self.those(situation.reach.excluded & self.masks.enforced)
        ]

    def lapsed(self, situation: Situation) -> list[Reason]:
        """The policies that reach the account and don't block its legacy authentication any more, in words."""
        return [
            self._wording.lapsed(effect, situation.account, situation.roles)
            for effect in self.those(situation.reach.least & self.masks.lapsed)
        ]

    def tenant_gaps(self) -> list[Gap]:
        """What is missing for everybody: it could hide the option from, or block, any account."""
        return [*_gaps(self.tenant.security_defaults), *self.policy_gaps()]

    def policy_gaps(self) -> list[Gap]:
        """What is missing to know all policies and all plans of policies."""
        return unread_policies(self.tenant)

    @property
    def has_unread_policies(self) -> bool:
        """Whether there may be policies that nobody could read: one may do anything to anybody."""
        return bool(_without_plans(self.tenant))

    @property
    def has_unread_plans(self) -> bool:
        """Whether there may be a plan that nobody could read: it reaches everybody, in some circumstances at the most."""
        return self.tenant.unlisted_plans is not None

    def gaps_of_unread_policies(self, account: Account) -> list[Gap]:
        """What else is missing to tell whether a policy that nobody could read reaches the account: it may name anything."""
        if not self.has_unread_policies:
            return []
        tenant = self.tenant
        return _gaps(account.groups, tenant.role_assignments, tenant.role_eligibilities, tenant.role_definitions)

    def gaps_for_anybody(self, unread: Gap) -> list[Gap]:
        """What else would be missing for an account that is ``unread``, whoever it is."""
        account = Account("", "", properties=unread)
        roles = self.scopes.roles_of(account)
        gaps = self.tenant_gaps()
        for effect in self.effects:
            gaps += _gaps(effect.gap)
            gaps += self.scopes.gaps_behind(account, roles, effect)
            if effect.policy.include_roles - effect.policy.exclude_roles:
                gaps += self.scopes.gaps_behind_eligibility(account, roles, effect)
        return [*gaps, *self.gaps_of_unread_policies(account)]

    def is_doubtful(self, situation: Situation) -> bool:
        """Whether anything is missing, or malformed, that could change what is said of the account."""
        return bool(self.malformed(situation)) or self._lacks_something(situation)

    def malformed(self, situation: Situation) -> int:
        """The malformed policies that reach the account at the most, an eligible role activated or not."""
        return (situation.reach.most | situation.reach.eligible_most) & self.masks.malformed

    def may_be_unknown(self, situation: Situation) -> bool:
        """Whether an answer might be unknown, were it not for a malformed policy that takes its place: anything is unread."""
        account, tenant = situation.account, self.tenant
        of_scopes = (account.groups, tenant.role_assignments, tenant.role_eligibilities, tenant.role_definitions)
        unread = _gaps(*of_scopes, tenant.strengths) or account.mfa_demands
        return bool(unread) or self._lacks_something(situation)

    def _lacks_something(self, situation: Situation) -> bool:
        account, reach, scopes = situation.account, situation.reach, self.scopes
        registration = account.registration
        return bool(
            self._unread
            or (reach.most | reach.eligible_most) & self.masks.mfa_open
            or not isinstance(account.per_user_mfa, str)
            or account.per_user_mfa.lower() not in ("disabled", "enabled", "enforced")
            or (account.per_user_mfa.lower() == "enabled" and not _is_read(registration))
            or (reach.least, reach.eligible_least) != (reach.most, reach.eligible_most)
            or scopes.may_hold_roles(account)
            or scopes.holds_unnamed_roles(account)
        )

    def scope_gaps(self, unsure: int, situation: Situation) -> list[Gap]:
        """What is missing to tell whether policies reach the account."""
        return [
            gap
            for effect in self.those(unsure)
            for gap in self.scopes.gaps_behind(situation.account, situation.roles, effect)
        ]


class Wordless(Landscape):
    """The same for whoever wants the answers alone: putting into words what led to them costs most."""

    def worded(self, what: Effect, mask: int, always: int, situation: Situation) -> list[Reason]:
        """Nothing."""
        return []

    def excluding(self, situation: Situation) -> list[Reason]:
        """Nothing."""
        return []

    def lapsed(self, situation: Situation) -> list[Reason]:
        """Nothing."""
        return []


def _each_once(policies: Iterable[Policy]) -> list[Policy]:
    """The policies without those that are listed twice; two that only share an id both count."""
    found: dict[str, list[Policy]] = {}
    for policy in policies:
        same = found.setdefault(policy.id, [])
        if policy not in same:
            same.append(policy)
    return [policy for same in found.values() for policy in same]


def unread_policies(tenant: Tenant) -> list[Gap]:
    """Why there may be policies, or plans of policies, that nobody could read; empty where all are known."""
    return [*_without_plans(tenant), *_gaps(tenant.unlisted_plans)]


def _without_plans(tenant: Tenant) -> list[Gap]:
    return _gaps(tenant.policies, tenant.unlisted_policies, tenant.licences)


def _gaps(*values: object) -> list[Gap]:
    return [value for value in values if isinstance(value, Gap)]


def _is_read(registration: Registration) -> bool:
    """Whether neither source of the registration failed. Where they don't decide, the visibility is unknown already."""
    return not isinstance(registration.own, Gap) and not isinstance(registration.report, Gap)


def unreadable(gaps: Iterable[Gap], what: str) -> list[Reason]:
    """Every missing input once, in words: each names itself and what went wrong with it."""
    return [say.unreadable(gap, what) for gap in dict.fromkeys(gaps)]
