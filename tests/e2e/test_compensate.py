"""A policy for an excluded account: legacy clients only from one place, ready for simulate and for import."""

import json
from pathlib import Path
from typing import Any

import pytest

from checks.compensating import named_location
from localgraph.server import LocalGraph
from tests.e2e.conftest import VISIBLE, Installation, small_tenant

OFFICE, CLOUD = "Office", "Cloud"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small tenant with two named locations, without storage."""
    tenant = small_tenant().location(OFFICE).location(CLOUD).build()
    with LocalGraph(tenant).in_thread() as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("SERVICE_ACCOUNTS", VISIBLE)
        yield Installation(graph, None, "")  # type: ignore[arg-type]


def test_the_policy_blocks_legacy_clients_of_this_account_everywhere_else(place: Installation, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    answer = place.run("compensate", VISIBLE, "--location", OFFICE.lower(), "--output", str(file))
    assert answer.code == 0, answer.err
    made = json.loads(file.read_text(encoding="utf-8"))
    user = next(id for id, one in place.graph.tenant.users.items() if one.upn == VISIBLE)
    (office,) = (one["id"] for one in place.graph.tenant.named_locations if one["displayName"] == OFFICE)
    assert made["conditions"]["users"] == {"includeUsers": [user]}
    assert made["conditions"]["clientAppTypes"] == ["exchangeActiveSync", "other"]
    assert made["conditions"]["locations"] == {"includeLocations": ["All"], "excludeLocations": [office]}
    assert made["state"] == "enabledForReportingButNotEnforced"
    simulated = place.run("simulate", "--policy-file", str(file), "--format", "json")
    assert simulated.code == 0, simulated.err
    (change,) = json.loads(simulated.out)["simulations"][0]["accounts"]
    assert (change["user_principal_name"], change["after"]["usability"]) == (VISIBLE, "conditional")
    assert change["after"]["visibility"] == "visible"


def test_the_named_location_for_an_address_comes_first(place: Installation) -> None:
    answer = place.run("compensate", VISIBLE, "--address", "203.0.113.7", "--address", "2001:db8::/48")
    assert answer.code == 0, answer.err
    made = json.loads(answer.out)
    assert made["@odata.type"] == "#microsoft.graph.ipNamedLocation"
    assert made["isTrusted"] is False
    assert [(one["@odata.type"], one["cidrAddress"]) for one in made["ipRanges"]] == [
        ("#microsoft.graph.iPv4CidrRange", "203.0.113.7/32"),
        ("#microsoft.graph.iPv6CidrRange", "2001:db8::/48"),
    ]
    assert "--location" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((VISIBLE, "--location", "Nowhere"), "There is no named location Nowhere"),
        (("nobody@contoso.com", "--location", OFFICE), "There is no account nobody@contoso.com"),
    ],
)
def test_what_the_tenant_does_not_have_is_told_in_a_sentence(
    place: Installation, arguments: tuple[str, ...], says: str
) -> None:
    answer = place.run("compensate", *arguments)
    assert (answer.code, says in answer.err) == (2, True)


def test_an_account_of_which_something_is_not_found_is_not_said_to_be_none(place: Installation) -> None:
    place.graph.fail("/users/", 404, code="UnknownError")
    answer = place.run("compensate", VISIBLE, "--location", OFFICE)
    assert (answer.code, "There is no account" in answer.err) == (2, False)
    assert "UnknownError" in answer.err


@pytest.mark.parametrize("arguments", [(), ("--address", "203.0.113.7/24"), ("--address", "printer")])
def test_a_place_is_an_address_or_a_named_location(place: Installation, arguments: tuple[str, ...]) -> None:
    answer = place.run("compensate", VISIBLE, *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Usage: cli.py compensate")


def test_a_hostile_name_makes_no_control_characters() -> None:
    made = named_location("svc\x1b[31m\n" + "x" * 400, [])
    assert made["displayName"].isprintable()
    assert len(made["displayName"]) <= 256
