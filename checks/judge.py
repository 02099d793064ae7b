"""Judging: a tenant and its service accounts in, a verdict for each out. The contract is written in docs/verdicts.md.

Where an input is missing the answer is worked out twice, with that input at its least and at its most hiding (or
blocking) value; the same answer both times stands, otherwise it is ``unknown`` and names the inputs that are missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from checks import reasons as say
from checks.catalog import findings_of
from checks.evidence import unexplained_demand
from checks.model import Effect, JudgedAccount, Reason, Usability, Verdict, Visibility
from checks.policy import ENABLED, PolicyEffect, Strength, can_reach_users, effect_of
from checks.remediation import remedies_for
from checks.scope import Reach, Roles, Scopes, is_synchronization_account
from tenant.methods import has_mfa_method
from tenant.model import Account, Gap, MfaDemand, Policy, Registration, Tenant

# What can be said of an account whose per-user MFA is disabled, from least to most hiding.
_SCALE = (Visibility.NOT_OFFERED, Visibility.PREDICTED, Visibility.CONDITIONAL, Visibility.HIDDEN)
_PREDICTED, _CONDITIONAL, _HIDDEN = 1, 2, 3
_LEVEL = {Strength.NONE: 0, Strength.CIRCUMSTANCES: _CONDITIONAL, Strength.ALWAYS: _HIDDEN}


@dataclass(frozen=True, slots=True)
class _Situation:
    """An account among the policies: what both answers are worked out from."""

    account: Account
    roles: Roles
    reach: Reach


class Judge:
    """Judges accounts of one tenant. Making one costs time per policy; each account then costs only its own policies."""

    def __init__(self, tenant: Tenant, *, app_passwords_allowed: str = "unknown", now: datetime) -> None:
        """Takes the tenant, the attested tenant switch (``yes``, ``no`` or ``unknown``) and the time of judging (aware)."""
        self._tenant = tenant
        self._switch_off = app_passwords_allowed == "no"
        self._now = now
        self._policies = () if isinstance(tenant.policies, Gap) else tenant.policies
        effects = (effect_of(policy, tenant) for policy in self._policies if can_reach_users(policy))
        self._effects = tuple(
            sorted(
                (effect for effect in effects if effect.matters),
                key=lambda effect: (effect.policy.display_name.casefold(), effect.policy.id),
            )
        )
        self._scopes = Scopes(tenant, self._effects)
        self._wording = say.Wording(self._scopes)
        enabled = any(policy.state == ENABLED and not policy.deleted for policy in self._policies)
        self._contradiction = [say.contradictory_state()] if tenant.security_defaults is True and enabled else []
        self._to_nobody = [
            say.group_no_longer_exists(effect, groups)
            for effect in self._effects
            if not effect.report_only and (groups := self._scopes.deleted_groups(effect))
        ]

    def judge(self, account: Account) -> JudgedAccount:
        """The verdict for one account, with its findings and remedies."""
        verdict = self._verdict(account)
        return JudgedAccount(account, verdict, findings_of(verdict), remedies_for(verdict))

    def _verdict(self, account: Account) -> Verdict:
        if account.properties is not None:
            reason = say.unreadable(account.properties, "the account itself could not be read")
            return Verdict(Visibility.UNKNOWN, Usability.UNKNOWN, (reason,))
        roles = self._scopes.roles_of(account)
        if why := self._not_applicable(account, roles):
            return Verdict(Visibility.NOT_APPLICABLE, Usability.NOT_CHECKED, (why,))
        situation = _Situation(account, roles, self._scopes.reach(account, roles))
        visibility, visible_because, predicted, predicting = self._visibility(situation)
        usability, usable_because, would_block = self._usability(situation)
        return Verdict(
            visibility=visibility,
            usability=usability,
            reasons=self._ordered(visibility, visible_because, usable_because),
            predicted=predicted,
            predicted_by_microsoft=any(effect.managed_by_microsoft for effect in predicting),
            would_be_blocked=bool(would_block),
            would_be_blocked_by_microsoft=any(effect.managed_by_microsoft for effect in would_block),
        )

    def _not_applicable(self, account: Account, roles: Roles) -> Reason | None:
        if account.enabled is False:
            return say.not_applicable("The account is disabled, so nobody can sign in with it.")
        if is_guest(account):
            return say.not_applicable("The account is a guest: its sign-in and its MFA belong to its home organization.")
        if is_synchronization_account(account, roles, self._tenant):
            return say.not_applicable("The account is a directory synchronization account.")
        return None

    # --- visibility ------------------------------------------------------------------------------------------------

    def _visibility(
        self, situation: _Situation
    ) -> tuple[Visibility, list[Reason], Visibility | None, list[PolicyEffect]]:
        account = situation.account
        state = per_user_state(account)
        if state is None:
            return Visibility.UNKNOWN, [say.unreadable_state(account)], None, []
        stated = say.per_user_state(account, state)
        if state == "enforced":
            return Visibility.VISIBLE, [stated], None, []
        if state == "enabled":
            registered = _registered(account.registration)
            if registered is None:
                return Visibility.UNKNOWN, [say.unreadable_registration(account.registration), stated], None, []
            visibility = Visibility.STUCK if registered else Visibility.PENDING
            return visibility, [say.per_user_enabled(account, registered)], None, []
        return self._visibility_when_disabled(situation, stated)

    def _visibility_when_disabled(
        self, situation: _Situation, stated: Reason
    ) -> tuple[Visibility, list[Reason], Visibility | None, list[PolicyEffect]]:
        reach, defaults = situation.reach, self._tenant.security_defaults
        least = max((_LEVEL[effect.mfa_least] for effect in self._enforced(reach.least)), default=0)
        most = max((_LEVEL[effect.mfa_most] for effect in self._enforced(reach.most)), default=0)
        if defaults is True:
            least = most = _HIDDEN
        if isinstance(defaults, Gap) or isinstance(self._tenant.policies, Gap):
            most = _HIDDEN
        evidence = None
        if least < _CONDITIONAL:
            evidence = self._unexplained_demand(situation)
            if evidence is not None:
                least, most = _CONDITIONAL, max(most, _CONDITIONAL)
        predicting = [effect for effect in self._predicting(reach, least=True) if effect.mfa_least]
        foreseen = max((_LEVEL[effect.mfa_least] for effect in predicting), default=0)
        if foreseen:
            least = max(least, _PREDICTED)
        if any(effect.mfa_most for effect in self._predicting(reach, least=False)):
            most = max(most, _PREDICTED)

        because: list[Reason] = []
        if defaults is True:
            because.append(say.security_defaults_hide())
            because += self._contradiction
        demanding = [effect for effect in self._enforced(reach.least) if effect.mfa_least]
        because += self._worded(Effect.DEMANDS_MFA, demanding, situation)
        if evidence is not None:
            because.append(say.evidence(evidence))
        because += self._worded(Effect.WOULD_DEMAND_MFA, predicting, situation)
        if least == most:
            predicted = _SCALE[foreseen] if foreseen else None
            return _SCALE[least], [*because, stated], predicted, predicting
        missing = self._missing_for_visibility(situation)
        return Visibility.UNKNOWN, [*missing, *because, stated], None, []

    def _predicting(self, reach: Reach, *, least: bool) -> list[PolicyEffect]:
        """Policies that would take effect: report-only ones, and any behind a role that isn't activated."""
        reached = reach.least if least else reach.most
        eligible = reach.eligible_least if least else reach.eligible_most
        return [
            effect
            for bit, effect in _bits(self._effects, reached | eligible)
            if effect.report_only or not reached >> bit & 1
        ]

    def _unexplained_demand(self, situation: _Situation) -> MfaDemand | None:
        account = situation.account
        if not account.mfa_demands:
            return None
        explaining = self._reaching(account, situation.roles)
        return unexplained_demand(account.mfa_demands, explaining, self._policies, self._tenant, self._now)

    def _missing_for_visibility(self, situation: _Situation) -> list[Reason]:
        tenant, gaps = self._tenant, list[Gap]()
        gaps += [value for value in (tenant.security_defaults, tenant.policies) if isinstance(value, Gap)]
        reach = situation.reach
        for _, effect in _bits(self._effects, reach.most | reach.eligible_most):
            if effect.mfa_most and effect.gap:
                gaps.append(effect.gap)
        for _, effect in _bits(self._effects, reach.most & ~reach.least):
            if effect.mfa_most:
                gaps += self._scopes.gaps_behind(situation.account, situation.roles, effect)
        eligible_unsure = reach.eligible_most & ~reach.eligible_least
        if situation.roles.eligible_gap and any(effect.mfa_most for _, effect in _bits(self._effects, eligible_unsure)):
            gaps.append(situation.roles.eligible_gap)
        return [say.unreadable(gap, "it could change whether the option is hidden") for gap in _unique(gaps)]

    # --- usability -------------------------------------------------------------------------------------------------

    def _usability(self, situation: _Situation) -> tuple[Usability, list[Reason], list[PolicyEffect]]:
        reach, defaults = situation.reach, self._tenant.security_defaults
        blocking = [effect for effect in self._enforced(reach.least) if effect.legacy]
        because: list[Reason] = [say.security_defaults_block(), *self._contradiction] if defaults is True else []
        because += self._worded(Effect.BLOCKS_LEGACY, blocking, situation)
        locked_out = [effect for effect in self._enforced(reach.least) if effect.blocks_interactive]
        because += self._worded(Effect.BLOCKS_INTERACTIVE, locked_out, situation)
        would = [
            effect
            for _, effect in _bits(self._effects, reach.least)
            if effect.report_only and effect.legacy is Strength.ALWAYS
        ]
        because += self._worded(Effect.WOULD_BLOCK_LEGACY, would, situation)
        because += [
            self._wording.excluded(effect, situation.account, situation.roles)
            for effect in self._enforced(reach.excluded)
        ]
        because += self._to_nobody

        least = max((effect.legacy for effect in blocking), default=Strength.NONE)
        most = max((effect.legacy for effect in self._enforced(reach.most)), default=Strength.NONE)
        if defaults is True:
            return Usability.BLOCKED_BY_SECURITY_DEFAULTS, because, []
        if least is Strength.ALWAYS:
            return Usability.BLOCKED_BY_POLICY, because, []
        if isinstance(defaults, Gap) or isinstance(self._tenant.policies, Gap):
            most = Strength.ALWAYS
        if least != most:
            return Usability.UNKNOWN, [*self._missing_for_usability(situation), *because], []
        if least is Strength.CIRCUMSTANCES:
            return Usability.CONDITIONAL, because, []
        return Usability.USABLE, because, would

    def _missing_for_usability(self, situation: _Situation) -> list[Reason]:
        values = (self._tenant.security_defaults, self._tenant.policies)
        gaps = [value for value in values if isinstance(value, Gap)]
        for _, effect in _bits(self._effects, situation.reach.most & ~situation.reach.least):
            if effect.legacy and not effect.report_only:
                gaps += self._scopes.gaps_behind(situation.account, situation.roles, effect)
        return [say.unreadable(gap, "it could change whether an app password works") for gap in _unique(gaps)]

    # --- shared ----------------------------------------------------------------------------------------------------

    def _enforced(self, mask: int) -> Iterator[PolicyEffect]:
        return (effect for _, effect in _bits(self._effects, mask) if not effect.report_only)

    def _worded(self, what: Effect, effects: list[PolicyEffect], situation: _Situation) -> list[Reason]:
        """The reasons in words, unconditional ones first; the effects come sorted by policy name."""
        worded = [self._wording.reason(what, effect, situation.account, situation.roles) for effect in effects]
        return sorted(worded, key=lambda reason: bool(reason.circumstances))

    @cached_property
    def _everything(self) -> tuple[tuple[PolicyEffect, ...], Scopes]:
        """All enforced policies, whatever they are about, and their scopes: only sign-in evidence asks for them."""
        effects = tuple(effect_of(policy, self._tenant) for policy in self._policies if policy.state == ENABLED)
        return effects, Scopes(self._tenant, effects)

    def _reaching(self, account: Account, roles: Roles) -> Iterator[Policy]:
        effects, scopes = self._everything
        return (effect.policy for _, effect in _bits(effects, scopes.reach(account, roles).most))

    def _ordered(
        self, visibility: Visibility, visible_because: list[Reason], usable_because: list[Reason]
    ) -> tuple[Reason, ...]:
        first: list[Reason] = []
        if self._switch_off and visibility in (Visibility.VISIBLE, Visibility.STUCK, Visibility.PENDING):
            first.append(say.tenant_switch_off())
        ordered = [*first, *visible_because, *usable_because]
        unread = [reason for reason in ordered if reason.effect is Effect.UNREADABLE]
        if visibility is Visibility.UNKNOWN or not unread:
            return tuple(dict.fromkeys([*unread, *ordered]))
        return tuple(dict.fromkeys(ordered))


def judge(
    tenant: Tenant, accounts: Iterable[Account], *, app_passwords_allowed: str = "unknown", now: datetime
) -> list[JudgedAccount]:
    """Every account with its verdict, in the given order. See :class:`Judge` for the arguments."""
    judging = Judge(tenant, app_passwords_allowed=app_passwords_allowed, now=now)
    return [judging.judge(account) for account in accounts]


def is_guest(account: Account) -> bool:
    """Whether the account is a guest: by ``userType``, ``externalUserState`` or ``#EXT#`` in its UPN."""
    return (
        (account.user_type or "").lower() == "guest"
        or bool(account.external_user_state)
        or "#ext#" in account.user_principal_name.lower()
    )


def per_user_state(account: Account) -> str | None:
    """``disabled``, ``enabled`` or ``enforced``; None where it is absent, unreadable or a value nobody knows."""
    state = account.per_user_mfa
    known = state.lower() if isinstance(state, str) else None
    return known if known in ("disabled", "enabled", "enforced") else None


def _registered(registration: Registration) -> bool | None:
    """Whether an MFA method is registered, from the report and the account's own methods; None where that is open."""
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    answers = [has_mfa_method(names) for names in read]
    if True in answers:
        return True
    return None if not answers or None in answers else False


def _bits(effects: tuple[PolicyEffect, ...], mask: int) -> Iterator[tuple[int, PolicyEffect]]:
    while mask:
        low = mask & -mask
        bit = low.bit_length() - 1
        yield bit, effects[bit]
        mask ^= low


def _unique(gaps: Iterable[Gap]) -> list[Gap]:
    """One gap for each input and permission, the first of each."""
    found: dict[tuple[str, str | None], Gap] = {}
    for gap in gaps:
        found.setdefault((gap.input, gap.permission), gap)
    return list(found.values())
