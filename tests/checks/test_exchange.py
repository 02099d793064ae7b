"""The Exchange side beside a verdict: whose setting counts, with which command it is changed, and how old it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exchange import NOTHING, ExchangeSide, Export, exchange_view, quoted_for_powershell
from tests.checks.kit import NOW, SERVICE

UPN = SERVICE.user_principal_name
DAY = timedelta(days=1)


def export(value: Any, *, key: str = UPN, taken: datetime = NOW) -> Export[Any]:
    return Export(taken, {key: value})


def side(**exports: Any) -> ExchangeSide:
    return ExchangeSide(
        **{name: one if isinstance(one, Export) else export(one, key="") for name, one in exports.items()}
    )


ON_HERE = f"Set-CASMailbox -Identity '{UPN}' -SmtpClientAuthenticationDisabled $false"


@pytest.mark.parametrize(
    ("exports", "state", "says", "command"),
    [
        ({"mailboxes": export(True)}, "off", "switched off for this mailbox, for passwords and for OAuth", ON_HERE),
        ({"mailboxes": export(True, key="svc")}, "off", "switched off for this mailbox", ON_HERE),
        ({"mailboxes": export(False)}, "on", "switched on for this mailbox", None),
        ({"mailboxes": export(False), "tenant": True}, "on", "switched on for this mailbox", None),
        ({"mailboxes": export(None), "tenant": True}, "off", "off for the whole tenant", ON_HERE),
        ({"mailboxes": export(None), "tenant": False}, "on", "on for the tenant", None),
        ({"mailboxes": export(None), "tenant": None}, "unknown", "isn't in the export", None),
        ({"mailboxes": export(None)}, "unknown", "nobody exported the tenant's", None),
        ({"mailboxes": export(True, key="someone")}, "unknown", "has none of this account", None),
        ({"tenant": True}, "unknown", "a mailbox can have a setting of its own", ON_HERE),
        ({"tenant": False}, "unknown", "a mailbox can have a setting of its own", None),
    ],
)
def test_the_mailboxs_own_setting_counts_and_without_one_the_tenants(
    exports: dict[str, Any], state: str, says: str, command: str | None
) -> None:
    view = exchange_view(SERVICE, side(**exports), NOW)
    assert view is not None
    assert (str(view.smtp_auth), view.command, view.stale) == (state, command, False)
    assert says in view.text
    assert view.text.endswith("Exported on 22 Nov 2026.")


REFUSING, ALLOWING = export(False, key="block basic"), export(True, key="block basic")


@pytest.mark.parametrize(
    ("exports", "says"),
    [
        (
            {"policies": REFUSING, "users": export("Block Basic")},
            '"Block Basic" (the account\'s own) refuses passwords',
        ),
        ({"policies": REFUSING, "users": export(""), "default_policy": "Block Basic"}, "(the tenant's default)"),
        ({"policies": REFUSING, "users": export("Other"), "default_policy": "Block Basic"}, None),
        ({"policies": ALLOWING, "users": export("Block Basic")}, None),
        ({"policies": REFUSING, "users": export("Block Basic", key="someone")}, None),
        ({"policies": REFUSING, "default_policy": "Block Basic"}, None),
        ({"users": export("Block Basic")}, None),
        ({}, None),
    ],
)
def test_an_authentication_policy_that_refuses_passwords_is_named(exports: dict[str, Any], says: str | None) -> None:
    view = exchange_view(SERVICE, side(**exports), NOW)
    if says is None:
        assert view is None
        return
    assert view is not None
    assert (str(view.smtp_auth), says in view.text) == ("off", True)
    assert view.command == f"Set-User -Identity '{UPN}' -AuthenticationPolicy <a policy with AllowBasicAuthSmtp>"
    on_as_well = exchange_view(SERVICE, replace(side(**exports), mailboxes=export(False)), NOW)
    assert on_as_well is not None
    assert str(on_as_well.smtp_auth) == "off"


@pytest.mark.parametrize(("days", "stale"), [(0, False), (30, False), (31, True), (400, True)])
def test_an_export_is_stale_after_thirty_days_and_said_to_be(days: int, stale: bool) -> None:
    view = exchange_view(SERVICE, side(mailboxes=export(True, taken=NOW - days * DAY)), NOW)
    assert view is not None
    assert view.stale is stale
    assert (f"{days} days ago: it may have changed since. Export it again." in view.text) is stale


def test_the_oldest_export_that_says_so_counts() -> None:
    old = Export(NOW - 40 * DAY, {"": True})
    view = exchange_view(SERVICE, ExchangeSide(mailboxes=export(None), tenant=old), NOW)
    assert view is not None
    assert (view.taken, view.stale) == (NOW - 40 * DAY, True)


def test_nothing_exported_says_nothing() -> None:
    assert exchange_view(SERVICE, NOTHING, NOW) is None


@given(st.text())
def test_no_name_of_the_tenants_ends_its_quotation(name: str) -> None:
    quoted = quoted_for_powershell(name)
    inner = quoted[1:-1]
    for quote in "'\u2018\u2019\u201a\u201b":
        inner = inner.replace(2 * quote, "")
    assert quoted[0] == quoted[-1] == "'"
    assert not any(quote in inner for quote in "'\u2018\u2019\u201a\u201b")
    assert inner.isprintable()
