"""The tenant's switch "Allow users to create app passwords": what was read of it, or else what somebody attested. Pure.

It changes no verdict (docs/verdicts.md): it is one gate more, and stands before all accounts alike.
"""

from dataclasses import dataclass
from datetime import datetime

from tenant.model import MfaService

SETTING = "APP_PASSWORDS_ALLOWED"
SWITCH = '"Allow users to create app passwords to sign in to non-browser apps"'
CLICK_PATH = "Entra ID > Users > Per-user MFA > Service settings"
_ATTESTED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class TenantSwitch:
    """Whether the tenant lets users create app passwords, as far as is known."""

    read: bool | None
    """What Microsoft Graph said; None where it couldn't be read."""
    attested: bool | None
    """What the setting says; None where it says nothing."""
    remembered: datetime | None = None
    """When it was read, where that was in an earlier scan."""

    @classmethod
    def of(cls, service: MfaService | None, app_passwords_allowed: str) -> "TenantSwitch":
        """The switch in a tenant's settings of per-user MFA (None where they couldn't be read).

        ``app_passwords_allowed``: ``yes``, ``no`` or ``unknown``, as attested in the settings of this product.
        """
        read = service.allows_app_passwords if service else None
        return cls(read, _ATTESTED.get(app_passwords_allowed), service.remembered if service else None)

    @property
    def allowed(self) -> bool | None:
        """Whether users may create app passwords: what was read counts, and without it what was attested."""
        return self.attested if self.read is None else self.read

    @property
    def source(self) -> str | None:
        """``read`` or ``attested``; None where nothing is known."""
        if self.read is not None:
            return "read"
        return "attested" if self.attested is not None else None

    @property
    def contradiction(self) -> str | None:
        """That what was attested isn't what was read, in a sentence; None where it is, or where one of both is missing."""
        if self.read is None or self.attested is None or self.read is self.attested:
            return None
        on, said = ("on", "no") if self.read else ("off", "yes")
        return (
            f"The tenant's switch {SWITCH} is {on}, and the setting {SETTING} says {said}: what was read counts. Correct the "
            f"setting, or the switch ({CLICK_PATH})."
        )


NOBODY_KNOWS = TenantSwitch(read=None, attested=None)
"""Neither read nor attested."""
