"""What a policy that is switched off would do is told when somebody makes or changes it, once for each version."""

import copy
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from alerts.ledger import Ledger
from alerts.model import Alert, Purpose
from connections.storage import tables
from jobs.messages import LOG, SCHEDULE
from jobs.scan import ScanRequest, scan
from jobs.tell import send_alert
from localgraph.audit_events import events_between
from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant
from tests.alerts.receiver import receiving
from tests.alerts.test_channels import SECRET
from tests.jobs.logged import OTHER, PERSON, SVC, Tenant

NAME = "Require MFA for everybody"
Change = Callable[[LocalTenant], None]


@pytest.fixture
async def scanned(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tenant]:
    tenant.graph.tenant.user(SVC).mfa = "enforced"
    async with receiving() as receiver:
        monkeypatch.setenv("WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
        yield tenant


async def test_without_a_channel_there_is_nobody_to_tell(tenant: Tenant) -> None:
    tenant.graph.tenant.user(SVC).mfa = "enforced"
    await scans(tenant, 1, SCHEDULE)
    tenant.passes(30)
    happens(tenant, make())
    assert await scans(tenant, 2) == []


def make(state: str = "disabled", name: str = NAME, **conditions: object) -> Change:
    """Somebody makes a policy."""
    chosen = {"include_users": ["All"], "grant": ["mfa"], "client_apps": ["browser"], **conditions}

    def change(of: LocalTenant) -> None:
        of.policies += TenantBuilder().policy(name, state=state, **chosen).build().policies  # type: ignore[arg-type]

    return change


def edit(state: str = "disabled", **users: object) -> Change:
    """Somebody edits it."""

    def change(of: LocalTenant) -> None:
        policy = next(one for one in of.policies if one["displayName"] == NAME)
        policy["state"] = state
        policy["conditions"]["users"] |= users

    return change


def happens(tenant: Tenant, change: Change) -> None:
    """Somebody changes the tenant, the log shows it, and three minutes pass."""
    was, graph = tenant.graph.tenant, tenant.graph
    graph.tenant = copy.deepcopy(was)
    change(graph.tenant)
    graph.tenant.changed()
    rows = events_between(was, graph.tenant, at=tenant.now)
    graph.tenant.audits = [*reversed(rows), *was.audits]
    tenant.passes(3)


async def scans(tenant: Tenant, number: int, trigger: str = LOG) -> list[Alert]:
    """A scan, and the delivery of what it found. Returns the predictions that it asks to be told."""
    done = await scan(tenant.settings, ScanRequest(f"run-{number}", trigger), clock=lambda: tenant.now)
    found = []
    async with tables(tenant.settings) as service:
        ledger = Ledger(service)
        for id in done.alert_ids:
            kept = await ledger.find(id)
            content = await ledger.content(kept) if kept else None
            if content and content.purpose is Purpose.PREDICTION:
                found.append(content)
    for id in done.alert_ids:
        await send_alert(tenant.settings, id, by_app=True, clock=lambda: tenant.now)
    return found


async def test_a_policy_that_is_made_switched_off_is_told_before_it_is_switched_on(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make())
    (alert,) = await scans(scanned, 2)
    assert alert.headline == f'If "{NAME}" is switched on, it hides the app-password option from 1 service account'
    made, whom, what = alert.notes
    assert made == (
        f'The policy "{NAME}" was created on 26 Nov 2026, 06:30 UTC by {PERSON}, and is switched off: nothing has happened yet.'
    )
    assert whom == f"The app-password option would be hidden from {OTHER}."
    assert what.startswith("Before it is switched on: put them into a group that it excludes, or move their products")
    policy = scanned.graph.tenant.policies[-1]["id"]
    assert what.endswith(f"cli.py simulate --enable-policy {policy}")


async def test_each_version_is_told_once(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make())
    (first,) = await scans(scanned, 2)
    assert await scans(scanned, 3) == []
    scanned.passes(24 * 60)
    assert await scans(scanned, 4, SCHEDULE) == []
    happens(scanned, edit(excludeGroups=[scanned.graph.tenant.group("Policy group").id]))
    (second,) = await scans(scanned, 5)
    assert second.id != first.id
    assert "was changed on" in second.notes[0]
    assert 'its excluded group "Policy group"' in second.notes[-1]
    assert await scans(scanned, 6) == []


async def test_what_would_block_legacy_authentication_is_told(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make(grant=["block"], client_apps=["other"]))
    (alert,) = await scans(scanned, 2)
    assert alert.headline == f'If "{NAME}" is switched on, it blocks legacy authentication for 2 service accounts'
    assert f"Legacy authentication, and with it app passwords, would be blocked for {SVC} and {OTHER}." in alert.notes


async def test_what_would_be_so_now_and_then_is_not_told_as_if_it_were_always(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make(sign_in_risk=["high"], client_apps=["all"]))
    (alert,) = await scans(scanned, 2)
    assert alert.headline == (
        f'If "{NAME}" is switched on, it hides the app-password option from 1 service account in some circumstances'
    )
    assert f"The app-password option would be hidden from {OTHER} in some circumstances." in alert.notes
    assert (
        f"Legacy authentication, and with it app passwords, would be blocked for {SVC} and {OTHER} in some circumstances."
        in alert.notes
    )


async def test_what_is_so_now_and_then_and_would_always_be_is_told(scanned: Tenant) -> None:
    happens(scanned, make("enabled", "MFA at risk", sign_in_risk=["high"], client_apps=["all"]))
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make(client_apps=["all"]))
    (alert,) = await scans(scanned, 2)
    assert f"The app-password option would be hidden from {OTHER}." in alert.notes
    assert f"Legacy authentication, and with it app passwords, would be blocked for {SVC} and {OTHER}." in alert.notes


async def test_nobody_is_told_to_put_an_account_among_break_glass_accounts(scanned: Tenant) -> None:
    scanned.graph.tenant.group("Policy group").name = "Break glass"
    scanned.graph.tenant.changed()
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make())
    happens(scanned, edit(excludeGroups=[scanned.graph.tenant.group("Break glass").id]))
    (alert,) = await scans(scanned, 2)
    assert "put them into a group that it excludes" in alert.notes[-1]


@pytest.mark.parametrize(
    "change",
    [
        make(include_users=["None"]),
        make(state="enabled"),
        make(state="enabledForReportingButNotEnforced"),
    ],
    ids=["reaches nobody", "on", "report-only"],
)
async def test_any_other_new_policy_is_no_such_news(scanned: Tenant, change: Change) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, change)
    assert await scans(scanned, 2) == []


async def test_a_policy_that_is_switched_off_is_no_news_of_this_kind(scanned: Tenant) -> None:
    happens(scanned, make(state="enabled"))
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, edit(state="disabled"))
    assert await scans(scanned, 2) == []


async def test_what_is_there_at_the_first_scan_is_no_news(scanned: Tenant) -> None:
    happens(scanned, make())
    assert await scans(scanned, 1, SCHEDULE) == []


async def test_a_name_from_the_tenant_stays_one_line(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make(name="Evil\n\n**[x](http://evil)**\u202e<b>" + "x" * 300))
    (alert,) = await scans(scanned, 2)
    for text in (alert.headline, *alert.notes):
        assert "\n" not in text
        assert "\u202e" not in text
    assert len(alert.headline) <= 220


async def test_a_late_event_is_told_by_the_next_scan(scanned: Tenant) -> None:
    await scans(scanned, 1, SCHEDULE)
    scanned.passes(30)
    happens(scanned, make())
    shown, scanned.graph.tenant.audits = scanned.graph.tenant.audits, []
    assert await scans(scanned, 2, SCHEDULE) == []
    scanned.passes(timedelta(hours=1).total_seconds() / 60)
    scanned.graph.tenant.audits = shown
    assert len(await scans(scanned, 3, SCHEDULE)) == 1
