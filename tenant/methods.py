"""Which authentication methods are MFA methods, in each of Microsoft's spellings.

Sources: methodsRegistered of userRegistrationDetails and the @odata.type names of authenticationMethod (Microsoft Graph
v1.0 and beta reference). Password, e-mail, security questions, Temporary Access Pass and QR code don't count: they can't
satisfy per-user MFA.
"""

from collections.abc import Iterable

_MFA = frozenset(
    {
        # as the registration report spells them
        "mobilephone",
        "alternatemobilephone",
        "officephone",
        "microsoftauthenticatorpush",
        "microsoftauthenticatorpasswordless",
        "softwareonetimepasscode",
        "hardwareonetimepasscode",
        "fido2securitykey",
        "passkeysynced",
        "macossecureenclavekey",
        "windowshelloforbusiness",
        "externalauthmethod",
        # as the account's own methods spell them
        "phoneauthenticationmethod",
        "microsoftauthenticatorauthenticationmethod",
        "passwordlessmicrosoftauthenticatorauthenticationmethod",
        "softwareoathauthenticationmethod",
        "hardwareoathauthenticationmethod",
        "fido2authenticationmethod",
        "windowshelloforbusinessauthenticationmethod",
        "platformcredentialauthenticationmethod",
        "externalauthenticationmethod",
    }
)
_MFA_PREFIXES = ("passkeydevicebound",)
_NOT_MFA = frozenset(
    {
        "password",
        "email",
        "securityquestion",
        "securityquestions",
        "temporaryaccesspass",
        "qrcodepin",
        "passwordauthenticationmethod",
        "qrcodepinauthenticationmethod",
        "emailauthenticationmethod",
        "temporaryaccesspassauthenticationmethod",
    }
)


def has_mfa_method(names: Iterable[str]) -> bool | None:
    """Whether a list of registered methods holds one that satisfies MFA.

    Takes names of the registration report or ``@odata.type`` values, in any case. Returns True when a known MFA method
    is among them, False when all of them are known and none is one, None when only an unknown name could decide.
    """
    kinds = {_satisfies_mfa(name) for name in names}
    return True if True in kinds else None if None in kinds else False


def unknown_methods(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that this version doesn't know, each once."""
    return tuple(dict.fromkeys(name for name in names if _satisfies_mfa(name) is None))


def mfa_methods(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that satisfy MFA."""
    return tuple(name for name in names if _satisfies_mfa(name))


def plain_name(name: str) -> str:
    """A method as it is compared: without namespace and case."""
    return name.rsplit(".", 1)[-1].lstrip("#").casefold()


def _satisfies_mfa(name: str) -> bool | None:
    plain = plain_name(name)
    if plain in _MFA or plain.startswith(_MFA_PREFIXES):
        return True
    return False if plain in _NOT_MFA else None
