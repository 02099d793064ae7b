"""Reads the tenant's settings of per-user MFA: whether users may create app passwords, and which addresses are trusted.

Microsoft documents no endpoint for them. This one answers the settings page of the admin center and scripts that check tenants;
it may go away or look different any day, and then the settings are just unknown: no gap, no error.
"""

from typing import Any

from tenant.graph import Graph, GraphError
from tenant.model import MfaService

PATH = "/policies/mfaServicePolicy"
VERSION = "beta"


async def read_mfa_service(graph: Graph) -> MfaService | None:
    """The settings; None where Graph refuses them, doesn't know them or answers something else."""
    try:
        answer = await graph.get(PATH, version=VERSION)
    except GraphError:
        return None
    return parse_mfa_service(answer)


def parse_mfa_service(answer: Any) -> MfaService | None:
    """The settings in an answer; None where it doesn't say in so many words whether app passwords are allowed."""
    allowed = answer.get("allowAppPasswords") if isinstance(answer, dict) else None
    if not isinstance(allowed, bool):
        return None
    trusted = answer.get("trustedIps")
    trusted = trusted if isinstance(trusted, dict) else {}
    federated = trusted.get("skipMfaForFederatedUsers")
    return MfaService(allowed, _ranges(trusted), federated if isinstance(federated, bool) else None)


def _ranges(trusted: dict[str, Any]) -> tuple[str, ...]:
    """The address ranges; which member holds them isn't documented either, so any list of texts is taken for one."""
    lists = [value for name, value in trusted.items() if "@" not in name and isinstance(value, list)]
    return tuple(dict.fromkeys(item for items in lists for item in items if isinstance(item, str) and item))
