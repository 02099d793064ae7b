"""A person who signs in: by browser or by device code, with delegated permissions, through azure-identity.

Tokens are kept in memory only and end with the process. What Entra ID refuses is told in one sentence (``tenant/refusals.py``).
"""

import asyncio
import base64
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity import AuthenticationRequiredError, DeviceCodeCredential, InteractiveBrowserCredential

from basics.documents import read_json
from tenant.graph import GraphUnreachable, readable
from tenant.refusals import refusal_sentence

GRAPH_COMMAND_LINE_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft's own client for command lines: it has no secret, and every tenant of the global and the US clouds knows it.
Source: Microsoft Graph PowerShell, which signs in with it."""
BROWSER_SECONDS = 300
"""How long a browser is waited for: Conditional Access shows its page there, and sends nobody back."""
_ANY_TENANT = "organizations"

Result = TypeVar("Result")


class Way(StrEnum):
    """How a person signs in."""

    BROWSER = "browser"
    DEVICE_CODE = "device-code"


class SignInRefused(GraphUnreachable):
    """Nobody is signed in; the text is one sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where and as what somebody signs in."""

    way: Way
    authority: str
    """E.g. ``https://login.microsoftonline.com``."""
    resource: str
    """E.g. ``https://graph.microsoft.com``."""
    tenant: str | None = None
    """A domain or an id; None: the tenant that the person belongs to."""
    client_id: str = GRAPH_COMMAND_LINE_TOOLS

    def consent_address(self, scopes: Sequence[str]) -> str:
        """Where an administrator consents to scopes for the whole tenant."""
        asked = " ".join(f"{self.resource}/{scope}" for scope in scopes)
        query = urlencode({"client_id": self.client_id, "scope": asked, "redirect_uri": "http://localhost"}, safe=":/")
        return f"{self.authority}/{self.tenant or _ANY_TENANT}/v2.0/adminconsent?{query}"


ShowCode = Callable[[str, str, datetime], None]
"""Shows an address, the code to enter there, and when it ends."""


class Person:
    """Somebody who signed in: a credential, and what it may read."""

    def __init__(self, sign_in: SignIn, show_code: ShowCode) -> None:
        """Signs nobody in yet."""
        self.sign_in = sign_in
        options: dict[str, Any] = {
            "authority": sign_in.authority,
            "tenant_id": sign_in.tenant or _ANY_TENANT,
            "client_id": sign_in.client_id,
            "disable_automatic_authentication": True,
        }
        self._credential = (
            DeviceCodeCredential(prompt_callback=show_code, **options)
            if sign_in.way is Way.DEVICE_CODE
            else InteractiveBrowserCredential(timeout=BROWSER_SECONDS, **options)
        )
        self._wanted: tuple[str, ...] = ()
        self.name = ""
        """The user principal name."""
        self.tenant_id = ""
        self.scopes: frozenset[str] = frozenset()
        """The delegated permissions that were given."""

    async def authenticate(self, required: Sequence[str], optional: Sequence[str]) -> None:
        """Have the person sign in, asking for as little as possible: only ``required``.

        Of ``optional`` is taken what was consented to before; nobody is asked for it. Raises :class:`SignInRefused`.
        """
        record = await self._told(lambda: self._credential.authenticate(scopes=self._full(required), enable_cae=True))
        self.name, self.tenant_id = record.username, record.tenant_id
        given = list(required)
        for scope in optional:
            with suppress(
                AzureError
            ):  # nobody consented, or this cloud has no such scope: it is said where it is missed
                await _in_background(partial(self._silently, [scope]))
                given.append(scope)
        self._wanted = tuple(given)
        token = await self.get_token()
        self.scopes = scopes_of(token.token) or frozenset(given)

    async def get_token(self, *_: str, **options: Any) -> AccessToken:
        """A token for what was given, renewed where it is over; whatever scopes are asked for here.

        Raises :class:`SignInRefused` where the person would have to sign in again.
        """
        claims = options.get("claims")
        return await self._told(lambda: self._silently(self._wanted, claims))

    async def close(self) -> None:
        """Forget the tokens."""
        self._credential.close()

    def _silently(self, scopes: Sequence[str], claims: str | None = None) -> AccessToken:
        return self._credential.get_token(*self._full(scopes), claims=claims, enable_cae=True)

    def _full(self, scopes: Sequence[str]) -> list[str]:
        return [f"{self.sign_in.resource}/{scope}" for scope in scopes]

    async def _told(self, call: Callable[[], Result]) -> Result:
        try:
            return await _in_background(call)
        except (AzureError, ValueError) as error:
            sentence = refusal_sentence(
                _said(error),
                device_code=self.sign_in.way is Way.DEVICE_CODE,
                host=urlsplit(self.sign_in.authority).hostname or "",
                tenant=self.sign_in.tenant,
                client_id=self.sign_in.client_id,
                again=isinstance(error, AuthenticationRequiredError),
            )
            raise SignInRefused(sentence) from error


def scopes_of(token: str) -> frozenset[str]:
    """The delegated permissions that a token names; none where it can't be read: Graph's tokens needn't stay readable."""
    try:
        payload = token.split(".")[1]
        scopes = read_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["scp"]
        return frozenset(str(scopes).split())
    except (IndexError, ValueError, KeyError, TypeError):
        return frozenset()


def _said(error: Exception) -> str:
    """OAuth's word and what was said, in one line."""
    answer: dict[str, Any] = {}
    with suppress(Exception):
        answer = read_json(error.response.text())  # type: ignore[attr-defined]
    said = f"{answer.get('error', '')} {answer.get('error_description') or error}"
    return readable(re.sub(r"(Trace|Correlation) ID:.*", "", said, flags=re.DOTALL), 600)


async def _in_background(call: Callable[[], Result]) -> Result:
    """Run what waits for a person on a thread that nobody waits for in the end: Ctrl-C ends the program at once."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
            with suppress(InvalidStateError):
                future.set_exception(error)
        else:
            with suppress(InvalidStateError):
                future.set_result(result)

    threading.Thread(target=run, name="sign-in", daemon=True).start()
    return await asyncio.wrap_future(future)
