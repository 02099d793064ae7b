"""Reads Conditional Access: the policies, and the authentication strengths and named locations they refer to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tenant.batch import Answer, Member, batch
from tenant.gaps import Gaps, gap_of
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphError, GraphGarbled, GraphRefused, Json
from tenant.locations import EVERYWHERE, FIXED_LOCATIONS
from tenant.mfa_service import PATH as MFA_SERVICE
from tenant.mfa_service import parse_mfa_service, read_mfa_service
from tenant.model import AuthenticationStrength, Gap, MfaService, Policy, Tenant
from tenant.pacing import THROTTLED
from tenant.policies import parse_plan, parse_policy, parse_strength
from tenant.recommendations import PATH as RECOMMENDATIONS
from tenant.shapes import LOCATION, POLICY, STRENGTH, shaped

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
_STRENGTHS = (
    "/policies/authenticationStrengthPolicies",
    "/identity/conditionalAccess/authenticationStrength/policies",  # the same, where the first isn't known
)


_POLICIES = "/identity/conditionalAccess/policies"
_PLANS = "/identity/conditionalAccess/plans"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a tenant, and what they refer to."""

    policies: tuple[Policy, ...] | Gap
    """Policy plans are among them."""
    unlisted: Gap | None = None
    """Set where policies may be missing from ``policies``."""
    unlisted_plans: Gap | None = None
    """Set where nobody can tell whether there are policy plans."""
    licences: Gap | None = None
    """The unread licences that would have told whether there can be policies at all."""
    plans_unread: Gap | None = None
    """Why the policy plans weren't read; it changes nothing by itself."""
    mfa_service: MfaService | None = None
    """The tenant's settings of per-user MFA, which are asked for together with the plans."""
    recommendations: Answer | None = None
    """The first answer to the question for Microsoft's recommendations, asked with them; None where nobody asked."""


async def read_policies(graph: Graph, gaps: Gaps) -> Policies:
    """Read them one after the other, as Conditional Access allows it: one request a second for all apps of the tenant."""
    try:
        policies, unlisted = await _listed(graph, gaps)
    except GraphError as error:
        return await _unread(graph, gaps, error)
    # In one request, for none depends on the others.
    asked = [Member(_PLANS), Member(MFA_SERVICE), Member(RECOMMENDATIONS)]
    first, service, recommendations = await batch(graph, asked, version="beta")
    plans, unlisted_plans, plans_unread = await _plans(graph, gaps, first)
    return Policies(
        (*policies, *plans),
        unlisted,
        unlisted_plans,
        plans_unread=plans_unread,
        mfa_service=parse_mfa_service(service),
        recommendations=recommendations,
    )


References = tuple[dict[str, AuthenticationStrength] | Gap, dict[str, str] | Gap]
"""The authentication strengths by id, and the names of the locations by id."""


async def read_references(graph: Graph, gaps: Gaps, policies: Sequence[Policy] | Gap) -> References:
    """What the policies refer to; nothing is asked that none of them names."""
    known = () if isinstance(policies, Gap) else policies
    strengths: dict[str, AuthenticationStrength] | Gap = {}
    locations: dict[str, str] | Gap = {}
    if need_strengths(known):
        strengths = await _strengths(graph, gaps)
    if need_locations(known):
        locations = await _locations(graph, gaps)
    return strengths, locations


async def read_what_they_need(graph: Graph, gaps: Gaps, tenant: Tenant, more: Sequence[Policy]) -> Tenant:
    """The tenant with what further policies refer to as well, as far as its own ones didn't need it."""
    own = tenant.known_policies
    strengths, locations = tenant.strengths, tenant.named_locations
    if need_strengths(more) and not need_strengths(own):
        strengths = await _strengths(graph, gaps)
    if need_locations(more) and not need_locations(own):
        locations = await _locations(graph, gaps)
    return replace(tenant, strengths=strengths, named_locations=locations)


def need_strengths(policies: Sequence[Policy]) -> bool:
    """Whether one of the policies names an authentication strength without saying what it satisfies."""
    return any(one.grant and one.grant.strength and not one.grant.strength.requirements_satisfied for one in policies)


def need_locations(policies: Sequence[Policy]) -> bool:
    """Whether one of the policies names a location by its id."""
    return any(_named_locations(one) for one in policies)


async def _listed(graph: Graph, gaps: Gaps) -> tuple[list[Policy], Gap | None]:
    """The policies of beta's list; where it can't be read, those of v1.0's, and the gap that says that some may be missing.

    v1.0's list leaves out policies that use preview features (a maintainer of Microsoft's in microsoft/EntraExporter#35). Raises
    ``GraphError`` where neither can be read: the refusal that a permission or a licence would lift, where the other list was
    refused as well. One that was answered, or that failed, is no sign that there are no policies.
    """
    try:
        return await _list(graph, "beta"), None
    except GraphError as error:
        refused = error
    try:
        policies = await _list(graph, "v1.0")
    except GraphError as error:
        raise next((one for one in (refused, error) if not _is_refused(one)), _forbidden_of(refused, error)) from None
    what = "v1.0's list leaves out policies that use preview features, and beta's can't be read"
    return policies, gaps.add("conditional_access_preview_policies", refused, what=what)


async def _list(graph: Graph, version: str) -> list[Policy]:
    """The policies of one version's list, each once."""
    found: dict[str, Policy] = {}
    async for item in graph.pages(_POLICIES, version=version):
        policy = parse_policy(shaped(item, POLICY))
        found.setdefault(policy.id, policy)
    return list(found.values())


async def _plans(graph: Graph, gaps: Gaps, first: Answer) -> tuple[list[Policy], Gap | None, Gap | None]:
    """The policy plans as policies, from the answer to the first request on. Few tenants have any, and Graph may not know them: a refusal means that there are none.

    An answer that nothing can be made of, and none because Graph had no time for it, leave open whether there are some: that is the
    first gap. The second is why they weren't read, whatever it means.
    """
    found: list[Policy] = []
    try:
        if isinstance(first, GraphError):
            raise first
        async for item in graph.items(first):
            found.append(parse_plan(item))  # noqa: PERF401 -- those that came before a refusal stay
    except GraphError as error:
        unlisted = gaps.add("policy_plans", error) if _says_nothing(error) else None
        return found, unlisted, gap_of("policy_plans", error)
    return found, None, None


def _says_nothing(error: GraphError) -> bool:
    """Whether an error is no sign of what there is: no answer, one that can't be read, or that Graph was too busy for one."""
    return isinstance(error, GraphGarbled) or not isinstance(error, GraphRefused) or error.status in THROTTLED


async def _unread(graph: Graph, gaps: Gaps, error: GraphError) -> Policies:
    """What a refusal of both lists means: without a licence for Conditional Access there are no policies."""
    licensed: bool | Gap = True
    if _is_forbidden(error):
        licensed = await _may_have_premium_licence(graph, gaps)
        if licensed is False:
            return Policies((), mfa_service=await read_mfa_service(graph))
    gap = gaps.add("conditional_access_policies", error)
    licences = licensed if isinstance(licensed, Gap) else None
    return Policies(gap, licences=licences, mfa_service=await read_mfa_service(graph))


def _is_refused(error: GraphError) -> bool:
    """Whether Graph doesn't let anybody ask so, or doesn't know what was asked for."""
    return _is_forbidden(error) or (isinstance(error, GraphRefused) and error.status in REFINEMENT_REFUSED)


def _forbidden_of(one: GraphError, other: GraphError) -> GraphError:
    return one if _is_forbidden(one) else other


def _is_forbidden(error: GraphError) -> bool:
    return isinstance(error, GraphRefused) and error.status == 403


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
    return subscribed and (not isinstance(plans, list) or any(map(_may_be_premium_plan, plans)))


def _may_be_premium_plan(plan: object) -> bool:
    """Whether a service plan is Entra ID P1 or P2, or one that doesn't say what it is."""
    named = (plan.get("servicePlanName"), plan.get("servicePlanId")) if isinstance(plan, dict) else ()
    told = [name.lower() for name in named if isinstance(name, str) and name]
    return not told or any(name in _PREMIUM for name in told)


async def _strengths(graph: Graph, gaps: Gaps) -> dict[str, AuthenticationStrength] | Gap:
    refusal: GraphRefused | None = None
    for path in _STRENGTHS:
        try:
            pages = graph.pages(path)
            found = [parse_strength(shaped(item, STRENGTH)) async for item in pages]
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
        found = [shaped(item, LOCATION) async for item in graph.pages(path)]
    except GraphError as error:
        return gaps.add("named_locations", error)
    return {str(item["id"]).lower(): str(item.get("displayName") or item["id"]) for item in found}


def _named_locations(policy: Policy) -> set[str]:
    named = {one.lower() for one in policy.include_locations + policy.exclude_locations}
    return named - FIXED_LOCATIONS.keys() - {EVERYWHERE}
