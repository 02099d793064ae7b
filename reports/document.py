"""The public JSON document of a scan: what ``cli.py scan --format json`` prints and the HTTP functions answer.

Names and shapes are a contract (docs/json.md); a member may be added, none changes its meaning.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from basics.times import iso
from checks.discovery import Proposal
from checks.let_in import let_in
from checks.model import CrossCheck, Effect, JudgedAccount, Reason, Remedy, Usability, Verdict
from checks.notices import notices_for
from checks.simulate import Shift
from checks.tenant_switch import NOBODY_KNOWS, TenantSwitch
from checks.urgency import deadlines_of
from reports.plan import plan_object
from reports.sign_ins import sign_in_objects
from reports.standing import with_urgency
from tenant.model import Gap

SCHEMA = 1
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FindingStatus:
    """An open finding as it is kept, which may be more than one scan saw: what it couldn't read, it doesn't end."""

    check_id: str
    severity: str
    status: str
    first_seen: datetime
    title: str
    summary: str
    exception: Json | None = None
    """The accepted exception that silences it: reason, owner and end date."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The run that a document describes."""

    id: str
    started: datetime
    finished: datetime
    tenant_id: str
    tenant_name: str
    gaps: tuple[Gap, ...]
    graph_requests: int
    notes: tuple[str, ...] = ()
    """What is to be known about the run itself, in sentences."""
    switch: TenantSwitch = NOBODY_KNOWS
    """What is known of the tenant's switch for app passwords."""

    @property
    def complete(self) -> bool:
        """Whether everything that verdicts depend on could be read."""
        return all(gap.optional for gap in self.gaps)


def scan_document(
    run: RunSummary,
    judged: Iterable[JudgedAccount],
    kept: Mapping[str, Sequence[FindingStatus]] | None = None,
    proposals: Iterable[Proposal] = (),
    simulations: Sequence[Json] = (),
    passwords: Sequence[Json] = (),
) -> Json:
    """The document of a scan. ``kept``: account id -> its open findings as they are kept; None where nothing is.

    ``passwords``: the rows of who still signs in with a password.
    """
    accounts = list(account_objects(judged, kept, run.finished))
    return {
        "schema": SCHEMA,
        "run": run_object(run),
        "plan": plan_object(accounts),
        "accounts": accounts,
        "proposals": [proposal_object(one) for one in proposals],
        "simulations": list(simulations),
        "password_sign_ins": list(passwords),
    }


def account_objects(
    judged: Iterable[JudgedAccount], kept: Mapping[str, Sequence[FindingStatus]] | None, now: datetime
) -> Iterator[Json]:
    """The ``accounts`` of a document, one after the other: each takes some 17 KB. ``kept``: see :func:`scan_document`."""
    for one in judged:
        yield account_object(one, _findings(one, kept, now), now)


def proposal_object(proposal: Proposal) -> Json:
    """One item of ``proposals``: an account that nobody listed."""
    return {
        "id": proposal.account.id,
        "user_principal_name": proposal.account.user_principal_name,
        "display_name": proposal.account.display_name,
        "score": proposal.score,
        "signals": [
            {
                "kind": signal.kind,
                "text": signal.text,
                "weight": signal.weight,
                "last_seen": iso(signal.last_seen) if signal.last_seen else None,
                "count": signal.count,
            }
            for signal in proposal.signals
        ],
        "left_out_because": proposal.left_out_because,
    }


def run_object(run: RunSummary) -> Json:
    """The ``run`` member of the document."""
    return {
        "id": run.id,
        "started": iso(run.started),
        "finished": iso(run.finished),
        "tenant_id": run.tenant_id,
        "tenant_name": run.tenant_name,
        "complete": run.complete,
        "gaps": [gap_object(gap) for gap in run.gaps],
        "graph_requests": run.graph_requests,
        "notes": list(run.notes),
        "app_passwords": switch_object(run.switch),
    }


def switch_object(switch: TenantSwitch) -> Json:
    """Whether the tenant lets users create app passwords (null: nobody knows), how that is known, and what contradicts it."""
    return {"allowed": switch.allowed, "source": switch.source, "contradiction": switch.contradiction}


def gap_object(gap: Gap) -> Json:
    """An input that could not be read; ``account`` is null for an input of the whole tenant."""
    return {
        "input": gap.input,
        "error": gap.error,
        "permission": gap.permission,
        **({"for_a_person": gap.for_a_person} if gap.for_a_person else {}),
        "account": gap.account_id,
        "optional": gap.optional,
    }


def _findings(
    judged: JudgedAccount, kept: Mapping[str, Sequence[FindingStatus]] | None, now: datetime
) -> list[FindingStatus]:
    if kept is not None and judged.account.id in kept:
        return sorted(kept[judged.account.id], key=lambda finding: finding.check_id)
    return [
        FindingStatus(one.check_id, one.severity.value, "open", now, one.title, one.summary) for one in judged.findings
    ]


def account_object(judged: JudgedAccount, findings: Iterable[FindingStatus], now: datetime) -> Json:
    """One item of ``accounts``."""
    account, verdict = judged.account, judged.verdict
    state = account.per_user_mfa
    shown = {
        "id": account.id,
        "user_principal_name": account.user_principal_name,
        "display_name": account.display_name,
        "selected_by": list(account.selected_by),
        "per_user_mfa": state.lower() if isinstance(state, str) and state else "unknown",
        "visibility": verdict.visibility.value,
        "usability": verdict.usability.value,
        "app_password_works": let_in_object(judged, now),
        "deadlines": deadline_objects(judged, now),
        "reasons": [reason_object(reason) for reason in verdict.reasons],
        "findings": [finding_object(one) for one in findings],
        "remediation": [remedy_object(remedy) for remedy in judged.remediation],
        "notices": [
            {"text": protocol.text(now.date()), "date": protocol.on.isoformat(), "url": protocol.url}
            for protocol in notices_for(verdict, now.date())
        ]
        + exchange_notices(judged),
        "products": [
            {
                "name": product.name,
                "vendor": product.vendor,
                "evidence": product.evidence,
                "modern_sign_in": product.modern_sign_in,
                "url": product.url,
            }
            for product in judged.products
        ],
        "app_password_events": app_password_events(judged),
        "cross_check": cross_check_object(judged.cross_check),
        "sign_in_check": cross_check_object(judged.log_check),
        "sign_ins": sign_in_objects(judged.account),
        "exchange": exchange_object(judged),
    }
    return with_urgency(shown)


def let_in_object(judged: JudgedAccount, now: datetime) -> Json:
    """Whether an app password would be let in, by everything that was looked at; ``usability`` is the policies' answer alone."""
    found = let_in(judged, now)
    return {
        "answer": found.answer.value,
        "until": found.on.isoformat() if found.on else None,
        "text": found.text,
        "looked_at": [one.value for one in found.looked_at],
    }


def deadline_objects(judged: JudgedAccount, now: datetime) -> list[Json]:
    """What Microsoft takes away from the account, for the findings that speak of days."""
    return [
        {"check_id": id, "what": one.what, "date": one.on.isoformat() if one.on else None, "ended": one.ended}
        for id, one in sorted(deadlines_of(judged, now.date()).items())
    ]


def exchange_object(judged: JudgedAccount) -> Json | None:
    """What the Exchange side says about SMTP AUTH of the account; None where nobody exported it."""
    view = judged.exchange
    if view is None:
        return None
    return {
        "smtp_auth": view.smtp_auth.value,
        "text": view.text,
        "command": view.command,
        "taken": iso(view.taken.astimezone(UTC)),
        "stale": view.stale,
    }


def exchange_notices(judged: JudgedAccount) -> list[Json]:
    """The same as an item of ``notices``."""
    view = judged.exchange
    if view is None:
        return []
    text = f"{view.text} What changes it: {view.command}" if view.command else view.text
    return [{"text": text, "date": view.taken.astimezone(UTC).date().isoformat(), "url": view.url}]


def app_password_events(judged: JudgedAccount) -> list[Json] | None:
    """Which app passwords of the account were created or deleted, newest first; None where nothing is known of that."""
    if judged.app_password_events is None:
        return None
    return [
        {"kind": event.kind.removeprefix("app_password_"), "time": iso(event.time), "actor": event.actor}
        for event in judged.app_password_events
    ]


def cross_check_object(check: CrossCheck | None) -> Json | None:
    """What Microsoft's What If, or the sign-in log, said of the verdict; None where it said nothing."""
    return {"result": check.result, "text": check.text, "date": check.date.isoformat()} if check else None


def reason_object(reason: Reason) -> Json:
    """One item of ``reasons``."""
    return {
        "text": reason.text,
        "effect": reason.effect.value,
        "policy_id": reason.policy_id,
        "policy_name": reason.policy_name,
        "scope": reason.scope,
        "since": iso(reason.since) if reason.since else None,
        "since_is_policy_date": reason.since_is_policy_date,
        "actor": reason.actor,
        "cause": reason.cause,
        "circumstances": list(reason.circumstances),
        "understood": reason.understood,
    }


def finding_object(finding: FindingStatus) -> Json:
    """One item of ``findings``."""
    return {
        "check_id": finding.check_id,
        "severity": finding.severity,
        "status": finding.status,
        "first_seen": iso(finding.first_seen),
        "title": finding.title,
        "summary": finding.summary,
        "exception": finding.exception,
    }


def remedy_object(remedy: Remedy) -> Json:
    """One item of ``remediation``."""
    return {
        "title": remedy.title,
        "steps": list(remedy.steps),
        "trade_off": remedy.trade_off,
        "url": remedy.url,
        "way": remedy.way.value,
    }


def shift_object(shift: Shift) -> Json:
    """An account whose answers would change: the answers before and after, and the reason after that explains the change."""
    before, after = shift.before.verdict, shift.after.verdict
    return {
        "id": shift.after.account.id,
        "user_principal_name": shift.after.account.user_principal_name,
        "before": _answers(before),
        "after": _answers(after),
        "because": _because(before, after),
    }


def _answers(verdict: Verdict) -> Json:
    """Both answers; with ``switched_off`` where the tenant has switched app passwords off for everybody."""
    off: Json = {"switched_off": True} if verdict.app_passwords_allowed is False else {}
    return {"visibility": verdict.visibility.value, "usability": verdict.usability.value, **off}


def _because(before: Verdict, after: Verdict) -> str | None:
    """The first reason; where only usability changes, the first one that concerns it."""
    telling: tuple[Effect, ...] = tuple(Effect)
    if before.visibility is after.visibility:
        telling = (
            (Effect.EXCLUDED,) if after.usability is Usability.USABLE else (Effect.BLOCKS_LEGACY, Effect.UNREADABLE)
        )
    found = (reason.text for reason in after.reasons if reason.effect in telling)
    return next(found, after.reasons[0].text if after.reasons else None)


def severities(document: Json) -> Sequence[str]:
    """The severities of all open findings that no exception silences."""
    return [
        finding["severity"]
        for account in document["accounts"]
        for finding in account["findings"]
        if finding["status"] == "open" and not finding["exception"]
    ]
