"""How a policy reached an account, as links of a chain: policy, outermost group, ..., innermost group."""

from dataclasses import dataclass

from reports.extras import Json
from reports.text import readable

SECURITY_DEFAULTS = "Security Defaults"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: ``kind`` is ``Policy``, ``Group``, ``Role``, ...; ``name`` is the tenant's own."""

    kind: str
    name: str


def chain_of(reason: Json) -> tuple[Link, ...]:
    """The links from the policy towards the account; empty for a reason that isn't about a policy.

    The scope reads the other way round, from the group that the account is in to the one that the policy names:
    ``group Backup apps > All service accounts``.
    """
    source = source_of(reason)
    if source is None:
        return ()
    kind = "Tenant setting" if reason["policy_name"] is None else "Policy"
    return (Link(kind, source), *_scope(reason["scope"] or ""))


def source_of(reason: Json) -> str | None:
    """What acts in a reason: the policy's name, Security Defaults, or None where it is neither."""
    if reason["policy_name"] is not None:
        return readable(reason["policy_name"]) or "(a policy without a name)"
    return SECURITY_DEFAULTS if reason["effect"] in ("demands_mfa", "blocks_legacy") else None


def _scope(scope: str) -> tuple[Link, ...]:
    if scope in ("", "named directly"):
        return ()
    if scope == "all users":
        return (Link("Users", "All users"),)
    if scope.startswith("group "):
        names = scope.removeprefix("group ").split(" > ")
        return tuple(Link("Group", readable(name)) for name in reversed(names))
    for prefix, kind in (("role ", "Role"), ("eligible role ", "Eligible role")):
        if scope.startswith(prefix):
            role, _, group = scope.removeprefix(prefix).partition(" through group ")
            return (Link(kind, readable(role)), *((Link("Group", readable(group)),) if group else ()))
    return (Link("Scope", readable(scope)),)
