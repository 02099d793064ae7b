"""Which registered methods satisfy MFA, in the spelling of the registration report and of an account's own methods."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant.methods import has_mfa_method

MFA = [
    "mobilePhone",
    "alternateMobilePhone",
    "officePhone",
    "microsoftAuthenticatorPush",
    "microsoftAuthenticatorPasswordless",
    "softwareOneTimePasscode",
    "hardwareOneTimePasscode",
    "fido2SecurityKey",
    "passKeyDeviceBound",
    "passKeyDeviceBoundAuthenticator",
    "passKeyDeviceBoundWindowsHello",
    "passKeySynced",
    "macOsSecureEnclaveKey",
    "windowsHelloForBusiness",
    "externalAuthMethod",
    "#microsoft.graph.phoneAuthenticationMethod",
    "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod",
    "#microsoft.graph.passwordlessMicrosoftAuthenticatorAuthenticationMethod",
    "#microsoft.graph.softwareOathAuthenticationMethod",
    "#microsoft.graph.hardwareOathAuthenticationMethod",
    "#microsoft.graph.fido2AuthenticationMethod",
    "#microsoft.graph.windowsHelloForBusinessAuthenticationMethod",
    "#microsoft.graph.platformCredentialAuthenticationMethod",
    "#microsoft.graph.externalAuthenticationMethod",
]
NOT_MFA = [
    "password",
    "email",
    "securityQuestion",
    "temporaryAccessPass",
    "#microsoft.graph.passwordAuthenticationMethod",
    "#microsoft.graph.emailAuthenticationMethod",
    "#microsoft.graph.temporaryAccessPassAuthenticationMethod",
]
UNKNOWN = ["unknownFutureValue", "retinaScan", "#microsoft.graph.retinaScanAuthenticationMethod", ""]


@pytest.mark.parametrize("name", MFA)
def test_mfa_methods_are_known_in_every_spelling_and_case(name: str) -> None:
    assert has_mfa_method([name]) is True
    assert has_mfa_method([name.upper()]) is True
    assert has_mfa_method([name.lower()]) is True


@pytest.mark.parametrize("name", NOT_MFA)
def test_methods_that_satisfy_no_mfa_are_known_too(name: str) -> None:
    assert has_mfa_method([name]) is False
    assert has_mfa_method([name.upper()]) is False


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_name_that_nobody_knows_decides_nothing(name: str) -> None:
    assert has_mfa_method([name]) is None


def test_nothing_registered_is_an_answer() -> None:
    assert has_mfa_method([]) is False


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_known_mfa_method_decides_beside_an_unknown_one(name: str) -> None:
    assert has_mfa_method([name, "password", "mobilePhone"]) is True
    assert has_mfa_method([name, "password"]) is None


@given(st.lists(st.sampled_from([*MFA, *NOT_MFA, *UNKNOWN])))
def test_the_order_of_methods_does_not_matter(names: list[str]) -> None:
    expected = True if set(names) & set(MFA) else None if set(names) & set(UNKNOWN) else False
    assert has_mfa_method(names) is expected
    assert has_mfa_method(reversed(names)) is expected
