"""What the public names mean in words: verdicts, effects, severities, changes. The same words everywhere in a report.

A name that isn't known here (from a newer scan) is shown as it is, with spaces for underscores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.reasons import opening
from reports import times
from reports.standing import Groups


@dataclass(frozen=True, slots=True)
class Words:
    """A public name in words: ``label`` for a cell, ``meaning`` as a sentence."""

    label: str
    meaning: str


VISIBILITY = {
    "hidden": Words("Hidden", "MFA is required of the account, so Microsoft doesn't offer it app passwords."),
    "stuck": Words(
        "Missing: stuck at Enabled",
        "Per-user MFA is Enabled and a method is registered, but app passwords are offered only at Enforced.",
    ),
    "unknown": Words("Cannot tell", "Something that decides could not be read."),
    "predicted": Words("About to be hidden", "A policy that isn't in force yet would hide the option."),
    "conditional": Words(
        "Hidden in some circumstances", "MFA is required only now and then, or may be; then it hides the option."
    ),
    "pending": Words("After MFA registration", "The option appears when somebody registers an MFA method."),
    "not_offered": Words("Not offered, no MFA required", "Nothing requires MFA of the account for mail."),
    "visible": Words("Offered", "Per-user MFA is Enforced, so the Security info page offers app passwords."),
    "not_applicable": Words("Does not apply", "The account is disabled, a guest or a synchronization account."),
}
"""Whether "App password" is offered on the account's Security info page; worst first."""

SWITCHED_OFF = "switched_off"
"""What stands in a report for the verdicts that :func:`option_of` replaces."""
_HAVING = frozenset({"visible", "stuck", "pending"})
OPTION = {
    SWITCHED_OFF: Words(
        "Off for the whole tenant", "The tenant's switch for app passwords is off, so nobody is offered the option."
    ),
    **VISIBILITY,
}
"""The same as it is shown: an option that the tenant has switched off for everybody is never called offered."""

USABILITY = {
    "blocked_by_security_defaults": Words(
        "Blocked by Security Defaults",
        "Security Defaults block legacy authentication, with or without an app password.",
    ),
    "blocked_by_policy": Words(
        "Blocked by a policy",
        "A Conditional Access policy blocks legacy authentication, with or without an app password.",
    ),
    "unknown": Words("Cannot tell", "Something that decides could not be read."),
    "conditional": Words(
        "Blocked in some circumstances", "A policy blocks legacy authentication in some circumstances, or may do so."
    ),
    "usable": Words("Not blocked by a policy", "No policy that was read blocks legacy authentication of the account."),
    "not_checked": Words("Not checked", "No app password comes into question for the account."),
}
"""Whether policies let a legacy client with an app password in; worst first. It says nothing of the service or the sign-in log."""

WORKS = {
    "blocked_by_security_defaults": USABILITY["blocked_by_security_defaults"],
    "blocked_by_policy": USABILITY["blocked_by_policy"],
    "refused": Words("Refused at sign-in", "The newest sign-ins were refused although the password was right."),
    "switched_off": Words(
        "Off in Exchange Online", "Exchange Online refuses passwords over SMTP AUTH for the account."
    ),
    "ended": Words("Ended by Microsoft", "Exchange Online no longer accepts passwords over the protocol."),
    "doubtful": Words("Doubtful", "A client got in; but another was refused, or Microsoft has ended the protocol."),
    "unknown": USABILITY["unknown"],
    "conditional": USABILITY["conditional"],
    "not_blocked": Words(
        "Not blocked", "Nothing that was looked at blocks it, and no sign-in with a password was seen to get in."
    ),
    "works": Words("Works", "Nothing that was looked at blocks it, and a sign-in with a password got in lately."),
    "not_checked": USABILITY["not_checked"],
}
"""Whether an app password would be let in, by policies, service and sign-in log together; worst first."""
_BY_POLICIES_ALONE = {"usable": "not_blocked"}

URGENCY = {
    "now": Words("Broken now", "The option is missing, or an app password or a sign-in is refused."),
    "unknown": Words("Cannot tell", "What decides could not be read: it may be broken."),
    "later": Words("Will break", "It works today, and ends on a day that is known, or when a policy is switched on."),
    "tidy": Words("To tidy up", "It works today, nothing is known to end it, and it should be put in order."),
}
"""When something breaks; the most urgent first."""
PLACES = {**{name: words.label for name, words in URGENCY.items()}, "accepted": "Accepted", "none": "No finding"}
"""Where an account stands: one of these, or every finding is accepted, or there is none."""

EFFECT = {
    "per_user_state": "Per-user MFA",
    "demands_mfa": "Requires MFA",
    "blocks_legacy": "Blocks legacy authentication",
    "blocks_interactive": "Blocks interactive sign-in",
    "would_demand_mfa": "Would require MFA",
    "would_block_legacy": "Would block legacy authentication",
    "excluded": "Doesn't apply",
    "evidence": "Seen in the sign-in log",
    "tenant_switch_off": "App passwords switched off",
    "contradictory_state": "Contradiction",
    "unreadable": "Could not be read",
}
"""What a reason does to the account."""

PERHAPS = {
    "demands_mfa": "May require MFA",
    "blocks_legacy": "May block legacy authentication",
    "would_demand_mfa": "Might require MFA",
    "would_block_legacy": "Might block legacy authentication",
}
"""The same where something decides that this version doesn't know."""

SEVERITY = {"high": "High", "medium": "Medium", "low": "Low"}
"""Severities, worst first."""

ENDING = {"let_in": "Got in", "refused": "Refused", "neither": "Not let in"}
"""How sign-ins ended; what isn't let in may be a wrong password, or a step on the way in."""

PER_USER_MFA = {"disabled": "Disabled", "enabled": "Enabled", "enforced": "Enforced", "unknown": "Could not be read"}

CHANGE = {
    "opened": "New",
    "reopened": "Back again",
    "changed": "Changed",
    "resolved": "Resolved",
    "exception_expired": "Exception ended",
}
"""What happened to a finding, worst first."""

INPUT = {
    "organization": "The organization",
    "security_defaults": "Security Defaults",
    "conditional_access_policies": "Conditional Access policies",
    "conditional_access_preview_policies": "Conditional Access policies that use preview features",
    "policy_plans": "Conditional Access policy plans",
    "authentication_strengths": "Authentication strengths",
    "named_locations": "Named locations",
    "role_assignments": "Directory role assignments",
    "role_eligibilities": "Eligible directory roles",
    "role_definitions": "Directory role definitions",
    "account_properties": "Properties of an account",
    "per_user_mfa": "Per-user MFA state",
    "group_memberships": "Group memberships of an account",
    "mfa_registration": "MFA registration",
    "mfa_methods": "MFA methods of accounts that are Enforced",
    "recommendations": "Microsoft's recommendations to the tenant",
    "groups": "A group that a policy names",
    "subscribed_skus": "Subscribed licences",
    "mfa_service": "Service settings of per-user MFA",
    "selection": "The selection of service accounts",
    "sign_ins": "The sign-in log",
    "audit_log": "The audit log",
    "what_if": "Microsoft's What If",
    "applications": "Applications that aren't Microsoft's",
    "consents": "Consents to applications",
    "assigned_accounts": "Accounts assigned to applications",
    "app_role_assignments": "Assignments to applications",
    "mailbox_purpose": "What mailboxes are for",
    "candidates": "Accounts that may be service accounts",
}
"""What each input of a scan is called."""


def say(words: dict[str, str], name: str) -> str:
    """The word for a public name; the name itself with spaces where it isn't known.

    What comes after a space (``account svc_mfp@contoso.com``) is a name of the tenant's, and stays as it is written.
    """
    known, space, rest = name.partition(" ")
    return words.get(name) or known.replace("_", " ").capitalize() + space + rest


def effect(reason: Mapping[str, Any]) -> str:
    """What a reason does to the account, in words; only perhaps, where nobody knows what decides."""
    name = reason["effect"]
    return say(EFFECT if reason.get("understood", True) else {**EFFECT, **PERHAPS}, name)


def gap_sentence(gap: Mapping[str, Any], accounts: Mapping[str, str]) -> str:
    """What could not be read, of whom, why, and what opens it; ``accounts`` are user principal names by id."""
    of = gap.get("account")
    whose = f" of {accounts.get(of, of)}" if of and str(of) not in gap["input"] else ""
    return f"{say(INPUT, gap['input'])}{whose}: {why_unread(gap)}"


def why_unread(gap: Mapping[str, Any]) -> str:
    """Why it could not be read, and what opens it."""
    opens = f" {opening(gap['permission'], gap.get('for_a_person', ''))}" if gap["permission"] else ""
    return f"{gap['error'].rstrip('.')}.{opens}"


def verdict(words: dict[str, Words], name: str) -> Words:
    """The words for a verdict; the name itself where it isn't known."""
    return words.get(name) or Words(name.replace("_", " ").capitalize(), "This report doesn't know this verdict yet.")


def option_of(account: Mapping[str, Any]) -> str:
    """What is shown of the option: the ``visibility`` of an account, or :data:`SWITCHED_OFF` for one that has it, or would have
    it, but for the tenant's switch. Takes an account of a scan, or one side of a simulated change.
    """
    visibility = str(account["visibility"])
    off = account.get("switched_off") or any(
        reason["effect"] == "tenant_switch_off" for reason in account.get("reasons", ())
    )
    return SWITCHED_OFF if off and visibility in _HAVING else visibility


def works_of(account: Mapping[str, Any]) -> str:
    """The name in :data:`WORKS` of what is shown of an account; of one that an older version wrote down, what policies say."""
    found = account.get("app_password_works")
    usability = str(account["usability"])
    return str(found["answer"]) if found else _BY_POLICIES_ALONE.get(usability, usability)


def works_words(account: Mapping[str, Any]) -> Words:
    """Whether an app password would be let in, in words: until when, where an end is known, and what was looked at."""
    words, found = verdict(WORKS, works_of(account)), account.get("app_password_works")
    if not found:
        return words
    until = f" until {times.day(times.parse(found['until']))}" if found["until"] else ""
    return Words(f"{words.label}{until}", found["text"])


def groups_in_words(of: Groups) -> str:
    """``Broken now: 9 accounts. Will break: 6, the next on 31 Dec 2026. ...``; empty where nothing is open."""
    said: list[str] = []
    for name, words in URGENCY.items():
        if number := of.of(name):
            counted = f"{number:,}" if said else count(number, "account", "accounts")
            next_one = f", the next on {times.day(of.next)}" if name == "later" and of.next else ""
            said.append(f"{words.label}: {counted}{next_one}")
    return "; ".join(said)


def shift_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Both answers for an account, before and after something changes; an answer that stays is said once."""
    said = []
    for title, words, answer in (
        ("app password option", OPTION, option_of),
        ("legacy authentication", USABILITY, lambda one: str(one["usability"])),
    ):
        was, will_be = (verdict(words, answer(one)).label for one in (before, after))
        said.append(f"{title}: {was}" if was == will_be else f"{title}: {was} -> {will_be}")
    return "; ".join(said)


def count(number: int, one: str, many: str) -> str:
    """``1 account``, ``1,204 accounts``."""
    return f"{number:,} {one if number == 1 else many}"
