"""The Exchange side of an account: what the mailbox, the tenant and an authentication policy say about SMTP AUTH. Pure.

Microsoft Graph doesn't show it; somebody exported it (``evidence/exchange.py``). It changes no verdict: it stands beside it, with its
age. Source: Microsoft's documentation of authenticated client SMTP submission and of authentication policies in Exchange Online.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from basics.times import day
from checks.advice import facts
from checks.model import ExchangeView, SmtpAuth
from tenant.model import Account

Value_co = TypeVar("Value_co", covariant=True)
STALE_AFTER = timedelta(days=30)
_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
"""All of them end a text in single quotes in PowerShell."""


@dataclass(frozen=True, slots=True)
class Export(Generic[Value_co]):
    """What one export said, and when it was taken."""

    taken: datetime
    values: Mapping[str, Value_co] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExchangeSide:
    """Everything that was exported; None for what never was. Keys in lower case."""

    mailboxes: Export[bool | None] | None = None
    """Object id, user principal name or primary address -> ``SmtpClientAuthenticationDisabled`` of the mailbox; None: as the tenant."""
    tenant: Export[bool | None] | None = None
    """``""`` -> the same of the whole tenant."""
    policies: Export[bool | None] | None = None
    """Name of an authentication policy -> ``AllowBasicAuthSmtp``."""
    users: Export[str] | None = None
    """Object id or user principal name -> the name of the account's authentication policy; empty for none of its own."""
    default_policy: Export[str] | None = None
    """``""`` -> the name of the authentication policy for everybody else; empty for none."""


NOTHING = ExchangeSide()
"""Nobody exported anything."""


def exchange_view(account: Account, side: ExchangeSide, now: datetime) -> ExchangeView | None:
    """What the Exchange side says about SMTP AUTH of an account; None where nobody exported anything about it."""
    found = _switch(account, side)
    barred = _barred(account, side)
    if found is None and barred is None:
        return None
    state, text, command, taken = found or (SmtpAuth.UNKNOWN, "", None, ())
    if barred:
        says, also_taken = barred
        text, taken = f"{text} {says}".strip(), (*taken, *also_taken)
        state, command = SmtpAuth.OFF, command if state is SmtpAuth.OFF else _allowing(account)
    oldest = min(taken)
    stale = now - oldest > STALE_AFTER
    aged = f"Exported on {day(oldest)}"
    if stale:
        aged += f", {(now - oldest).days} days ago: it may have changed since. Export it again"
    return ExchangeView(state, f"{text} {aged}.", command, oldest, stale, facts()["smtp_switch"].url)


def _switch(account: Account, side: ExchangeSide) -> tuple[SmtpAuth, str, str | None, tuple[datetime, ...]] | None:
    """What the switches of mailbox and tenant say: the mailbox's own counts, and where it has none the tenant's."""
    on_here = f"Set-CASMailbox -Identity {quoted_for_powershell(account.user_principal_name)} -SmtpClientAuthenticationDisabled $false"
    tenant = side.tenant.values.get("") if side.tenant else None
    if side.mailboxes is None:
        return (
            None
            if side.tenant is None
            else _as_the_tenant(tenant, on_here, (side.tenant.taken,), "a mailbox can have a setting of its own")
        )
    taken = (side.mailboxes.taken,)
    key = next((key for key in _keys(account) if key in side.mailboxes.values), None)
    if key is None:
        return SmtpAuth.UNKNOWN, "The export of the mailboxes has none of this account.", None, taken
    own = side.mailboxes.values[key]
    if own is True:
        return SmtpAuth.OFF, "SMTP AUTH is switched off for this mailbox, for passwords and for OAuth.", on_here, taken
    if own is False:
        return SmtpAuth.ON, "SMTP AUTH is switched on for this mailbox.", None, taken
    if side.tenant is None:
        text = (
            "This mailbox has no SMTP AUTH setting of its own, and nobody exported the tenant's (Get-TransportConfig)."
        )
        return SmtpAuth.UNKNOWN, text, None, taken
    return _as_the_tenant(tenant, on_here, (*taken, side.tenant.taken), "this mailbox has no setting of its own")


def _as_the_tenant(
    off: bool | None, on_here: str, taken: tuple[datetime, ...], but: str
) -> tuple[SmtpAuth, str, str | None, tuple[datetime, ...]]:
    sure = but.startswith("this")
    if off is None:
        return SmtpAuth.UNKNOWN, "Whether SMTP AUTH is switched off for the tenant isn't in the export.", None, taken
    if off:
        state = SmtpAuth.OFF if sure else SmtpAuth.UNKNOWN
        return (
            state,
            f"SMTP AUTH is switched off for the whole tenant, for passwords and for OAuth; {but}.",
            on_here,
            taken,
        )
    return (SmtpAuth.ON if sure else SmtpAuth.UNKNOWN), f"SMTP AUTH is switched on for the tenant; {but}.", None, taken


def _barred(account: Account, side: ExchangeSide) -> tuple[str, tuple[datetime, ...]] | None:
    """The authentication policy that refuses passwords over SMTP; None where none is known to."""
    if side.policies is None:
        return None
    for name, whose, taken in _policies_of(account, side):
        if side.policies.values.get(name.casefold()) is False:
            text = f'The authentication policy "{name}" ({whose}) refuses passwords over SMTP, app passwords included.'
            return text, (side.policies.taken, taken)
        return None
    return None


def _policies_of(account: Account, side: ExchangeSide) -> Iterator[tuple[str, str, datetime]]:
    """The policy that counts for the account: its own, or else the default one."""
    if side.users is not None:
        own = next((side.users.values[key] for key in _keys(account) if key in side.users.values), None)
        if own:
            yield own, "the account's own", side.users.taken
        elif own is not None and side.default_policy is not None and (default := side.default_policy.values.get("")):
            yield default, "the tenant's default", side.default_policy.taken


def _allowing(account: Account) -> str:
    return f"Set-User -Identity {quoted_for_powershell(account.user_principal_name)} -AuthenticationPolicy <a policy with AllowBasicAuthSmtp>"


def _keys(account: Account) -> tuple[str, str]:
    return account.id.lower(), account.user_principal_name.lower()


def quoted_for_powershell(name: str) -> str:
    """A name of the tenant's as one argument of a PowerShell command: nothing in it ends the text or begins anything."""
    plain = "".join(character for character in name if character.isprintable())
    return "'" + "".join(2 * character if character in _SINGLE_QUOTES else character for character in plain) + "'"
