"""Random changes of a tenant: a reading that carries over what the audit log shows unchanged must say what a whole one says.

python -m tests.jobs.carried_histories CHANGES SEED [PART OF THEM THAT THE LOG NEVER SHOWS]
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from jobs.carrying import changed_by
from localgraph.audit_events import events_between
from localgraph.server import LocalGraph
from tenant.carried import NOTHING_CARRIED, Carried
from tenant.graph import Graph
from tenant.log_events import parse
from tenant.reader import read_tenant, read_tenant_again
from tests.jobs.log_histories import CHANGES, NOW, happen, selection, tenant, verdicts_of


async def play(changes: int, seed: int, *, unlogged: float = 0, proof: bool = False) -> tuple[list[str], Counter[str]]:
    """So many changes, each followed by a reading of either kind. Returns what differs, in words, and how much was carried over.

    ``proof``: whether the accounts are read all the same, and held against what was carried over.
    """
    chance, now, carried = random.Random(seed), NOW, NOTHING_CARRIED
    differences: list[str] = []
    counts: Counter[str] = Counter()
    async with (
        LocalGraph(tenant()) as graph,
        Graph.connect(graph.url, authority="", local_token="local-development-token") as client,
    ):
        for number in range(changes):
            if number % 8 == 0:  # what was deleted is needed again
                graph.tenant, carried = tenant(), NOTHING_CARRIED
                _, first = await read_tenant_again(client, selection(graph.tenant), None, carried)
                carried = first.next
            change = chance.choice(CHANGES)
            was = happen(change, graph, chance)
            now += timedelta(minutes=1)
            rows = events_between(was, graph.tenant, at=now, classic=chance.random() < 0.3)
            shown = [] if chance.random() < unlogged else rows
            changed = changed_by([event for row in shown if (event := parse(row, now))], carried)
            usable = NOTHING_CARRIED if changed is None else _without(carried, changed)
            if proof:
                usable = replace(usable, proof=frozenset(usable.answers))
            chosen = selection(graph.tenant)
            whole = await read_tenant(client, chosen)
            again, over = await read_tenant_again(client, chosen, None, usable)
            carried = over.next
            counts["carried over" if over.accounts else "proved" if proof and not over.surprises else "read anew"] += 1
            counts["surprises"] += bool(over.surprises)
            if verdicts_of(whole) != verdicts_of(again):
                log = [
                    f"{row['activityDisplayName']} {[one['type'] for one in row['targetResources']]}" for row in shown
                ]
                differences.append(f"change {number} of seed {seed}, {change.__name__}; the log: {log}")
                carried = NOTHING_CARRIED
    return differences, counts


def _without(carried: Carried, changed: Collection[str]) -> Carried:
    return replace(carried, answers={id: one for id, one in carried.answers.items() if id not in changed})


if __name__ == "__main__":
    hidden = float(sys.argv[3]) if sys.argv[3:] else 0.0
    with patch.multiple("tenant.turns", CONDITIONAL_ACCESS_SECONDS=0.0, SECONDS=0.0):  # this Graph has no limits
        found, counted = asyncio.run(play(int(sys.argv[1]), int(sys.argv[2]), unlogged=hidden, proof=hidden > 0))
    sys.stdout.write(f"{dict(counted)}\n" + "".join(f"{one}\n" for one in found))
    sys.exit(bool(found))
