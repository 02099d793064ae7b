"""Compares a verdict with what the sign-in log shows of legacy clients. Pure; a difference is told and changes no verdict.

The log is of the past and the verdict of today: a difference counts only where nothing that was read has changed in between
that would explain it, and a day more, because a change reaches sign-ins late.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from checks.catalog import BLOCKED
from checks.client_sign_ins import SECURITY_DEFAULTS, ClientSignIns, clients_of, policies_of
from checks.model import CrossCheck, Effect, JudgedAccount, Reason, Usability
from checks.phrases import joined, limited, moment, quoted
from checks.sign_in_codes import POLICY_CODES
from tenant.model import SignInOutcome, Tenant

_LATE = timedelta(days=1)
"""How long a change may take to reach sign-ins."""
_ENABLED = "enabled"
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
    return _of_blocked(judged, clients, now) if usability in BLOCKED else None


def _of_usable(
    judged: JudgedAccount, clients: Iterable[ClientSignIns], tenant: Tenant, now: datetime
) -> CrossCheck | None:
    """Nothing blocks a legacy client today; but its newest sign-ins were refused by a policy that nobody has changed since."""
    for client in clients:
        refused = [one for one in client.run if one.policies or one.code in POLICY_CODES]
        if not refused or _explained(refused, judged.verdict.reasons, tenant):
            continue
        last = max(one.last_seen for one in refused)
        names = [name for id, name in policies_of(refused) if id != SECURITY_DEFAULTS]
        by = [f"the {'policy' if len(names) == 1 else 'policies'} {limited(quoted(names), 5)}"] if names else []
        by += ["Security Defaults"] if len(names) < len(policies_of(refused)) else []
        text = (
            f"The sign-in log doesn't fit the verdict: {joined(by) or 'a policy that it does not name'} refused sign-ins "
            f"with {client.words}, last on {moment(last)}, and by what was read nothing blocks a legacy client of the account. "
            "If nobody has excluded the account or switched something off since, take the verdict with care, and look at "
            "the sign-in in the Entra admin center."
        )
        return CrossCheck("disagrees", text, now.date())
    return None


def _explained(refused: Sequence[SignInOutcome], reasons: Iterable[Reason], tenant: Tenant) -> bool:
    """Whether every policy that the log names was changed since, or no longer applies to the account."""
    named = policies_of(refused)
    last = max(one.last_seen for one in refused)
    excluded = {one.policy_id: one.since for one in reasons if one.effect is Effect.EXCLUDED}
    known = {policy.id: policy for policy in tenant.known_policies}
    if not named or any(id == SECURITY_DEFAULTS for id, _ in named):
        return False
    for id, _ in named:
        policy = known.get(id)
        if policy is None or policy.deleted or policy.state != _ENABLED:
            continue
        changed = [time for time in (policy.modified or policy.created, excluded.get(id)) if time]
        if not any(time + _LATE > last for time in changed):
            return False
    return True


def _of_blocked(judged: JudgedAccount, clients: Iterable[ClientSignIns], now: datetime) -> CrossCheck | None:
    """Legacy clients are kept out today; but one got in after that began. Or the newest were refused, by just that."""
    blocking = [one for one in judged.verdict.reasons if one.effect is Effect.BLOCKS_LEGACY and not one.circumstances]
    for client in clients:
        last = client.last_in
        against = [one for one in blocking if last and one.since and last.last_seen > one.since + _LATE]
        if last and against:
            one = against[0]
            what = f'the policy "{one.policy_name}"' if one.policy_id else "Security Defaults"
            text = (
                f"The sign-in log doesn't fit the verdict: sign-ins with {client.words} got in, last on "
                f"{moment(last.last_seen)}, although by what was read {what} should keep legacy clients out"
                f"{_since(one)}. If the account didn't come into its scope only after that, take the verdict with care, "
                "and look at the sign-in in the Entra admin center."
            )
            return CrossCheck("disagrees", text, now.date())
    ours = {SECURITY_DEFAULTS if one.policy_id is None else one.policy_id for one in blocking}
    for client in clients:
        if ours & {id for id, _ in policies_of(client.run)}:
            return CrossCheck(
                "agrees", f"Confirmed by the sign-in log: sign-ins with {client.words} are being refused.", now.date()
            )
    return None


def _since(reason: Reason) -> str:
    if reason.since is None:
        return ""
    when = f"{reason.since.day} {reason.since:%b %Y}"
    return f", and was last changed on {when}" if reason.since_is_policy_date else f" since {when}"
