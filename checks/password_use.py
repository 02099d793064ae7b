"""Who still signs in with a password: the clients that send one, and the date on which that ends. Pure.

Legacy clients do, whatever password it is, and so does an application that sends the account's own (ROPC). What signs in
with an app registration or OAuth doesn't.
"""

from dataclasses import dataclass
from datetime import datetime

from checks.retirements import Protocol, protocol_of

LOG, REPORT = "sign_in_log", "exchange_report"
"""Where a use was seen: in the sign-in log, or in an export of the Exchange admin center's SMTP AUTH clients report."""
SENDS_PASSWORD = frozenset({"legacy", "password"})
"""The ``how`` of the outcomes of clients that send a password."""
SMTP_AUTH = "Authenticated SMTP"


@dataclass(frozen=True, slots=True)
class PasswordUse:
    """What one client did with the password of one account."""

    account_id: str | None
    """None where only an address is known."""
    user_principal_name: str | None
    """None where nobody has read the name."""
    display_name: str
    selected: bool
    """Whether it is one of the selected service accounts."""
    client: str
    """What the log calls the client."""
    how: str
    """``legacy``, or ``password`` for a modern application that sends the password itself."""
    application: str
    """The name of the application that was signed in to, or its id; empty where nobody knows."""
    days: int | None
    """On how many days; None where nobody knows."""
    got_in: int
    refused: int
    last: datetime
    """When it last came with the right password."""
    last_in: datetime | None
    source: str = LOG
    """:data:`LOG` or :data:`REPORT`."""

    @property
    def retirement(self) -> Protocol | None:
        """What ends the protocol, and when; None where nothing is known of that."""
        if self.how != "legacy":
            return None
        return protocol_of(self.client)
