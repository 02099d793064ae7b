"""Random changes of a tenant, as the audit log shows them: whoever's verdict changes must be looked at again.

python -m tests.jobs.log_histories CHANGES SEED
"""

import asyncio
import copy
import random
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.judge import judge
from evidence.audit_log import groups_of_verdicts
from jobs.relevance import Scope, reach_of
from localgraph.audit_events import events_between
from localgraph.builder import TenantBuilder
from localgraph.ids import make_id
from localgraph.server import LocalGraph
from localgraph.tenant import LocalRoleAssignment, LocalTenant, LocalUser
from tenant.graph import Graph
from tenant.group_reader import read_nested
from tenant.log_events import parse
from tenant.reader import Reading, read_tenant
from tenant.selection import Selection

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
ROLE = "Exchange Administrator"
GROUPS = ("Outer", "Selecting", "Middle", "Inner", "Elsewhere")
PEOPLE = ("svc-0@contoso.com", "svc-1@contoso.com", "svc-2@contoso.com", "printer@contoso.com", "ada@contoso.com")
Verdicts = dict[str, Any]
Change = Callable[[LocalTenant, random.Random], object]


def tenant() -> LocalTenant:
    """Service accounts in groups of groups, under policies of every kind."""
    builder = TenantBuilder()
    builder.group("Elsewhere").group("Selecting")
    builder.group("Inner").group("Middle", members=["Inner"]).group("Outer", members=["Middle"])
    for number, name in enumerate(PEOPLE):
        state = ("disabled", "disabled", "enforced", "enabled", "disabled")[number]
        builder.user(name, mfa=state, groups=[] if number % 2 else ["Inner"])
    builder.policy("For the outer group", include_groups=["Outer"], grant=["mfa"], client_apps=["browser"])
    builder.policy("For elsewhere", include_groups=["Elsewhere"], grant=["mfa"], client_apps=["browser"])
    builder.policy("For a role", include_roles=[ROLE], grant=["block"], client_apps=["other"])
    built = builder.build()
    built.now = NOW
    return built


def selection(of: LocalTenant) -> Selection:
    """By pattern, and by a group."""
    return Selection(patterns=("svc-*",), groups=tuple(one.id for one in of.groups.values() if one.name == "Selecting"))


# What happens


def change_a_policy(of: LocalTenant, chance: random.Random) -> None:
    if not of.policies:
        return
    policy = chance.choice(of.policies)
    users = policy["conditions"]["users"]
    match chance.randrange(4):
        case 0:
            policy["state"] = chance.choice(["enabled", "disabled", "enabledForReportingButNotEnforced"])
        case 1:
            users["excludeUsers"] = chance.sample(list(of.users), k=min(2, len(of.users)))
        case 2:
            users["includeGroups"] = chance.sample(list(of.groups), k=min(1, len(of.groups)))
        case _:
            policy["grantControls"]["builtInControls"] = [chance.choice(["mfa", "block"])]


def delete_a_policy(of: LocalTenant, chance: random.Random) -> None:
    if of.policies:
        of.policies.remove(chance.choice(of.policies))


def make_a_policy(of: LocalTenant, chance: random.Random) -> None:
    (made,) = TenantBuilder().policy("New", grant=["mfa"], client_apps=["browser"]).build().policies
    of.policies.append({**made, "id": make_id("policy", str(chance.random()))})


def switch(of: LocalTenant, chance: random.Random) -> None:
    if chance.random() < 0.5:
        of.security_defaults = not of.security_defaults
    elif of.mfa_service is not None:
        of.mfa_service["allowAppPasswords"] = not of.mfa_service["allowAppPasswords"]


def move_somebody(of: LocalTenant, chance: random.Random) -> None:
    group = chance.choice(list(of.groups.values()))
    _toggle(group.members, chance.choice(list(of.users)))


def nest_a_group(of: LocalTenant, chance: random.Random) -> None:
    """A group only comes into one that stands before it, so that none is in itself."""
    groups = sorted(of.groups.values(), key=lambda one: one.name in GROUPS and GROUPS.index(one.name))
    if len(groups) > 1:
        outer, inner = sorted(chance.sample(range(len(groups)), 2))
        _toggle(groups[outer].members, groups[inner].id)


def _toggle(members: list[str], id: str) -> None:
    if id in members:
        members.remove(id)
    else:
        members.append(id)


def delete_a_group(of: LocalTenant, chance: random.Random) -> None:
    group = chance.choice(list(of.groups.values()))
    if group.name == "Selecting" or len(of.groups) < 3:
        return
    del of.groups[group.id]
    for one in of.groups.values():
        if group.id in one.members:
            one.members.remove(group.id)


def give_or_take_a_role(of: LocalTenant, chance: random.Random) -> None:
    (role,) = (one for one in of.roles.values() if one.name == ROLE)
    holder = chance.choice([*of.users])
    held = [one for one in of.role_assignments if (one.principal_id, one.role_id) == (holder, role.id)]
    if held:
        of.role_assignments.remove(held[0])
    else:
        kind = chance.choice(["assigned", "eligible"])
        id = make_id("assignment", holder, str(chance.random()))
        of.role_assignments.append(LocalRoleAssignment(id, holder, role.id, kind=kind))  # type: ignore[arg-type]


def change_somebody(of: LocalTenant, chance: random.Random) -> None:
    user = chance.choice(list(of.users.values()))
    match chance.randrange(4):
        case 0:
            user.mfa = chance.choice(["disabled", "enabled", "enforced"])
        case 1:
            user.enabled = not user.enabled
        case 2:
            method = {
                "@odata.type": "#microsoft.graph.phoneAuthenticationMethod",
                "id": make_id("m", str(chance.random())),
            }
            user.methods = () if user.methods else ({**method, "phoneType": "mobile", "phoneNumber": "+1 5555555"},)
        case _:
            user.upn = f"{chance.choice(['svc', 'moved'])}-{chance.randrange(10**6)}@contoso.com"


def hire_or_fire(of: LocalTenant, chance: random.Random) -> None:
    if chance.random() < 0.5 and len(of.users) > 3:
        id = chance.choice(list(of.users))
        del of.users[id]
        for group in of.groups.values():
            if id in group.members:
                group.members.remove(id)
        of.role_assignments = [one for one in of.role_assignments if one.principal_id != id]
        return
    number = chance.randrange(10**6)
    user = LocalUser(make_id("user", str(number)), f"{chance.choice(['svc', 'person'])}-{number}@contoso.com", "New")
    of.users[user.id] = user


CHANGES: tuple[Change, ...] = (
    change_a_policy,
    change_a_policy,
    delete_a_policy,
    make_a_policy,
    switch,
    move_somebody,
    move_somebody,
    nest_a_group,
    delete_a_group,
    give_or_take_a_role,
    change_somebody,
    change_somebody,
    hire_or_fire,
)


def happen(change: Change, graph: LocalGraph, chance: random.Random) -> LocalTenant:
    """Change the tenant of a local Graph. Returns it as it was."""
    was, graph.tenant = graph.tenant, copy.deepcopy(graph.tenant)
    change(graph.tenant, chance)
    graph.tenant.changed()
    return was


async def play(changes: int, seed: int) -> tuple[list[str], Counter[str]]:
    """So many changes, each seen by the log. Returns what was missed, in words, and how often what happened."""
    chance, now = random.Random(seed), NOW
    missed: list[str] = []
    counts: Counter[str] = Counter()
    async with LocalGraph(tenant()) as graph:
        before = await _verdicts(graph)
        for number in range(changes):
            if number % 8 == 0:  # what was deleted is needed again
                graph.tenant = tenant()
                before = await _verdicts(graph)
            change = chance.choice(CHANGES)
            was = happen(change, graph, chance)
            now += timedelta(minutes=1)
            rows = events_between(was, graph.tenant, at=now, classic=chance.random() < 0.3)
            events = [event for row in rows if (event := parse(row, now))]
            reach = reach_of(events, before[1])
            after = await _verdicts(graph)
            differing = {id for id in before[0].keys() | after[0].keys() if before[0].get(id) != after[0].get(id)}
            unseen = set() if reach.everybody else differing - reach.accounts
            counts[f"{change.__name__}: {'verdicts changed' if differing else 'no verdict changed'}"] += 1
            counts["everybody" if reach.everybody else "some" if reach.accounts else "nobody"] += 1
            if unseen:
                log = [f"{event.activity} {[target.name for target in event.targets]}" for event in events]
                missed.append(f"change {number} of seed {seed}, {change.__name__}: {sorted(unseen)}; the log: {log}")
            before = after
    return missed, counts


async def _verdicts(graph: LocalGraph) -> tuple[Verdicts, Scope]:
    """Id of a watched account -> what a scan would say of it; and what a scan knows afterwards."""
    chosen = selection(graph.tenant)
    async with Graph.connect(graph.url, authority="", local_token="local-development-token") as client:
        reading = await read_tenant(client, chosen)
        selecting = await read_nested(client, chosen.groups)
    found = verdicts_of(reading)
    return found, Scope(frozenset(found), groups_of_verdicts(reading.tenant), chosen, selecting)


def verdicts_of(reading: Reading) -> Verdicts:
    """Id of an account -> what is said of it."""
    judged = judge(reading.tenant, reading.accounts, now=NOW)
    return {
        one.account.id: (
            one.verdict.visibility,
            one.verdict.usability,
            sorted((finding.check_id, finding.severity) for finding in one.findings),
            one.account.user_principal_name,
        )
        for one in judged
    }


if __name__ == "__main__":
    lost, counted = asyncio.run(play(int(sys.argv[1]), int(sys.argv[2])))
    table = "".join(f"{times:6} {name}\n" for name, times in sorted(counted.items()))
    sys.stdout.write(f"{table}{'; '.join(lost) or 'Nothing was missed.'}\n")
    sys.exit(bool(lost))
