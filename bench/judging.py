"""Judging: 20,000 accounts against 195 policies, on one core, in a tenant like others and in the worst one."""

import random
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

from bench.measured import Measured
from checks.judge import Judge, judge
from checks.policy import REPORT_ONLY
from checks.simulate import waiting_shifts
from jobs.simulate import SHOWN
from tenant.model import Account, Group, Policy, Tenant
from tenant.policies import parse_policy

ACCOUNTS, POLICIES, GROUPS = 20_000, 195, 300
WAITING = 60
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def measure() -> list[Measured]:
    """Processor seconds for all accounts, and the memory that judging one account after the other leaves behind."""
    found = []
    for name, kinds, bound in (
        ("accounts of 200 kinds (members of the same groups)", 200, "1 s"),
        ("no two accounts in the same groups", ACCOUNTS, ""),
    ):
        tenant, accounts = make(kinds)
        began = time.process_time()
        judging = Judge(tenant, now=NOW)
        for account in accounts:
            judging.judge(account)
        spent = time.process_time() - began
        found.append(Measured(f"judging {ACCOUNTS:,} accounts against {POLICIES} policies: {name}", spent, "s", bound))
    found += [_all_of_a_scan(), _simulating()]
    tenant, accounts = make(200)
    judging = Judge(tenant, now=NOW)
    tracemalloc.start()
    for account in accounts:
        judging.judge(account)
    kept = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return [*found, Measured(f"memory that judging {ACCOUNTS:,} accounts leaves behind", kept, "MB", "20 MB")]


def _all_of_a_scan() -> Measured:
    """Processor seconds of a scan's judging: all verdicts, and what each report-only policy, half of them, would change."""
    tenant, accounts = make(200)
    half = tuple(
        replace(one, state=REPORT_ONLY if number % 2 else "enabled") for number, one in enumerate(tenant.known_policies)
    )
    tenant = replace(tenant, policies=half)
    began = time.process_time()
    judge(tenant, accounts, now=NOW)
    for _ in waiting_shifts(tenant, accounts, app_passwords_allowed="unknown", now=NOW, at_most=SHOWN):
        pass
    spent = time.process_time() - began
    what = f"{ACCOUNTS:,} accounts of 200 kinds against {POLICIES} policies, half of them report-only: judging and simulating"
    return Measured(what, spent, "s", "2 s")


def _simulating() -> Measured:
    """Processor seconds for what report-only policies would change, where each of them may reach everybody."""
    tenant, accounts = make(200)
    waiting = tuple(
        replace(one, state=REPORT_ONLY, include_users=frozenset({"all"})) if number < WAITING else one
        for number, one in enumerate(tenant.known_policies)
    )
    began = time.process_time()
    for _ in waiting_shifts(
        replace(tenant, policies=waiting), accounts[:2000], app_passwords_allowed="unknown", now=NOW, at_most=100
    ):
        pass
    spent = time.process_time() - began
    return Measured(f"what {WAITING} report-only policies would change for 2,000 accounts", spent, "s", "5 s")


def make(kinds: int) -> tuple[Tenant, list[Account]]:
    """A tenant with random policies over its groups, and accounts in five groups each."""
    chance = random.Random(1)
    groups = [f"group-{number}" for number in range(GROUPS)]
    memberships = [frozenset(chance.sample(groups, 5)) for _ in range(kinds)]
    accounts = [
        Account(
            id=f"account-{number}",
            user_principal_name=f"svc-{number}@contoso.com",
            per_user_mfa="disabled",
            groups=memberships[number % kinds],
        )
        for number in range(ACCOUNTS)
    ]
    policies = tuple(_policy(number, groups, chance) for number in range(POLICIES))
    return Tenant(policies=policies, groups={id: Group(id, id) for id in groups}), accounts


def _policy(number: int, groups: list[str], chance: random.Random) -> Policy:
    everybody = number % 20 == 0
    users = {
        "includeUsers": ["All"] if everybody else [],
        "includeGroups": [] if everybody else chance.sample(groups, 3),
        "excludeGroups": chance.sample(groups, 3),
    }
    return parse_policy(
        {
            "id": f"policy-{number}",
            "displayName": f"Policy {number}",
            "state": chance.choice(["enabled", "enabled", "enabled", "enabledForReportingButNotEnforced"]),
            "conditions": {
                "users": users,
                "applications": {"includeApplications": ["All"]},
                "clientAppTypes": [chance.choice(["all", "browser", "other"])],
                "signInRiskLevels": chance.choice([[], [], ["high"]]),
            },
            "grantControls": {
                "operator": "OR",
                "builtInControls": [chance.choice(["mfa", "block", "compliantDevice"])],
            },
        }
    )
