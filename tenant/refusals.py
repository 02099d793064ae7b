"""Why nobody could sign in, in one sentence that says what to do. Pure.

Source of the numbers: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
"""

import re

_CONSENT = frozenset({65001, 65004, 90094, 90093, 90008, 65005, 90095})
_SCOPE = frozenset({70011, 650053, 28000, 650057})
_POLICY = frozenset(
    {53000, 53001, 53002, 53003, 53004, 53009, 53010, 53011, 530002, 530003, 530032, 530034, 530084, 50097, 50131}
)
_DEFAULTS = frozenset({530035})
_FLOW = frozenset({530036})
_EXPIRED = frozenset({70016, 70019, 70020})
_NO_CLIENT = frozenset({700016, 7000218, 650051, 650056, 65002, 50011, 900561})
_NO_TENANT = frozenset({90002, 90013, 900021, 900023, 50059})
_NOT_HERE = frozenset({50020, 50034, 50128, 51004, 50177})
_NO_RESOURCE = frozenset({500011, 500014})
_MFA = frozenset({50072, 50074, 50076, 50079, 50158, 500121})
_AGAIN = frozenset({700082, 50173, 70043, 70044, 50132, 50133, 70008, 50078, 700084})
_DISABLED = frozenset({50053, 50055, 50057, 50105})


def refusal_sentence(
    said: str, *, device_code: bool, host: str, tenant: str | None, client_id: str, again: bool = False
) -> str:
    """What to tell a person about a sign-in that failed.

    Takes OAuth's word and the description as they came, how the person signed in, at which host, to which tenant and with which client.
    ``again``: somebody was signed in, and would have to sign in once more.
    """
    number = _number(said)
    code = f" (AADSTS{number})" if number else ""
    where = f"the tenant {tenant}" if tenant else "the tenant"
    words = said.lower()
    if number in _FLOW:
        return f"{where.capitalize()} has blocked the device code flow, so what was signed in with it ends{code}: use --sign-in browser."
    if number in _POLICY | _DEFAULTS:
        return _blocked(code, number, device_code=device_code)
    if number in _CONSENT or "consent" in words:
        return (
            f"Nobody has consented that the client {client_id} reads {where}, or the consent was declined{code}: "
            "an administrator (Cloud Application Administrator or above) consents at the address above, once; then sign in again."
        )
    if number in _SCOPE:
        return f"Entra ID doesn't know what was asked for{code}: a delegated permission doesn't exist in this cloud. Check GRAPH_CLOUD."
    if number in _EXPIRED or "expired_token" in words or "authorization_pending" in words or "timed out" in words:
        return _too_late(device_code=device_code)
    if "declined" in words or "access_denied" in words:
        return f"The sign-in was declined in the browser{code}: start again, and accept there what is asked for."
    if number in _NO_CLIENT:
        return (
            f"The client {client_id} can't be used in {where}{code}: register a public client there (redirect URI "
            "http://localhost, public client flows allowed) and name it with --client-id."
        )
    if number in _NO_TENANT or "unable to get authority configuration" in words:
        return f"There is no tenant {tenant or ''} at {host}{code}: check --tenant, and GRAPH_CLOUD for its cloud."
    if number in _NOT_HERE:
        return f"That person isn't known in {where}{code}: sign in with an account of the tenant, or name another one with --tenant."
    if number in _NO_RESOURCE:
        return f"{where.capitalize()} doesn't know this Microsoft Graph{code}: check GRAPH_CLOUD."
    if number in _MFA:
        return f"Multifactor authentication wasn't done{code}: sign in again."
    if number in _DISABLED:
        return f"That person may not sign in{code}: the account is disabled, locked, not assigned to the client, or its password has expired."
    if "open a browser" in words:
        return "No browser could be opened here: use --sign-in device-code."
    if "http server on localhost" in words:
        return "No port is free on localhost for the answer of the browser: use --sign-in device-code."
    if number in _AGAIN or again:
        return f"The sign-in is over{code}: start again, and sign in anew."
    return f"Signing in at {host} failed: {_short(said)}"


def _blocked(code: str, number: int, *, device_code: bool) -> str:
    by = "Security Defaults block" if number in _DEFAULTS else "Conditional Access blocks"
    if device_code:
        return f"{by} this sign-in{code}, and many tenants block the device code flow as such: use --sign-in browser on a machine that has one."
    return (
        f"{by} this sign-in{code}: its details in the sign-in log name the policy; sign in from a device and a place that it "
        "allows, or as somebody whom it doesn't reach."
    )


def _too_late(*, device_code: bool) -> str:
    if device_code:
        return (
            "The code has expired before anybody finished signing in with it: start again; if the browser said that access is "
            "blocked, the tenant blocks the device code flow, and --sign-in browser may work."
        )
    return (
        "Nobody finished signing in in the browser in time: start again; if the page said that access is blocked, Conditional "
        "Access blocks this sign-in, and the sign-in log names the policy."
    )


def _number(said: str) -> int:
    found = re.search(r"AADSTS(\d+)", said)
    return int(found[1]) if found else 0


def _short(said: str) -> str:
    """What was said, as the end of a sentence."""
    text = said.removeprefix("invalid_request").removeprefix("invalid_grant").strip().rstrip(".")
    return f"{text[:300]}."
