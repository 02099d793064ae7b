"""What the rest of the app hands over fits what the reports expect: real verdicts, changes, runs and exceptions."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import reports
from checks.judge import judge
from commands.drawn.scan import render_table
from findings.model import AcceptedException, Change, ChangeKind, Silence, Status
from findings.run_record import RunRecord, RunStatus
from reports.document import FindingStatus, RunSummary, scan_document
from reports.extras import ReportExtras
from reports.files import render_csv, render_json
from reports.html import render_html
from tenant.model import Account, Gap, Group, RoleAssignment, Tenant
from tenant.policies import parse_policy
from tests.reports.markup import read
from tests.reports.samples import NOW
from tests.reports.test_html import embedded

_GAP = Gap("per_user_mfa", "403 Authorization_RequestDenied", "Policy.Read.All", account_id="a-4")
_MFA: dict[str, Any] = {
    "id": "11111111-1111-1111-1111-111111111111",
    "displayName": "Require MFA",
    "state": "enabled",
    "modifiedDateTime": "2026-11-21T14:42:00Z",
    "conditions": {
        "users": {"includeGroups": ["g-outer"]},
        "applications": {"includeApplications": ["All"]},
        "clientAppTypes": ["all"],
    },
    "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
}
_ACCEPTED = AcceptedException(
    "e-1", "a-1", "svc-1@contoso.com", None, "Until the vendor is ready", "Ops", (NOW + timedelta(days=9)).date(), NOW, "Ops"
)  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Four judged accounts: in a policy's nested group, with a role, enforced, and unreadable."""
    tenant = Tenant(
        id="t-1",
        display_name="Contoso",
        policies=(parse_policy(_MFA),),
        groups={"g-inner": Group("g-inner", "Backup apps"), "g-outer": Group("g-outer", "All service accounts")},
        nesting={"g-outer": frozenset({"g-inner"})},
        role_assignments=(RoleAssignment("a-2", "29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"),),
    )
    accounts = [
        Account("a-1", "svc-1@contoso.com", per_user_mfa="disabled", groups=frozenset({"g-inner", "g-outer"})),
        Account("a-2", "svc-2@contoso.com", per_user_mfa="disabled"),
        Account("a-3", "svc-3@contoso.com", per_user_mfa="enforced"),
        Account("a-4", "svc-4@contoso.com", per_user_mfa=_GAP),
    ]
    run = RunSummary("run-2", NOW, NOW, "t-1", "Contoso", (_GAP,), 12)
    title = "App password option hidden by Conditional Access"
    kept = {"a-1": [FindingStatus("APW-001", "high", "open", NOW, title, "Hidden.", {**_ACCEPTED.public()})]}
    return scan_document(run, judge(tenant, accounts, now=NOW), kept)


@pytest.fixture(scope="module")
def extras() -> ReportExtras:
    """What the store would hand over."""
    changes = [
        Change(
            id=kind, alert_id="alert", kind=kind, status=Status.OPEN, account_id="a-1",
            user_principal_name="svc-1@contoso.com", display_name="", check_id="APW-001", title="Title", severity="high",
            summary=f"Summary {kind.value}", at=NOW, first_seen=NOW, run_id="run-2", silence=Silence.EXCEPTION,
            resolution=f"Resolution {kind.value}", exception=_ACCEPTED,
        )
        for kind in ChangeKind
    ]  # fmt: skip
    runs = [
        RunRecord("run-0", RunStatus.FAILED, NOW - timedelta(days=2), NOW - timedelta(days=2), error="No connection."),
        RunRecord(
            "run-1", RunStatus.COMPLETE, NOW - timedelta(days=1), NOW - timedelta(days=1), severities={"high": 1}
        ),
        RunRecord("run-2", RunStatus.INCOMPLETE, NOW, NOW, severities={"high": 2, "medium": 1}),
        RunRecord("run-3", RunStatus.QUEUED, NOW),
    ]
    return ReportExtras(
        history=[change.public() for change in changes],
        runs=[run.public() for run in runs],
        exceptions=[_ACCEPTED.public()],
    )


def test_a_judged_scan_fits_the_published_schema(document: dict[str, Any]) -> None:
    schema = Path(str(reports.__file__)).with_name("schema") / "scan.schema.json"
    validator = Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(document)] == []


def test_a_judged_scan_is_shown_with_its_history(document: dict[str, Any], extras: ReportExtras) -> None:
    page = read(render_html(document, extras))
    assert page.problems == []
    assert "What changed since yesterday" in page.text
    for kind in ChangeKind:
        said = "Resolution" if kind is ChangeKind.RESOLVED else "Summary"
        assert f"{said} {kind.value}" in page.text
    data = embedded(page)
    chains = [reason["chain"] for reason in data["reasons"] if "chain" in reason]
    assert [["Policy", "Require MFA"], ["Group", "All service accounts"], ["Group", "Backup apps"]] in chains
    assert data["exceptions"] == [{"reason": "Until the vendor is ready", "owner": "Ops", "until": "1 Dec 2026"}]


def test_a_judged_scan_becomes_text_csv_and_json(document: dict[str, Any], extras: ReportExtras) -> None:
    assert "svc-1" in render_table(document, 100, extras=extras)
    assert "Require MFA" in render_csv(document)
    assert json.loads(render_json(document)) == document
