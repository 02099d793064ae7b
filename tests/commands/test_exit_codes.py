"""What ``cli.py scan`` ends with: a finding is never hidden behind something that could not be read."""

import pytest

from commands.output import exit_code
from tests.e2e.conftest import BACKUP, Installation, installation

__all__ = ["installation"]


@pytest.mark.parametrize(
    ("fail_on", "found", "complete", "code"),
    [
        ("high", [], True, 0),
        ("high", ["medium", "low"], True, 0),
        ("high", ["low", "high"], True, 1),
        ("medium", ["medium"], True, 1),
        ("low", ["low"], True, 1),
        ("high", [], False, 3),
        ("high", ["medium"], False, 3),
        ("high", ["high"], False, 1),
        ("none", ["high"], True, 0),
        ("none", ["high"], False, 3),
    ],
)
def test_the_exit_code_says_what_was_found_before_what_was_not_read(
    fail_on: str, found: list[str], complete: bool, code: int
) -> None:
    assert exit_code(fail_on, found, complete=complete) == code


def test_a_scan_of_an_unreadable_tenant_ends_with_3_and_one_with_a_finding_with_1(installation: Installation) -> None:
    assert installation.scan().code == 1
    assert installation.scan("--fail-on", "none").code == 0
    installation.graph.deny("Policy.Read.All", "Policy.Read.ConditionalAccess")
    assert installation.scan("--account", BACKUP, "--no-store").code == 3
