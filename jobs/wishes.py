"""What somebody wants to be assumed of a tenant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from checks.phrases import joined
from checks.simulate import CannotSimulate
from tenant.model import Policy

STATES = ("enforced", "enabled", "disabled")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be assumed, all of it at once."""

    enable: Sequence[str] = ()
    """Policies to switch on, by id or name."""
    added: Sequence[Policy] = ()
    source: str = ""
    """Where the ``added`` policies come from."""
    security_defaults: bool | None = None
    states: Sequence[Pair] = ()
    """Account and per-user MFA state."""
    memberships: Sequence[Pair] = ()
    """Account and group, each by id or name."""
    exclusions: Sequence[Pair] = ()
    """Account and policy, each by id or name."""
    waiting: bool = False
    """Every report-only policy in turn, beside all that."""

    @property
    def nothing(self) -> bool:
        """Whether nothing is to be assumed."""
        wished = (self.enable, self.added, self.states, self.memberships, self.exclusions, self.waiting)
        return self.security_defaults is None and not any(wished)


def pair(option: str, what: str, text: str) -> Pair:
    """The account and the value of an option that is written ``ACCOUNT=VALUE``. Raises ``CannotSimulate``."""
    account, sign, value = text.partition("=")  # no account's name has an equals sign in it
    if not (sign and account.strip() and value.strip()):
        raise CannotSimulate(f'Write {option} as ACCOUNT={what}, not "{text}".')
    return account.strip(), value.strip()


def state_pair(text: str) -> Pair:
    """The account and the state of ``--set``. Raises ``CannotSimulate``."""
    account, state = pair("--set", "|".join(STATES), text)
    if state.lower() not in STATES:
        raise CannotSimulate(f'"{state}" is no per-user MFA state: write {joined(STATES, "or")}.')
    return account, state.lower()
