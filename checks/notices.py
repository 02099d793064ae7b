"""What Exchange Online itself switches off, with dates, to be shown beside a verdict."""

from datetime import date

from checks.model import Usability, Verdict, Visibility
from checks.retirements import Protocol, retired_protocols

_WITHOUT_APP_PASSWORD = (Visibility.NOT_APPLICABLE, Visibility.NOT_OFFERED)
_BLOCKED = (Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS)


def notices_for(verdict: Verdict, today: date) -> tuple[Protocol, ...]:
    """The protocols to tell of, nearest date first: none where no app password comes into question or none would be let in."""
    if verdict.visibility in _WITHOUT_APP_PASSWORD or verdict.usability in _BLOCKED:
        return ()
    return tuple(sorted(retired_protocols(), key=lambda protocol: abs((protocol.on - today).days)))
