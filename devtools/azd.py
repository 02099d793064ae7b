"""What azd runs around a deployment (azure.yaml), the same in every shell.

python3 dev.py azd check  before anything is made: whether the region has the plan, and whether the azd environment holds what is
                          deployed; fails where not
python3 dev.py azd wait   before the app is deployed: until its roles have reached the storage account
python3 dev.py azd next   at the end of azd up: what is left to do; starts the first scan

The other two never fail: what they do can be done by hand.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from devtools.azure import STORAGE, Azure, AzureError, NotThere, azd_values, send
from devtools.github import stored_secrets
from devtools.node import ROOT

ROLES_TAKE = 300
"""Seconds from giving a role to its being effective, mostly; azd doesn't try again when it isn't (azure-dev #8026)."""
ASSIGNMENTS = "2022-04-01"
REGIONS = "2024-04-01"
DEPLOYMENTS = "2022-09-01"
QUEUES = "2023-11-03"
RESOURCES = "app-password-watch"
"""What infra/main.bicep calls the deployment of the resources: Azure keeps the last one in the group, with its parameters."""
APP = "app"
"""What infra/resources.bicep calls that of the app, with the secrets that it expects."""


class Stop(AzureError):
    """Nothing may be deployed as things are."""


class NoPlan(Stop):
    """The region hasn't the Flex Consumption plan."""


class Lost(Stop):
    """The deployment would take values away that nobody said should go."""


def check_region(azure: Azure, values: Mapping[str, str]) -> None:
    """Raise NoPlan where the region of the azd environment hasn't the plan; AzureError where that can't be asked.

    As ``az functionapp list-flexconsumption-locations`` asks. Without it the deployment fails half way.
    """
    path = f"/subscriptions/{values['AZURE_SUBSCRIPTION_ID']}/providers/Microsoft.Web/geoRegions?sku=FlexConsumption"
    found = azure.get(path, REGIONS).get("value") or []
    regions = sorted(str(one.get("name") or "").replace(" ", "").lower() for one in found)
    wanted = values["AZURE_LOCATION"].replace(" ", "").lower()
    if regions and wanted not in regions:
        raise NoPlan(
            f"{wanted} hasn't the Flex Consumption plan. These regions have it: {', '.join(regions)}. "
            "Choose another one: azd env set AZURE_LOCATION REGION."
        )


def parameters() -> dict[str, tuple[str, str]]:
    """Parameter -> its name in azd, and its default; those that have one, as infra/main.parameters.json says."""
    written = json.loads((ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    found = {name: re.fullmatch(r"\$\{(\w+)=(.*)\}", one["value"]) for name, one in written.items()}
    return {name: (match[1], match[2]) for name, match in found.items() if match}


def group_of(values: Mapping[str, str]) -> str:
    """The resource group of the azd environment, as infra/main.bicep names it."""
    return values.get("AZURE_RESOURCE_GROUP") or f"rg-{re.sub('[^A-Za-z0-9]', '-', values['AZURE_ENV_NAME'])}"


def deployed(azure: Azure, values: Mapping[str, str]) -> dict[str, str]:
    """Parameter -> value of the installation's last deployment; empty where there is no installation yet.

    Azure keeps no value of a secret. Which secrets the app expects in the vault counts as ``storedSecrets``, however they got there.
    """
    found = _recorded(azure, values, RESOURCES)
    if found.get("environmentName") != values["AZURE_ENV_NAME"]:
        return {}
    expected = {
        *_words(found.get("storedSecrets") or ""),
        *(_recorded(azure, values, APP).get("expectedSecrets") or []),
    }
    return {name: _text(value) for name, value in found.items()} | {"storedSecrets": ",".join(sorted(expected))}


def lost(known: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Name in azd -> deployed value of what the azd environment doesn't know, and a deployment would take away.

    What is set in the environment is meant, and be it to nothing. As long as it knows the installation, a default that is another one
    now is the newer version's, and no reason to stop: only what would be emptied is, and a network that would be opened. Where one
    value is gone others may be, so then everything that would go back to its default is told.
    """
    given = set(_words(stored_secrets(values)))
    found, stop = {}, not values.get("FUNCTION_APP_NAME")
    for parameter, (name, default) in parameters().items():
        value = known.get(parameter, default)
        if name in values or value == default or (name == "STORED_SECRETS" and given >= set(_words(value))):
            continue
        found[name] = value
        stop = stop or not default or name == "PRIVATE_NETWORK"
    return found if stop else {}


def check_values(azure: Azure, values: Mapping[str, str]) -> None:
    """Raise Lost where what is deployed would be set back by an azd environment that doesn't know it; AzureError where it can't be asked.

    Every parameter has a default: from another machine, or without its ``.azure/``, azd would deploy an installation that tells
    nobody, and whose storage account is open again, without a word.
    """
    found = lost(deployed(azure, values), values)
    if found:
        commands = [f"  azd env set {name} {_quoted(value)}" for name, value in found.items()]
        raise Lost(
            f"{values['AZURE_ENV_NAME']} is deployed already, with values that this azd environment doesn't hold and that would go "
            'back to their defaults: set each as it is, or as it is to be, "" for nothing (docs/operations.md, From another '
            "machine, or elsewhere):\n" + "\n".join(commands)
        )


def _recorded(azure: Azure, values: Mapping[str, str], deployment: str) -> dict[str, Any]:
    group = f"/subscriptions/{values['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{group_of(values)}"
    try:
        found = azure.get(f"{group}/providers/Microsoft.Resources/deployments/{deployment}", DEPLOYMENTS)
    except NotThere:
        return {}
    told = (found.get("properties") or {}).get("parameters") or {}
    return {name: one["value"] for name, one in told.items() if one.get("value") is not None}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: str) -> str:
    """For both shells."""
    return f'"{value}"' if "'" in value else f"'{value}'"


def seconds_to_wait(assignments: Sequence[Mapping[str, object]], principal: str, now: datetime) -> float:
    """How long the youngest role of ``principal`` still needs; 0 where there is nothing to wait for."""
    given = [str(one.get("createdOn") or "") for one in assignments if one.get("principalId") == principal]
    ages = [(now - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds() for text in given if text]
    return max(0.0, ROLES_TAKE - min(ages)) if ages else 0.0


def wait(azure: Azure, values: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until the roles of the app's identity on its storage account are old enough. Raises AzureError."""
    account = (
        f"/subscriptions/{values['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{values['AZURE_RESOURCE_GROUP']}"
        f"/providers/Microsoft.Storage/storageAccounts/{values['STORAGE_ACCOUNT_NAME']}"
    )
    path = f"{account}/providers/Microsoft.Authorization/roleAssignments?$filter=atScope()"
    found = [one.get("properties") or {} for one in azure.get(path, ASSIGNMENTS).get("value") or []]
    seconds = seconds_to_wait(found, values["IDENTITY_PRINCIPAL_ID"], datetime.now(UTC))
    if seconds:
        print(f"The app's roles are new: waiting {seconds:.0f} s until its storage account knows them.", flush=True)
        sleep(seconds)


def start_scan(azure: Azure, queues: str, *, tries: int = 10, sleep: Callable[[float], None] = time.sleep) -> str:
    """Put a scan of everything on the queue. Returns the id of its run. Raises AzureError."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    message = base64.b64encode(json.dumps({"run_id": run_id, "trigger": "by hand"}).encode()).decode()
    body = f"<QueueMessage><MessageText>{message}</MessageText></QueueMessage>".encode()
    url = f"{queues.rstrip('/')}/scans/messages"
    for left in reversed(range(tries)):
        headers = {
            "Content-Type": "application/xml",
            "x-ms-version": QUEUES,
            "x-ms-date": format_datetime(_now(), True),
        }
        answer = send("POST", url, token=azure.token(STORAGE), body=body, headers=headers)
        if answer.status == 201:
            return run_id
        if answer.status != 403 or not left:
            raise AzureError(f"The queue answered {answer.status}: {answer.text}")
        print("Your role on the storage account isn't effective yet. Trying again in 30 s.", flush=True)
        sleep(30)
    raise ValueError("it is to be tried at least once")


def _now() -> datetime:
    return datetime.now(UTC)


def grant_commands(values: Mapping[str, str]) -> dict[str, list[str]]:
    """The command that lets the app read what the settings ask for, as words for each shell."""
    identity = values["IDENTITY_PRINCIPAL_ID"]
    discovers = bool(values.get("SERVICE_ACCOUNT_DISCOVERY", "").strip(" ,"))
    audits = values.get("AUDIT_LOG", "on") != "off"
    shell, powershell = (["--optional"], ["-Optional"]) if discovers else ([], [])
    if audits and not discovers:
        shell, powershell = ["--also", "AuditLog.Read.All"], ["-Also", "AuditLog.Read.All"]
    return {
        "bash": ["infra/grant-permissions.sh", "--identity", identity, *shell],
        "PowerShell": ["./infra/grant-permissions.ps1", "-Identity", identity, *powershell],
    }


def steps(values: Mapping[str, str]) -> str:
    """What is left to do after azd up."""
    commands = {shell: " ".join(words) for shell, words in grant_commands(values).items()}
    url = values["FUNCTION_APP_URL"]
    lines = [
        "",
        "What is left to do (docs/deploy.md has it in full):",
        "",
        "1. Let the app read the tenant. As Privileged Role Administrator; with --what-if (-WhatIf) it only says what it would do:",
        *(f"     {f'{shell}:':<12}{text}" for shell, text in commands.items()),
    ]
    if not values.get("AUTH_CLIENT_ID"):
        lines += [
            "2. Let people see the report: docs/deploy.md, step 9. Until then every address but health stays closed."
        ]
    else:
        lines += [f"2. The report: {url}/api/report"]
    lines += [
        "3. Tell somebody: docs/deploy.md, steps 5 and 6.",
    ]
    if not _words(values.get("OPERATIONS_EMAILS", "")):
        lines += [
            "4. Have somebody told when the app itself is in trouble, for nobody is: azd env set OPERATIONS_EMAILS it@contoso.com, "
            "with your address, then azd provision."
        ]
    lines += [
        "",
        f"Is it well? {url}/api/health says ok after the first scan, and until then not ok.",
        "",
    ]
    return "\n".join(lines)


def next_steps(azure: Azure, values: Mapping[str, str], *, ask: Callable[[str], str] | None = None) -> None:
    """Say what is left to do, do the grant where somebody at a terminal wants it, and start the first scan. Raises AzureError."""
    print(steps(values), flush=True)
    if ask and ask("Do step 1 now? Only a Privileged Role Administrator can. [y/N] ").strip().lower() in {"y", "yes"}:
        shell, powershell = grant_commands(values).values()
        command = ["pwsh", "-NoProfile", "-File", *powershell] if sys.platform == "win32" else ["bash", *shell]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            print("That didn't work; the reason is above. It can be repeated.", flush=True)
    run_id = start_scan(azure, values["STORAGE_QUEUE_ENDPOINT"])
    print(
        f"The first scan is on its way: run {run_id}. What the app may not read yet it calls unknown, and says so.\n"
        "Another one: docs/deploy.md, A scan by hand.",
        flush=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Do what azd asks for. Returns 0; 1 where nothing may be deployed, 2 for a wrong call."""
    if len(arguments) != 1 or arguments[0] not in TASKS:
        print(__doc__, file=sys.stderr)
        return 2
    values = azd_values()
    return max([_done(arguments[0], work, values) for work in TASKS[arguments[0]]])


def _done(task: str, work: Callable[[Mapping[str, str]], None], values: Mapping[str, str]) -> int:
    try:
        work(values)
    except KeyError as error:
        if task != "check":  # azd hasn't asked for it yet
            print(f"The azd environment has no {error.args[0]} yet: run azd provision.", flush=True)
    except Stop as error:
        print(error, file=sys.stderr)
        return 1
    except (AzureError, OSError, EOFError) as error:
        print(f"{error} By hand: docs/deploy.md.", flush=True)
    return 0


def _region(values: Mapping[str, str]) -> None:
    check_region(Azure(prefer=("azd", "az")), values)


def _values(values: Mapping[str, str]) -> None:
    # What azd's environment doesn't have, azd takes from the process's.
    check_values(Azure(prefer=("azd", "az")), {**os.environ, **values})


def _wait(values: Mapping[str, str]) -> None:
    wait(Azure(prefer=("azd", "az")), values)


def _next(values: Mapping[str, str]) -> None:
    next_steps(Azure(prefer=("azd", "az")), values, ask=input if sys.stdin.isatty() else None)


TASKS: dict[str, tuple[Callable[[Mapping[str, str]], None], ...]] = {
    "check": (_region, _values),
    "wait": (_wait,),
    "next": (_next,),
}
"""What azd asks for."""
