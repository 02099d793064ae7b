"""The connection to Microsoft Graph that the settings describe."""

from connections.sign_in import person
from settings import Settings
from settings.model import LOCAL_GRAPH_TOKEN
from tenant.graph import Graph


def graph_for(settings: Settings) -> Graph:
    """A client of Microsoft Graph: of the person who is signed in, or the app's own; a local one gets the fixed local token."""
    someone = person()
    if someone is not None:
        return Graph(settings.graph_host, someone)
    return Graph.connect(
        settings.graph_host,
        authority=settings.login_authority,
        client_id=settings.azure_client_id,
        local_token=LOCAL_GRAPH_TOKEN if settings.graph_is_local else None,
    )
