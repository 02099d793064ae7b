"""What an error means, as JSON; with an account also how that account is seen, and whether that fits.

Takes the public object of an account (``reports.document``), kept or new.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from basics.times import iso
from checks.explain import Explanation, Match
from checks.known_errors import Cause, KnownError
from reports import times
from reports.document import SCHEMA, Json
from reports.text import readable
from reports.words import OPTION, PER_USER_MFA, option_of, say, verdict, works_words

LOOK_UP = "https://login.microsoftonline.com/error"
"""Microsoft's own page about its error numbers."""
NEXT = (
    f"A number of Microsoft's (AADSTS): {LOOK_UP} says what it means today.",
    "A refused sign-in: the Microsoft Entra admin center, Entra ID > Monitoring & health > Sign-in logs, names the reason, and "
    "the policy if it was one.",
    "A mail server's answer: copy all of it, codes and words; the words decide. The documented ones are in docs/errors.md.",
)
"""What to do about an error that isn't known."""
_MOST_EVIDENCE = 120
_BLOCKED = ("blocked_by_policy", "blocked_by_security_defaults")
_BLOCKING = ("blocks_legacy", "blocks_interactive")
_MFA_EFFECTS = ("demands_mfa", "evidence", "per_user_state")


def explanation_document(
    found: Explanation, account: Mapping[str, Any] | None = None, read_at: datetime | None = None, *, kept: bool = False
) -> Json:
    """The document of ``cli.py explain``. ``account``: its object of a scan document, read at ``read_at``."""
    return {
        "schema": SCHEMA,
        "matches": [_match(one, account) for one in found.matches],
        "unknown": list(found.unknown),
        "next": [] if found.matches and not found.unknown else list(NEXT),
        "account": None
        if account is None
        else {
            **{
                name: account[name] for name in ("id", "user_principal_name", "per_user_mfa", "visibility", "usability")
            },
            "read_at": iso(read_at) if read_at else None,
            "kept": kept,
            "seen": _seen(account),
        },
    }


def _match(match: Match, account: Mapping[str, Any] | None) -> Json:
    error = match.error
    return {
        "id": error.id,
        "title": error.title,
        "cause": error.cause.value,
        "certainty": match.certainty.value,
        "evidence": readable(match.evidence)[:_MOST_EVIDENCE],
        "times": match.times,
        "means": error.means,
        "account": [] if account is None else about_account(error, account),
        "do": list(error.do),
        "url": error.url,
        "source": error.source,
        "read": error.read.isoformat(),
    }


def _seen(account: Mapping[str, Any]) -> str:
    return (
        f"per-user MFA: {say(PER_USER_MFA, account['per_user_mfa'])}; "
        f"app password option: {verdict(OPTION, option_of(account)).label}; "
        f"app password works: {works_words(account).label}."
    )


def about_account(error: KnownError, account: Mapping[str, Any]) -> list[str]:
    """What the judgement of an account says about an error of its sign-in, in sentences; a contradiction is said."""
    cause = error.cause
    if cause is Cause.SECURITY_DEFAULTS:
        return _security_defaults(account)
    if cause in (Cause.POLICY, Cause.DEVICE):
        return _policies(account)
    if cause is Cause.MFA:
        return _mfa(account)
    if cause in (Cause.PASSWORD, Cause.LOCK):
        return _password(account)
    if cause is Cause.DISABLED:
        return _disabled(account)
    if cause is Cause.EXCHANGE:
        return [*_exported(account), *_beside_exchange(account)]
    if cause is Cause.RETIRED:
        return ["no app password of it works over this protocol, whatever its policies allow."]
    return ["what was judged of it has no part in this error."]


def _security_defaults(account: Mapping[str, Any]) -> list[str]:
    usability = account["usability"]
    if usability == "blocked_by_security_defaults":
        return [
            "the judgement agrees: Security Defaults block its legacy authentication.",
            *_reasons(account, ["blocks_legacy"]),
        ]
    if usability == "unknown":
        return ["whether Security Defaults are on could not be told for certain.", *_reasons(account, ["unreadable"])]
    if usability == "not_checked":
        return _disabled(account)
    return [
        "the judgement disagrees: it saw no Security Defaults in the way. Either they were switched since, or the sign-in "
        "was in another tenant. Read it anew with --now."
    ]


def _policies(account: Mapping[str, Any]) -> list[str]:
    usability, named = account["usability"], _reasons(account, _BLOCKING)
    if usability == "blocked_by_security_defaults":
        return ["Security Defaults are on and block its legacy authentication.", *named]
    if usability == "blocked_by_policy":
        return ["the judgement agrees: a policy blocks its legacy authentication.", *named]
    if usability == "conditional" or named:
        return ["the judgement knows what may be behind it:", *named]
    if usability == "unknown":
        return ["what blocks its legacy authentication could not all be read.", *_reasons(account, ["unreadable"])]
    if usability == "not_checked":
        return _disabled(account)
    if demands := _reasons(account, ["demands_mfa"]):
        return [
            "the judgement saw no policy that blocks legacy authentication, but what demands MFA of others:",
            *demands,
        ]
    return [
        "the judgement disagrees: it saw no policy in the way. Either one changed since (read it anew with --now), or it "
        "was a policy for other apps or other clients: the sign-in log names it.",
        *(f"it may be on by now: {text}" for text in _reasons(account, ["would_block_legacy"])),
    ]


def _mfa(account: Mapping[str, Any]) -> list[str]:
    named = _reasons(account, _MFA_EFFECTS)
    visibility = account["visibility"]
    if visibility in ("hidden", "conditional"):
        return ["the judgement agrees: MFA is demanded of it, so there is no app password to get round it.", *named]
    if account["per_user_mfa"] in ("enabled", "enforced"):
        return ["per-user MFA demands it.", *named]
    if visibility == "unknown":
        return ["what demands MFA of it could not all be read.", *_reasons(account, ["unreadable"])]
    if visibility == "not_applicable":
        return _disabled(account)
    return [
        "the judgement disagrees: it saw nothing that demands MFA of it for mail. Either something changed since (read it "
        "anew with --now), or it is a demand for another app: the sign-in log names it."
    ]


def _password(account: Mapping[str, Any]) -> list[str]:
    said = []
    if account["per_user_mfa"] == "enforced":
        said.append(
            "per-user MFA is Enforced, so a legacy client needs an app password: its own password counts as wrong."
        )
    elif account["per_user_mfa"] == "enabled":
        said.append(
            "per-user MFA is Enabled: its own password works with a legacy client until an MFA method is registered, and an "
            "app password from then on."
        )
    elif account["per_user_mfa"] == "disabled":
        said.append(
            "per-user MFA is Disabled, so its own password is what a legacy client needs; an app password isn't."
        )
    events = account.get("app_password_events") or ()
    if events and events[0]["kind"] == "deleted":
        when = times.moment(times.parse(events[0]["time"]))
        said.append(f"an app password of it was deleted on {when}: a product that still sends that one is refused.")
    if account["usability"] in _BLOCKED:
        said.append("the right password would not do either: legacy clients are kept out.")
        said += _reasons(account, ["blocks_legacy"])
    return said or ["its per-user MFA state could not be read."]


def _disabled(account: Mapping[str, Any]) -> list[str]:
    if account["visibility"] == "not_applicable":
        return _reasons(account, [reason["effect"] for reason in account["reasons"]])[:1] or [
            "no verdict applies to it."
        ]
    return ["the judgement disagrees: it was enabled then. Read it anew with --now."]


def _exported(account: Mapping[str, Any]) -> list[str]:
    """What somebody exported of Exchange Online says of the account; nothing where nobody did."""
    view = account.get("exchange")
    if not view:
        return []
    return [view["text"], *([f"what was exported changes with: {view['command']}"] if view["command"] else [])]


def _beside_exchange(account: Mapping[str, Any]) -> list[str]:
    if account["usability"] in _BLOCKED:
        return [
            "switching it on in Exchange Online isn't enough: legacy clients are kept out all the same.",
            *_reasons(account, ["blocks_legacy"]),
        ]
    if account["usability"] == "usable":
        return ["no policy that was judged stands in the way as well: Exchange Online alone refuses."]
    return ["policies may stand in the way as well.", *_reasons(account, [*_BLOCKING, "unreadable"])]


def _reasons(account: Mapping[str, Any], effects: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(reason["text"] for reason in account["reasons"] if reason["effect"] in effects))
