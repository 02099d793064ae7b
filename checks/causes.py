"""Since when a reason holds and who made it so: links what the audit log says to the reasons of a verdict. Pure.

A change of a policy counts only where the policy as it was before had another effect on the account: a new name, or an
exclusion of somebody else, hides nothing from it. A change of a membership counts where it brought the account into the scope of
the policy. Where it took both, both are told, and the later one is the date (``checks/past.py``).

Of an account from which nothing hides the option any more it is told what ended that: a policy that was deleted, switched off or
changed, a membership, or Security Defaults that were switched off.
"""

from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime

from basics.times import moment
from checks.judge import Judge
from checks.model import Effect, JudgedAccount, Reason, Verdict, Visibility
from checks.past import History, Past, Then
from checks.policy import ENABLED, effect_of
from checks.policy_changes import changed
from tenant.model import Account, AuditEvent, AuditTrail, Policy, Tenant

_SINCE = {
    Effect.DEMANDS_MFA: "Hidden since",
    Effect.WOULD_DEMAND_MFA: "About to be hidden since",
    Effect.BLOCKS_LEGACY: "Blocked since",
    Effect.BLOCKS_INTERACTIVE: "Blocked since",
    Effect.WOULD_BLOCK_LEGACY: "About to be blocked since",
    Effect.EXCLUDED: "Excluded since",
    Effect.PER_USER_STATE: "Since",
    Effect.TENANT_SWITCH_OFF: "Off since",
}
_IDENTITY_PROTECTION = "mfaregistrationrequiredbyidentityprotectionpolicy"


def _narrowed(verb: str, reason: Reason) -> str:
    """``Hidden since``, and how surely: what holds only in some circumstances, or perhaps, isn't said to hold always."""
    if reason.effect in (Effect.EXCLUDED, Effect.PER_USER_STATE) or (reason.understood and not reason.circumstances):
        return verb
    return verb.replace("since", "in some circumstances since" if reason.understood else "perhaps since")


class Causes:
    """The causes of one tenant's verdicts."""

    def __init__(self, tenant: Tenant, trail: AuditTrail | None, now: datetime) -> None:
        """Takes the tenant, what is known of its audit log (None: nothing) and the time of judging (aware)."""
        self._tenant, self._trail, self._now = tenant, trail, now
        self._policies = {policy.id: policy for policy in tenant.known_policies}
        self._of: dict[str, list[AuditEvent]] = {}
        self._past = Past(tenant, trail)
        for event in trail.events if trail else ():
            self._of.setdefault(event.target_id, []).append(event)
        self._defaults, self._switch, self._registration = (
            [event for event in (trail.events if trail else ()) if event.kind == kind]
            for kind in ("security_defaults", "tenant_switch", "mfa_registration_policy")
        )
        changed = [event.target_id for event in (trail.events if trail else ()) if self._may_have_ended(event)]
        moved = [
            policy.id for policy in self._policies.values() if self._past.has_moves(policy) and self._hides(policy)
        ]
        self._once_hiding = tuple(dict.fromkeys((*changed, *moved)))
        """The ids of policies that may have hidden the option from an account from which they don't any more."""
        self._judges: dict[Hashable, Judge] = {}
        self._dated: dict[Reason, Reason] = {}
        """Reasons with their policy's own date: of many accounts the same is true, and kept once."""

    def explain(self, judged: JudgedAccount) -> JudgedAccount:
        """The account with the causes of its reasons, and with what became of its app passwords."""
        account = judged.account
        reasons = tuple(self._explained(reason, account) for reason in judged.verdict.reasons)
        if ended := self._ended(judged.verdict, account):
            reasons = tuple(_with_more(one, ended) if one.effect is Effect.PER_USER_STATE else one for one in reasons)
        passwords = None
        if self._trail is not None:
            passwords = tuple(one for one in self._of.get(account.id, ()) if one.kind.startswith("app_password"))
        verdict = replace(judged.verdict, reasons=reasons, ended=ended)
        return replace(judged, verdict=verdict, app_password_events=passwords)

    def _explained(self, reason: Reason, account: Account) -> Reason:
        if reason.cause:
            return reason  # no change of the tenant's made it so
        if reason.effect is Effect.EVIDENCE:
            return replace(reason, cause=self._asked_by(reason, account))
        verb = _SINCE.get(reason.effect)
        events = self._events(reason, account) if verb and self._trail else []
        if verb and events:
            cause = f"{_narrowed(verb, reason)} {_told(events, account, self._tenant)}."
            if events[0].kind == "tenant_switch" and not events[0].detail:
                return replace(
                    reason, cause=f"Perhaps {cause[0].lower()}{cause[1:-1]}: the log doesn't say what was changed."
                )
            return replace(reason, since=events[0].time, actor=events[0].actor, cause=cause)
        if reason.policy_id is None or reason.since is None:
            return reason
        dated = self._dated.get(reason)
        if dated is None:
            own_date = None if reason.effect is Effect.EXCLUDED else self._own_date(reason.since)
            dated = self._dated[reason] = replace(reason, since_is_policy_date=True, cause=own_date)
        return dated

    def _own_date(self, since: datetime) -> str | None:
        if self._trail is None:
            return None
        if since < self._trail.since:
            why = "the audit log doesn't reach back that far"
        else:
            why = "the audit log shows nothing that explains it"
        return f"The policy was last changed on {moment(since)}: that is the policy's own date; {why}."

    def _events(self, reason: Reason, account: Account) -> list[AuditEvent]:
        """What could be the cause, latest first."""
        if reason.effect is Effect.PER_USER_STATE:
            return self._per_user(account)
        if reason.effect is Effect.TENANT_SWITCH_OFF:
            return [event for event in self._switch[:1] if event.detail != "on"]
        if reason.policy_id is None:
            return [event for event in self._defaults[:1] if event.detail != "off"]
        return self._of_policy(reason, account)

    def _per_user(self, account: Account) -> list[AuditEvent]:
        """The newest change of the state, where it fits what the state is today."""
        state = account.per_user_mfa.lower() if isinstance(account.per_user_mfa, str) else ""
        # An account that was set to Enabled becomes Enforced by itself, once it registers.
        became = {"disabled": ("disabled",), "enabled": ("enabled",), "enforced": ("enabled", "enforced")}.get(
            state, ()
        )
        wanted = "mfa_disabled" if state == "disabled" else "mfa_enabled"
        newest = [event for event in self._of.get(account.id, ()) if event.kind.startswith("mfa_")][:1]
        return [
            event
            for event in newest
            if became and event.kind in (wanted, "mfa_changed") and (not event.detail or event.detail in became)
        ]

    def _asked_by(self, reason: Reason, account: Account) -> str | None:
        """What became of the policy behind a demand that Microsoft Graph shows only in logs."""
        providers = {one.provider.lower() for one in account.mfa_demands if one.seen == reason.since}
        if _IDENTITY_PROTECTION not in providers or not self._registration:
            return None
        newest = self._registration[0]
        when = f"changed on {moment(newest.time)}{_by(newest)}"
        policy = "The policy of Identity Protection on registering for multifactor authentication"
        if reason.since and newest.time > reason.since:
            return f"{policy} was {when}, after this sign-in: whether it still asks for it can't be read."
        return f"{policy} was last {when}."

    def _ended(self, verdict: Verdict, account: Account) -> str | None:
        """What hid the option from the account until it ended, where nothing hides it today."""
        if verdict.visibility not in (Visibility.NOT_OFFERED, Visibility.PREDICTED):
            return None
        newest = next((event for event in self._defaults[:1] if event.detail == "off"), None)
        for id in self._once_hiding:
            newest = self._demand_ended(id, account, newest) or newest
        if newest is None:
            return None
        return f"Not hidden any more since {moment(newest.time)}, when {_happened(newest, account, self._tenant)}{_by(newest)}."

    def _may_have_ended(self, event: AuditEvent) -> bool:
        """Whether the event may have ended a demand for MFA for mail: an enforced policy that made it was changed or deleted."""
        return event.kind in ("policy_deleted", "policy_updated") and self._hides(event.before)

    def _hides(self, policy: Policy | None) -> bool:
        """Whether the policy demands MFA of anybody for mail, in force."""
        if policy is None or policy.state != ENABLED:
            return False
        return bool(effect_of(policy, self._tenant, self._now.date()).mfa_most)

    def _demand_ended(self, policy_id: str, account: Account, before: AuditEvent | None) -> AuditEvent | None:
        """What ended that the policy demanded MFA of the account for mail; None where that was before another event."""
        history = self._past.history(policy_id, self._policies.get(policy_id), account, deletions=True)

        def demanded(then: Then) -> bool:
            if then.policy is None or then.policy.state != ENABLED:
                return False
            return any(one.effect is Effect.DEMANDS_MFA for one in self._reasons_then(then, history))

        return history.ended(demanded, before.time if before else None)

    def _of_policy(self, reason: Reason, account: Account) -> list[AuditEvent]:
        """What made a policy do to the account what it does today, latest first."""
        policy = self._policies.get(reason.policy_id or "")
        if policy is None:
            return []
        excluded = reason.effect is Effect.EXCLUDED
        history = self._past.history(policy.id, policy, account, exclusions=excluded)

        def had_effect(then: Then) -> bool:
            return any(
                (one.effect, one.policy_id) == (reason.effect, reason.policy_id)
                and bool(one.circumstances) <= bool(reason.circumstances)
                for one in self._reasons_then(then, history, even_off=excluded)
            )

        return history.made_so(had_effect)

    def _reasons_then(self, then: Then, history: History, *, even_off: bool = False) -> tuple[Reason, ...]:
        """What the policy did to the account then; ``even_off``: or would have, had it been on."""
        if then.policy is None:
            return ()
        key = then.version, even_off, history.roles_moved(then)
        if key not in self._judges:
            if even_off:  # an exclusion is none the less one while the policy is off
                then = replace(then, policy=replace(then.policy, state=ENABLED))
            self._judges[key] = Judge(self._past.tenant_at(then, history), now=self._now)
        return self._judges[key].judge(history.account_at(then)).verdict.reasons


def _told(events: list[AuditEvent], account: Account, tenant: Tenant) -> str:
    """``3 Nov 2026, 14:12 UTC, when the policy "X" was switched on, by ada@contoso.com``, and what came before it."""
    first, *earlier = events
    text = f"{moment(first.time)}, when {_happened(first, account, tenant)}{_by(first)}"
    for event in earlier:
        text += f"; before that, on {moment(event.time)}, {_happened(event, account, tenant)}{_by(event)}"
    return text


def _happened(event: AuditEvent, account: Account, tenant: Tenant) -> str:
    who = "the account" if event.target_id == account.id else f'the group "{event.target_name or event.target_id}"'
    container = event.container_name or event.container_id
    match event.kind:
        case "policy_added":
            return f'the policy "{event.target_name}" was created'
        case "policy_updated":
            how = changed(event.before, event.after, account.id, tenant) if event.before and event.after else "changed"
            return f'the policy "{event.target_name}" was {how}'
        case "policy_deleted":
            return f'the policy "{event.target_name}" was deleted'
        case "security_defaults":
            return f"Security Defaults were {f'switched {event.detail}' if event.detail else 'changed'}"
        case "tenant_switch":
            switch = '"Allow users to create app passwords" was switched off in the MFA service settings'
            return switch if event.detail else "the MFA service settings were changed"
        case "mfa_enabled":
            if event.detail:
                return f"per-user MFA was set to {event.detail.capitalize()} for the account"
            return "per-user MFA was switched on for the account"
        case "mfa_changed":
            return "the per-user MFA state of the account was changed"
        case "mfa_disabled":
            return "per-user MFA was switched off for the account"
        case "group_added":
            return f'{who} was added to the group "{container}"'
        case "group_removed":
            return f'{who} was removed from the group "{container}"'
        case "role_added":
            return f'{who} was given the role "{container}"'
        case "role_removed":
            return f'the role "{container}" was taken from {who}'
    return f'"{event.target_name}" was changed'


def _with_more(reason: Reason, sentence: str) -> Reason:
    return replace(reason, cause=f"{reason.cause} {sentence}" if reason.cause else sentence)


def _by(event: AuditEvent) -> str:
    return f", by {event.actor}" if event.actor else ""
