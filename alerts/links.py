"""Addresses that alerts link to."""

import re
from urllib.parse import urlsplit

ENTRA_HOSTS = {
    "global": "https://entra.microsoft.com",
    "usgov": "https://entra.microsoft.us",
    "usgovdod": "https://entra.microsoft.us",
    "china": "https://entra.microsoftonline.cn",
}
"""The Entra admin center of each cloud. Source: Microsoft Learn, "Microsoft Entra FAQ" (addresses to allow)."""

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"[!-~]{1,2000}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def entra_user_url(account_id: str, cloud: str = "global") -> str | None:
    """The page of a user in the Entra admin center of ``cloud`` (as in ``GRAPH_CLOUD``); None for what is no object id."""
    if not _ID.fullmatch(account_id):
        return None
    view = "#view/Microsoft_AAD_UsersAndTenants/UserProfileMenuBlade/~/overview/userId"
    return f"{ENTRA_HOSTS[cloud]}/{view}/{account_id}"


def entra_policy_url(policy_id: str | None, cloud: str = "global") -> str | None:
    """The page of a Conditional Access policy in the Entra admin center of ``cloud``; None for what is no object id."""
    return policy_page(ENTRA_HOSTS[cloud], policy_id)


def policy_page(admin_center: str, policy_id: str | None) -> str | None:
    """The same in an admin center of which the host is known."""
    if not policy_id or not _ID.fullmatch(policy_id):
        return None
    return f"{admin_center}/#view/Microsoft_AAD_ConditionalAccess/PolicyBlade/policyId/{policy_id}"


def accept_url(report_url: str | None, account_id: str) -> str | None:
    """Where a finding of an account is accepted: the account in the report, on whose page an Operator can; None without a report."""
    if not safe_url(report_url) or not _ID.fullmatch(account_id):
        return None
    return safe_url(f"{str(report_url).partition('#')[0]}#account={account_id}")


def safe_url(url: str | None) -> str | None:
    """``url`` if a button may lead there: https, or http on this machine; otherwise None."""
    if url is None or not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return url if secure and host and parts.username is None else None
