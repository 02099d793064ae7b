"""Compares a verdict with what the sign-in log shows of legacy clients. Pure; a difference is told and changes no verdict.

The log is of the past and the verdict of today. A difference counts only where it is known that nothing has changed in between
that explains it, and a day more, because a change reaches sign-ins late. Memberships change without a trace in a policy: where
they play a part, only the audit log can tell. Security Defaults have no date at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from basics.times import day, moment
from checks.catalog import BLOCKED
from checks.client_sign_ins import SECURITY_DEFAULTS, ClientSignIns, clients_of, policies_of
from checks.model import CrossCheck, Effect, JudgedAccount, Reason, Usability
from checks.phrases import limited, quoted
from checks.policy import ENABLED
from checks.sign_in_codes import POLICY_CODES
from tenant.model import Policy, SignInOutcome, Tenant

_LATE = timedelta(days=1)
"""How long a change may take to reach sign-ins."""
_OF_ITS_OWN = "exchange activesync"
"""A legacy client of a type of its own: what the verdict says of an app password isn't about it."""


def with_log_check(judged: JudgedAccount, tenant: Tenant, now: datetime) -> JudgedAccount:
    """A judged account with what the sign-in log says of its verdict. Takes the reasons as they were explained."""
    return replace(judged, log_check=_compare(judged, tenant, now))


def _compare(judged: JudgedAccount, tenant: Tenant, now: datetime) -> CrossCheck | None:
    """None where the log says nothing of it."""
    clients = [one for one in clients_of(judged.account) if one.legacy and one.name.casefold() != _OF_ITS_OWN]
    usability = judged.verdict.usability
    if usability is Usability.USABLE:
        return _of_usable(judged, clients, tenant, now)
    return _of_blocked(judged, clients, tenant, now) if usability in BLOCKED else None


def _of_usable(
    judged: JudgedAccount, clients: Iterable[ClientSignIns], tenant: Tenant, now: datetime
) -> CrossCheck | None:
    """Nothing blocks a legacy client today; but its newest sign-ins were refused by a policy that nobody has changed since."""
    for client in clients:
        refused = [one for one in client.run if one.policies or one.code in POLICY_CODES]
        if not refused or _explained(refused, judged, tenant):
            continue
        last = max(one.last_seen for one in refused)
        names = [name for _, name in policies_of(refused)]
        policies = f"the {'policy' if len(names) == 1 else 'policies'} {limited(quoted(names), 5)}"
        text = (
            f"The sign-in log doesn't fit the verdict: {policies} refused sign-ins with {client.words}, last on "
            f"{moment(last)}, and by what was read nothing blocks a legacy client of the account. "
            "Take the verdict with care, and look at the sign-in in the Entra admin center."
        )
        return CrossCheck("disagrees", text, now.date())
    return None


def _explained(refused: Sequence[SignInOutcome], judged: JudgedAccount, tenant: Tenant) -> bool:
    """Whether each policy that the log names has changed since, or may have let the account out of its scope since."""
    last = max(one.last_seen for one in refused)
    excluded = {one.policy_id: one for one in judged.verdict.reasons if one.effect is Effect.EXCLUDED}
    known = {policy.id: policy for policy in tenant.known_policies}
    named = [id for id, _ in policies_of(refused)]
    return not named or all(_may_have_changed(known.get(id), excluded.get(id), judged.account.id, last) for id in named)


def _may_have_changed(policy: Policy | None, excluded: Reason | None, account: str, last: datetime) -> bool:
    if policy is None or policy.deleted or policy.state != ENABLED:
        return True  # Security Defaults as well
    changed = policy.modified or policy.created
    if changed is None or changed + _LATE > last:
        return True
    if excluded and excluded.since and not excluded.since_is_policy_date:
        return excluded.since + _LATE > last
    if excluded and account not in policy.exclude_users:
        return True
    return not {"all", account} & policy.include_users


def _of_blocked(
    judged: JudgedAccount, clients: Iterable[ClientSignIns], tenant: Tenant, now: datetime
) -> CrossCheck | None:
    """Legacy clients are kept out today; but one got in after that began. Or the newest were refused, by just that."""
    blocking = [one for one in judged.verdict.reasons if one.effect is Effect.BLOCKS_LEGACY and not one.circumstances]
    known = {policy.id: policy for policy in tenant.known_policies}
    dated = [(one, one.since) for one in blocking if one.since and _is_since(one, known, judged.account.id)]
    for client in clients:
        last = client.last_in
        against = [one for one, since in dated if last and last.last_seen > since + _LATE]
        if last and against:
            one = against[0]
            what = f'the policy "{one.policy_name}"' if one.policy_id else "Security Defaults"
            text = (
                f"The sign-in log doesn't fit the verdict: sign-ins with {client.words} got in, last on "
                f"{moment(last.last_seen)}, although by what was read {what} should block legacy authentication"
                f"{_since(one)}. Take the verdict with care, and look at the sign-in in the Entra admin center."
            )
            return CrossCheck("disagrees", text, now.date())
    ours = {SECURITY_DEFAULTS if one.policy_id is None else one.policy_id for one in blocking}
    for client in clients:
        if ours & {id for id, _ in policies_of(client.run)}:
            return CrossCheck(
                "agrees", f"Confirmed by the sign-in log: sign-ins with {client.words} are being refused.", now.date()
            )
    return None


def _is_since(reason: Reason, known: Mapping[str, Policy], account: str) -> bool:
    """Whether it is certain that the account has been blocked since the date of a reason."""
    if not reason.since_is_policy_date:
        return reason.cause is not None
    policy = known.get(reason.policy_id or "")
    if policy is None or policy.exclude_groups or policy.exclude_roles:
        return False
    return bool({"all", account} & policy.include_users)


def _since(reason: Reason) -> str:
    if reason.since is None:
        return ""
    when = day(reason.since)
    return f", and was last changed on {when}" if reason.since_is_policy_date else f" since {when}"
