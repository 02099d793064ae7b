"""The policy that makes up for an exclusion, and the named location that it needs: every member."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from checks.compensating import compensating_policy, named_location
from checks.judge import judge
from tenant.model import Tenant
from tenant.policies import parse_policy
from tests.checks.kit import NOW, SERVICE, make_tenant


def test_the_policy_blocks_the_legacy_clients_of_one_account_from_everywhere_else_once_it_is_on() -> None:
    assert compensating_policy("svc", "svc-backup@contoso.com", "l1") == {
        "displayName": "Legacy clients of svc-backup@contoso.com only from one place",
        "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "users": {"includeUsers": ["svc"]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["exchangeActiveSync", "other"],
            "locations": {"includeLocations": ["All"], "excludeLocations": ["l1"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }


def test_the_location_has_the_addresses_and_is_not_trusted() -> None:
    networks = [ip_network("203.0.113.7/32"), ip_network("2001:db8::/64")]
    assert named_location("svc-backup@contoso.com", networks) == {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": "Where svc-backup@contoso.com signs in from",
        "isTrusted": False,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.7/32"},
            {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/64"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb\u202ec", "Where abc signs in from"), ("x" * 300, ("Where " + "x" * 300)[:256])],
)
def test_a_name_is_one_line_that_graph_takes(name: str, shown: str) -> None:
    assert named_location(name, [])["displayName"] == shown


def test_switched_on_it_lets_the_account_in_from_that_place_only_and_concerns_nobody_else() -> None:
    raw = {**compensating_policy("svc", "svc", "l1"), "id": "p", "state": "enabled"}
    tenant: Tenant = make_tenant(policies=(parse_policy(raw),), named_locations={"l1": "Head office"})
    concerned, other = judge(tenant, [SERVICE, replace(SERVICE, id="other")], now=NOW)
    assert [str(one.verdict.usability) for one in (concerned, other)] == ["conditional", "usable"]
    assert [str(one.verdict.visibility) for one in (concerned, other)] == ["not_offered", "not_offered"]
