"""Direct and transitive membership, also where groups contain each other in a circle."""

from collections import deque
from collections.abc import Iterable, Mapping


class Membership:
    """Who is in what. A container is a group or a directory role; both directions are worked out when asked."""

    def __init__(self, edges: Iterable[tuple[str, list[str]]]) -> None:
        """Takes containers with their direct members."""
        self._members: dict[str, list[str]] = dict(edges)
        self._containers: dict[str, list[str]] = {}
        for container, members in self._members.items():
            for member in members:
                self._containers.setdefault(member, []).append(container)
        self._above: dict[str, tuple[str, ...]] = {}
        self._below: dict[str, tuple[str, ...]] = {}

    def members(self, container: str) -> tuple[str, ...]:
        """Direct members, in the order of the group."""
        return tuple(dict.fromkeys(self._members.get(container, ())))

    def containers(self, member: str) -> tuple[str, ...]:
        """What somebody is a direct member of."""
        return tuple(dict.fromkeys(self._containers.get(member, ())))

    def transitive_members(self, container: str) -> tuple[str, ...]:
        """Members at any depth, containers among them included."""
        return _reach(container, self._members, self._below)

    def transitive_containers(self, member: str) -> tuple[str, ...]:
        """What somebody is a member of at any depth."""
        return _reach(member, self._containers, self._above)


def _reach(start: str, edges: Mapping[str, list[str]], known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    if start not in known:
        found: dict[str, None] = {}
        waiting = deque(edges.get(start, ()))
        while waiting:
            here = waiting.popleft()
            if here not in found:
                found[here] = None
                waiting.extend(edges.get(here, ()))
        found.pop(start, None)  # a circle leads back
        known[start] = tuple(found)
    return known[start]
