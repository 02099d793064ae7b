"""Reads and judges tenants whose answers are spoilt in one place, and finds what became more reassuring by it."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from checks.judge import judge
from checks.missing import with_missing
from checks.model import Verdict
from localgraph.tenant import LocalTenant
from tenant.reader import read_tenant
from tenant.selection import Selection
from tests.checks.kit import NOW
from tests.mutations.canned import CannedGraph, Json
from tests.mutations.mutate import mutated
from tests.mutations.tenants import GROUP, NAMES, REFUSED, tenants

CALM = frozenset({"visible", "not_offered", "not_applicable"})
"""Answers after which nobody looks any further."""


@dataclass(frozen=True)
class Outcome:
    """What a scan says of a tenant."""

    verdicts: dict[str, Verdict]
    complete: bool


@dataclass(frozen=True)
class Reassured:
    """A mutation, and what it hid."""

    tenant: str
    mutation: str
    change: str


async def mutations(count: int, seed: int) -> AsyncIterator[Reassured | None]:
    """``count`` mutations, each with what it hid; None where it hid nothing, as it should."""
    chance = random.Random(seed)
    built = tenants()
    each = [count // len(built) + (place < count % len(built)) for place in range(len(built))]
    for (name, tenant), number in zip(built.items(), each, strict=True):
        graph = CannedGraph(tenant)
        graph.refused = lambda address, name=name: name == REFUSED and "conditionalAccess" in address  # type: ignore[misc]
        before = await _outcome(graph, tenant)
        answers = dict(graph.answers)
        for _ in range(number):
            mutation = _order(graph, answers, chance)
            after = await _outcome(graph, tenant)
            found = list(_reassured(before, after))
            yield Reassured(name, mutation, "; ".join(found)) if found else None
            graph.change = lambda address, body: body
        await graph.__aexit__(None, None, None)


async def _outcome(graph: CannedGraph, tenant: LocalTenant) -> Outcome:
    selection = Selection(accounts=NAMES, groups=(tenant.group(GROUP).id,))
    reading = await read_tenant(graph, selection)
    judged = judge(reading.tenant, reading.accounts, now=NOW)
    gaps = with_missing(reading.gaps, judged)
    verdicts = {one.account.user_principal_name: one.verdict for one in judged}
    return Outcome(verdicts, all(gap.optional for gap in gaps))


def _order(graph: CannedGraph, answers: dict[str, Json], chance: random.Random) -> str:
    """Have an answer spoilt from now on, or now and then a whole batch, once. Returns what is done, in words."""
    if chance.random() < 0.1:
        said: list[str] = []
        seed = chance.random()

        def spoil_batch(address: str, body: Json) -> Json:
            if said or not address.endswith("/$batch"):
                return body
            how, spoilt = mutated(body, random.Random(seed))
            said.append(how)
            return spoilt

        graph.change = spoil_batch
        return "a batch"
    kinds: dict[str, list[str]] = {}
    for address in answers:
        kinds.setdefault(_kind(address), []).append(address)
    often = ["policies"] * len(kinds) if "policies" in kinds else []
    chosen = chance.choice(kinds[chance.choice([*kinds, *often])])
    how, spoilt = mutated(answers[chosen], chance)
    versions = {chosen, chosen.replace("/beta/", "/v1.0/")} if chance.random() < 0.5 else {chosen}
    graph.change = lambda address, body: spoilt if address in versions else body
    return f"{chosen}: {how}"


def _kind(address: str) -> str:
    """What an answer is about: the last part of its path that is no id."""
    parts = address.partition("?")[0].split("/")
    return parts[-2] if parts[-2] in ("users", "groups", "userRegistrationDetails") else parts[-1]


def _reassured(before: Outcome, after: Outcome) -> list[str]:
    found = []
    for name, old in before.verdicts.items():
        new = after.verdicts.get(name)
        if new is None:
            if after.complete:
                found.append(f"{name} is gone")
            continue
        answers = f"{name} {old.visibility}/{old.usability} became {new.visibility}/{new.usability}"
        if not (_fits(old.visibility, new.visibility) and _fits_usability(old.usability, new.usability)):
            found.append(answers)
        if "unknown" in (new.visibility, new.usability) and after.complete:
            found.append(f"{answers}, and the run is complete")
    return found


def _fits(old: str, new: str) -> bool:
    """Whether the new answer is as alarming as the old one. What a malformed policy does is ``conditional`` at most."""
    if old == new or new == "unknown":
        return True
    if old in ("stuck", "pending", "visible"):
        return False  # what decides these is the state, and a state is read or it isn't
    return old == "not_applicable" or new in ("hidden", "conditional") or (old in CALM and new == "predicted")


def _fits_usability(old: str, new: str) -> bool:
    return old in (new, "not_checked", "usable") or new not in ("usable", "not_checked")
