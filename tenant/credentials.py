"""Who the app is to Microsoft Graph: its managed identity, a developer's own sign-in, or a fixed token on this machine."""

from contextlib import AsyncExitStack
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity.aio import DefaultAzureCredential


class FixedToken:
    """The credential of a Graph on this machine."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token; it never expires."""
        return AccessToken(self._token, 2**40)


def azure_credential(authority: str, client_id: str | None, closing: AsyncExitStack) -> DefaultAzureCredential:
    """The credential of an app in Azure; ``closing`` closes it. ``client_id`` names a user-assigned managed identity."""
    credential = DefaultAzureCredential(authority=authority, managed_identity_client_id=client_id)
    closing.push_async_callback(credential.close)
    return credential
