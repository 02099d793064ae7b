"""Azure as the commands of ``dev.py`` use it: a token from the Azure CLI or from azd, and requests. Standard library only."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

CLOUDS = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}
"""Cloud, as az and azd call it -> Azure Resource Manager. Source: ``az cloud list``."""
STORAGE = "https://storage.azure.com"
"""What a token for storage is for, in every cloud."""
FRESH = 240
"""Seconds for which a token is used again: the programs give none that ends sooner."""
_PLAIN = "/?&=$()%,:'"
"""Signs that stay as they are in a path and its query."""
TIMEOUT = 600
"""Seconds for one request: a package of some 30 MB goes up in one."""


class AzureError(Exception):
    """Something in Azure can't be done; the message is a sentence or more for a person."""


class NotThere(AzureError):
    """Azure has nothing of that name, or doesn't show it."""


class Unreachable(AzureError):
    """No answer came. It may pass."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with, whatever the status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """What the body says, on one line and not too long."""
        return " ".join(self.body.decode("utf-8", "replace").split())[:500]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token goes to the address that it was meant for, and to no other."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def send(
    method: str,
    url: str,
    *,
    token: str = "",
    body: bytes | Path | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request. ``body`` is sent as it is; a file without being read into memory. Raises :class:`Unreachable`."""
    asked = dict(headers or {})
    if token:
        asked["Authorization"] = f"Bearer {token}"
    with ExitStack() as opened:
        content: bytes | BinaryIO | None = None
        if isinstance(body, Path):
            asked["Content-Length"] = str(body.stat().st_size)
            content = opened.enter_context(body.open("rb"))
        else:
            content = body
        request = urllib.request.Request(url, content, asked, method=method)
        try:
            with _OPENER.open(request, timeout=TIMEOUT) as response:
                return Answer(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{urlsplit(url).hostname} can't be reached: {error}.") from error


def command(*words: str) -> str | None:
    """What a command line prints; None where it isn't installed or fails. On Windows az is a script, which needs its path."""
    program = shutil.which(words[0])
    if program is None:
        return None
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.strip() if done.returncode == 0 else None


def azd_values() -> dict[str, str]:
    """The values of the current azd environment; empty where there is none."""
    try:
        found = json.loads(command("azd", "env", "get-values", "--output", "json") or "{}")
    except ValueError:
        return {}
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}


class Azure:
    """Azure Resource Manager, and tokens for it and for others."""

    def __init__(self, *, prefer: Sequence[str] = ("az", "azd"), arm: str | None = None) -> None:
        """``prefer`` says whose sign-in is tried first; ``arm`` where Azure Resource Manager is, for tests."""
        self._prefer = prefer
        self.arm = arm or CLOUDS.get(_cloud(prefer), CLOUDS["AzureCloud"])
        self.scheme = urlsplit(self.arm).scheme
        self._tokens: dict[str | None, tuple[str, float]] = {}

    def token(self, resource: str | None = None) -> str:
        """A token for ``resource``; None: for Azure Resource Manager, and the place that packages go to. Raises AzureError."""
        known, until = self._tokens.get(resource, ("", 0.0))
        if time.monotonic() < until:
            return known
        for program in self._prefer:
            found = _az_token(resource) if program == "az" else _azd_token(resource or self.arm)
            if found:
                self._tokens[resource] = found, time.monotonic() + FRESH
                return found
        raise AzureError("Nobody is signed in: run az login, or azd auth login.")

    def get(self, path: str, version: str) -> Any:
        """What Azure Resource Manager has at ``path``. Raises NotThere, and AzureError where it can't be asked."""
        mark = "&" if "?" in path else "?"
        address = f"{self.arm}{quote(path, safe=_PLAIN)}"  # groups may be called by letters that addresses don't have
        answer = send("GET", f"{address}{mark}api-version={version}", token=self.token())
        if answer.status != 200:
            error = NotThere if answer.status == 404 else AzureError
            raise error(f"Azure answered {answer.status} for {path}: {answer.text}")
        return answer.json()


def subscription() -> str | None:
    """The subscription that the Azure CLI is set to."""
    return command("az", "account", "show", "--query", "id", "--output", "tsv")


def _cloud(prefer: Sequence[str]) -> str:
    asked = {
        "az": ("az", "cloud", "show", "--query", "name", "--output", "tsv"),
        "azd": ("azd", "config", "get", "cloud.name"),
    }
    found = [(command(*asked[program]) or "").strip('"') for program in prefer]
    return next((name for name in found if name in CLOUDS), "AzureCloud")


def _az_token(resource: str | None) -> str | None:
    where = ["--resource", resource] if resource else []
    return command("az", "account", "get-access-token", *where, "--query", "accessToken", "--output", "tsv")


def _azd_token(resource: str) -> str | None:
    try:
        found = json.loads(
            command("azd", "auth", "token", "--scope", f"{resource}/.default", "--output", "json") or "{}"
        )
    except ValueError:
        return None
    return str(found.get("token") or "") or None
