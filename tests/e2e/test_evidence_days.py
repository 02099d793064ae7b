"""A finding that rests on sign-ins of which only the audit log tells that nothing explains them, when that log gets lost."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from azure.data.tables import TableServiceClient

from demo.receiver import Receiver
from evidence import audit_log
from localgraph.builder import TenantBuilder
from localgraph.schema import Json
from localgraph.server import LocalGraph
from localgraph.times import iso
from tests.e2e.conftest import BACKUP, VISIBLE, Installation
from tests.e2e.days import Days
from tests.e2e.test_life import findings, sight
from tests.evidence.refused_accounts import MODERN

EVIDENCE = (BACKUP, "APW-005")
DEMAND = {"requirementProvider": "multiConditionalAccess", "detail": "Conditional Access"}
SPARED = "Spared"


@pytest.fixture
def installation(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A tenant in which a group is excluded from the only policy."""
    tenant = TenantBuilder(skus=("AAD_PREMIUM_P2",)).group(SPARED).user(BACKUP, mfa="disabled", groups=[SPARED])
    tenant.user(VISIBLE, mfa="enforced", methods=["authenticator"])
    old = "2025-01-01T00:00:00Z"
    tenant.policy("MFA for all", exclude_groups=[SPARED], grant=["mfa"], created=old, modified=old)
    with LocalGraph(tenant.build()).in_thread() as graph, Receiver().in_thread() as receiver:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("AzureWebJobsStorage", storage)
        monkeypatch.setenv("SERVICE_ACCOUNTS", f"{BACKUP},{VISIBLE}")
        monkeypatch.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins")
        monkeypatch.setenv("AUDIT_LOG", "on")
        monkeypatch.setenv("WEBHOOK_URL", f"{receiver.url}/webhook")
        monkeypatch.setenv("WEBHOOK_SECRET", receiver.secret)
        yield Installation(graph, receiver, storage)


@pytest.fixture
def days(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The account was excluded ten days ago, and asked for MFA two days ago all the same."""
    days = Days(installation, monkeypatch)
    tenant = installation.graph.tenant
    tenant.audits = [added(installation, tenant.user(BACKUP).id, days.at(-10, 9))]
    days.sign_in(-2, client=MODERN, authenticationRequirementPolicies=[DEMAND])
    return days


def added(installation: Installation, member: str, at: datetime) -> Json:
    group = installation.graph.tenant.group(SPARED)
    named = [{"displayName": "Group.ObjectID", "oldValue": None, "newValue": json.dumps(group.id)}]
    return {
        "id": f"{member} {at}",
        "activityDisplayName": "Add member to group",
        "activityDateTime": iso(at),
        "category": "GroupManagement",
        "loggedByService": "Core Directory",
        "result": "success",
        "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}},
        "targetResources": [{"id": member, "type": "User", "modifiedProperties": named}, {"id": group.id}],
    }


def forget_the_log(installation: Installation) -> None:
    with TableServiceClient.from_connection_string(installation.storage) as service:
        service.get_table_client("signins").delete_entity("audits", "latest")


def the_setting(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_LOG")


def the_row_and(status: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    def lose(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        forget_the_log(installation)
        installation.graph.fail("directoryAudits", status)

    return lose


def the_row_of_what_the_log_keeps_no_longer(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_log(installation)
    installation.graph.tenant.audits = []


LOSSES = [
    pytest.param(the_setting, id="setting"),
    pytest.param(the_row_and(403), id="row, log refused"),
    pytest.param(the_row_and(503), id="row, log fails"),
    pytest.param(the_row_of_what_the_log_keeps_no_longer, id="row, log empty"),
]
Lose = Callable[[Installation, pytest.MonkeyPatch], None]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_audit_log_ends_no_finding_that_rests_on_it(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    days.scan(0)
    assert EVIDENCE in findings(installation)
    told = installation.told()
    lose(installation, monkeypatch)
    days.scan(1)
    days.scan(2, "--account", BACKUP)
    days.scan(3)
    assert EVIDENCE in findings(installation)
    assert installation.told() == told


@pytest.mark.parametrize("lose", LOSSES)
def test_without_the_audit_log_a_finding_ends_once_the_sign_ins_are_old(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    days.scan(0)
    lose(installation, monkeypatch)
    days.scan(27)
    assert EVIDENCE in findings(installation)
    days.scan(29)
    assert EVIDENCE in findings(installation, "resolved")


@pytest.mark.parametrize("lose", LOSSES)
def test_without_the_audit_log_a_finding_ends_when_a_policy_is_changed(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    days.scan(0)
    lose(installation, monkeypatch)
    days.scan(1)
    tenant = installation.graph.tenant
    tenant.policies[0]["conditions"]["users"]["excludeUsers"] = [tenant.user(BACKUP).id]
    tenant.policies[0]["modifiedDateTime"] = iso(days.at(2, 7))
    tenant.changed()
    days.scan(2)
    assert EVIDENCE in findings(installation, "resolved")


def test_a_finding_ends_when_the_audit_log_shows_that_the_account_was_excluded_since(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.scan(0)
    monkeypatch.delenv("AUDIT_LOG")
    days.scan(1)
    monkeypatch.setenv("AUDIT_LOG", "on")
    tenant = installation.graph.tenant
    tenant.audits = [added(installation, tenant.user(BACKUP).id, days.at(1, 9)), *tenant.audits]
    days.scan(2)
    assert EVIDENCE in findings(installation, "resolved")


def test_that_findings_rest_on_an_audit_log_which_is_not_read_any_more_is_told_once(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.scan(0)
    monkeypatch.delenv("AUDIT_LOG")
    for day in range(1, 10):
        days.scan(day)
    (note,) = sight(installation)
    assert note.startswith("One open finding rests on the audit log, which isn't read any more: AUDIT_LOG isn't on.")
    monkeypatch.setenv("AUDIT_LOG", "on")
    days.scan(10)
    (over,) = sight(installation)[1:]
    assert over.startswith("The audit log is read again, or no open finding rests on it.")


def test_without_the_audit_log_from_the_beginning_nothing_is_found_and_nothing_told(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUDIT_LOG")
    days.scan(0)
    days.scan(1)
    assert (EVIDENCE in findings(installation), sight(installation)) == (False, [])


def test_what_is_known_without_the_audit_log_ends_as_it_would_where_nobody_ever_read_it(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = installation.graph.tenant
    policy = tenant.policies.pop()
    tenant.changed()
    days.scan(0)
    assert EVIDENCE in findings(installation)
    monkeypatch.delenv("AUDIT_LOG")
    tenant.policies.append(policy)
    tenant.changed()
    days.scan(1)
    days.scan(2)
    assert EVIDENCE in findings(installation, "resolved")
    assert sight(installation) == []


def test_what_one_scan_could_not_judge_rests_on_the_sign_in_log_still(installation: Installation, days: Days) -> None:
    installation.graph.tenant.policies.clear()
    installation.graph.tenant.changed()
    days.scan(0)
    installation.graph.fail("conditionalAccess/policies", 503)
    days.scan(1)
    installation.graph.heal()
    installation.graph.tenant.sign_ins.clear()
    installation.graph.fail("auditLogs/signIns", 403)
    with TableServiceClient.from_connection_string(installation.storage) as service:
        table = service.get_table_client("signins")
        for row in list(table.query_entities("PartitionKey ge 'accounts' and PartitionKey lt 'accountt'")):
            table.delete_entity(row["PartitionKey"], row["RowKey"])
    days.scan(2)
    assert EVIDENCE in findings(installation)


def crowd(installation: Installation, days: Days, count: int) -> list[Json]:
    """That so many others came into the group, newest first."""
    return [added(installation, f"00000000-0000-4000-9000-{one:012}", days.at(0, 12)) for one in range(count)]


def test_moves_of_other_members_crowd_out_no_move_of_an_account_that_is_watched(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "MOST_KEPT", 10)
    days.scan(0)
    installation.graph.tenant.audits = [*crowd(installation, days, 20), *installation.graph.tenant.audits]
    for day, asked in ((1, ("--account", VISIBLE)), (2, ()), (3, ()), (3.5, ("--account", VISIBLE))):
        days.scan(int(day), *asked, hour=8 if day == int(day) else 20)
        installation.graph.tenant.audits = []  # the log itself has it no longer
    answer = days.scan(4)
    assert answer.account(BACKUP)["visibility"] == "conditional"
    assert EVIDENCE in findings(installation)
