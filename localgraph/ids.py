"""Ids: those of a tenant's own objects, made from their names, and Microsoft's well-known ones."""

from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6f0d2c1e-4f3b-5e0a-9a54-5d1f6b1c7a10")


def make_id(*parts: str) -> str:
    """The same id for the same parts, always. Compared without case, as Graph compares names."""
    name = (
        "\n".join(parts).casefold().encode("utf-8", "backslashreplace").decode()
    )  # half a surrogate pair has no UTF-8
    return str(uuid5(_NAMESPACE, name))


APPS: Final = {
    "Exchange Online": "00000002-0000-0ff1-ce00-000000000000",
    "SharePoint Online": "00000003-0000-0ff1-ce00-000000000000",
    "Azure management": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "Microsoft Graph": "00000003-0000-0000-c000-000000000000",
    "Microsoft Intune Enrollment": "d4ebce55-015a-49b5-a083-c84d1797ae8c",
}
"""Microsoft's application ids (Microsoft Entra documentation, "Verify first-party Microsoft applications")."""

ROLES: Final = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Authentication Policy Administrator": "0526716b-113d-4c15-b2c8-68e3c22b9f80",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Directory Synchronization Accounts": "d29b2b05-8046-44ba-8758-1e26182fcf32",
}
"""Template ids of built-in roles (Microsoft Entra documentation, "Microsoft Entra built-in roles")."""

STRENGTHS: Final = {
    "Multifactor authentication": "00000000-0000-0000-0000-000000000002",
    "Passwordless MFA": "00000000-0000-0000-0000-000000000003",
    "Phishing-resistant MFA": "00000000-0000-0000-0000-000000000004",
}
"""Built-in authentication strengths."""

SERVICE_PLANS: Final = {
    "AAD_PREMIUM": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "AAD_PREMIUM_P2": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    "EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "EXCHANGE_S_STANDARD": "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
}
"""Service plan ids (Microsoft's "Product names and service plan identifiers for licensing")."""

SKUS: Final = {
    "SPE_E3": ("05e9a617-0261-4cee-bb44-138d3ef5d965", ("AAD_PREMIUM", "EXCHANGE_S_ENTERPRISE")),
    "SPE_E5": ("06ebc4ee-1bb5-47dd-8120-11324bc54e06", ("AAD_PREMIUM", "AAD_PREMIUM_P2", "EXCHANGE_S_ENTERPRISE")),
    "AAD_PREMIUM_P2": ("84a661c4-e949-4bd2-a560-ed7766fcaf2b", ("AAD_PREMIUM", "AAD_PREMIUM_P2")),
    "O365_BUSINESS_PREMIUM": ("f245ecc8-75af-4f8e-b61f-27d8114de5f3", ("EXCHANGE_S_STANDARD",)),
    "EXCHANGESTANDARD": ("4b9405b0-7788-4568-add1-99614e613b69", ("EXCHANGE_S_STANDARD",)),
}
"""Subscriptions: id, and those of their service plans that matter here (same source)."""

MICROSOFT_SERVICES_TENANT: Final = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns Microsoft's own applications."""
