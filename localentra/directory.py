"""What Entra ID knows: the tenant, its clients, what was consented to, who signs in, and what Conditional Access blocks."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

_SPACE = UUID("c1b5a1de-66d5-4d3e-9a52-3f1f0f1a7a55")


class Blocked(StrEnum):
    """What a policy blocks."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    """A Conditional Access policy with Block access, or with a control that this person can't meet."""
    DEVICE_CODE = "device code"
    """A Conditional Access policy that blocks the device code flow."""
    DEVICE_CODE_BY_DEFAULTS = "device code by Security Defaults"
    """Security Defaults, which refuse the device code flow in newer tenants."""


@dataclass(slots=True)
class Person:
    """Somebody who signs in."""

    name: str
    """User principal name."""
    administrator: bool = False
    """May consent for the tenant, and reads everything."""
    reader: bool = True
    """Holds a role that reads everything, such as Global Reader; without one only what everybody may read."""
    declines: bool = False
    """Presses Cancel where consent is asked for."""
    absent: bool = False
    """Doesn't do anything."""

    @property
    def id(self) -> str:
        """The object id."""
        return str(uuid5(_SPACE, self.name))


@dataclass(slots=True)
class Client:
    """An application that people sign in with: public, without a secret."""

    id: str
    redirects: tuple[str, ...] = ("http://localhost",)
    """Without ports: a loopback address may have any."""
    device_code: bool = True
    """*Allow public client flows*."""


@dataclass(slots=True)
class Directory:
    """A tenant as the sign-in sees it."""

    domain: str
    tenant_id: str
    resource: str
    """The only API there is, e.g. ``https://graph.microsoft.com``."""
    scopes: frozenset[str]
    """The delegated permissions that the API offers; an administrator must consent to each."""
    clients: dict[str, Client]
    consented: dict[str, set[str]] = field(default_factory=dict)
    """Client -> what an administrator consented to for everybody."""
    blocked: Blocked = Blocked.NOTHING

    def allowed(self, client: str) -> set[str]:
        """What a client may be given."""
        return self.consented.setdefault(client, set())
