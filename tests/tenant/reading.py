"""Reading a local Graph the way a scan does, without waiting."""

from collections.abc import Sequence

from localgraph.server import LocalGraph
from localgraph.service import TOKEN
from tenant.graph import Graph
from tenant.model import Account, Gap
from tenant.reader import Reading, read_tenant
from tenant.selection import Selection


class Naps:
    """Sleeps no time at all, and remembers for how long it should have."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def connect(url: str, naps: Naps | None = None) -> Graph:
    """A client of a Graph on this machine."""
    return Graph.connect(url, authority="https://login.invalid", local_token=TOKEN, sleep=naps or Naps())


async def read(
    graph: LocalGraph, *accounts: str, selection: Selection | None = None, only: Sequence[str] = ()
) -> Reading:
    """What a scan reads of the accounts, or of a whole selection."""
    async with connect(graph.url) as client:
        return await read_tenant(client, selection or Selection(accounts=accounts), only or None)


def account(reading: Reading, name: str) -> Account:
    """The account with a user principal name, or only its local part."""
    (found,) = (
        one for one in reading.accounts if name in (one.user_principal_name, one.user_principal_name.split("@")[0])
    )
    return found


def gap_of(reading: Reading, input_name: str) -> Gap:
    """The one gap of an input."""
    (found,) = (one for one in reading.gaps if one.input == input_name)
    return found


def inputs(reading: Reading) -> list[str]:
    """Names of the inputs that have gaps."""
    return [gap.input for gap in reading.gaps]
