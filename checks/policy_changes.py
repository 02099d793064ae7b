"""What was changed of a Conditional Access policy, in the words of the portal. Pure."""

from collections.abc import Iterable

from checks.phrases import limited, quoted
from checks.policy import DISABLED, ENABLED, REPORT_ONLY
from tenant.model import Policy, Tenant

STATES = {ENABLED: "on", DISABLED: "off", REPORT_ONLY: "report-only"}
"""Graph's states, lower-cased -> what the portal calls them."""
MOST = 3
"""Names, and changes, that are told; of more it is told how many there are."""
_SETS: tuple[tuple[str, str], ...] = (
    ("include_users", "included users"),
    ("exclude_users", "excluded users"),
    ("include_groups", "included groups"),
    ("exclude_groups", "excluded groups"),
    ("include_roles", "included roles"),
    ("exclude_roles", "excluded roles"),
    ("include_applications", "included resources"),
    ("exclude_applications", "excluded resources"),
)
"""What names something, one by one -> what the portal calls it."""
_PARTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("grant",), "grant controls"),
    (("client_app_types",), "client apps"),
    (("include_locations", "exclude_locations"), "locations"),
    (("include_platforms", "exclude_platforms"), "device platforms"),
    (("device_filter",), "filter for devices"),
    (("application_filter",), "filter for applications"),
    (("user_actions", "authentication_contexts"), "target resources"),
    (("sign_in_risk_levels", "user_risk_levels", "insider_risk_levels"), "risks"),
    (("transfer_methods",), "authentication flows"),
)
"""What is told only to be another -> what the portal calls it."""
_TOKENS = {
    "users": {"all": "all users", "none": "nobody", "guestsorexternalusers": "guests"},
    "applications": {"all": "all resources", "none": "no resource", "office365": "Office 365"},
}
"""Words of Graph that stand among ids -> what the portal calls them."""


def changed(before: Policy, after: Policy, account_id: str, tenant: Tenant) -> str:
    """What became of a policy, to come after "was": ``switched from report-only to on``, ``changed ("Mailers" taken out of the excluded
    groups)``, or only ``changed``. ``account_id``: the account that it is told of; the tenant knows what others are called.
    """
    what = [*_moves(before, after, account_id, tenant), *_others(before, after)]
    details = f" ({limited(what, MOST)})" if what else ""
    if before.state == after.state:
        return f"changed{details}"
    return f"switched from {_state(before)} to {_state(after)}{f' and changed{details}' if details else ''}"


def _state(policy: Policy) -> str:
    return STATES.get(policy.state, policy.state)


def _moves(before: Policy, after: Policy, account_id: str, tenant: Tenant) -> Iterable[str]:
    """What came to the sets of a policy, and what went."""
    for field, label in _SETS:
        was, now = getattr(before, field), getattr(after, field)
        for moved, how in ((was - now, "taken out of"), (now - was, "added to")):
            if moved:
                yield f"{_named(field.partition('_')[2], moved, account_id, tenant)} {how} the {label}"


def _others(before: Policy, after: Policy) -> Iterable[str]:
    for fields, label in _PARTS:
        if any(getattr(before, field) != getattr(after, field) for field in fields):
            yield f"other {label}"


def _named(kind: str, ids: frozenset[str], account_id: str, tenant: Tenant) -> str:
    """The names of ids, as far as they are known; of the others how many there are."""
    known = sorted(name for id in ids if (name := _name(kind, id, account_id, tenant)))
    others, another = len(ids) - len(known), "other " if known else ""
    rest = [f"{others} {another}{kind if others > 1 else kind[:-1]}"] if others else []
    return limited([*known, *rest], MOST)


def _name(kind: str, id: str, account_id: str, tenant: Tenant) -> str | None:
    if token := _TOKENS.get(kind, {}).get(id):
        return token
    if kind == "users":
        return "the account" if id == account_id else None
    group = tenant.groups.get(id) if kind == "groups" else None
    name = group.display_name if group else tenant.role_names.get(id, "") if kind == "roles" else ""
    return "".join(quoted([name])) if name and name != id else None
