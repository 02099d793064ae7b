"""Records for tests, short to write."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from findings.model import AccountRecord, Observation

NOW = datetime(2026, 11, 22, 7, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DOCUMENT: Mapping[str, Any] = {
    "user_principal_name": "svc-backup@contoso.example",
    "visibility": "hidden",
    "reasons": [{"text": "Policy Require MFA demands MFA.", "effect": "demands_mfa"}],
}


def account(
    account_id: str = "a1",
    *,
    at: datetime = NOW,
    complete: bool = True,
    selected: bool = True,
    run_id: str = "run-1",
    upn: str | None = None,
    document: Mapping[str, Any] = DOCUMENT,
) -> AccountRecord:
    """A judged account."""
    return AccountRecord(
        account_id=account_id,
        user_principal_name=upn or f"svc-{account_id}@contoso.example",
        display_name=f"Service {account_id}",
        run_id=run_id,
        judged_at=at,
        complete=complete,
        selected=selected,
        per_user_mfa="disabled",
        visibility="hidden",
        usability="blocked_by_policy",
        document=document,
    )


def seen(check_id: str = "APW-001", severity: str = "high", fingerprint: str = "policy-1") -> Observation:
    """A check that the account fails."""
    return Observation(
        check_id=check_id,
        title=f"Title of {check_id}",
        severity=severity,
        fingerprint=fingerprint,
        summary=f"{check_id} because of {fingerprint}.",
    )
