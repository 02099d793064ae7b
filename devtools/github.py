"""``dev.py github``: lets a GitHub workflow deploy, by a federated credential instead of a secret.

It makes an app registration that trusts one environment of one repository, gives it its roles, and sets the variables that
``.github/workflows/deploy.yml`` reads. It can be repeated: what is there stays. ``--remove`` takes all of it away.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from devtools.azure import AzureError, azd_values
from devtools.node import ROOT

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "api://AzureADTokenExchange"
"""What ``azure/login`` asks GitHub for in the public cloud."""
CONTRIBUTOR = "Contributor"
ROLE_GIVER = "Role Based Access Control Administrator"
SECRETS = frozenset({"TEAMS_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"})
"""Values that never leave the vault."""
INSTALLATION = ("AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "FUNCTION_APP_NAME")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who may deploy what."""

    repository: str
    environment: str
    provision: bool
    """Whether the workflow may change the resources, too, and not only the app."""

    @property
    def name(self) -> str:
        """The name of the app registration."""
        return f"App password watch deployment ({self.repository}, {self.environment})"

    @property
    def subject(self) -> str:
        """Whom it trusts: a job of the repository that runs in the environment, whatever the branch."""
        return f"repo:{self.repository}:environment:{self.environment}"

    def trust(self) -> dict[str, Any]:
        """The federated credential."""
        return {"name": "github", "issuer": ISSUER, "subject": self.subject, "audiences": [AUDIENCE]}

    def roles(self, values: Mapping[str, str]) -> list[tuple[str, str]]:
        """Role and scope of everything that it needs: to deploy the app, or to change the resources as well."""
        subscription = f"/subscriptions/{values['AZURE_SUBSCRIPTION_ID']}"
        group = f"{subscription}/resourceGroups/{values['AZURE_RESOURCE_GROUP']}"
        if not self.provision:
            return [(CONTRIBUTOR, group)]
        # infra/main.bicep is deployed to the subscription; the roles that it gives lie in the group.
        return [(CONTRIBUTOR, subscription), (ROLE_GIVER, group)]


def github(arguments: Sequence[str]) -> int:
    """The task. Returns the exit code: 0 when the workflow can deploy, 1 when something couldn't be done."""
    parser = argparse.ArgumentParser(
        prog="dev.py github",
        description="Lets the GitHub workflow Deploy bring the app into the installation of the current azd environment, by a "
        "federated credential. Needs az login as somebody who may register apps and give roles, and gh auth login "
        "for the variables (without gh they are printed).",
    )
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME", help="your repository on GitHub")
    parser.add_argument("--environment", default="production", metavar="NAME", help="of GitHub; default: production")
    parser.add_argument("--provision", action="store_true", help="let it change the resources as well")
    parser.add_argument("--remove", action="store_true", help="take it away again")
    asked = parser.parse_args(arguments)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", asked.repository) or not re.fullmatch(r"[\w.-]+", asked.environment):
        parser.error("write the repository as OWNER/NAME, and the environment as one word")
    wanted = Wanted(asked.repository, asked.environment, asked.provision)
    try:
        if asked.remove:
            remove(wanted)
        else:
            allow(wanted, azd_values())
    except AzureError as error:
        print(f"[dev.py] {error}", file=sys.stderr)
        return 1
    return 0


def allow(wanted: Wanted, values: Mapping[str, str]) -> None:
    """Make the registration, its trust and its roles, and set the variables. Raises AzureError."""
    missing = [name for name in INSTALLATION[1:] if not values.get(name)]
    if missing:
        raise AzureError(f"Run azd up first: its environment has no {', '.join(missing)}.")
    app = _registration(wanted) or _az("ad", "app", "create", "--display-name", wanted.name)["appId"]
    print(f"App registration: {wanted.name} ({app})", flush=True)
    principals = _az("ad", "sp", "list", "--filter", f"appId eq '{app}'")
    principal = (principals[0] if principals else _az("ad", "sp", "create", "--id", app))["id"]
    trusted = {one["subject"] for one in _az("ad", "app", "federated-credential", "list", "--id", app)}
    if wanted.subject not in trusted:
        with TemporaryDirectory() as folder:  # in a file, no shell takes its quotes for its own
            file = Path(folder, "trust.json")
            file.write_text(json.dumps(wanted.trust()), encoding="utf-8")
            _az("ad", "app", "federated-credential", "create", "--id", app, "--parameters", f"@{file}")
    print(f"It trusts: {wanted.subject}", flush=True)
    for role, scope in wanted.roles(values):
        who = ("--assignee-object-id", principal, "--assignee-principal-type", "ServicePrincipal")
        _az("role", "assignment", "create", *who, "--role", role, "--scope", scope)
        print(f"Role: {role} on {scope}", flush=True)
    account = _az("account", "show")
    _set_variables(wanted, variables(wanted, {"AZURE_TENANT_ID": account["tenantId"], **values}, app, _administrator))


def variables(wanted: Wanted, values: Mapping[str, str], app: str, administrator: Callable[[], str]) -> dict[str, str]:
    """The variables of the workflow: where to deploy, and with ``provision`` every parameter that isn't a secret.

    A parameter that the workflow doesn't know would go back to its default. Secrets that stay behind are named, so that the app
    still expects them in the vault. ``administrator`` says who is one where nobody is named: with the workflow it would be the
    workflow itself.
    """
    found = {"AZURE_CLIENT_ID": app, **{name: values[name] for name in INSTALLATION}}
    if not wanted.provision:
        return found
    written = (ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8")
    names = set(re.findall(r"\$\{(\w+)", written)) - SECRETS
    found |= {name: values[name] for name in sorted(names) if values.get(name)}
    found |= {name: values[name] for name in ("AZURE_ENV_NAME", "AZURE_LOCATION") if values.get(name)}
    if stored := stored_secrets(values):
        found["STORED_SECRETS"] = stored
    if not found.get("ADMINISTRATOR_PRINCIPAL_ID"):
        found["ADMINISTRATOR_PRINCIPAL_ID"] = administrator()
    return found


def stored_secrets(values: Mapping[str, str]) -> str:
    """What a deployment with these values expects in the vault, as STORED_SECRETS has it: what is named, and what is given."""
    named = [name.strip() for name in values.get("STORED_SECRETS", "").split(",") if name.strip()]
    given = [name.lower().replace("_", "-") for name in sorted(SECRETS) if values.get(name)]
    return ",".join(dict.fromkeys([*named, *given]))


def remove(wanted: Wanted) -> None:
    """Delete the registration, for good, and so its trust; its roles go first, for they would stay. Raises AzureError."""
    app = _registration(wanted)
    if app is None:
        print(f"There is no app registration {wanted.name}.", flush=True)
        return
    for principal in _az("ad", "sp", "list", "--filter", f"appId eq '{app}'"):
        for one in _az("role", "assignment", "list", "--assignee", principal["id"], "--all"):
            _az("role", "assignment", "delete", "--ids", one["id"])
    id = _az("ad", "app", "show", "--id", app)["id"]
    _az("ad", "app", "delete", "--id", app)
    deleted = f"https://graph.microsoft.com/v1.0/directory/deletedItems/{id}"
    _az("rest", "--method", "delete", "--url", deleted)
    print(f"Deleted for good: {wanted.name}. Its environment and variables on GitHub are yours to delete.", flush=True)


def _registration(wanted: Wanted) -> str | None:
    """The application ID of the registration, where it is there."""
    found = _az("ad", "app", "list", "--filter", f"displayName eq '{wanted.name}'")
    return str(found[0]["appId"]) if found else None


def _administrator() -> str:
    return str(_az("ad", "signed-in-user", "show")["id"])


def _set_variables(wanted: Wanted, found: Mapping[str, str]) -> None:
    where = ("--repo", wanted.repository, "--env", wanted.environment)
    if shutil.which("gh") is None:
        print(f"Set these variables in the environment {wanted.environment} of {wanted.repository}:")
        print("\n".join(f"  {name}={value}" for name, value in found.items()), flush=True)
        return
    _run("gh", "api", "--method", "PUT", f"repos/{wanted.repository}/environments/{wanted.environment}")
    for name, value in found.items():
        _run("gh", "variable", "set", name, *where, "--body", value)
    print(f"Variables on GitHub: {', '.join(found)}. Run the workflow: gh workflow run deploy.yml", flush=True)


def _az(*words: str) -> Any:
    said = _run("az", *words, "--output", "json")
    try:
        return json.loads(said) if said.strip() else None
    except ValueError:
        raise AzureError(f"az {' '.join(words[:3])} answered with something else than JSON.") from None


def _run(*words: str) -> str:
    program = shutil.which(words[0])
    if program is None:
        raise AzureError(f"{words[0]} isn't installed.")
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AzureError(f"{' '.join(words[:4])} failed: {' '.join(done.stderr.split())[:500]}")
    return done.stdout
