"""Findings about what is coming for accounts with per-user MFA: APW-016 (their only MFA methods end) and APW-017 (a recommendation
of Microsoft's would hide the option). Pure; what can't be told is undecided, and ends no finding.
"""

from datetime import date

from checks.catalog import METHODS_END, RECOMMENDED_AWAY, fingerprint
from checks.model import Finding, Severity, Visibility
from checks.retirements import Method, retired_methods
from checks.visibility import per_user_state
from tenant.methods import mfa_methods, unknown_methods
from tenant.model import Account, Tenant

_IN_USE = ("enabled", "enforced")


def findings_ahead(account: Account, visibility: Visibility, tenant: Tenant, today: date) -> tuple[Finding, ...]:
    """The findings of an account that is judged: none that isn't certain."""
    return tuple(finding for finding in (_methods_end(account, today), _advised_away(visibility, tenant)) if finding)


def undecided_ahead(account: Account, visibility: Visibility, tenant: Tenant) -> frozenset[str]:
    """The ids of these checks of which it isn't known whether the account fails them."""
    state = per_user_state(account)
    ending, advised = ending_methods(account), tenant.advised_to_switch_off
    found = set()
    if (ending is None and state in _IN_USE) or (ending != () and state is None):
        found.add(METHODS_END)
    if (advised is None and visibility is Visibility.VISIBLE) or (advised is not False and state is None):
        found.add(RECOMMENDED_AWAY)
    return frozenset(found)


def ending_methods(account: Account) -> tuple[Method, ...] | None:
    """The methods that end, where the account has registered no others for MFA; empty where it has, or has none at all.

    None where that can't be told: nothing was read, or a method is among them that nobody knows.
    """
    registration = account.registration
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    names = [name for one in read for name in one]
    ending = {name: one for name in mfa_methods(names) for one in retired_methods() if one.serves(name)}
    if len(ending) < len(set(mfa_methods(names))):
        return ()
    if not read or unknown_methods(names):
        return None
    return tuple(one for one in retired_methods() if one in ending.values())


def _methods_end(account: Account, today: date) -> Finding | None:
    if per_user_state(account) not in _IN_USE or not (ending := ending_methods(account)):
        return None
    first = min(ending, key=lambda method: method.on)
    severity = first.severity(today)
    names = " and ".join(method.name for method in ending)
    summary = f"The account's only MFA method is {names}. {first.text(today)}"
    return Finding(
        METHODS_END,
        f"The account's only MFA methods {'are being' if first.on > today else 'have been'} retired",
        severity,
        fingerprint(METHODS_END, severity, [method.name for method in ending]),
        summary,
    )


def _advised_away(visibility: Visibility, tenant: Tenant) -> Finding | None:
    if visibility is not Visibility.VISIBLE or tenant.advised_to_switch_off is not True:
        return None
    severity = Severity.MEDIUM
    return Finding(
        RECOMMENDED_AWAY,
        "A recommendation of Microsoft's would hide the option",
        severity,
        fingerprint(RECOMMENDED_AWAY, severity, []),
        "Microsoft recommends this tenant to switch off per-user MFA for everybody: whoever follows it takes the app-password "
        "option from this account, and perhaps its app passwords.",
    )
