"""The sign-ins of an account in the public document: each client, how often it got in, and how the others ended."""

from typing import Any

from basics.times import iso
from checks.client_sign_ins import ClientSignIns, clients_of, policies_of, total
from checks.sign_in_codes import ending_of, meaning_of
from tenant.model import Account, SignInOutcome

Json = dict[str, Any]
_CLIENTS, _ENDINGS = 20, 12
"""How many of each are shown: those that were seen last."""


def sign_in_objects(account: Account) -> list[Json]:
    """The member ``sign_ins`` of an account, the client that was seen last first; empty where the log wasn't read."""
    return [_client(one) for one in clients_of(account)[:_CLIENTS]]


def _client(client: ClientSignIns) -> Json:
    endings = sorted((*client.let_in, *client.refused, *client.neither), key=lambda one: one.last_seen, reverse=True)
    run = [one.run_start for one in client.run if one.run_start]
    return {
        "client": client.name,
        "legacy": client.legacy,
        "got_in": total(client.let_in),
        "last_got_in": iso(client.last_in.last_seen) if client.last_in else None,
        "refused": total(client.refused),
        "last_refused": iso(client.last_refused) if client.last_refused else None,
        "refused_since": iso(min(run)) if run else None,
        "endings": [_ending(one) for one in endings[:_ENDINGS]],
    }


def _ending(outcome: SignInOutcome) -> Json:
    shown = None if outcome.policies is None else [{"id": id, "name": name} for id, name in policies_of([outcome])]
    return {
        "kind": ending_of(outcome).value,
        "code": outcome.code,
        "meaning": meaning_of(outcome.code),
        "client_app": outcome.client_app,
        "application": outcome.app_name or outcome.app_id,
        "policies": shown,
        "count": outcome.count,
        "first": iso(outcome.first_seen),
        "last": iso(outcome.last_seen),
        "places": list(outcome.places),
    }


def why_ended(ending: Json) -> str:
    """Why sign-ins ended as they did, with the code: ``MFA is demanded (50076)``; empty for those that got in."""
    if not ending["code"]:
        return ""
    return f"{ending['meaning']} ({ending['code']})" if ending["meaning"] else f"Error {ending['code']}"
