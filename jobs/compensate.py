"""Writing the policy that makes up for an exclusion, or the named location that it needs first."""

from collections.abc import Sequence

from checks.compensating import Json, Network, compensating_policy, named_location
from checks.simulate import CannotSimulate
from connections.graph import graph_for
from settings import Settings
from tenant.graph import Graph, GraphRefused, is_missing
from tenant.odata import key_segment
from tenant.shapes import another


async def compensate(settings: Settings, account: str, *, location: str | None, networks: Sequence[Network]) -> Json:
    """The policy for an account and a named location (by id or name), or without one the named location for these addresses.

    Reads only. Raises ``GraphError``, and :class:`~checks.simulate.CannotSimulate` for what the tenant doesn't have.
    """
    async with graph_for(settings) as graph:
        id, name = await _account(graph, account)
        if location is None:
            return named_location(name, networks)
        return compensating_policy(id, name, await _location(graph, location))


async def _account(graph: Graph, account: str) -> tuple[str, str]:
    try:
        found = await graph.get(f"/users/{key_segment(account)}?$select=id,userPrincipalName")
    except GraphRefused as refused:
        if is_missing(refused):
            raise CannotSimulate(f"There is no account {account} in the tenant: check the spelling.") from None
        raise
    if error := another(found, account, "userPrincipalName"):
        raise error
    return str(found.get("id")), str(found.get("userPrincipalName") or account)


async def _location(graph: Graph, wanted: str) -> str:
    locations = [one async for one in graph.pages("/identity/conditionalAccess/namedLocations")]
    ids = [
        str(one["id"])
        for one in locations
        if wanted.casefold() in (str(one["id"]), str(one.get("displayName")).casefold())
    ]
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise CannotSimulate(f"{len(ids)} named locations are called {wanted}: give the id, one of {', '.join(ids)}.")
    raise CannotSimulate(f"There is no named location {wanted} in the tenant: create it first (--address writes it).")
