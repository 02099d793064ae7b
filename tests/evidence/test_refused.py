"""Accounts that are refused, from the sign-in log to the finding."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checks.judge import judge
from checks.model import Finding
from checks.sign_in_codes import MFA_CODES, OTHER_CODES, POLICY_CODES
from evidence.store import Evidence, PassingEvidence
from evidence.usage import Usage, read_usage
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings
from tenant.reader import read_tenant
from tenant.selection import Selection
from tenant.sign_ins import PASSWORD_WAS_RIGHT
from tenant.turns import Turns
from tests.evidence.refused_accounts import ACCOUNTS, NOW, UNSEEN, Labelled
from tests.tenant.reading import Naps, connect

DOMAIN = "contoso.com"


def graph_of(accounts: tuple[Labelled, ...]) -> LocalGraph:
    """A Graph with the accounts, and with what each did in the log."""
    build = TenantBuilder(now=NOW + timedelta(days=1))
    for one in accounts:
        build.user(f"svc-{one.name}@{DOMAIN}")
    tenant = build.build()
    rows = [
        {**row, "id": f"{one.name} {number}", "userId": tenant.user(f"svc-{one.name}@{DOMAIN}").id}
        for one in accounts
        for number, row in enumerate(one.rows)
    ]
    tenant.sign_ins = sorted(rows, key=lambda row: str(row["createdDateTime"]), reverse=True)
    return LocalGraph(tenant)


async def used(graph: LocalGraph, evidence: Evidence, **more: Any) -> Usage:
    """How the accounts are used, as a scan reads it."""
    chosen = Settings(
        graph_endpoint=graph.url,
        service_account_patterns=("svc-*",),
        service_account_discovery=frozenset({"signins"}),
        audit_log="off",
    )
    async with connect(graph.url) as client:
        reading = await read_tenant(client, Selection(patterns=("svc-*",)))
        turns = more.pop("turns", None) or Turns(sleep=Naps())
        return await read_usage(client, chosen, reading, evidence, more.pop("now", NOW), turns=turns, discover=False)


def refusals(found: Usage) -> dict[str, Finding]:
    """APW-015 of every account that has it, by its name."""
    judged = judge(found.reading.tenant, found.reading.accounts, now=NOW)
    return {
        one.account.user_principal_name.removeprefix("svc-").partition("@")[0]: finding
        for one in judged
        for finding in one.findings
        if finding.check_id == "APW-015"
    }


@pytest.fixture(scope="module")
def findings() -> Mapping[str, Finding]:
    """All accounts, judged once."""

    async def judged() -> Mapping[str, Finding]:
        async with graph_of(ACCOUNTS) as graph:
            return refusals(await used(graph, PassingEvidence()))

    return asyncio.run(judged())


@pytest.mark.parametrize("labelled", ACCOUNTS, ids=[one.name for one in ACCOUNTS])
def test_every_account_is_judged_as_it_was_labelled(labelled: Labelled, findings: Mapping[str, Finding]) -> None:
    found = findings.get(labelled.name)
    assert (found and found.severity.value) == labelled.severity
    summary = found.summary if found else ""
    assert [text for text in labelled.says if text not in summary] == [], summary
    assert [text for text in labelled.says_not if text in summary] == [], summary


async def test_without_the_right_to_see_policies_the_refusal_is_told_and_none_is_named() -> None:
    """Graph leaves the policies out then, although they were asked for."""
    (one,) = (one for one in ACCOUNTS if one.name == "all-since-saturday")
    async with graph_of((one,)) as graph:
        graph.deny("Policy.Read.ConditionalAccess", "Policy.Read.All")
        found = refusals(await used(graph, PassingEvidence()))[one.name]
    assert "were refused (error 53003: Conditional Access blocks the sign-in)" in found.summary
    assert UNSEEN in found.summary
    assert "Block legacy" not in found.summary


def test_there_are_enough_of_them() -> None:
    assert len(ACCOUNTS) >= 40
    assert len({one.name for one in ACCOUNTS}) == len(ACCOUNTS)


def test_every_refusal_comes_after_the_right_password_and_no_code_means_two_things() -> None:
    assert POLICY_CODES.keys() | MFA_CODES.keys() <= PASSWORD_WAS_RIGHT
    assert not {50126, 50053, 50057, 50034} & PASSWORD_WAS_RIGHT
    assert len({*POLICY_CODES, *MFA_CODES, *OTHER_CODES}) == sum(map(len, (POLICY_CODES, MFA_CODES, OTHER_CODES)))
