"""A small tenant whose accounts change, and what must be told of it: a model of its own, as simple as the rules allow."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant

GROUP = "Without app passwords"
NAMES = tuple(f"svc-{name}@contoso.com" for name in ("backup", "mailer", "scanner", "o'hara", "表示", "monitor"))
Told = tuple[str, str, str]
"""Kind, user principal name, and check."""


@dataclass(slots=True)
class _Account:
    mfa: str = "enforced"
    phone: bool = True
    enabled: bool = True
    switched_off: bool = False

    def change(self, dice: random.Random, *, scanned: bool) -> None:
        """Whatever an administrator might do to it. ``scanned``: whether a scan has seen it as it was."""
        if not self.enabled or dice.random() < 0.15:
            self.enabled = not self.enabled
        if self.enabled:
            before = self.mfa
            self.mfa = dice.choice([state for state in ("disabled", "enabled", "enforced") if state != before])
            self.phone = self.mfa != "enabled" or dice.random() < 0.5
            self.switched_off = self.mfa == "disabled" and (self.switched_off or (scanned and before != "disabled"))

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
    _scanned: bool = False

    def change(self) -> None:
        """Change most accounts, and note what follows."""
        before = self.open
        for account in self.accounts.values():
            if self.dice.random() < 0.7:
                account.change(self.dice, scanned=self._scanned)
        self.told.update(self._news(before, self.open))
        self._known |= self.open
        self._scanned = True

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
            methods = ["phone"] if account.phone else []
            groups = [GROUP] if account.mfa == "disabled" else []
            builder.user(name, mfa=account.mfa, methods=methods, groups=groups, enabled=account.enabled)
        return builder.policy("Require MFA", include_groups=[GROUP], grant=["mfa"], client_apps=["browser"]).build()
