"""Which inputs a scan had no reason to look at: that they aren't missing any more doesn't mean that they can be read again. Pure."""

from collections.abc import Callable

from checks.cross_check import worth_asking
from jobs.look import Seen
from settings import Settings
from tenant.model import Gap, Registration
from tenant.policy_reader import need_locations, need_strengths
from tenant.reader import groups_named_by

_BY_CONSENTS = frozenset({"consents", "applications", "assigned_accounts"})


def not_looked_at(seen: Seen, settings: Settings) -> Callable[[str], bool]:
    """For a key: whether it is about an input that this scan of everything didn't need, because of what it saw and of the settings."""
    keys = {f"input {name}" for name in _not_needed(seen, settings)}
    return lambda key: key in keys


def _not_needed(seen: Seen, settings: Settings) -> set[str]:
    tenant, discovery = seen.reading.tenant, settings.service_account_discovery
    policies = tenant.known_policies
    registered = [one for one in seen.reading.accounts if one.registration != Registration()]
    enforced = [one for one in registered if str(one.per_user_mfa).lower() == "enforced"]
    looks = {
        "mfa_methods": bool(enforced),
        "mfa_registration": len(registered) > len(enforced),
        "groups": bool(groups_named_by(tenant.policies)),
        "authentication_strengths": need_strengths(policies),
        "named_locations": need_locations(policies),
        "subscribed_skus": isinstance(tenant.policies, Gap) or not policies,
        "role_definitions": bool(tenant.role_assignments or tenant.role_eligibilities),
        "audit_log": settings.audit_log == "on",
        "sign_ins": "signins" in discovery,
        "candidates": bool(discovery),
        "mailbox_purpose": bool(discovery),
        "what_if": bool(settings.what_if_budget)
        and tenant.security_defaults is not True
        and any(map(worth_asking, seen.judged)),
        **dict.fromkeys(_BY_CONSENTS, "consents" in discovery),
    }
    return {name for name, looked in looks.items() if not looked}
