"""What the audit log records of settings that hold for many: policies, locations, strengths, switches of the tenant.

Names of activities, services and categories: Microsoft Entra documentation, "Microsoft Entra audit log categories and activities". That
list writes "Add Conditional Access policy" today; the log itself writes "Add conditional access policy", and so does this module.
Names of modified properties: ``ConditionalAccessPolicy`` is documented; ``SecurityDefaults``, ``NamedLocation``,
``AuthenticationStrengthPolicy`` and ``MfaServicePolicy`` are guesses after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from localgraph.audit_rows import AUTHENTICATION_METHODS, CONDITIONAL_ACCESS, Change, Entry, as_text, modified, target
from localgraph.schema import Json

_SECURITY_DEFAULTS_ID = "00000000-0000-0000-0000-000000000005"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of object that has a policy's JSON: its activities (added, updated, deleted) and where they are logged."""

    activities: tuple[str, str, str]
    property: str
    service: str
    category: str

    def entry(self, old: Json | None, new: Json | None) -> Entry:
        """One of the two is there; None before for what was added, None after for what was deleted."""
        number = 0 if old is None else 2 if new is None else 1
        shown = new or old or {}
        texts = [None if one is None else as_text(_without_nulls(one)) for one in (old, new)]
        changes = [modified(self.property, *texts)]
        id = str(shown.get("id"))
        return Entry(
            activity=self.activities[number],
            service=self.service,
            category=self.category,
            operation=("Add", "Update", "Delete")[number],
            targets=(target(id, "Policy", shown.get("displayName"), changes),),
            request=(self.property, id),
            reason=None if self.service == CONDITIONAL_ACCESS else "",
            details=_CATEGORY if self.service == CONDITIONAL_ACCESS else (),
        )


_CATEGORY = ({"key": "Category", "value": CONDITIONAL_ACCESS},)
_POLICIES = _Kind(
    ("Add conditional access policy", "Update conditional access policy", "Delete conditional access policy"),
    "ConditionalAccessPolicy",
    CONDITIONAL_ACCESS,
    "Policy",
)
_LOCATIONS = _Kind(
    ("Add named location", "Update named location", "Delete named location"),
    "NamedLocation",
    CONDITIONAL_ACCESS,
    "Policy",
)
_STRENGTHS = _Kind(
    (
        "Authentication Strength Policy Create",
        "Authentication Strength Policy Update",
        "Authentication Strength Policy Delete",
    ),
    "AuthenticationStrengthPolicy",
    AUTHENTICATION_METHODS,
    "ApplicationManagement",
)
_DELETIONS = frozenset({_LOCATIONS.activities[2], _STRENGTHS.activities[2]})


def policy_entries(change: Change) -> Iterator[Entry]:
    """Conditional Access policies, and what they refer to: added before them, deleted after them.

    The directory's own, nearly empty "Update policy" beside each change of a policy is left out.
    """
    before, after = change.before, change.after
    referred = [
        *_entries(_LOCATIONS, before.named_locations, after.named_locations),
        *_entries(_STRENGTHS, _custom(before.strengths), _custom(after.strengths)),
    ]
    yield from (entry for entry in referred if entry.activity not in _DELETIONS)
    yield from _entries(_POLICIES, before.policies, after.policies)
    yield from (entry for entry in referred if entry.activity in _DELETIONS)


def setting_entries(change: Change) -> Iterator[Entry]:
    """Security Defaults, and the service settings of per-user MFA with the switch for app passwords.

    A state that Graph leaves out before or after tells of no change.
    """
    old, new = change.before.security_defaults, change.after.security_defaults
    if old is not None and new is not None and old != new:
        texts = [as_text({"isEnabled": state}) for state in (old, new)]
        yield Entry(
            activity="Update security defaults",
            service=CONDITIONAL_ACCESS,
            category="Policy",
            operation="Update",
            targets=(
                target(_SECURITY_DEFAULTS_ID, "Policy", "Security Defaults", [modified("SecurityDefaults", *texts)]),
            ),
            request=("security defaults",),
            reason=None,
            details=_CATEGORY,
        )
    was, now = change.before.mfa_service, change.after.mfa_service
    if was is not None and now is not None and was != now:
        settings = modified("MfaServicePolicy", as_text(was), as_text(now))
        yield Entry(
            activity="MFA Service Policy Update",
            service=AUTHENTICATION_METHODS,
            category="ApplicationManagement",
            operation="Update",
            targets=(target(change.after.id, "Directory", change.after.name, [settings]),),
            request=("mfa service",),
        )


def _entries(kind: _Kind, before: Sequence[Json], after: Sequence[Json]) -> Iterator[Entry]:
    olds, news = _by_id(before), _by_id(after)
    yield from (kind.entry(None, new) for id, new in news.items() if id not in olds)
    yield from (kind.entry(olds[id], new) for id, new in news.items() if id in olds and _differ(olds[id], new))
    yield from (kind.entry(old, None) for id, old in olds.items() if id not in news)


def _by_id(items: Iterable[Json]) -> dict[str, Json]:
    return {str(item["id"]).lower(): item for item in items}


def _custom(strengths: Iterable[Json]) -> list[Json]:
    """Nobody changes Microsoft's own ones."""
    return [one for one in strengths if one.get("policyType") == "custom"]


def _differ(old: Json, new: Json) -> bool:
    return _own(old) != _own(new)


def _own(item: Json) -> Json:
    """The object without what Graph fills in from another one: a strength that is edited doesn't update the policies that ask for it."""
    grant = item.get("grantControls")
    strength = grant.get("authenticationStrength") if isinstance(grant, Mapping) else None
    if not isinstance(grant, Mapping) or not isinstance(strength, Mapping):
        return item
    return {**item, "grantControls": {**grant, "authenticationStrength": strength.get("id")}}


def _without_nulls(item: Json) -> Json:
    """The object as the log has it: Graph's JSON without the members that are null, of itself, its conditions and its controls.

    One published row writes ``guestOrExternalUserTypes`` as a number, too; here it keeps Graph's words.
    """
    kept = {name: value for name, value in item.items() if value is not None}
    for name in ("conditions", "grantControls"):
        part = kept.get(name)
        if isinstance(part, Mapping):
            kept[name] = {inner: value for inner, value in part.items() if value is not None}
    return kept
