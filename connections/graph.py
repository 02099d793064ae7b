"""The connection to Microsoft Graph that the settings describe."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from connections.kept import kept, stays_open
from connections.sign_in import person
from settings import Settings
from settings.model import LOCAL_GRAPH_TOKEN
from tenant.credentials import azure_credential
from tenant.graph import Graph, Line


@asynccontextmanager
async def graph_for(settings: Settings, *, background: bool = True) -> AsyncIterator[Graph]:
    """A client of Microsoft Graph: of the person who is signed in, or the app's own; a local one gets the fixed local token.

    ``background``: whether nobody waits for the answers, so that Graph may throttle it before others. In the function app the
    connections and the sign-in stay open, and all clients of a process keep Graph's limits together.
    """
    async with await _client(settings) as graph:
        graph.background = background
        yield graph


async def _client(settings: Settings) -> Graph:
    someone = person()
    if someone is not None:
        return Graph(settings.graph_host, someone)
    if stays_open() and not settings.graph_is_local:
        key = ("graph", settings.graph_host, settings.login_authority, settings.azure_client_id)
        credential, line, _ = await kept(key, lambda: _open(settings), lambda found: found[2].aclose())
        return Graph(settings.graph_host, credential, line=line)
    return Graph.connect(
        settings.graph_host,
        authority=settings.login_authority,
        client_id=settings.azure_client_id,
        local_token=LOCAL_GRAPH_TOKEN if settings.graph_is_local else None,
    )


async def _open(settings: Settings) -> tuple[Any, Line, AsyncExitStack]:
    """The credential and the connections, and what closes them."""
    stack = AsyncExitStack()
    credential = azure_credential(settings.login_authority, settings.azure_client_id, stack)
    line = Line()
    stack.push_async_callback(line.aclose)
    return credential, line, stack
