"""Who signs in, apart from the network: what a token says, and why nobody could."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant.permissions import PERMISSIONS, delegated_scopes
from tenant.person import SignIn, Way, scopes_of
from tenant.refusals import refusal_sentence


def said(text: str, *, device_code: bool = True, again: bool = False) -> str:
    return refusal_sentence(
        text,
        device_code=device_code,
        host="login.microsoftonline.com",
        tenant="contoso.com",
        client_id="c",
        again=again,
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("invalid_grant AADSTS530036: blocked", "has blocked the device code flow, so what was signed in with it ends"),
        ("invalid_grant AADSTS50020: User account", "That person isn't known in the tenant contoso.com"),
        (
            "invalid_resource AADSTS500011: principal",
            "doesn't know this Microsoft Graph (AADSTS500011): check GRAPH_CLOUD",
        ),
        ("invalid_grant AADSTS500121: failed", "Multifactor authentication wasn't done"),
        ("invalid_grant AADSTS50057: disabled", "That person may not sign in"),
        ("invalid_grant AADSTS700082: expired", "The sign-in is over (AADSTS700082)"),
        ("Failed to open a browser", "No browser could be opened here: use --sign-in device-code."),
        ("Couldn't start an HTTP server on localhost", "No port is free on localhost"),
        ("Timed out waiting for user to authenticate", "The code has expired"),
        ("the network is down", "Signing in at login.microsoftonline.com failed: the network is down."),
    ],
)
def test_each_reason_has_a_sentence_of_its_own(text: str, sentence: str) -> None:
    assert sentence in said(text)


@given(st.text(), st.booleans(), st.booleans())
def test_whatever_comes_is_told_in_a_sentence(text: str, device_code: bool, again: bool) -> None:
    assert said(text, device_code=device_code, again=again).endswith(".")


def test_scopes_are_read_from_a_token_and_from_nothing_else() -> None:
    payload = (
        base64.urlsafe_b64encode(json.dumps({"scp": "User.Read.All Policy.Read.All"}).encode()).decode().rstrip("=")
    )
    assert scopes_of(f"h.{payload}.s") == {"User.Read.All", "Policy.Read.All"}


@given(st.text())
def test_a_token_that_is_opaque_names_no_scopes(token: str) -> None:
    assert scopes_of(token) == frozenset()


def test_without_discovery_nothing_is_asked_for_that_only_discovery_needs() -> None:
    required, optional = delegated_scopes(discovery=False)
    assert set(required) == {one.name for one in PERMISSIONS if not one.optional}
    assert set(optional) == {"AuditLog.Read.All", "DirectoryRecommendations.Read.All", "Member.Read.Hidden"}
    assert set(delegated_scopes(discovery=True)[1]) - set(optional) == {
        *("Application.Read.All", "DelegatedPermissionGrant.Read.All", "Directory.Read.All"),
    }


def test_every_permission_that_a_person_cannot_have_says_what_is_lost() -> None:
    assert all(bool(one.for_a_person) != one.delegated for one in PERMISSIONS)
    assert {one.name for one in PERMISSIONS if not one.delegated} == {"MailboxSettings.Read", "Mail.Send"}


def test_the_consent_address_is_that_of_the_tenants_cloud() -> None:
    asked = SignIn(Way.BROWSER, "https://login.microsoftonline.us", "https://graph.microsoft.us", "contoso.us", "c")
    assert asked.consent_address(["User.Read.All"]) == (
        "https://login.microsoftonline.us/contoso.us/v2.0/adminconsent?client_id=c"
        "&scope=https://graph.microsoft.us/User.Read.All&redirect_uri=http://localhost"
    )
