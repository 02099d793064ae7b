"""Asks Microsoft's own What If which Conditional Access policies apply to a sign-in that doesn't happen.

Source: Microsoft Graph reference, "conditionalAccessRoot: evaluate". It reads only, although it is a POST, and needs P1.
"""

from collections.abc import Mapping
from typing import Any

from tenant.graph import Graph, GraphError, GraphRefused, is_licence_error, items_of
from tenant.model import WhatIf
from tenant.policies import parse_policy
from tenant.turns import Turns

PATH = "/identity/conditionalAccess/evaluate"
EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
_ENABLED = "enabled"


async def ask_what_if(graph: Graph, turns: Turns, account_id: str, client_app: str) -> WhatIf:
    """What would apply if the account signed in to Exchange Online with a client (``browser`` or ``other``).

    Raises ``GraphError``, and :class:`~tenant.turns.OutOfTurns` when the scan has spent its requests.
    """
    await turns.take()
    answer = await graph.post(
        PATH,
        {
            "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": account_id},
            "signInContext": {
                "@odata.type": "#microsoft.graph.applicationContext",
                "includeApplications": [EXCHANGE_ONLINE],
            },
            "signInConditions": {"clientAppType": client_app},
            "appliedPoliciesOnly": False,
        },
    )
    found = [(item, parse_policy(item)) for item in items_of(answer)]
    return WhatIf(
        client_app,
        tuple(policy for item, policy in found if item.get("policyApplies") is True and policy.state == _ENABLED),
        frozenset(policy.id for item, policy in found if _undecided(item)),
    )


def explain(error: GraphError) -> str:
    """Why What If can't be asked, in words where they are known."""
    if isinstance(error, GraphRefused) and is_licence_error(error):
        return f"What If needs a Microsoft Entra ID P1 licence in the tenant ({error.status} {error.code})"
    return str(error)


def _undecided(item: Mapping[str, Any]) -> bool:
    reasons = str(item.get("analysisReasons") or "").lower().split(",")
    return "notenoughinformation" in {reason.strip() for reason in reasons}
