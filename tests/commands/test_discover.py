"""``cli.py discover``."""

import pytest

from tests.e2e.conftest import Installation, installation

__all__ = ["installation"]


def test_discover_looks_whenever_it_is_asked_and_prints_what_it_found(installation: Installation) -> None:
    table = installation.run("discover")
    assert (table.code, table.out) == (0, "No account that nobody listed looks like a service account.\n")
    document = installation.run("discover", "--format", "json").document
    assert document["proposals"] == []
    assert "accounts" not in document


@pytest.mark.parametrize(
    ("endpoint", "unread"),
    [
        ("/roleAssignments", "role_assignments"),
        ("/conditionalAccess/policies", "conditional_access_policies"),
    ],
)
def test_what_leaves_accounts_out_and_could_not_be_read_is_said(
    installation: Installation, endpoint: str, unread: str
) -> None:
    installation.graph.fail(endpoint, 403)
    answer = installation.run("discover")
    assert answer.code == 3
    assert f"Could not read {unread}: 403" in answer.out


def test_what_only_verdicts_depend_on_is_no_matter_of_proposals(installation: Installation) -> None:
    installation.graph.fail("/identitySecurityDefaultsEnforcementPolicy", 403)
    assert installation.run("discover").code == 0


def test_a_products_file_that_cannot_be_used_is_told_before_anything_is_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTS_FILE", "/nonexistent/products.json")
    answer = installation.scan()
    assert answer.code == 2
    assert "there is no file" in answer.err
    assert installation.graph.requests == []
