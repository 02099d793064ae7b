"""Judging: a tenant and its service accounts in, a verdict for each out. The contract is written in docs/verdicts.md.

Where an input is missing the answer is worked out twice, with that input at its least and at its most hiding (or
blocking) value; the same answer both times stands, otherwise it is ``unknown`` and names the inputs that are missing.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from checks import reasons as say
from checks.ahead import findings_ahead, undecided_ahead
from checks.catalog import HAS_OPTION, findings_of
from checks.device_code import DeviceCode
from checks.doubt import doubt_about
from checks.exclusion import groups_to_join
from checks.landscape import Landscape, Situation, Wordless, unreadable
from checks.managed import by_microsoft
from checks.model import Effect, Finding, JudgedAccount, Reason, Remedy, Usability, Verdict, Visibility
from checks.policy import Effects
from checks.refused import refused_finding
from checks.registering import Registering
from checks.remediation import ALONE, Surroundings, remedies_for
from checks.scope import Roles, is_synchronization_account
from checks.tenant_switch import TenantSwitch
from checks.unexplained import Explaining
from checks.usability import usability_of
from checks.usage import usage_findings
from checks.visibility import VisibilityAnswer, visibility_of
from tenant.model import Account, AuditTrail, Gap, Tenant

_Conclusion = tuple[Verdict, tuple[Finding, ...], tuple[Remedy, ...]]

_MAY_REST_ON_EVIDENCE = frozenset(
    {Visibility.CONDITIONAL, Visibility.PREDICTED, Visibility.NOT_OFFERED, Visibility.UNKNOWN}
)
"""The answers that evidence makes, or may make once the log is read."""


class Judge:
    """Judges accounts of one tenant. Making one costs time per policy; each account then costs only its own policies."""

    def __init__(
        self,
        tenant: Tenant,
        *,
        app_passwords_allowed: str = "unknown",
        now: datetime,
        trail: AuditTrail | None = None,
        past: Tenant | None = None,
        words: bool = True,
        effects: Effects | None = None,
    ) -> None:
        """Takes the tenant, the attested tenant switch (``yes``, ``no`` or ``unknown``; it counts where the switch couldn't be
        read) and the time of judging (aware).

        ``trail``: what is known of the tenant's audit log, to tell evidence of today from evidence of the past. ``past``: the
        tenant in which the sign-ins took place that are the evidence, where this one is only supposed. Without ``words`` only
        :meth:`answers` is of use, and costs a fraction. ``effects``: what is known already of what policies do.
        """
        self._tenant = tenant
        self._switch = TenantSwitch.of(tenant.mfa_service, app_passwords_allowed)
        self._now = now
        self._trail, self._past = trail, past or tenant
        self._today = now.date()
        landscape = Landscape if words else Wordless
        self._land = landscape(tenant, self._today, switched_off=self._switch.allowed is False, known=effects)
        self._conclusions: dict[Hashable, _Conclusion] = {}
        self._unread_besides: tuple[Gap, ...] | None = None

    def judge(self, account: Account) -> JudgedAccount:
        """The verdict for one account, with its findings and remedies."""
        verdict, findings, remedies = self._conclusion(account)
        if (account.sign_ins or account.outcomes) and verdict.visibility is not Visibility.NOT_APPLICABLE:
            refused = refused_finding(account, self._now)
            used = (*usage_findings(account, self._today), *((refused,) if refused else ()))
            findings = tuple(sorted((*findings, *used), key=lambda finding: finding.check_id))
        return JudgedAccount(account, verdict, findings, remedies)

    def _conclusion(self, account: Account) -> _Conclusion:
        if account.properties is not None:
            return _conclude(self._unread(account.properties))
        roles = self._land.scopes.roles_of(account)
        if why := self._not_applicable(account, roles):
            return _conclude(Verdict(Visibility.NOT_APPLICABLE, Usability.NOT_CHECKED, (why,)))
        key = self._kind(account)
        if key not in self._conclusions:
            verdict = self._with_evidence(self._verdict(self._situation(account, roles)), account)
            open_ = undecided_ahead(account, verdict.visibility, self._tenant)
            ahead = findings_ahead(account, verdict.visibility, self._tenant, self._today)
            verdict = replace(verdict, undecided=verdict.undecided | open_)
            self._conclusions[key] = _conclude(verdict, self._around(account), ahead)
        return self._conclusions[key]

    def _unread(self, gap: Gap) -> Verdict:
        """Nothing can be said of an account that could not be read; what would be missing besides is the same for all of them."""
        if self._unread_besides is None:
            self._unread_besides = tuple(dict.fromkeys(self._land.gaps_for_anybody(gap)))
        reason = say.unreadable(gap, "the account itself could not be read")
        besides = unreadable(self._unread_besides, "it could change what is said once the account can be read")
        missing = (gap, *self._unread_besides)
        return Verdict(Visibility.UNKNOWN, Usability.UNKNOWN, (reason, *besides), missing=missing)

    def kind(self, account: Account) -> Hashable | None:
        """Equal for accounts that share one verdict; None for those of which no policy decides anything."""
        if account.properties is not None or self._not_applicable(account, self._land.scopes.roles_of(account)):
            return None
        return self._kind(account)

    def _kind(self, account: Account) -> Hashable:
        # Service accounts are much alike: those that no rule can tell apart share one verdict.
        state = (account.per_user_mfa, account.per_user_mfa_bulk, account.enabled, account.registration)
        evidence = (account.mfa_demands, self._explaining.position(account)) if account.mfa_demands else None
        return (
            state,
            evidence,
            self._land.scopes.position(account),
            (
                self._registering.position(account),
                self._device_code.position(account),
            ),
        )

    def answers(self, account: Account) -> tuple[Visibility, Usability]:
        """Both answers for an account of which policies decide something (see :meth:`kind`)."""
        verdict = self._verdict(self._situation(account, self._land.scopes.roles_of(account)))
        return verdict.visibility, verdict.usability

    def _situation(self, account: Account, roles: Roles) -> Situation:
        return Situation(account, roles, self._land.scopes.reach(account, roles))

    def _verdict(self, situation: Situation) -> Verdict:
        explaining = self._explaining if situation.account.mfa_demands else None
        visible = visibility_of(self._land, explaining, situation, self._now)
        usable = usability_of(self._land, situation)
        verdict = Verdict(
            visibility=visible.visibility,
            usability=usable.usability,
            reasons=self._ordered(visible, [*visible.reasons, *usable.reasons]),
            predicted=visible.predicted,
            predicted_by_microsoft=any(effect.managed_by_microsoft for effect in visible.predicting),
            would_be_blocked=bool(usable.would_block),
            would_be_blocked_by_microsoft=any(effect.managed_by_microsoft for effect in usable.would_block),
            roles=self._land.scopes.role_names(situation.account),
            has_option=visible.has_option,
            app_passwords_allowed=self._switch.allowed,
            missing=tuple(dict.fromkeys([*visible.missing, *usable.missing])),
        )
        unknown = Visibility.UNKNOWN is verdict.visibility or Usability.UNKNOWN is verdict.usability
        if not unknown and not self._land.is_doubtful(situation):
            return verdict
        doubt = doubt_about(self._land, situation)
        seen = {finding.check_id for finding in findings_of(verdict)}
        return replace(
            verdict,
            undecided=doubt.possible - seen,
            inexact=doubt.inexact & seen,
            on_malformed=doubt.on_malformed & seen,
        )

    def _with_evidence(self, verdict: Verdict, account: Account) -> Verdict:
        """The verdict with what evidence it rests on, or why it rests on none, is known by."""
        if not account.mfa_demands or verdict.visibility not in _MAY_REST_ON_EVIDENCE:
            return verdict
        if any(reason.effect is Effect.EVIDENCE for reason in verdict.reasons):
            return replace(verdict, needs_no_log=self._explaining.needs_no_log(account, self._now))
        return replace(verdict, explained_unseen=self._explaining.explained_unseen(account, self._now))

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

    def _around(self, account: Account) -> Surroundings:
        return Surroundings(
            self._registering.steps(account),
            self._device_code.steps(account),
            self._exclusion_groups,
            self._by_microsoft,
        )

    @cached_property
    def _exclusion_groups(self) -> dict[str, tuple[str, ...]]:
        groups = self._tenant.groups
        return {one.id: groups_to_join(one, groups) for one in self._tenant.known_policies if one.exclude_groups}

    @cached_property
    def _by_microsoft(self) -> frozenset[str]:
        return frozenset(one.id for one in self._tenant.known_policies if by_microsoft(one))

    @cached_property
    def _device_code(self) -> DeviceCode:
        return DeviceCode(self._tenant, self._today)

    @cached_property
    def _registering(self) -> Registering:
        return Registering(self._tenant, self._today)

    @cached_property
    def _explaining(self) -> Explaining:
        return Explaining(self._past, self._today, self._trail)

    def _ordered(self, visible: VisibilityAnswer, reasons: list[Reason]) -> tuple[Reason, ...]:
        """What is missing stands first where it leaves the answer open; what concerns both answers is said once."""
        if self._switch.allowed is False and (visible.visibility in HAS_OPTION or visible.has_option):
            reasons = [say.tenant_switch_off(self._switch), *reasons]
        unread = [reason for reason in reasons if reason.effect is Effect.UNREADABLE]
        if unread and visible.visibility is Visibility.UNKNOWN:
            reasons = [*unread, *reasons]
        return tuple(dict.fromkeys(reasons)) if unread or self._land.contradiction else tuple(reasons)


def judge(
    tenant: Tenant,
    accounts: Iterable[Account],
    *,
    app_passwords_allowed: str = "unknown",
    now: datetime,
    trail: AuditTrail | None = None,
) -> list[JudgedAccount]:
    """Every account with its verdict, in the given order. See :class:`Judge` for the arguments."""
    judging = Judge(tenant, app_passwords_allowed=app_passwords_allowed, now=now, trail=trail)
    return [judging.judge(account) for account in accounts]


def is_guest(account: Account) -> bool:
    """Whether the account is a guest: by ``userType``, ``externalUserState`` or ``#EXT#`` in its UPN."""
    return (
        (account.user_type or "").lower() == "guest"
        or bool(account.external_user_state)
        or "#ext#" in account.user_principal_name.lower()
    )


def _conclude(verdict: Verdict, around: Surroundings = ALONE, ahead: Sequence[Finding] = ()) -> _Conclusion:
    return verdict, (*findings_of(verdict), *ahead), remedies_for(verdict, around)
