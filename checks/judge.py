"""Judging: a tenant and its service accounts in, a verdict for each out. The contract is written in docs/verdicts.md.

Where an input is missing the answer is worked out twice, with that input at its least and at its most hiding (or
blocking) value; the same answer both times stands, otherwise it is ``unknown`` and names the inputs that are missing.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from checks import reasons as say
from checks.catalog import findings_of
from checks.evidence import unexplained_demand
from checks.model import Effect, Finding, JudgedAccount, Reason, Remedy, Usability, Verdict, Visibility
from checks.policy import (
    ENABLED,
    REPORT_ONLY,
    PolicyEffect,
    Strength,
    can_reach_users,
    demands_mfa_somewhere,
    effect_of,
)
from checks.remediation import remedies_for
from checks.scope import Reach, Roles, Scopes, World, is_synchronization_account
from checks.usage import usage_findings
from tenant.methods import has_mfa_method
from tenant.model import Account, Gap, MfaDemand, Policy, Registration, Tenant

# What can be said of an account whose per-user MFA is disabled, from least to most hiding.
_SCALE = (Visibility.NOT_OFFERED, Visibility.PREDICTED, Visibility.CONDITIONAL, Visibility.HIDDEN)
_PREDICTED, _CONDITIONAL, _HIDDEN = 1, 2, 3


@dataclass(frozen=True, slots=True)
class _Situation:
    """An account among the policies: what both answers are worked out from."""

    account: Account
    roles: Roles
    reach: Reach


@dataclass(frozen=True, slots=True)
class _Explaining:
    """All enforced policies, whatever they are about: only sign-in evidence asks for them."""

    effects: tuple[PolicyEffect, ...]
    scopes: Scopes
    least: int
    """The policies that demand MFA for something, for certain."""
    most: int
    could_have_least: tuple[Policy, ...]
    """The policies, in force or not, whose grant demands MFA for certain."""
    could_have_most: tuple[Policy, ...]

    @classmethod
    def of(cls, tenant: Tenant, policies: tuple[Policy, ...]) -> "_Explaining":
        enforced = [policy for policy in policies if can_reach_users(policy) and policy.state != REPORT_ONLY]
        effects = tuple(effect_of(policy, tenant) for policy in enforced)
        demands = [demands_mfa_somewhere(policy, tenant) for policy in enforced]
        return cls(
            effects=effects,
            scopes=Scopes(tenant, effects),
            least=sum(1 << bit for bit, (least, _) in enumerate(demands) if least),
            most=sum(1 << bit for bit, (_, most) in enumerate(demands) if most),
            could_have_least=tuple(policy for policy in policies if demands_mfa_somewhere(policy, tenant)[0]),
            could_have_most=tuple(policy for policy in policies if demands_mfa_somewhere(policy, tenant)[1]),
        )


_Conclusion = tuple[Verdict, tuple[Finding, ...], tuple[Remedy, ...]]


@dataclass(frozen=True, slots=True)
class _Masks:
    """Sets of policies as bits, in the order of their effects: what a verdict asks of them is one AND."""

    enforced: int
    mfa_least: int
    mfa_least_always: int
    mfa_most: int
    mfa_most_always: int
    legacy: int
    legacy_always: int
    blocks_interactive: int

    @classmethod
    def of(cls, effects: tuple[PolicyEffect, ...]) -> "_Masks":
        def those(wanted: Callable[[PolicyEffect], object]) -> int:
            return sum(1 << bit for bit, effect in enumerate(effects) if wanted(effect))

        return cls(
            enforced=those(lambda effect: not effect.report_only),
            mfa_least=those(lambda effect: effect.mfa_least),
            mfa_least_always=those(lambda effect: effect.mfa_least is Strength.ALWAYS),
            mfa_most=those(lambda effect: effect.mfa_most),
            mfa_most_always=those(lambda effect: effect.mfa_most is Strength.ALWAYS),
            legacy=those(lambda effect: effect.legacy),
            legacy_always=those(lambda effect: effect.legacy is Strength.ALWAYS),
            blocks_interactive=those(lambda effect: effect.blocks_interactive),
        )


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
        self._masks = _Masks.of(self._effects)
        self._wording = say.Wording(self._scopes)
        self._conclusions: dict[Hashable, _Conclusion] = {}
        enabled = any(policy.state == ENABLED and not policy.deleted for policy in self._policies)
        self._contradiction = [say.contradictory_state()] if tenant.security_defaults is True and enabled else []
        self._to_nobody = [
            say.group_no_longer_exists(effect, groups)
            for effect in self._effects
            if not effect.report_only and (groups := self._scopes.deleted_groups(effect))
        ]

    def judge(self, account: Account) -> JudgedAccount:
        """The verdict for one account, with its findings and remedies."""
        verdict, findings, remedies = self._conclusion(account)
        if account.sign_ins and verdict.visibility is not Visibility.NOT_APPLICABLE:
            used = usage_findings(account, self._now.date())
            findings = tuple(sorted((*findings, *used), key=lambda finding: finding.check_id))
        return JudgedAccount(account, verdict, findings, remedies)

    def _conclusion(self, account: Account) -> _Conclusion:
        if account.properties is not None:
            reason = say.unreadable(account.properties, "the account itself could not be read")
            return _conclude(Verdict(Visibility.UNKNOWN, Usability.UNKNOWN, (reason,)))
        roles = self._scopes.roles_of(account)
        if why := self._not_applicable(account, roles):
            return _conclude(Verdict(Visibility.NOT_APPLICABLE, Usability.NOT_CHECKED, (why,)))
        # Service accounts are much alike: those that no rule can tell apart share one verdict.
        state = (account.per_user_mfa, account.per_user_mfa_bulk, account.enabled, account.registration)
        evidence = (account.mfa_demands, self._explaining.scopes.position(account)) if account.mfa_demands else None
        key = (state, evidence, self._scopes.position(account))
        if key not in self._conclusions:
            situation = _Situation(account, roles, self._scopes.reach(account, roles))
            self._conclusions[key] = _conclude(self._verdict(situation))
        return self._conclusions[key]

    def _verdict(self, situation: _Situation) -> Verdict:
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
            roles=self._scopes.role_names(situation.account),
        )

    def _not_applicable(self, account: Account, roles: Roles) -> Reason | None:
        if account.enabled is False:
            return say.not_applicable("The account is disabled, so nobody can sign in with it.")
        if is_guest(account):
            return say.not_applicable(
                "The account is a guest: its sign-in and its MFA belong to its home organization."
            )
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
        reach, masks, defaults = situation.reach, self._masks, self._tenant.security_defaults
        demanding = reach.least & masks.enforced & masks.mfa_least
        demanding_at_most = reach.most & masks.enforced & masks.mfa_most
        least = min(self._hides_at_least(world) for world in reach.worlds)
        most = _rank(demanding_at_most, masks.mfa_most_always)
        if defaults is True:
            least = most = _HIDDEN
        if isinstance(defaults, Gap) or isinstance(self._tenant.policies, Gap):
            most = _HIDDEN
        evidence, possible_evidence = self._unexplained_demands(situation) if least < _CONDITIONAL else (None, None)
        if evidence is not None:
            least = _CONDITIONAL
        if possible_evidence is not None:
            most = max(most, _CONDITIONAL)
        # What isn't in force yet: report-only policies, and any policy behind a role that isn't activated.
        predicting = _not_yet(reach.least, reach.eligible_least, masks.enforced) & masks.mfa_least
        predicting_at_most = _not_yet(reach.most, reach.eligible_most, masks.enforced) & masks.mfa_most
        if predicting_at_most:
            most = max(most, _PREDICTED)
        if least == most and _rank(demanding, masks.mfa_least_always) < least and evidence is None:
            # No single policy is certain, but whichever way the unread inputs are, one of several reaches the account.
            if least > _PREDICTED and defaults is not True:
                demanding |= demanding_at_most & (masks.mfa_least_always if least == _HIDDEN else masks.mfa_least)
            elif least == _PREDICTED and not predicting:
                predicting = predicting_at_most & masks.mfa_least

        because: list[Reason] = []
        if defaults is True:
            because += [say.security_defaults_hide(), *self._contradiction]
        because += self._worded(Effect.DEMANDS_MFA, demanding, masks.mfa_least_always, situation)
        if evidence is not None:
            because.append(say.evidence(evidence))
        because += self._worded(Effect.WOULD_DEMAND_MFA, predicting, masks.mfa_least_always, situation)
        if least != most:
            return Visibility.UNKNOWN, [*self._missing_for_visibility(situation), *because, stated], None, []
        predicted = _SCALE[_rank(predicting, masks.mfa_least_always)] if predicting else None
        return _SCALE[least], [*because, stated], predicted, list(self._those(predicting))

    def _hides_at_least(self, world: World) -> int:
        masks = self._masks
        rank = _rank(world.least & masks.enforced & masks.mfa_least, masks.mfa_least_always)
        not_yet = _not_yet(world.least, world.eligible_least, masks.enforced) & masks.mfa_least
        return max(rank, _PREDICTED) if not_yet else rank

    def _unexplained_demands(self, situation: _Situation) -> tuple[MfaDemand | None, MfaDemand | None]:
        """The MFA demand in the sign-in log that surely, and the one that possibly, no readable policy explains."""
        account, tenant = situation.account, self._tenant
        if not account.mfa_demands:
            return None, None
        explaining = self._explaining
        reach = explaining.scopes.reach(account, explaining.scopes.roles_of(account))
        surely_explained = bool(reach.least & explaining.least)
        perhaps_explained = bool(reach.most & explaining.most) or isinstance(tenant.policies, Gap)

        def unexplained(explained: bool, could_have: tuple[Policy, ...]) -> MfaDemand | None:
            return unexplained_demand(account.mfa_demands, explained, could_have, tenant, self._now)

        return (
            unexplained(perhaps_explained, explaining.could_have_most),
            unexplained(surely_explained, explaining.could_have_least),
        )

    def _missing_for_visibility(self, situation: _Situation) -> list[Reason]:
        reach, masks = situation.reach, self._masks
        gaps = self._tenant_gaps()
        gaps += [
            effect.gap for effect in self._those((reach.most | reach.eligible_most) & masks.mfa_most) if effect.gap
        ]
        unsure, unsure_once_eligible = reach.most & ~reach.least, reach.eligible_most & ~reach.eligible_least
        gaps += self._scope_gaps((unsure | unsure_once_eligible) & masks.mfa_most, situation)
        if situation.account.mfa_demands:
            gaps += self._gaps_behind_evidence(situation.account)
        for effect in self._those(unsure_once_eligible & masks.mfa_most):
            gaps += self._scopes.gaps_behind_eligibility(situation.account, situation.roles, effect)
        return [say.unreadable(gap, "it could change whether the option is hidden") for gap in _unique(gaps)]

    # --- usability -------------------------------------------------------------------------------------------------

    def _usability(self, situation: _Situation) -> tuple[Usability, list[Reason], list[PolicyEffect]]:
        reach, masks, defaults = situation.reach, self._masks, self._tenant.security_defaults
        blocking = reach.least & masks.enforced & masks.legacy
        locked_out = reach.least & masks.enforced & masks.blocks_interactive
        blocking_at_most = reach.most & masks.enforced & masks.legacy
        would_block = reach.least & ~masks.enforced & masks.legacy_always
        least = min(_rank(world.least & masks.enforced & masks.legacy, masks.legacy_always) for world in reach.worlds)
        most = _HIDDEN if self._tenant_gaps() else _rank(blocking_at_most, masks.legacy_always)
        if least in (most, _HIDDEN) and _rank(blocking, masks.legacy_always) < least:
            # As above: no single policy is certain, but one of several blocks in any case.
            blocking |= blocking_at_most & (masks.legacy_always if least == _HIDDEN else masks.legacy)
        because: list[Reason] = [say.security_defaults_block(), *self._contradiction] if defaults is True else []
        because += self._worded(Effect.BLOCKS_LEGACY, blocking, masks.legacy_always, situation)
        because += self._worded(Effect.BLOCKS_INTERACTIVE, locked_out, locked_out, situation)
        because += self._worded(Effect.WOULD_BLOCK_LEGACY, would_block, would_block, situation)
        because += [
            self._wording.excluded(effect, situation.account, situation.roles)
            for effect in self._those(reach.excluded & masks.enforced)
        ]
        because += self._to_nobody

        if defaults is True:
            return Usability.BLOCKED_BY_SECURITY_DEFAULTS, because, []
        if least == _HIDDEN:
            return Usability.BLOCKED_BY_POLICY, because, []
        if least != most:
            return Usability.UNKNOWN, [*self._missing_for_usability(situation), *because], []
        if least == _CONDITIONAL:
            return Usability.CONDITIONAL, because, []
        return Usability.USABLE, because, list(self._those(would_block))

    def _missing_for_usability(self, situation: _Situation) -> list[Reason]:
        reach, masks = situation.reach, self._masks
        unsure = reach.most & ~reach.least & masks.enforced & masks.legacy
        gaps = [*self._tenant_gaps(), *self._scope_gaps(unsure, situation)]
        return [say.unreadable(gap, "it could change whether an app password works") for gap in _unique(gaps)]

    # --- shared ----------------------------------------------------------------------------------------------------

    def _tenant_gaps(self) -> list[Gap]:
        """What is missing for everybody: it could hide the option from, or block, any account."""
        values = (self._tenant.security_defaults, self._tenant.policies, self._tenant.licences)
        return [value for value in values if isinstance(value, Gap)]

    def _scope_gaps(self, unsure: int, situation: _Situation) -> list[Gap]:
        return [
            gap
            for effect in self._those(unsure)
            for gap in self._scopes.gaps_behind(situation.account, situation.roles, effect)
        ]

    def _those(self, mask: int) -> Iterator[PolicyEffect]:
        while mask:
            lowest = mask & -mask
            yield self._effects[lowest.bit_length() - 1]
            mask ^= lowest

    def _worded(self, what: Effect, mask: int, always: int, situation: _Situation) -> list[Reason]:
        """The reasons in words, unconditional ones first, each part by policy name (the order of the bits)."""
        reach = situation.reach
        unsure = {effect.policy.id for effect in self._those(mask & ~(reach.least | reach.eligible_least))}
        return [
            self._wording.reason(
                what, effect, situation.account, situation.roles, certain=effect.policy.id not in unsure
            )
            for part in (mask & always, mask & ~always)
            for effect in self._those(part)
        ]

    def _gaps_behind_evidence(self, account: Account) -> list[Gap]:
        explaining = self._explaining
        roles = explaining.scopes.roles_of(account)
        reach = explaining.scopes.reach(account, roles)
        unsure = (reach.most & explaining.most) & ~(reach.least & explaining.least)
        open_effects = [effect for bit, effect in enumerate(explaining.effects) if unsure >> bit & 1]
        strengths = [self._tenant.strengths] if isinstance(self._tenant.strengths, Gap) else []
        return strengths + [
            gap for effect in open_effects for gap in explaining.scopes.gaps_behind(account, roles, effect)
        ]

    @cached_property
    def _explaining(self) -> "_Explaining":
        return _Explaining.of(self._tenant, self._policies)

    def _ordered(
        self, visibility: Visibility, visible_because: list[Reason], usable_because: list[Reason]
    ) -> tuple[Reason, ...]:
        first: list[Reason] = []
        if self._switch_off and visibility in (Visibility.VISIBLE, Visibility.STUCK, Visibility.PENDING):
            first.append(say.tenant_switch_off())
        ordered = [*first, *visible_because, *usable_because]
        unread = [reason for reason in ordered if reason.effect is Effect.UNREADABLE]
        if unread and visibility is Visibility.UNKNOWN:
            ordered = [*unread, *ordered]
        return tuple(dict.fromkeys(ordered)) if unread or self._contradiction else tuple(ordered)


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


def _conclude(verdict: Verdict) -> _Conclusion:
    return verdict, findings_of(verdict), remedies_for(verdict)


def _rank(mask: int, always: int) -> int:
    """Where the strongest of the policies stands on the scale; ``always`` are the unconditional ones."""
    return 0 if not mask else _HIDDEN if mask & always else _CONDITIONAL


def _not_yet(reached: int, eligible: int, enforced: int) -> int:
    return (reached & ~enforced) | (eligible & ~reached)


def _unique(gaps: Iterable[Gap]) -> list[Gap]:
    """Every gap once: each names its input and what went wrong with it."""
    return list(dict.fromkeys(gaps))
