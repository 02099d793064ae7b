"""Sign-in and audit logs."""

from datetime import UTC, datetime

import pytest

from demo.company import company
from tests.localgraph.kit import talking

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
TENANT = company(NOW)
BACKUP = TENANT.user("svc-codetwo-backup@alderleaf.example").id
NON_INTERACTIVE = "signInEventTypes/any(t:t eq 'nonInteractiveUser')"


async def test_v1_shows_interactive_sign_ins_only_and_only_what_it_declares() -> None:
    async with talking(TENANT) as talk:
        items = await talk.value("/v1.0/auditLogs/signIns")
        assert items
        assert all(item["isInteractive"] for item in items)
        assert not any("authenticationRequirementPolicies" in item or "signInEventTypes" in item for item in items)
        await talk.code(f"/v1.0/auditLogs/signIns?$filter={NON_INTERACTIVE}")


async def test_beta_shows_the_others_to_those_who_ask_for_them() -> None:
    async with talking(TENANT) as talk:
        plain = await talk.value("/beta/auditLogs/signIns")
        assert all(item["signInEventTypes"] == ["interactiveUser"] for item in plain)
        both = f"{NON_INTERACTIVE} and userId eq '{BACKUP}'"
        machine = await talk.value(f"/beta/auditLogs/signIns?$filter={both}")
        assert {item["clientAppUsed"] for item in machine} == {"Exchange Web Services"}
        either = f"({NON_INTERACTIVE} or signInEventTypes/any(t:t eq 'interactiveUser'))"
        pages = await talk.pages(f"/beta/auditLogs/signIns?$filter={either}&$top=1000")
        assert sum(len(page) for page in pages) == len(TENANT.sign_ins)


async def test_logs_are_sliced_by_time() -> None:
    after, before = "2026-11-10T00:00:00Z", "2026-11-11T00:00:00Z"
    async with talking(TENANT) as talk:
        text = f"createdDateTime ge {after} and createdDateTime lt {before} and {NON_INTERACTIVE}"
        times = [item["createdDateTime"] for item in await talk.value(f"/beta/auditLogs/signIns?$filter={text}")]
        assert times
        assert all(after <= time < before for time in times)
        text = f"activityDateTime ge {after} and category eq 'Policy'"
        events = await talk.value(f"/v1.0/auditLogs/directoryAudits?$filter={text}")
        assert {item["category"] for item in events} == {"Policy"}
        assert all(item["activityDateTime"] >= after for item in events)


async def test_audit_events_can_be_found_by_what_they_changed() -> None:
    async with talking(TENANT) as talk:
        text = f"targetResources/any(t:t/id eq '{BACKUP}')"
        events = await talk.value(f"/v1.0/auditLogs/directoryAudits?$filter={text}")
        assert {item["activityDisplayName"] for item in events} == {"Disable Strong Authentication", "Update user"}
        exact = "activityDisplayName eq 'disable strong authentication'"
        assert await talk.value(f"/v1.0/auditLogs/directoryAudits?$filter={exact}") == [], "logs compare with case"
        await talk.code("/v1.0/auditLogs/directoryAudits?$top=1001")


@pytest.mark.parametrize(
    ("service", "activity"),
    [
        ("Authentication Methods", "Update per-user multifactor authentication state"),
        ("Authentication Methods", "MFA Service Policy Update"),
        ("AAD Management UX", "Update User Risk and MFA Registration Policy"),
        ("Core Directory", "Update user"),
    ],
)
async def test_settings_without_a_policy_object_stand_in_the_log_under_the_service_that_keeps_them(
    service: str, activity: str
) -> None:
    async with talking(TENANT) as talk:
        text = f"loggedByService eq '{service}' and activityDisplayName eq '{activity}'"
        events = await talk.value(f"/v1.0/auditLogs/directoryAudits?$filter={text}")
        other = f"loggedByService eq 'Conditional Access' and activityDisplayName eq '{activity}'"
        assert await talk.value(f"/v1.0/auditLogs/directoryAudits?$filter={other}") == []
    assert {item["activityDisplayName"] for item in events} == {activity}


async def test_without_premium_licences_the_audit_log_is_seven_days_long() -> None:
    tenant = company(NOW)
    tenant.skus.clear()
    async with talking(tenant) as talk:
        events = await talk.value("/v1.0/auditLogs/directoryAudits")
    assert events
    assert min(item["activityDateTime"] for item in events) >= "2026-11-15T07:00:00Z"
