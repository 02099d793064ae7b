"""Which date ends a use of a password."""

import pytest

from checks.password_use import PasswordUse
from tests.checks.kit import NOW


@pytest.mark.parametrize(
    ("client", "how", "ends"),
    [
        ("Authenticated SMTP", "legacy", True),
        ("Authenticated SMTP", "password", False),
        ("Mobile Apps and Desktop clients", "legacy", False),
    ],
)
def test_only_a_protocol_of_legacy_clients_ends_on_a_day(client: str, how: str, ends: bool) -> None:
    use = PasswordUse("id", "svc@contoso.com", "", True, client, how, "Exchange", 1, 2, 3, NOW, None)
    assert (use.retirement is not None) is ends
