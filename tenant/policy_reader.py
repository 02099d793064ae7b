"""Reads Conditional Access: the policies, and the authentication strengths and named locations they refer to."""

from dataclasses import dataclass

from tenant.gaps import Gaps
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphError, GraphRefused, Json
from tenant.locations import EVERYWHERE, FIXED_LOCATIONS
from tenant.model import AuthenticationStrength, Gap, Policy
from tenant.policies import parse_policy, parse_strength

# Names and ids of the service plans of Entra ID P1 and P2 (Microsoft's licensing service plan reference).
_PREMIUM = frozenset(
    {
        "aad_premium",
        "aad_premium_p2",
        "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
        "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    }
)
_SUBSCRIBED = frozenset({"enabled", "warning", "suspended"})
# Without this header Graph writes members that are newer than the API version as unknownFutureValue.
_ALL_MEMBERS = {"Prefer": "include-unknown-enum-members"}
_STRENGTHS = (
    "/policies/authenticationStrengthPolicies",
    "/identity/conditionalAccess/authenticationStrength/policies",  # the same, where the first isn't known
)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a tenant, and what they refer to."""

    policies: tuple[Policy, ...] | Gap
    licences: Gap | None
    """The unread licences that would have told whether there can be policies at all."""
    strengths: dict[str, AuthenticationStrength] | Gap
    named_locations: dict[str, str] | Gap


async def read_policies(graph: Graph, gaps: Gaps) -> Policies:
    """Read them one after the other: Conditional Access allows one request a second for all apps of the tenant."""
    policies, licences = await _policies(graph, gaps)
    strengths: dict[str, AuthenticationStrength] | Gap = {}
    locations: dict[str, str] | Gap = {}
    if not isinstance(policies, Gap):
        if any(one.grant and one.grant.strength and not one.grant.strength.requirements_satisfied for one in policies):
            strengths = await _strengths(graph, gaps)
        if any(_named_locations(one) for one in policies):
            locations = await _locations(graph, gaps)
    return Policies(policies, licences, strengths, locations)


async def _policies(graph: Graph, gaps: Gaps) -> tuple[tuple[Policy, ...] | Gap, Gap | None]:
    """The policies, and the licences where those are the other missing input."""
    try:
        raw = [item async for item in graph.pages("/identity/conditionalAccess/policies", headers=_ALL_MEMBERS)]
    except GraphRefused as refused:
        if refused.status != 403:
            return gaps.add("conditional_access_policies", refused), None
        licensed = await _may_have_premium_licence(graph, gaps)
        if licensed is False:
            return (), None
        return gaps.add("conditional_access_policies", refused), licensed if isinstance(licensed, Gap) else None
    except GraphError as error:
        return gaps.add("conditional_access_policies", error), None
    return tuple(parse_policy(item) for item in raw), None


async def _may_have_premium_licence(graph: Graph, gaps: Gaps) -> bool | Gap:
    """Whether the tenant can have Conditional Access at all: a subscription may hold Entra ID P1 or P2."""
    try:
        return await has_premium_licence(graph)
    except GraphError as error:
        return gaps.add("subscribed_skus", error)


async def has_premium_licence(graph: Graph) -> bool:
    """Whether a subscription of the tenant may hold Entra ID P1 or P2. Raises :class:`~tenant.graph.GraphError`."""
    return any([_is_premium(sku) async for sku in graph.pages("/subscribedSkus")])


def _is_premium(sku: Json) -> bool:
    """Whether a subscription may hold Entra ID P1 or P2: what it doesn't say counts against the tenant being without."""
    status, plans = sku.get("capabilityStatus"), sku.get("servicePlans")
    subscribed = not isinstance(status, str) or status.lower() in _SUBSCRIBED
    return subscribed and (not isinstance(plans, list) or any(map(_is_premium_plan, plans)))


def _is_premium_plan(plan: object) -> bool:
    named = (plan.get("servicePlanName"), plan.get("servicePlanId")) if isinstance(plan, dict) else ()
    return any(str(name).lower() in _PREMIUM for name in named)


async def _strengths(graph: Graph, gaps: Gaps) -> dict[str, AuthenticationStrength] | Gap:
    refusal: GraphRefused | None = None
    for path in _STRENGTHS:
        try:
            found = [parse_strength(item) async for item in graph.pages(path, headers=_ALL_MEMBERS)]
            return {strength.id: strength for strength in found}
        except GraphRefused as refused:
            refusal = refusal or refused
            if refused.status not in REFINEMENT_REFUSED:
                break
        except GraphError as error:
            return gaps.add("authentication_strengths", error)
    return gaps.add("authentication_strengths", refusal or "nothing was asked")


async def _locations(graph: Graph, gaps: Gaps) -> dict[str, str] | Gap:
    """Names only: no verdict depends on them."""
    try:
        path = "/identity/conditionalAccess/namedLocations"
        found = [item async for item in graph.pages(path)]
    except GraphError as error:
        return gaps.add("named_locations", error)
    return {str(item.get("id") or "").lower(): str(item.get("displayName") or item.get("id")) for item in found}


def _named_locations(policy: Policy) -> set[str]:
    named = {one.lower() for one in policy.include_locations + policy.exclude_locations}
    return named - FIXED_LOCATIONS.keys() - {EVERYWHERE}
