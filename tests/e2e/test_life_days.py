"""What is kept and told over days on which nothing is written, or not everything can be read."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from findings.keys import time_key
from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, VISIBLE, Installation, small_tenant
from tests.e2e.days import Days
from tests.e2e.test_life import LOST, findings, sight
from tests.evidence.refused_accounts import BLOCK, EWS, SMTP

REFUSED, RETIRED = (BACKUP, "APW-015"), (BACKUP, "APW-010")


@pytest.fixture
def days(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Days:
    monkeypatch.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins")
    return Days(installation, monkeypatch)


def last_seen(installation: Installation, status: str = "open") -> datetime:
    return datetime.fromisoformat(findings(installation, status)[BACKUP, "APW-001"]["last_seen"])


def test_when_a_finding_was_last_seen_stays_when_its_account_is_gone(installation: Installation, days: Days) -> None:
    days.scan(0)
    days.scan(2)
    seen = last_seen(installation)
    assert seen >= days.at(2, 8).replace(microsecond=0)
    del installation.graph.tenant.users[installation.graph.tenant.user(BACKUP).id]
    installation.graph.tenant.changed()
    days.scan(3)
    assert last_seen(installation, "resolved") == seen


@pytest.mark.parametrize("asked", [(), ("--account", BACKUP)], ids=["scan", "recheck"])
def test_when_a_finding_was_last_seen_stays_when_it_can_no_longer_be_seen(
    installation: Installation, days: Days, asked: tuple[str, ...]
) -> None:
    days.scan(0)
    days.scan(2)
    seen = last_seen(installation)
    installation.graph.deny(*LOST[:2])
    for day in (3, 4):
        days.scan(day, *asked)
        assert last_seen(installation) == seen
    days.scan(5)
    assert last_seen(installation) == seen


def fabrikam() -> LocalTenant:
    """Another tenant."""
    tenant = TenantBuilder("Fabrikam").user("svc@fabrikam.com").build()
    tenant.id = "f1f1f1f1-0000-4000-8000-000000000001"
    return tenant


@pytest.mark.parametrize(
    ("status", "body"), [(403, None), (503, None), (200, {"value": []})], ids=["refused", "failing", "empty"]
)
def test_no_account_is_gone_from_a_tenant_that_does_not_say_which_one_it_is(
    installation: Installation, days: Days, status: int, body: dict[str, Any] | None
) -> None:
    days.scan(0)
    before, contoso = findings(installation).keys(), installation.graph.tenant
    installation.graph.tenant = fabrikam()
    installation.graph.fail("/organization", status, body=body)
    for day in (1, 2, 3):
        answer = days.scan(day)
        assert answer.account(BACKUP)["visibility"] == "unknown"
        assert not answer.document["run"]["complete"]
    assert (before - findings(installation).keys(), findings(installation, "resolved")) == (set(), {})
    installation.graph.heal()
    assert "holds the findings of the tenant" in days.scan(4).err
    installation.graph.tenant = contoso
    days.scan(5)
    assert findings(installation).keys() == before


def test_a_recheck_in_a_tenant_that_does_not_say_which_one_it_is_ends_nothing(
    installation: Installation, days: Days
) -> None:
    days.scan(0)
    installation.graph.tenant = fabrikam()
    installation.graph.deny("Organization.Read.All", "Directory.Read.All")
    for day in (1, 3):
        days.scan(day, "--account", BACKUP)
    assert (BACKUP, "APW-001") in findings(installation)


def test_a_tenants_id_in_capitals_is_the_same_tenant(installation: Installation, days: Days) -> None:
    days.scan(0)
    installation.graph.tenant.id = installation.graph.tenant.id.upper()
    assert days.scan(1).document["run"]["complete"]


@pytest.mark.parametrize(
    ("code", "message"),
    [("UnknownError", "x"), ("BadRequest", "Resource not found for the segment 'users'."), ("", "")],
)
def test_an_account_is_gone_only_where_graph_says_that_there_is_none(
    installation: Installation, days: Days, code: str, message: str
) -> None:
    days.scan(0)
    before = findings(installation)
    of_one = rf"/users/({installation.graph.tenant.user(BACKUP).id}|{BACKUP})(\?|$)"
    installation.graph.fail(of_one, 404, code=code, message=message, body=None if code else b"<html>")
    for day in (1, 2, 3):
        assert days.scan(day).account(BACKUP)["visibility"] == "unknown"
    assert before.keys() <= findings(installation).keys()


def test_a_group_is_gone_only_where_graph_says_that_there_is_none(installation: Installation, days: Days) -> None:
    days.scan(0)
    installation.graph.fail("transitiveMemberOf", 503)
    installation.graph.fail(r"GET /v1\.0/groups/[^/]+(\?|$)", 404, code="UnknownError")
    days.scan(1)
    days.scan(2)
    assert (BACKUP, "APW-001") in findings(installation)


def test_a_role_is_held_by_the_clock_that_a_scan_goes_by(installation: Installation, days: Days) -> None:
    role, start, end = "Exchange Administrator", days.at(0, 7).isoformat(), days.at(2, 7).isoformat()
    with_role = small_tenant().sku("AAD_PREMIUM_P2").assign(role, MAILER, kind="eligible", start=start, end=end)
    installation.graph.tenant = with_role.policy("MFA for admins", include_roles=[role], grant=["mfa"]).build()
    installation.graph.tenant.user(MAILER).mfa = "disabled"
    days.scan(0)
    days.scan(1)
    assert (MAILER, "APW-006") in findings(installation)
    days.scan(3)
    assert (MAILER, "APW-006") in findings(installation, "resolved")


@pytest.mark.parametrize("spoilt", ["exception", "until"])
def test_an_exception_that_cannot_be_read_has_not_ended(installation: Installation, days: Days, spoilt: str) -> None:
    days.scan(0)
    about = ("--account", BACKUP, "--check", "APW-001", "--reason", "x", "--owner", "me@contoso.com")
    installation.run("exceptions", "add", *about, "--until", UNTIL)
    days.scan(1)
    told = installation.told()
    with TableServiceClient.from_connection_string(installation.storage) as service:
        table = service.get_table_client("exceptions")
        (row,) = table.list_entities()
        kept = dict(row)
        table.upsert_entity({**row, spoilt: days.at(0, 0).date().isoformat()}, UpdateMode.REPLACE)
        days.scan(2)
        assert installation.told() == told
        table.upsert_entity(kept, UpdateMode.REPLACE)
    days.scan(3)
    assert installation.told() == told
    installation.run("exceptions", "remove", "--account", BACKUP, "--check", "APW-001")
    days.scan(4)
    assert installation.told() == [*told, ("exception_expired", BACKUP, "APW-001")]


def test_an_account_is_explained_as_of_the_day_on_which_it_was_last_judged(
    installation: Installation, days: Days
) -> None:
    days.scan(0)
    days.scan(3)
    shown = installation.run("explain", "535 5.7.139", "--account", BACKUP, "--format", "json").document
    assert shown["account"]["read_at"] == days.at(3, 8).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def that_got_in_again(installation: Installation, days: Days) -> Days:
    """An account that was refused for days, and that the log showed to get in this morning."""
    for day in range(-6, -1):
        days.sign_in(day, 53003, policies=(BLOCK,))
    days.scan(-1)
    assert findings(installation)[REFUSED]["severity"] == "high"
    days.sign_in(0)
    days.scan(0)
    assert findings(installation)[REFUSED]["severity"] == "medium"
    return days


@pytest.mark.parametrize("when", ["the next morning, by a recheck", "with a log that is refused"])
def test_a_sign_in_that_was_seen_to_get_in_counts_until_its_day_is_read_whole(
    installation: Installation, that_got_in_again: Days, when: str
) -> None:
    told = installation.told()
    if when.startswith("the next"):
        that_got_in_again.scan(1, "--account", BACKUP, hour=6)
    else:
        installation.graph.deny("AuditLog.Read.All")
        that_got_in_again.scan(1)
        that_got_in_again.scan(2)
    assert findings(installation)[REFUSED]["severity"] == "medium"
    installation.graph.heal()
    that_got_in_again.scan(3)
    assert findings(installation)[REFUSED]["severity"] == "medium"
    assert installation.told() == told


def test_refusals_that_are_over_do_not_come_back_with_a_log_that_is_refused(
    installation: Installation, days: Days
) -> None:
    days.sign_in(-9, 53003, policies=(BLOCK,))
    days.scan(-1)
    days.sign_in(0)
    days.scan(0)
    assert REFUSED not in findings(installation)
    told = installation.told()
    installation.graph.deny("AuditLog.Read.All")
    days.scan(1)
    assert REFUSED not in findings(installation)
    assert installation.told() == told


def test_what_half_a_log_lacked_is_no_change_of_what_an_account_uses(installation: Installation, days: Days) -> None:
    for day in range(-28, 0):
        days.sign_in(day, client=EWS if day < -12 else SMTP)
    installation.graph.page_sizes["signIns"] = 5
    installation.graph.fail(r"auditLogs/signIns.*skiptoken", 500)
    days.scan(0)
    assert "SMTP" in findings(installation)[RETIRED]["summary"]
    installation.graph.heal()
    days.scan(1)
    assert [one for one in installation.told() if one[1:] == RETIRED] == [("opened", *RETIRED)]


_ABOUT_IT = {"id": "t_Microsoft.Identity.IAM.Insights.X", "recommendationType": "turnOffPerUserMFA"}


@pytest.mark.parametrize(
    "items",
    [[{}], [{"id": None, "recommendationType": None, "status": "active"}], [{**_ABOUT_IT, "status": "new"}], ["x"]],
    ids=str,
)
def test_recommendations_that_cannot_be_read_end_no_warning_of_one(
    installation: Installation, days: Days, items: list[Any]
) -> None:
    installation.graph.tenant.recommendations.append({**_ABOUT_IT, "status": "active"})
    days.scan(0)
    told = installation.told()
    assert "APW-017" in json.dumps(told)
    installation.graph.fail("directory/recommendations", 200, body={"value": items})
    days.scan(1)
    days.scan(2)
    installation.graph.heal()
    days.scan(3)
    assert installation.told() == told


@pytest.mark.parametrize(
    ("refused", "then", "what"),
    [
        (
            "authentication/methods|RegistrationDetails",
            {VISIBLE: "disabled"},
            "the MFA methods of accounts that are Enforced",
        ),
        ("authentication/methods|RegistrationDetails", {MAILER: "disabled"}, "the accounts' MFA registration"),
        ("/auditLogs/directoryAudits", {"AUDIT_LOG": "off"}, "the audit log"),
        ("/auditLogs/signIns", {"SERVICE_ACCOUNT_DISCOVERY": ""}, "the sign-in log"),
        ("/groups", {"policies": ""}, "a group that a policy names"),
    ],
)
def test_what_nobody_looks_at_any_more_is_not_told_to_be_readable_again(
    installation: Installation,
    days: Days,
    monkeypatch: pytest.MonkeyPatch,
    refused: str,
    then: dict[str, str],
    what: str,
) -> None:
    monkeypatch.setenv("AUDIT_LOG", "on")
    tenant = installation.graph.tenant
    installation.graph.fail(refused, 403, code="Authorization_RequestDenied")
    days.scan(0)
    days.scan(1)
    told = sight(installation)
    assert any(note[1:].startswith(f"{what[1:]} can't be read") for note in told)
    for name, value in then.items():
        if name.isupper():
            monkeypatch.setenv(name, value)
        elif name == "policies":
            tenant.policies.clear()
        else:
            tenant.user(name).mfa = value
    days.scan(2)
    days.scan(3)
    (note,) = sight(installation)[len(told) :]
    assert note.startswith(f"Scans no longer look at {what}, which couldn't be read since ")


GROUP = "A group that a policy names"
SELECTED = "The selection of service accounts"


def with_two_more_groups(installation: Installation) -> tuple[str, str]:
    """The ids of two groups that a policy in report-only mode names."""
    tenant = installation.graph.tenant
    first, second = (f"9f1b9f0a-0000-4000-8000-00000000000{number}" for number in (1, 2))
    for id in (first, second):
        tenant.groups[id] = replace(next(iter(tenant.groups.values())), id=id, name=f"Group {id[-1]}", members=[])
    name_groups(installation, first, second)
    return first, second


def name_groups(installation: Installation, *ids: str) -> None:
    """Let the policy name these groups."""
    policy = installation.graph.tenant.policies[0]
    policy["conditions"]["users"]["excludeGroups"] = list(ids)
    installation.graph.tenant.changed()


def fail_groups(installation: Installation, *ids: str) -> None:
    """Let these groups, and no others, be unreadable."""
    installation.graph.heal()
    if ids:
        installation.graph.fail(rf"/groups/({'|'.join(ids)})", 500)


def test_of_two_groups_only_the_one_that_was_read_can_be_read_again(installation: Installation, days: Days) -> None:
    first, second = with_two_more_groups(installation)
    fail_groups(installation, first, second)
    days.scan(0)
    days.scan(1)
    (began,) = sight(installation)
    assert began.startswith(f"{GROUP} can't be read")
    assert f"It concerns {first}, {second}." in began
    fail_groups(installation, first)
    days.scan(2)
    assert sight(installation)[1].startswith(f"{GROUP} can be read again. It concerns {second}. It was otherwise")
    name_groups(installation, second)
    days.scan(3)
    (note,) = sight(installation)[2:]
    assert note.startswith("Scans no longer look at a group that a policy names, which couldn't be read since ")
    assert note.endswith(f": {first}.")


def test_a_group_that_becomes_unreadable_when_another_is_read_again_is_told(
    installation: Installation, days: Days
) -> None:
    first, second = with_two_more_groups(installation)
    fail_groups(installation, first)
    days.scan(0)
    days.scan(1)
    fail_groups(installation, second)
    days.scan(2)
    days.scan(3)
    _, over, began = sight(installation)
    assert over.startswith(f"{GROUP} can be read again. It concerns {first}.")
    assert began.startswith(f"{GROUP} can't be read")
    assert second in began


def test_a_setting_that_selects_no_longer_was_not_read_again(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = with_two_more_groups(installation)
    monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", f"{first},{second}")
    installation.graph.fail(rf"/groups/({first}|{second})/transitiveMembers", 403)
    days.scan(0)
    days.scan(1)
    told = len(sight(installation))
    monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", second)
    days.scan(2)
    installation.graph.heal()
    days.scan(3)
    unasked, over = sight(installation)[told:]
    assert unasked.startswith("Scans no longer look at the selection of service accounts, which")
    assert unasked.endswith(f": group {first}.")
    assert over.startswith(f"{SELECTED} can be read again. It concerns group {second}.")


def test_what_fails_for_several_accounts_is_not_over_when_it_fails_for_one(
    installation: Installation, days: Days
) -> None:
    tenant = installation.graph.tenant
    backup, mailer = tenant.user(BACKUP).id, tenant.user(MAILER).id
    days.scan(0)
    for ids in ((backup, mailer), (backup, mailer), (backup,), (backup,)):
        installation.graph.heal()
        installation.graph.fail(rf"/users/({'|'.join(ids)})/authentication/requirements", 500)
        days.scan(1 + len(sight(installation)) + len(ids))
    began, over = sight(installation)
    assert began.startswith("The per-user MFA state can't be read")
    assert over.startswith(f"The per-user MFA state can be read again. It concerns {MAILER}.")
    installation.graph.heal()
    days.scan(9)
    assert sight(installation)[2:][0].startswith(f"The per-user MFA state can be read again. It concerns {BACKUP}.")


@pytest.mark.parametrize("status", [500, 502])
def test_plans_for_which_graph_had_no_time_are_not_read_because_it_fails_in_another_way(
    installation: Installation, days: Days, status: int
) -> None:
    days.scan(0)
    installation.graph.fail("conditionalAccess/plans", 503)
    days.scan(1)
    days.scan(2)
    told = sight(installation)
    installation.graph.heal()
    installation.graph.fail("conditionalAccess/plans", status)
    assert not days.scan(3).document["run"]["complete"]
    assert (sight(installation), findings(installation, "resolved")) == (told, {})


@pytest.mark.parametrize("shown", [None, {"x": 1}], ids=["refused", "malformed"])
def test_an_account_that_does_not_show_the_attribute_that_selects_is_watched_on(
    installation: Installation, days: Days, monkeypatch: pytest.MonkeyPatch, shown: dict[str, int] | None
) -> None:
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    monkeypatch.setenv("SERVICE_ACCOUNT_ATTRIBUTE", "department=service")
    tenant = installation.graph.tenant
    for name in (BACKUP, MAILER, VISIBLE):
        tenant.user(name).extra = {"department": "service"}
    days.scan(0)
    told, backup = installation.told(), tenant.user(BACKUP)
    others = [
        {"id": one.id, "userPrincipalName": one.upn, "department": "service"}
        for one in map(tenant.user, (MAILER, VISIBLE))
    ]
    installation.graph.fail(r"/users\?.*department", 200, body={"value": others})
    looked_up = {"id": backup.id, "userPrincipalName": BACKUP, "department": shown}
    installation.graph.fail(
        rf"/users/{backup.id}\?.*department", 200 if shown else 403, body=looked_up if shown else None
    )
    days.scan(1)
    answer = days.scan(2)
    assert answer.account(BACKUP)["selected_by"] == ["watched before; what selects it can't be read at present"]
    assert (BACKUP, "APW-001") in findings(installation)
    assert installation.told() == told
    (note,) = sight(installation)
    assert "attribute department" in note


@pytest.mark.parametrize("name", [None, "", "left out"])
def test_an_account_whose_name_is_missing_in_an_answer_is_not_renamed(
    installation: Installation, days: Days, name: str | None
) -> None:
    days.scan(0)
    told, id = installation.told(), installation.graph.tenant.user(BACKUP).id
    nameless = {"id": id, "accountEnabled": True} | ({} if name == "left out" else {"userPrincipalName": name})
    installation.graph.fail(rf"/users/({id}|{BACKUP})\?", 200, body=nameless)
    assert days.scan(1).account(BACKUP)["visibility"] == "unknown"
    installation.graph.heal()
    days.scan(2)
    assert (sight(installation), installation.told()) == ([], told)


def test_the_first_scan_of_a_day_deletes_what_is_kept_long_enough(installation: Installation, days: Days) -> None:
    days.scan(0)
    with TableServiceClient.from_connection_string(installation.storage) as service:
        history = service.get_table_client("history")
        history.upsert_entity({"PartitionKey": "an account", "RowKey": time_key(days.at(-366, 0))})

        def is_kept() -> bool:
            return bool(list(history.query_entities("PartitionKey eq 'an account'")))

        days.scan(0, hour=14)
        assert is_kept()
        days.scan(1, "--account", BACKUP, hour=2)
        assert is_kept()
        days.scan(1)
        assert not is_kept()
