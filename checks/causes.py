"""Since when a reason holds and who made it so: links what the audit log says to the reasons of a verdict. Pure.

A change of a policy counts only where the policy as it was before had another effect on the account: a new name, or an
exclusion of somebody else, hides nothing from it. A change of a membership counts where it brought the account into the scope of
the policy. Where both happened, both are told, and the later one is the date: the account needed both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from checks.judge import Judge
from checks.model import Effect, JudgedAccount, Reason
from checks.policy import ENABLED
from tenant.model import Account, AuditEvent, AuditTrail, Gap, Policy, Tenant

_SINCE = {
    Effect.DEMANDS_MFA: "Hidden since",
    Effect.WOULD_DEMAND_MFA: "About to be hidden since",
    Effect.BLOCKS_LEGACY: "Blocked since",
    Effect.BLOCKS_INTERACTIVE: "Blocked since",
    Effect.WOULD_BLOCK_LEGACY: "About to be blocked since",
    Effect.EXCLUDED: "Excluded since",
    Effect.PER_USER_STATE: "Since",
}
_STATES = {
    "enabled": "on",
    "disabled": "off",
    "enabledforreportingbutnotenforced": "report-only",
}


class Causes:
    """The causes of one tenant's verdicts."""

    def __init__(self, tenant: Tenant, trail: AuditTrail | None, now: datetime) -> None:
        """Takes the tenant, what is known of its audit log (None: nothing) and the time of judging (aware)."""
        self._tenant, self._trail, self._now = tenant, trail, now
        policies = () if isinstance(tenant.policies, Gap) else tenant.policies
        self._policies = {policy.id: policy for policy in policies}
        self._of: dict[str, list[AuditEvent]] = {}
        self._moves: dict[str, dict[str, AuditEvent]] = {}
        """Id of a group or role -> id of whoever was added or removed -> the newest such event."""
        for event in trail.events if trail else ():
            self._of.setdefault(event.target_id, []).append(event)
            if event.container_id:
                self._moves.setdefault(event.container_id, {}).setdefault(event.target_id, event)
        self._defaults = [event for event in (trail.events if trail else ()) if event.kind == "security_defaults"]
        self._judges: dict[tuple[str, datetime, bool], Judge] = {}
        self._scopes: dict[tuple[str, bool], _Scope] = {}

    def explain(self, judged: JudgedAccount) -> JudgedAccount:
        """The account with the causes of its reasons, and with what became of its app passwords."""
        account = judged.account
        reasons = tuple(self._explained(reason, account) for reason in judged.verdict.reasons)
        passwords = None
        if self._trail is not None:
            passwords = tuple(one for one in self._of.get(account.id, ()) if one.kind.startswith("app_password"))
        return replace(judged, verdict=replace(judged.verdict, reasons=reasons), app_password_events=passwords)

    def _explained(self, reason: Reason, account: Account) -> Reason:
        if reason.cause:
            return reason  # no change of the tenant's made it so
        verb = _SINCE.get(reason.effect)
        events = self._events(reason, account) if verb and self._trail else []
        if verb and events:
            cause = f"{verb} {_told(events, account)}."
            return replace(reason, since=events[0].time, actor=events[0].actor, cause=cause)
        if reason.policy_id is None or reason.since is None:
            return reason
        own_date = None if reason.effect is Effect.EXCLUDED else self._own_date(reason.since)
        return replace(reason, since_is_policy_date=True, cause=own_date)

    def _own_date(self, since: datetime) -> str | None:
        if self._trail is None:
            return None
        if since < self._trail.since:
            why = "the audit log doesn't reach back that far"
        else:
            why = "the audit log shows nothing that explains it"
        return f"The policy was last changed on {_moment(since)}: that is the policy's own date; {why}."

    def _events(self, reason: Reason, account: Account) -> list[AuditEvent]:
        """What could be the cause, latest first."""
        if reason.effect is Effect.PER_USER_STATE:
            return self._per_user(account)
        if reason.policy_id is None:
            return [event for event in self._defaults[:1] if event.detail != "off"]
        found = [self._policy_change(reason, account), self._membership_change(reason, account)]
        return sorted((event for event in found if event), key=lambda event: event.time, reverse=True)

    def _per_user(self, account: Account) -> list[AuditEvent]:
        state = account.per_user_mfa
        wanted = "mfa_disabled" if isinstance(state, str) and state.lower() == "disabled" else "mfa_enabled"
        newest = [event for event in self._of.get(account.id, ()) if event.kind.startswith("mfa_")][:1]
        return [event for event in newest if isinstance(state, str) and event.kind == wanted]

    def _policy_change(self, reason: Reason, account: Account) -> AuditEvent | None:
        """The newest change of the policy that changed its effect on the account; one that can't be read may have."""
        for event in self._of.get(reason.policy_id or "", ()):
            if event.kind == "policy_added":
                return event
            if event.kind == "policy_updated" and (
                event.before is None or not self._had_effect(event, event.before, reason, account)
            ):
                return event
        return None

    def _had_effect(self, event: AuditEvent, before: Policy, reason: Reason, account: Account) -> bool:
        """Whether the policy as it was before the event did to the account what it does today."""
        key = (event.target_id, event.time, reason.effect is Effect.EXCLUDED)
        if key not in self._judges:
            policy = replace(before, id=event.target_id)
            if reason.effect is Effect.EXCLUDED:  # an exclusion is none the less one while the policy is off
                policy = replace(policy, state=ENABLED)
            self._judges[key] = Judge(replace(self._tenant, policies=(policy,)), now=self._now)
        then = self._judges[key].judge(account).verdict.reasons
        return any(
            (one.effect, one.policy_id) == (reason.effect, reason.policy_id)
            and bool(one.circumstances) <= bool(reason.circumstances)
            for one in then
        )

    def _membership_change(self, reason: Reason, account: Account) -> AuditEvent | None:
        policy = self._policies.get(reason.policy_id or "")
        if policy is None or isinstance(account.groups, Gap):
            return None
        scope = self._scope(policy, excluded=reason.effect is Effect.EXCLUDED)
        found = [*self._joined(scope.joined, account), *self._left(scope.left, account)]
        return max(found, key=lambda event: event.time, default=None)

    def _joined(self, containers: Iterable[str], account: Account) -> Iterator[AuditEvent]:
        """For each group or role that the account is in: the newest event that brought it there."""
        for container in containers:
            newest = self._newest_move(container, account)
            held = newest and (newest.kind == "role_added" or container in _groups(account))
            if newest and held and newest.kind.endswith("_added"):
                yield newest

    def _left(self, containers: Iterable[str], account: Account) -> Iterator[AuditEvent]:
        """For each group or role that the account isn't in any more: the newest event that took it out."""
        for container in containers:
            newest = self._newest_move(container, account)
            if newest and newest.kind.endswith("_removed") and container not in _groups(account):
                yield newest

    def _newest_move(self, container: str, account: Account) -> AuditEvent | None:
        """The newest event that brought the account, or a group that it is in, into or out of a group or role."""
        moves = self._moves[container]
        found = [moves[id] for id in moves.keys() & {account.id, *_groups(account)}]
        return max(found, key=lambda event: event.time, default=None)

    def _scope(self, policy: Policy, *, excluded: bool) -> "_Scope":
        key = (policy.id, excluded)
        if key not in self._scopes:
            # Only groups and roles with events are of interest: most have none.
            exclusions = (self._with_nested(policy.exclude_groups) | policy.exclude_roles) & self._moves.keys()
            inclusions = (self._with_nested(policy.include_groups) | policy.include_roles) & self._moves.keys()
            everybody = "all" in policy.include_users
            self._scopes[key] = (
                _Scope(frozenset(exclusions), frozenset())
                if excluded
                else _Scope(frozenset() if everybody else frozenset(inclusions), frozenset(exclusions))
            )
        return self._scopes[key]

    def _with_nested(self, groups: frozenset[str]) -> frozenset[str]:
        found, waiting = set(groups), list(groups)
        while waiting:
            nested = self._tenant.nesting.get(waiting.pop(), frozenset()) - found
            found |= nested
            waiting += nested
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Scope:
    """The groups and roles through which an account comes under a policy: by joining them, and by leaving them."""

    joined: frozenset[str]
    left: frozenset[str]


def _groups(account: Account) -> frozenset[str]:
    return account.groups if isinstance(account.groups, frozenset) else frozenset()


def _told(events: list[AuditEvent], account: Account) -> str:
    """``2026-11-03 14:12 UTC, when the policy "X" was switched on, by ada@contoso.com``, and what came before it."""
    first, *earlier = events
    text = f"{_moment(first.time)}, when {_happened(first, account)}{_by(first)}"
    for event in earlier:
        text += f"; before that, on {_moment(event.time)}, {_happened(event, account)}{_by(event)}"
    return text


def _happened(event: AuditEvent, account: Account) -> str:
    who = "the account" if event.target_id == account.id else f'the group "{event.target_name or event.target_id}"'
    container = event.container_name or event.container_id
    match event.kind:
        case "policy_added":
            return f'the policy "{event.target_name}" was created'
        case "policy_updated":
            return f'the policy "{event.target_name}" was {_changed(event)}'
        case "security_defaults":
            return f"Security Defaults were {'switched on' if event.detail == 'on' else 'changed'}"
        case "mfa_enabled":
            return "per-user MFA was switched on for the account"
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


def _changed(event: AuditEvent) -> str:
    if event.before is None or event.after is None or event.before.state == event.after.state:
        return "changed"
    before, after = (_STATES.get(one.state, one.state) for one in (event.before, event.after))
    return f"switched from {before} to {after}"


def _by(event: AuditEvent) -> str:
    return f", by {event.actor}" if event.actor else ""


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
