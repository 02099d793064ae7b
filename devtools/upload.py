"""Brings a package into a function app on Flex Consumption, to the end: uploads it, follows the deployment, asks the app.

``az functionapp deployment source config-zip`` has a Python package built again in Azure whatever it is told, and neither it nor
azd tries again after a 403: right after an installation was made, the app's role on its storage account may take minutes to be
effective. Source: azure-cli, ``enable_zip_deploy_flex``; Microsoft Learn, "Deployment technologies in Azure Functions".
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.azure import Answer, Azure, AzureError, Unreachable, send

SITES = "2025-03-01"
"""Version of Microsoft.Web that is asked."""
SUCCEEDED, FAILED, CANCELLED, CONFLICT, PARTLY = 4, 3, -1, 5, 6
"""``status`` of a deployment. Source: azure-cli, ``_check_zip_deployment_status_flex``."""
PASSING = frozenset({403, 408, 409, 429, 500, 502, 503, 504})
"""Answers to an upload that may be another one in a while: roles on their way, another deployment, a busy Kudu."""
ROLE_WORDS = ("403", "Forbidden", "AuthorizationPermissionMismatch", "AuthorizationFailure", "not authorized")
"""What the log of a deployment says when the app's identity may not write to the storage account yet."""


@dataclass(frozen=True, slots=True)
class Site:
    """A function app: where packages go, its Python, and its address."""

    scm_host: str
    host: str
    python: str


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two tries, for all of them, between two looks, for a deployment, and for the app to answer."""

    between: float = 20
    tries: float = 1_800
    look: float = 3
    deployment: float = 900
    answer: float = 300


class Refused(AzureError):
    """An upload, or the deployment that it began, failed; ``passing`` says that it may work in a while."""

    def __init__(self, sentence: str, *, passing: bool) -> None:
        super().__init__(sentence)
        self.passing = passing


def site(azure: Azure, subscription: str, resource_group: str, name: str) -> Site:
    """Look a function app up. Raises AzureError."""
    path = f"/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Web/sites/{name}"
    found = azure.get(path, SITES)
    properties = found.get("properties") or {}
    runtime = (properties.get("functionAppConfig") or {}).get("runtime") or {}
    states = properties.get("hostNameSslStates") or []
    scm = next((one["name"] for one in states if one.get("hostType") == "Repository"), None)
    if scm is None or runtime.get("name") != "python":
        raise AzureError(f"{name} is no function app on Flex Consumption with Python.")
    return Site(scm, properties["defaultHostName"], str(runtime["version"]))


class Upload:
    """One package on its way into one app."""

    def __init__(
        self,
        azure: Azure,
        to: Site,
        *,
        say: Callable[[str], None],
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._azure, self._to, self._say = azure, to, say
        self._patience, self._sleep, self._clock = patience or Patience(), sleep, clock
        self._scm = f"{azure.scheme}://{to.scm_host}/api"

    def run(self, package: Path, *, remote_build: bool = False) -> None:
        """Upload and follow it, again where that may help. Raises AzureError."""
        end = self._clock() + self._patience.tries
        while True:
            try:
                self._follow(self._publish(package, remote_build=remote_build))
                return
            except (Refused, Unreachable) as error:
                passing = not isinstance(error, Refused) or error.passing
                if not passing or self._clock() >= end:
                    raise
                self._say(f"{error} Trying again in {self._patience.between:.0f} s.")
                self._sleep(self._patience.between)

    def wait_for_answer(self) -> str:
        """Ask the app how it is until it answers. Returns ``ok`` or ``not ok``. Raises AzureError."""
        url = f"{self._azure.scheme}://{self._to.host}/api/health"
        end = self._clock() + self._patience.answer
        while True:
            try:
                answer = send("GET", url)
                if answer.text in {"ok", "not ok"}:
                    return answer.text
                said = f"{answer.status}"
            except Unreachable as error:
                said = str(error)
            if self._clock() >= end:
                raise AzureError(
                    f"The package is deployed, but {url} doesn't answer ({said}). Look into the app's log: docs/operations.md."
                )
            self._sleep(self._patience.look)

    def _publish(self, package: Path, *, remote_build: bool) -> str:
        """Upload. Returns the id of the deployment that it began."""
        url = f"{self._scm}/publish?RemoteBuild={str(remote_build).lower()}&Deployer=app-password-watch"
        headers = {"Content-Type": "application/zip", "Cache-Control": "no-cache"}
        answer = send("POST", url, token=self._azure.token(), body=package, headers=headers)
        if answer.status != 202:
            raise Refused(_refusal(answer), passing=answer.status in PASSING)
        found = answer.json()
        return str(found) if isinstance(found, str) and found else "latest"

    def _follow(self, deployment: str) -> None:
        """Wait until a deployment is done."""
        self._say(f"Uploaded; deployment {deployment} is going on.")
        end = self._clock() + self._patience.deployment
        while self._clock() < end:
            state = self._state(deployment)
            if state.get("complete") or state.get("status") in {SUCCEEDED, FAILED, CANCELLED, CONFLICT, PARTLY}:
                if state.get("status") == SUCCEEDED:
                    return
                raise self._failure(deployment, state)
            self._sleep(self._patience.look)
        raise Refused(f"Deployment {deployment} isn't done after {self._patience.deployment:.0f} s.", passing=False)

    def _state(self, deployment: str) -> dict[str, Any]:
        """What is known of a deployment; nothing where it can't be asked now: it may take a moment to appear."""
        try:
            answer = send("GET", f"{self._scm}/deployments/{deployment}", token=self._azure.token())
        except Unreachable:
            return {}
        if answer.status in {401, 403}:
            raise Refused(_refusal(answer), passing=False)
        found = answer.json() if answer.status == 200 else None
        return found if isinstance(found, dict) else {}

    def _failure(self, deployment: str, state: dict[str, Any]) -> Refused:
        lines = [str(state.get(name) or "") for name in ("status_text", "message")] + self._log(deployment)
        said = "\n".join(f"  {line}" for line in dict.fromkeys(lines) if line.strip())
        passing = state.get("status") == CONFLICT or any(word in said for word in ROLE_WORDS)
        why = "another deployment is going on" if state.get("status") == CONFLICT else "failed"
        return Refused(f"Deployment {deployment}: {why}. Azure said:\n{said}\n", passing=passing)

    def _log(self, deployment: str) -> list[str]:
        try:
            answer = send("GET", f"{self._scm}/deployments/{deployment}/log", token=self._azure.token())
        except Unreachable:
            return []
        found = answer.json() if answer.status == 200 else None
        entries = found if isinstance(found, list) else []
        return [str(entry.get("message") or "") for entry in entries if isinstance(entry, dict)][-15:]


def _refusal(answer: Answer) -> str:
    hint = {
        401: " Sign in with an account of the app's tenant: az login --tenant TENANT_ID.",
        403: " Right after an installation was made, the app's role on its storage account may not be effective yet; otherwise "
        "you need Contributor, or Website Contributor, on the app.",
        409: " Another deployment is going on.",
    }.get(answer.status, "")
    return f"The upload was answered with {answer.status} {answer.text}.{hint}"
