"""A policy that makes up for an exclusion: legacy clients of one account only from one place. As JSON of Microsoft Graph. Pure.

Source: Microsoft Graph reference, "Create conditionalAccessPolicy" and "Create namedLocation". The policy is made in report-only mode:
whoever imports it switches it on once its sign-ins look right.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

Json = dict[str, Any]
Network = IPv4Network | IPv6Network
_LONGEST_NAME = 256


def compensating_policy(account_id: str, account_name: str, location_id: str) -> Json:
    """The policy that blocks the legacy clients of an account from everywhere but the named location."""
    return {
        "displayName": _named(f"Legacy clients of {account_name} only from one place"),
        "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "users": {"includeUsers": [account_id]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["exchangeActiveSync", "other"],
            "locations": {"includeLocations": ["All"], "excludeLocations": [location_id]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }


def named_location(account_name: str, networks: Sequence[Network]) -> Json:
    """The named location that such a policy needs, for these addresses."""
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": _named(f"Where {account_name} signs in from"),
        "isTrusted": False,
        "ipRanges": [
            {"@odata.type": f"#microsoft.graph.iPv{one.version}CidrRange", "cidrAddress": str(one)} for one in networks
        ],
    }


def _named(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST_NAME]
