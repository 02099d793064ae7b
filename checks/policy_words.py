"""What a Conditional Access policy says, in the words of an administrator: controls, places, platforms, risks, flows. Pure.

A name of Microsoft's code that is known becomes words; one that isn't stays as it is written. What a policy names twice is said once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from checks.phrases import joined, quoted
from tenant.locations import EVERYWHERE, FIXED_LOCATIONS
from tenant.model import AuthenticationStrength, Gap, GrantControls, Policy

# conditionalAccessGrantControl (Graph schema), lower-cased -> what the portal calls it.
_CONTROLS = {
    "mfa": "multifactor authentication",
    "compliantdevice": "a compliant device",
    "domainjoineddevice": "a Microsoft Entra hybrid joined device",
    "approvedapplication": "an approved client app",
    "compliantapplication": "an app protection policy",
    "passwordchange": "a password change",
    "riskremediation": "risk remediation",
}
_BLOCK = "block"
# conditionalAccessDevicePlatform.
_PLATFORMS = {
    "android": "Android",
    "ios": "iOS",
    "windows": "Windows",
    "windowsphone": "Windows Phone",
    "macos": "macOS",
    "linux": "Linux",
    "all": "any platform",
}
# riskLevel, and the levels of insider risk.
_LEVELS = {name: name for name in ("low", "medium", "high", "hidden", "none", "minor", "moderate", "elevated")}
# conditionalAccessTransferMethods.
_FLOWS = {"devicecodeflow": "device code flow", "authenticationtransfer": "authentication transfer"}

_UNKNOWN = "which this version doesn't know"
_NO_PLATFORM = "scanners and mail libraries present no platform"


def known_controls() -> frozenset[str]:
    """The built-in grant controls that there are words for, lower-cased."""
    return frozenset({*_CONTROLS, _BLOCK})


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a policy requires, where something that isn't known decides what that means."""

    text: str
    """For example ``a compliant device or compliantNetwork, which this version doesn't know``."""
    several: bool
    """Whether more than one thing in it isn't known."""

    def may(self, do: str) -> str:
        """The requirement, and what it may ``do``, as the end of a sentence after ``requires``."""
        return f"{self.text}; {'they' if self.several else 'it'} may {do}"


@dataclass(frozen=True, slots=True)
class NamedStrength:
    """An authentication strength in words."""

    text: str
    doubt: str | None = None
    """Why nobody knows what it stands for, as a relative clause."""


def named_strength(strength: AuthenticationStrength | None, doubt: str | None = None) -> NamedStrength | None:
    """The strength as part of a sentence, by its name, or by its id where it has none; None where the policy has none."""
    if strength is None:
        return None
    name = f'"{strength.display_name}"' if strength.display_name else strength.id
    return NamedStrength(f"the authentication strength {name}" if name else "an authentication strength", doubt)


def open_requirement(grant: GrantControls, strength: NamedStrength | None) -> Requirement | None:
    """What the policy requires, where some of it isn't known; None where all is. ``strength``: the one to be named with it."""
    unknown = [name for name in grant.built_in if name.lower() not in known_controls()]
    unknown = _once([*unknown, *grant.unknown_members])
    doubt = strength.doubt if strength else None
    if not unknown and doubt is None:
        return None
    word = "and" if grant.operator == "AND" else "or"
    parts = [*other_controls(grant, strength), *unknown]
    text = f"{joined(parts, word)}, {_UNKNOWN}" if unknown else joined(parts, word)
    if strength is None or doubt is None:
        return Requirement(text, len(unknown) > 1)
    if parts:
        text += f"{',' if unknown else ''} {word} "
    return Requirement(f"{text}{strength.text}, {doubt}", several=bool(unknown))


def other_controls(grant: GrantControls, strength: NamedStrength | None) -> list[str]:
    """The known controls of the grant in words; ``block`` is nothing that anybody could meet."""
    known = [_CONTROLS[name.lower()] for name in grant.built_in if name.lower() in _CONTROLS]
    custom = ["a custom control"] if grant.custom_factors else []
    terms = ["terms of use"] if grant.terms_of_use else []
    strong = [strength.text] if strength and strength.doubt is None else []
    return _once([*known, *custom, *terms, *strong])


def instead_of_mfa(grant: GrantControls, mfa: frozenset[str], strength: NamedStrength | None) -> str:
    """Under which circumstance an OR demands MFA: that nothing else is met instead.

    Takes the controls that mean MFA, lower-cased, and the strength unless it means MFA.
    """
    others = tuple(name for name in grant.built_in if name.lower() not in mfa)
    rest = replace(grant, built_in=others)
    requirement = open_requirement(rest, strength)
    what = requirement.text if requirement else joined(other_controls(rest, strength), "or")
    return f"only if no other control is met instead ({what})"


def unknown_conditions(names: Iterable[str]) -> str:
    """That the policy has conditions that nobody here knows, by their names in Graph."""
    return f"it has conditions that this version doesn't know ({', '.join(quoted(_once(names)))})"


def beside_unknown_controls(names: Iterable[str]) -> str:
    """That the policy has further controls, which nobody here knows, by their names in Graph."""
    return f"beside grant controls that this version doesn't know ({', '.join(quoted(_once(names)))})"


def unknown_clients(names: Iterable[str]) -> str:
    """That the policy is only for client apps that nobody here knows."""
    return f"only for client apps that this version doesn't know ({', '.join(quoted(_once(sorted(names))))})"


def unknown_state(state: str) -> str:
    """That the policy is in a state that nobody here knows."""
    return f'its state "{state}" is new to this version'


def only_at_risk(kind: str, levels: Sequence[str]) -> str:
    """At which levels of a risk the policy applies; ``kind`` is the risk."""
    return f"only when the {kind} is {joined(_named(levels, _LEVELS), 'or')}"


def only_on_platforms(policy: Policy) -> str | None:
    """On which device platforms the policy applies; None where that makes no difference."""
    included, excluded = policy.include_platforms, _lower(policy.exclude_platforms)
    if included and "all" not in _lower(included):
        rest = [one for one in included if one.lower() not in excluded and "all" not in excluded]
        return f"only on {joined(_named(rest, _PLATFORMS), 'or')}" if rest else _nowhere(_named(included, _PLATFORMS))
    if "all" in excluded:
        return _nowhere(["every platform"])
    if not excluded:
        return None
    return f"on every device platform except {joined(_named(policy.exclude_platforms, _PLATFORMS), 'or')}"


def platforms_of_a_legacy_client(policy: Policy) -> str | None:
    """The same, with what it means for a legacy client, whose program tells nobody on which platform it runs."""
    text = only_on_platforms(policy)
    if text is None or contradicts_itself(text):
        return text
    hardly = text.startswith("only on")
    return f"{text} ({_NO_PLATFORM}, so that it {'hardly concerns' if hardly else 'reaches'} them)"


def only_from_locations(policy: Policy, locations: Mapping[str, str] | Gap) -> str | None:
    """From which places the policy applies; None where that is from everywhere, or :func:`exempt_locations` says it."""
    included, excluded = policy.include_locations, _lower(policy.exclude_locations)
    if not included or EVERYWHERE in _lower(included):
        return None
    rest = [one for one in included if one.lower() not in excluded and EVERYWHERE not in excluded]
    if not rest:
        return _nowhere(location_names(included, locations))
    besides = [one for one in policy.exclude_locations if one.lower() not in _lower(included)]
    text = f"only from {joined(location_names(rest, locations), 'or')}"
    return f"{text}, but not from {joined(location_names(besides, locations), 'or')}" if besides else text


def exempt_locations(policy: Policy, locations: Mapping[str, str] | Gap) -> str | None:
    """From which places a policy that applies everywhere doesn't apply; None where it exempts none."""
    if not policy.exclude_locations or only_from_locations(policy, locations):
        return None
    if EVERYWHERE in _lower(policy.exclude_locations):
        return _nowhere(["every location"])
    return f"from everywhere except {joined(location_names(policy.exclude_locations, locations), 'or')}"


def only_for_flows(methods: Sequence[str]) -> str:
    """For which authentication flows the policy applies."""
    return f"only for {joined(_named(methods, _FLOWS), 'or')}"


_CONTRADICTION = "its conditions contradict each other"


def _nowhere(both: Sequence[str]) -> str:
    return f"{_CONTRADICTION}: it includes and excludes {joined(both)}, so it applies nowhere as it stands"


def contradicts_itself(circumstance: str) -> bool:
    """Whether the circumstance, in words, is one that never comes."""
    return circumstance.startswith(_CONTRADICTION)


def location_names(ids: Iterable[str], locations: Mapping[str, str] | Gap) -> list[str]:
    """What the locations are called; one without a name by its id."""
    return _once(_location_name(id, locations) for id in ids)


def _location_name(location: str, locations: Mapping[str, str] | Gap) -> str:
    id = location.lower()
    if id in FIXED_LOCATIONS:
        return FIXED_LOCATIONS[id]
    if isinstance(locations, Gap):
        return f"the location {id}"
    return locations.get(id) or f"a location that is not among the named locations ({id})"


def _named(names: Iterable[str], words: Mapping[str, str]) -> list[str]:
    """Each name in words; one that isn't known as it is written, in quotation marks."""
    return _once(words.get(name.lower()) or f'"{name}"' for name in names)


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
