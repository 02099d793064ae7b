"""``dev.py github``: what the workflow is given, and that all of it can be taken away."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools import github
from devtools.azure import AzureError
from devtools.github import INSTALLATION, SECRETS, Wanted, allow, remove, stored_secrets, variables
from tests.infra.bicep import INFRA, parsed

ROOT = Path(__file__).parents[2]
VALUES = {
    "AZURE_TENANT_ID": "tenant",
    "AZURE_SUBSCRIPTION_ID": "sub",
    "AZURE_RESOURCE_GROUP": "rg-contoso",
    "FUNCTION_APP_NAME": "func-contoso",
    "AZURE_ENV_NAME": "contoso",
    "AZURE_LOCATION": "westeurope",
    "SERVICE_ACCOUNT_PATTERNS": "svc-*",
    "AUTH_CLIENT_ID": "auth",
    "TEAMS_WEBHOOK_URL": "https://example.com/?sig=secret",
    "SOMETHING_ELSE": "x",
}
APP, WHOLE = (
    Wanted("contoso/watch", "production", provision=False),
    Wanted("contoso/watch", "production", provision=True),
)
RUN = "/subscriptions/sub"


class Az:
    """az and gh as they answer, and what they were asked."""

    def __init__(self, **there: Any) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.trust: dict[str, Any] = {}
        self.there = there

    def __call__(self, *words: str) -> str:
        self.asked.append(words)
        match words[:4]:
            case ("az", "ad", "app", "list"):
                return json.dumps(self.there.get("apps", []))
            case ("az", "ad", "app", "federated-credential"):
                if words[4] == "create":
                    self.trust = json.loads(Path(words[words.index("--parameters") + 1][1:]).read_text("utf-8"))
                return json.dumps(self.there.get("trusts", []))
            case ("az", "ad", "sp", "list"):
                return json.dumps(self.there.get("principals", []))
            case ("az", "role", "assignment", "list"):
                return json.dumps([{"id": "assignment"}])
            case ("az", "ad", "signed-in-user", "show"):
                return '{"id": "me"}'
            case ("az", "account", "show", _):
                return '{"tenantId": "tenant"}'
            case ("az", "ad", *_):
                return '{"appId": "app", "id": "object"}'
        return ""

    def asking(self, *words: str) -> list[tuple[str, ...]]:
        return [one for one in self.asked if one[: len(words)] == words]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Az]:
    def install(*, gh: bool = True, **there: Any) -> Az:
        az = Az(**there)
        monkeypatch.setattr(github, "_run", az)
        monkeypatch.setattr("devtools.github.shutil.which", lambda name: name if gh or name != "gh" else None)
        return az

    return install


def test_one_environment_of_one_repository_is_trusted_and_may_deploy_the_app(installed: Callable[..., Az]) -> None:
    az = installed()
    allow(APP, VALUES)
    assert az.trust == {
        "name": "github",
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:contoso/watch:environment:production",
        "audiences": ["api://AzureADTokenExchange"],
    }
    (given,) = az.asking("az", "role", "assignment", "create")
    assert given[-5:-2] == ("Contributor", "--scope", f"{RUN}/resourceGroups/rg-contoso")
    assert not any("password" in word or "credential reset" in word for words in az.asked for word in words[:4])
    names = [words[3] for words in az.asking("gh", "variable", "set")]
    assert names == ["AZURE_CLIENT_ID", *INSTALLATION]


def test_what_is_there_already_stays(installed: Callable[..., Az]) -> None:
    there = {"apps": [{"appId": "app"}], "principals": [{"id": "p"}], "trusts": [{"subject": APP.subject}]}
    az = installed(**there)
    allow(APP, VALUES)
    assert az.asking("az", "ad", "app", "create") == az.asking("az", "ad", "sp", "create") == []
    assert az.trust == {}


def test_with_the_resources_it_may_give_roles_in_the_group_only() -> None:
    assert WHOLE.roles(VALUES) == [
        ("Contributor", RUN),
        ("Role Based Access Control Administrator", f"{RUN}/resourceGroups/rg-contoso"),
    ]


def test_no_parameter_of_the_installation_is_forgotten_and_no_secret_leaves() -> None:
    found = variables(WHOLE, VALUES, "app", lambda: "me")
    assert (
        found.items()
        >= {"SERVICE_ACCOUNT_PATTERNS": "svc-*", "AUTH_CLIENT_ID": "auth", "AZURE_ENV_NAME": "contoso"}.items()
    )
    assert found["ADMINISTRATOR_PRINCIPAL_ID"] == "me"
    assert not SECRETS & found.keys()
    assert "SOMETHING_ELSE" not in found
    named = {**VALUES, "ADMINISTRATOR_PRINCIPAL_ID": "none"}
    assert variables(WHOLE, named, "app", lambda: "me")["ADMINISTRATOR_PRINCIPAL_ID"] == "none"


@pytest.mark.parametrize(
    ("more", "stored"),
    [
        ({}, "teams-webhook-url"),
        ({"STORED_SECRETS": "teams-webhook-url"}, "teams-webhook-url"),
        (
            {"STORED_SECRETS": " webhook-secret, ,", "WEBHOOK_URL": "https://example.com/hook"},
            "webhook-secret,teams-webhook-url,webhook-url",
        ),
        ({"TEAMS_WEBHOOK_URL": "", "STORED_SECRETS": "webhook-url,webhook-secret"}, "webhook-url,webhook-secret"),
        ({"TEAMS_WEBHOOK_URL": ""}, None),
    ],
)
def test_a_secret_that_stays_behind_is_still_expected_in_the_vault(more: dict[str, str], stored: str | None) -> None:
    assert variables(WHOLE, {**VALUES, **more}, "app", lambda: "me").get("STORED_SECRETS") == stored


def test_secrets_are_called_in_the_vault_as_the_template_calls_them() -> None:
    written: dict[str, str] = parsed(INFRA / "modules" / "app.bicep")["variables"]["secretSettings"]["value"]
    settings = {name.strip("'"): setting for name, setting in written.items()}
    assert set(stored_secrets(dict.fromkeys(SECRETS, "x")).split(",")) == settings.keys()
    assert set(settings.values()) == SECRETS


def test_every_secret_of_the_parameters_is_known() -> None:
    bicep = (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8")
    secure = set(re.findall(r"@secure\(\)\s*param (\w+)", bicep))
    values = json.loads((ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert {re.findall(r"\$\{(\w+)", values[name]["value"])[0] for name in secure} == SECRETS


def test_without_gh_the_variables_are_printed(installed: Callable[..., Az], capsys: pytest.CaptureFixture[str]) -> None:
    az = installed(gh=False)
    allow(APP, VALUES)
    assert "  FUNCTION_APP_NAME=func-contoso" in capsys.readouterr().out
    assert az.asking("gh") == []


def test_without_an_installation_nothing_is_made(installed: Callable[..., Az]) -> None:
    az = installed()
    with pytest.raises(AzureError, match="AZURE_RESOURCE_GROUP"):
        allow(APP, {"AZURE_SUBSCRIPTION_ID": "sub"})
    assert az.asked == []


def test_removing_leaves_nothing(installed: Callable[..., Az]) -> None:
    az = installed(apps=[{"appId": "app"}], principals=[{"id": "p"}])
    remove(APP)
    done = [words[1:4] for words in az.asked if "delete" in words]
    assert done == [("role", "assignment", "delete"), ("ad", "app", "delete"), ("rest", "--method", "delete")]
    assert az.asked[-1][-3].endswith("/directory/deletedItems/object")


@pytest.mark.parametrize("name", ["contoso", "contoso/watch'", "a/b/c", "contoso/watch or 1 eq 1", ""])
def test_a_repository_is_an_owner_and_a_name(name: str) -> None:
    with pytest.raises(SystemExit):
        github.github(["--repository", name])


WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8"))


def test_the_workflow_signs_in_without_a_secret_and_may_nothing_else() -> None:
    job = WORKFLOW["jobs"]["deploy"]
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["environment"] == "${{ inputs.environment }}"
    assert "secrets." not in (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
    assert WORKFLOW[True].keys() == {"workflow_dispatch"}, "nobody who pushes deploys by it"


def test_no_input_of_the_workflow_becomes_part_of_a_command() -> None:
    runs = [step["run"] for step in WORKFLOW["jobs"]["deploy"]["steps"] if "run" in step]
    assert runs
    assert not any("${{" in run for run in runs)


def test_the_workflow_reads_what_the_script_sets() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
    read = set(re.findall(r"vars\.(\w+)", text))
    known = variables(WHOLE, {**VALUES, "APP_PYTHON_VERSION": "3.12"}, "app", lambda: "me").keys()
    assert read <= known
    assert {"AZURE_CLIENT_ID", *INSTALLATION} <= read
