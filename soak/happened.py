"""A small tenant whose accounts change, and what must be told of it: a model of its own, as simple as the rules allow."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant

GROUP = "Without app passwords"
NAMES = tuple(
    f"svc-{name}@contoso.com"
    for name in ("backup", "mailer", "scanner", "o'hara", "表示", "monitor", "erp", "fax", "crm", "door")
)
_STATES = ("disabled", "enabled", "enforced")
Told = tuple[str, str, str]
"""Kind, user principal name, and check."""


@dataclass(slots=True)
class _Account:
    mfa: str = "enforced"
    phone: bool = True
    enabled: bool = True
    switched_off: bool = False

    def change(self, dice: random.Random, *, scanned: bool | None) -> None:
        """Whatever an administrator might do to it.

        ``scanned``: whether a scan has seen it as it was. Where that is None, nobody can say: then nothing is done for which it matters.
        """
        if not self.enabled or dice.random() < 0.15:
            self.enabled = not self.enabled
        if self.enabled:
            before = self.mfa
            self.mfa = dice.choice([state for state in _STATES[scanned is None :] if state != before])
            self.phone = self.mfa != "enabled" or dice.random() < 0.5
            switched_off = self.switched_off or (bool(scanned) and before != "disabled")
            self.switched_off = self.mfa == "disabled" and switched_off

    def failing(self) -> frozenset[str]:
        """The checks that it fails."""
        if not self.enabled:
            return frozenset()
        if self.mfa == "disabled":
            return frozenset({"APW-001", "APW-009"} if self.switched_off else {"APW-001"})
        if self.mfa == "enabled":
            return frozenset({"APW-003" if self.phone else "APW-004"})
        return frozenset()


@dataclass(slots=True)
class Truth:
    """How it stands with the accounts, and everything that must have been told by now."""

    dice: random.Random
    told: Counter[Told] = field(default_factory=Counter)
    accounts: dict[str, _Account] = field(default_factory=lambda: {name: _Account() for name in NAMES})
    _known: set[tuple[str, str]] = field(default_factory=set)
    _rounds: int = 0
    _left: list[str] = field(default_factory=list)
    """The accounts that haven't changed in this round."""

    def change(self) -> None:
        """Begin a round: change some accounts, and note what follows."""
        self._left = list(self.accounts)
        self.dice.shuffle(self._left)
        self._change([self._left.pop() for _ in range(self.dice.randint(1, len(self._left) // 2))], self._rounds > 0)
        self._rounds += 1

    def change_another(self) -> bool:
        """Change one more account in the middle of a round, if there is one that hasn't changed in it.

        An account changes once in a round at most: whichever scans see it before and after, the same is to be told of it once.
        """
        if not self._left:
            return False
        self._change([self._left.pop()], True if self._rounds > 1 else None)
        return True

    def _change(self, names: Iterable[str], scanned: bool | None) -> None:
        before = self.open
        for name in names:
            self.accounts[name].change(self.dice, scanned=scanned)
        self.told.update(self._news(before, self.open))
        self._known |= self.open

    @property
    def open(self) -> frozenset[tuple[str, str]]:
        """The open findings: user principal name and check."""
        return frozenset((name, check) for name, account in self.accounts.items() for check in account.failing())

    def _news(self, before: frozenset[tuple[str, str]], after: frozenset[tuple[str, str]]) -> Iterator[Told]:
        for name, check in before - after:
            yield "resolved", name, check
        for name, check in after - before:
            yield ("reopened" if (name, check) in self._known else "opened"), name, check

    def tenant(self) -> LocalTenant:
        """The tenant as it is."""
        builder = TenantBuilder().group(GROUP)
        for name, account in self.accounts.items():
            methods = ["authenticator"] if account.phone else []
            groups = [GROUP] if account.mfa == "disabled" else []
            builder.user(name, mfa=account.mfa, methods=methods, groups=groups, enabled=account.enabled)
        return builder.policy("Require MFA", include_groups=[GROUP], grant=["mfa"], client_apps=["browser"]).build()
