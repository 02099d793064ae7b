"""Every parser of what somebody else wrote, and what it may raise. Each takes bytes, as they come in."""

import base64
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func

from alerts.outgoing import Answer, parse_retry_after
from alerts.stored import load as load_alert
from alerts.teams import error_code, status_of
from basics.documents import read_json
from checks.simulate import CannotSimulate
from findings.accepted import load_exception
from findings.odd import UnreadableRow
from findings.rows import account_from_row, change_from_row, finding_from_row
from findings.runs import run_from_row
from functions.access import READER, Refused, require
from functions.bodies import accounts_of, exception_of
from functions.requests import BadRequest, json_of
from jobs import snapshot
from jobs.messages import BadMessage, read_alert, read_scan
from jobs.policy_files import read_policies
from jobs.remembered import Remembered
from jobs.snapshot import UnreadableSnapshot
from jobs.text_files import NotText
from settings import Settings, SettingsError
from tenant.audits import parse_event
from tenant.graph import GraphError, items_of
from tenant.mfa_service import parse_mfa_service
from tenant.model import Tenant
from tenant.policies import parse_policy, parse_strength
from tenant.reader import Reading

AZURE = {"WEBSITE_SITE_NAME": "app", "WEBSITE_AUTH_ENABLED": "true"}
NOW = datetime(2026, 11, 26, tzinfo=UTC)
__all__ = ["PARSERS", "Parser"]


@dataclass(frozen=True, slots=True)
class Parser:
    """What reads something, what it may raise, and an example of what it reads."""

    read: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = ()
    example: Any = None


def _object(read: Callable[[dict[str, Any]], object]) -> Callable[[bytes], object]:
    """A parser of an object in JSON; of anything else it reads nothing."""

    def parse(content: bytes) -> object:
        value = read_json(content)
        return read(value) if isinstance(value, dict) else None

    return parse


def _request(content: bytes) -> func.HttpRequest:
    return func.HttpRequest("PUT", "http://localhost/api/x", headers={}, params={}, route_params={}, body=content)


def _principal(content: bytes) -> object:
    header = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(content).decode()}
    return require(READER, header, AZURE, graph_is_local=False)


def _settings(values: Mapping[str, Any]) -> object:
    given: dict[str, Any] = {name: value for name, value in values.items() if isinstance(value, str)}
    return Settings(**given)


def _file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def parse(content: bytes) -> object:
        handle, name = tempfile.mkstemp(suffix=".json")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return read(Path(name))
        finally:
            Path(name).unlink()

    return parse


def _row(read: Callable[[dict[str, Any]], object]) -> Callable[[bytes], object]:
    return _object(lambda found: read({"PartitionKey": "a", "RowKey": "finding;APW-001", **found}))


_POLICY = {
    "id": "p",
    "displayName": "MFA",
    "state": "enabled",
    "createdDateTime": "2026-11-01T00:00:00Z",
    "conditions": {
        "users": {"includeUsers": ["All"]},
        "clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]},
    },
    "grantControls": {"operator": "OR", "builtInControls": ["mfa"], "authenticationStrength": {"id": "s"}},
}
_EXCEPTION = {
    "id": "x",
    "account_id": "a",
    "check_id": None,
    "until": "2027-01-01",
    "created_at": "2026-11-01T00:00:00+00:00",
    "ended_at": None,
}
_EVENT = {
    "id": "e",
    "activityDateTime": "2026-11-01T00:00:00Z",
    "activityDisplayName": "Update conditional access policy",
    "loggedByService": "Conditional Access",
    "initiatedBy": {"user": {"userPrincipalName": "ada@contoso.com"}},
    "targetResources": [
        {
            "id": "p",
            "type": "Policy",
            "modifiedProperties": [{"displayName": "x", "oldValue": '"{}"', "newValue": '["Enabled"]'}],
        }
    ],
}

PARSERS: dict[str, Parser] = {
    "JSON": Parser(read_json, (ValueError,), {"a": [1, "x", None]}),
    "page of Graph": Parser(_object(items_of), (GraphError, ValueError), {"value": [{"id": "x"}]}),
    "policy": Parser(_object(parse_policy), (GraphError, ValueError), _POLICY),
    "strength": Parser(_object(parse_strength), (GraphError, ValueError), {"id": "s", "requirementsSatisfied": "mfa"}),
    "event of the audit log": Parser(_object(parse_event), (ValueError,), _EVENT),
    "MFA service": Parser(_object(parse_mfa_service), (GraphError, ValueError), {"allowAppPasswords": True}),
    "body": Parser(lambda content: json_of(_request(content)), (BadRequest,), {"accounts": ["a@b.c"]}),
    "body of a recheck": Parser(
        lambda content: accounts_of(json_of(_request(content))), (BadRequest,), {"accounts": ["a"]}
    ),
    "body of an exception": Parser(
        lambda content: exception_of(json_of(_request(content))),
        (BadRequest,),
        {"account": "a", "check": "APW-001", "reason": "r", "owner": "o", "until": "2027-01-01", "replace": True},
    ),
    "principal": Parser(
        _principal, (Refused,), {"auth_typ": "aad", "claims": [{"typ": "roles", "val": "Reader"}], "role_typ": "roles"}
    ),
    "scan message": Parser(read_scan, (BadMessage,), {"run_id": "a", "trigger": "schedule", "waits": 1}),
    "alert message": Parser(
        read_alert, (BadMessage,), {"alert_id": "a", "channel": "teams", "retry_at": "2026-11-26T00:00:00Z"}
    ),
    "settings": Parser(
        _object(_settings),
        (SettingsError, ValueError),
        {
            "service_accounts": "a@b.c",
            "service_account_patterns": "svc-*",
            "scan_schedule": "0 0 6 * * *",
            "webhook_url": "https://x.example",
            "webhook_secret": "whsec_x",
            "alert_private_networks": "10.0.0.0/8",
            "graph_endpoint": "https://graph.example",
            "what_if_budget": "5",
            "AzureWebJobsStorage": "AccountName=a;AccountKey=YQ==",
        },
    ),
    "snapshot": Parser(
        lambda content: snapshot.load(content.decode("utf-8", "replace")),
        (UnreadableSnapshot,),
        json.loads(snapshot.dump(Reading(Tenant(), (), ()), NOW)),
    ),
    "policy file": Parser(_file(lambda file: read_policies([file])), (CannotSimulate, NotText), {"value": [_POLICY]}),
    "account row": Parser(
        _row(account_from_row), (UnreadableRow, ValueError), {"visibility": "hidden", "selected": True}
    ),
    "finding row": Parser(
        _row(finding_from_row),
        (UnreadableRow, ValueError),
        {
            "status": "open",
            "severity": "high",
            "transitions": '["2026-11-01T00:00:00Z"]',
            "exception": json.dumps(_EXCEPTION),
        },
    ),
    "change row": Parser(
        _object(lambda found: change_from_row({"PartitionKey": "a", "RowKey": "change;x;APW-001;opened", **found})),
        (UnreadableRow, ValueError),
        {"kind": "opened", "status": "open", "at": "2026-11-01T00:00:00Z", "channels": "teams", "occurrences": 1},
    ),
    "run row": Parser(
        _object(lambda found: run_from_row({"PartitionKey": "run", "RowKey": "a", **found})),
        (UnreadableRow, ValueError),
        {"status": "complete", "started": "2026-11-01T00:00:00Z", "accounts_total": 3, "partial": False},
    ),
    "exception": Parser(
        lambda content: load_exception(content.decode("utf-8", "replace")), (ValueError, TypeError), _EXCEPTION
    ),
    "what is remembered": Parser(
        _object(Remembered.of), (ValueError,), {"allowed": True, "read_at": "2026-11-01T00:00:00Z", "plans": False}
    ),
    "kept alert": Parser(load_alert, ()),
    "answer of Teams": Parser(
        lambda content: (error_code(text := content.decode("utf-8", "replace")), status_of(Answer(200, text))),
        (),
        {"error": {"code": "WorkflowTriggerIsNotEnabled"}},
    ),
    "Retry-After": Parser(lambda content: parse_retry_after(content.decode("latin-1"), NOW), (), "120"),
}
"""By name."""
