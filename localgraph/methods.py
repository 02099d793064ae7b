"""Authentication methods: short names for building tenants, Graph's JSON, the report's names."""

from localgraph.ids import make_id
from localgraph.schema import Json

_PREFIX = "#microsoft.graph."
_CREATED = "2025-02-11T09:14:00Z"

KINDS: dict[str, Json] = {
    "phone": {
        "@odata.type": "phoneAuthenticationMethod",
        "phoneNumber": "+44 1632960123",
        "phoneType": "mobile",
        "smsSignInState": "notAllowedByPolicy",
    },
    "office phone": {
        "@odata.type": "phoneAuthenticationMethod",
        "phoneNumber": "+44 1632960100",
        "phoneType": "office",
        "smsSignInState": "notSupported",
    },
    "authenticator": {
        "@odata.type": "microsoftAuthenticatorAuthenticationMethod",
        "displayName": "Pixel 8",
        "deviceTag": "SoftwareTokenActivated",
        "phoneAppVersion": "6.2511.7533",
    },
    "software oath": {"@odata.type": "softwareOathAuthenticationMethod", "secretKey": None},
    "hardware oath": {"@odata.type": "hardwareOathAuthenticationMethod"},
    "fido2": {
        "@odata.type": "fido2AuthenticationMethod",
        "displayName": "Security key",
        "aaGuid": "cb69481e-8ff7-4039-93ec-0a2729a154a8",
        "model": "YubiKey 5 Series",
        "attestationCertificates": [],
        "attestationLevel": "attested",
        "passkeyType": "deviceBound",
    },
    "windows hello": {
        "@odata.type": "windowsHelloForBusinessAuthenticationMethod",
        "displayName": "ALD-LT-0231",
        "keyStrength": "normal",
    },
    "platform": {
        "@odata.type": "platformCredentialAuthenticationMethod",
        "displayName": "MacBook",
        "keyStrength": "normal",
        "platform": "macOS",
    },
    "external": {
        "@odata.type": "externalAuthenticationMethod",
        "configurationId": "b3a9b0e6-6a7c-4a58-8f8e-3a3fd1d2b0f4",
        "displayName": "External provider",
    },
    "email": {"@odata.type": "emailAuthenticationMethod", "emailAddress": "reset@example.org"},
    "temporary access pass": {
        "@odata.type": "temporaryAccessPassAuthenticationMethod",
        "temporaryAccessPass": None,
        "startDateTime": "2026-11-20T08:00:00Z",
        "lifetimeInMinutes": 60,
        "isUsableOnce": True,
        "isUsable": False,
        "methodUsabilityReason": "Expired",
    },
}
"""Short name -> the method as Graph returns it, apart from its id."""

_REPORT = {
    "microsoftAuthenticatorAuthenticationMethod": ("microsoftAuthenticatorPush", "softwareOneTimePasscode"),
    "softwareOathAuthenticationMethod": ("softwareOneTimePasscode",),
    "hardwareOathAuthenticationMethod": ("hardwareOneTimePasscode",),
    "fido2AuthenticationMethod": ("fido2SecurityKey",),
    "windowsHelloForBusinessAuthenticationMethod": ("windowsHelloForBusiness",),
    "platformCredentialAuthenticationMethod": ("macOsSecureEnclaveKey",),
    "externalAuthenticationMethod": ("externalAuthMethod",),
    "emailAuthenticationMethod": ("email",),
    "temporaryAccessPassAuthenticationMethod": ("temporaryAccessPass",),
}
_NO_MFA = {"emailAuthenticationMethod", "temporaryAccessPassAuthenticationMethod"}


def make_method(user_id: str, kind: str | Json) -> Json:
    """A method of a user: a short name of ``KINDS``, or Graph's JSON."""
    if not isinstance(kind, str):
        return {"id": make_id(user_id, str(kind.get("@odata.type"))), "createdDateTime": None, **kind}
    if kind not in KINDS:
        raise KeyError(f"No authentication method is called {kind!r}; there are {', '.join(KINDS)}.")
    plain = KINDS[kind]
    typed = {**plain, "@odata.type": f"{_PREFIX}{plain['@odata.type']}"}
    return {**typed, "id": make_id(user_id, "method", kind), "createdDateTime": _CREATED}


def report_names(method: Json) -> tuple[str, ...]:
    """What the registration report calls a method."""
    name = _name(method)
    if name == "phoneAuthenticationMethod":
        return ("officePhone",) if method.get("phoneType") == "office" else ("mobilePhone",)
    return _REPORT.get(name, (name.removesuffix("AuthenticationMethod"),))


def is_mfa(method: Json) -> bool:
    """Whether the report counts the method as MFA."""
    return _name(method) not in _NO_MFA


def _name(method: Json) -> str:
    return str(method["@odata.type"]).removeprefix(_PREFIX)
