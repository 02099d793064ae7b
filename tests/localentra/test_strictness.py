"""The local Entra ID refuses what the real one refuses."""

import base64
import hashlib
from typing import Any

import pytest

from localentra.directory import Client, Person
from localentra.refusals import Refusal
from localentra.service import EntraService
from tests.localentra.kit import CLIENT, SCOPES, service

GRAPH = "https://graph.microsoft.com"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "client_id": CLIENT,
    "scope": f"{GRAPH}/User.Read.All openid profile offline_access",
    "redirect_uri": "http://localhost:8400",
    "response_type": "code",
    "response_mode": "form_post",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s",
}


@pytest.fixture
def entra() -> EntraService:
    return service()


def code_of(entra: EntraService, **changes: str) -> str:
    where, fields = entra.authorize({**ASKED, **changes})
    assert where == "http://localhost:8400"
    assert fields["state"] == "s"
    return fields["code"]


def redeemed(entra: EntraService, code: str, **changes: str) -> dict[str, Any]:
    form = {"client_id": CLIENT, "grant_type": "authorization_code", "redirect_uri": "http://localhost:8400"}
    return entra.token({**form, "code": code, "code_verifier": VERIFIER, **changes})


def test_a_code_is_redeemed_once(entra: EntraService) -> None:
    code = code_of(entra)
    assert redeemed(entra, code)["scope"] == f"{GRAPH}/User.Read.All"
    with pytest.raises(Refusal) as refused:
        redeemed(entra, code)
    assert refused.value.number == 70008


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"code_verifier": "b" * 43}, 501481),
        ({"redirect_uri": "http://localhost:8401"}, 500112),
        ({"client_id": "other"}, 700016),
        ({"grant_type": "password"}, 70003),
    ],
)
def test_a_code_is_redeemed_by_nobody_else(entra: EntraService, change: dict[str, str], number: int) -> None:
    with pytest.raises(Refusal) as refused:
        redeemed(entra, code_of(entra), **change)
    assert refused.value.number == number


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"redirect_uri": "https://evil.example"}, 50011),
        ({"redirect_uri": "http://localhost.evil.example:8400"}, 50011),
        ({"response_type": "token"}, 700051),
        ({"code_challenge": ""}, 9002325),
    ],
)
def test_a_page_that_can_send_nobody_back_only_shows_why(
    entra: EntraService, change: dict[str, str], number: int
) -> None:
    with pytest.raises(Refusal) as refused:
        entra.authorize({**ASKED, **change})
    assert refused.value.number == number


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        ("", 70011),
        ("openid", 70011),
        (f"{GRAPH}/.default {GRAPH}/User.Read.All", 70011),
        (f"{GRAPH}/Nothing.Read.All", 650053),
        (f"{GRAPH}/User.Read.All https://vault.azure.net/user_impersonation", 28000),
        ("https://vault.azure.net/user_impersonation", 500011),
    ],
)
def test_a_scope_that_is_none_is_refused(entra: EntraService, scope: str, number: int) -> None:
    with pytest.raises(Refusal) as refused:
        entra.device_code({"client_id": CLIENT, "scope": scope})
    assert refused.value.number == number


def polled(entra: EntraService, code: str) -> str:
    try:
        entra.token({"client_id": CLIENT, "grant_type": "device_code", "device_code": code})
    except Refusal as refusal:
        return refusal.error
    return "done"


def test_a_device_code_waits_for_the_person_works_once_and_expires() -> None:
    now = [1000.0]
    entra = service()
    entra.clock = lambda: now[0]
    begun = entra.device_code({"client_id": CLIENT, "scope": f"{GRAPH}/User.Read.All"})
    assert [polled(entra, begun["device_code"]) for _ in range(3)] == [
        "authorization_pending",
        "done",
        "bad_verification_code",
    ]
    late = entra.device_code({"client_id": CLIENT, "scope": f"{GRAPH}/User.Read.All"})["device_code"]
    now[0] += 901
    assert polled(entra, late) == "expired_token"


def test_only_an_administrator_consents_and_a_refresh_token_asks_nobody() -> None:
    entra = service(consented=frozenset())
    _, fields = entra.authorize(ASKED)
    assert fields["error"] == "access_denied"
    assert "AADSTS90094" in fields["error_description"]
    entra.person = Person("ada@contoso.com", administrator=True)
    refresh = redeemed(entra, code_of(entra))["refresh_token"]
    form = {"client_id": CLIENT, "grant_type": "refresh_token", "refresh_token": refresh}
    assert entra.token({**form, "scope": f"{GRAPH}/User.Read.All"})["access_token"]
    with pytest.raises(Refusal) as refused:
        entra.token({**form, "scope": f"{GRAPH}/Policy.Read.All"})
    assert (refused.value.number, refused.value.suberror) == (65001, "consent_required")


def test_a_token_is_known_again_until_it_is_over(entra: EntraService) -> None:
    token = redeemed(entra, code_of(entra))["access_token"]
    claims = entra.tokens.read(token)
    assert claims is not None
    assert claims["scp"] == "User.Read.All"
    assert entra.tokens.read(token[:-2] + "xx") is None
    assert service().tokens.read(token) is None
    entra.tokens.seconds = -1
    assert entra.tokens.read(redeemed(entra, code_of(entra))["access_token"]) is None


def test_a_confidential_client_gets_no_device_code(entra: EntraService) -> None:
    entra.directory.clients[CLIENT] = Client(CLIENT, device_code=False)
    with pytest.raises(Refusal) as refused:
        entra.device_code({"client_id": CLIENT, "scope": f"{GRAPH}/User.Read.All"})
    assert refused.value.number == 7000218
    assert "User.Read.All" in SCOPES
