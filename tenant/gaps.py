"""Collects what could not be read: each input once for the whole tenant, however many accounts it hits."""

from tenant.graph import GraphError
from tenant.model import Gap
from tenant.permissions import permission_for


class Gaps:
    """The gaps of one reading."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Gap] = {}
        self._accounts: dict[tuple[str, str], set[str]] = {}

    def add(self, input_name: str, error: GraphError | str, *, permission: str | None = None) -> Gap:
        """Note that an input of the tenant could not be read, and return the gap."""
        gap = Gap(input_name, str(error), permission or _permission(input_name, error))
        self._found.setdefault((input_name, gap.error), gap)
        return gap

    def add_for(self, account_id: str, input_name: str, error: GraphError | str) -> Gap:
        """Note that an input of an account could not be read, and return the account's own gap."""
        gap = Gap(input_name, str(error), _permission(input_name, error), account_id, tenant_wide=False)
        key = (input_name, gap.error)
        self._found.setdefault(key, gap)
        self._accounts.setdefault(key, set()).add(account_id)
        return gap

    def not_found(self, account: str) -> None:
        """Note that an account which somebody named doesn't exist."""
        text = "404 there is no such account: check the spelling, or remove it from the list"
        gap = Gap(f"account {account}", text, account_id=account, tenant_wide=False, not_found=True)
        self._found.setdefault((gap.input, gap.error), gap)

    def found(self) -> tuple[Gap, ...]:
        """All gaps; one that hits several accounts is told once, and says how many."""
        return tuple(self._told(key, gap) for key, gap in self._found.items())

    def _told(self, key: tuple[str, str], gap: Gap) -> Gap:
        count = len(self._accounts.get(key, ()))
        if count <= 1:
            return gap
        return Gap(gap.input, f"{gap.error} (for {count} accounts)", gap.permission, tenant_wide=False)


def _permission(input_name: str, error: GraphError | str) -> str | None:
    """Only a refusal is opened by a permission; a server error or a throttled request isn't."""
    status = getattr(error, "status", None)
    return permission_for(input_name) if status in (401, 403) else None
