"""What Entra ID decides: which requests it understands, what it asks of a person, and which tokens it issues. Knows no HTTP."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from localentra.directory import Blocked, Client, Directory, Person
from localentra.refusals import (
    Refusal,
    blocked,
    consent_required,
    declined,
    expired,
    needs_administrator,
    not_consented,
    pending,
)
from localentra.tokens import Tokens, encoded

Form = Mapping[str, str]
_OIDC = frozenset({"openid", "profile", "offline_access", "email"})
_DEFAULT = ".default"


@dataclass(slots=True)
class _Grant:
    """What somebody was asked for, until it is redeemed."""

    client: str
    scopes: set[str]
    expires: float
    redirect: str = ""
    challenge: str = ""
    nonce: str | None = None
    person: Person | None = None
    refusal: Refusal | None = None
    polls: int = 0


@dataclass(slots=True)
class EntraService:
    """The endpoints of one tenant; ``person`` sits before every browser. Times are those of ``clock``."""

    directory: Directory
    person: Person
    issuer: str
    clock: Callable[[], float] = time.time
    code_seconds: int = 900
    """How long a device code holds."""
    interval: int = 1
    """Seconds between two polls."""
    tokens: Tokens = field(init=False)
    asked: list[set[str]] = field(default_factory=list)
    """The scopes of every request that a person had to answer, in their order."""
    _codes: dict[str, _Grant] = field(default_factory=dict)
    _devices: dict[str, _Grant] = field(default_factory=dict)
    _refresh: dict[str, tuple[str, Person]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.directory, self.issuer)

    def knows(self, tenant: str) -> bool:
        """Whether a part of an address names the tenant, or whichever one a person is of."""
        return tenant.lower() in {self.directory.domain, self.directory.tenant_id, "organizations", "common"}

    def device_code(self, form: Form) -> dict[str, Any]:
        """Begin a device code. The person enters it at once, or never. Raises :class:`Refusal`."""
        client = self._client(form)
        if not client.device_code:
            raise Refusal(
                "invalid_client", 7000218, "The request body must contain: 'client_assertion' or 'client_secret'."
            )
        grant = _Grant(client.id, self._scopes(form), self.clock() + self.code_seconds)
        code = secrets.token_urlsafe(24)
        self._devices[code] = grant
        user_code = secrets.token_hex(5)[:9].upper()
        where = "https://microsoft.com/devicelogin"
        return {
            "user_code": user_code,
            "device_code": code,
            "verification_uri": where,
            "expires_in": self.code_seconds,
            "interval": self.interval,
            "message": f"To sign in, use a web browser to open the page {where} and enter the code {user_code}.",
        }

    def authorize(self, query: Form) -> tuple[str, dict[str, str]]:
        """What the browser is told to post, and where. Raises :class:`Refusal` for what is only shown to the person."""
        client = self._client(query)
        redirect = query.get("redirect_uri", "")
        parts = urlsplit(redirect)
        if f"{parts.scheme}://{parts.hostname}" not in client.redirects or parts.path not in ("", "/"):
            raise Refusal(
                "invalid_request", 50011, f"The redirect URI '{redirect}' does not match the ones configured."
            )
        if query.get("response_type") != "code" or query.get("response_mode") != "form_post":
            raise Refusal("unsupported_response_type", 700051, "response_type is not supported for the application.")
        if not query.get("code_challenge") or query.get("code_challenge_method") != "S256":
            raise Refusal("invalid_request", 9002325, "Proof Key for Code Exchange is required.")
        back = {"state": query.get("state", "")}
        try:
            grant = _Grant(client.id, self._scopes(query), self.clock() + 600, redirect)
            grant.challenge, grant.nonce = query["code_challenge"], query.get("nonce")
            self._answered(grant, device=False)
        except Refusal as refusal:
            if refusal.number in (53003, 530035):  # Conditional Access shows a page and sends nobody back
                raise
            return redirect, {**back, "error": refusal.error, "error_description": refusal.description}
        code = secrets.token_urlsafe(24)
        self._codes[code] = grant
        return redirect, {**back, "code": code}

    def token(self, form: Form) -> dict[str, Any]:
        """Redeem a device code, an authorization code or a refresh token. Raises :class:`Refusal`."""
        client = self._client(form)
        match form.get("grant_type", ""):
            case "urn:ietf:params:oauth:grant-type:device_code" | "device_code":
                return self._device(client, form)
            case "authorization_code":
                return self._code(client, form)
            case "refresh_token":
                return self._refreshed(client, form)
        raise Refusal("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")

    def _device(self, client: Client, form: Form) -> dict[str, Any]:
        grant = self._devices.get(form.get("device_code", ""))
        if grant is None or grant.client != client.id:
            raise Refusal(
                "bad_verification_code", 70018, "Invalid verification code due to user typing in wrong user code."
            )
        if self.clock() >= grant.expires:
            raise expired()
        grant.polls += 1
        if self.person.absent or grant.polls == 1:  # nobody is that quick
            raise pending()
        self._answered(grant, device=True)
        del self._devices[form["device_code"]]  # it works once
        return self._issued(grant)

    def _code(self, client: Client, form: Form) -> dict[str, Any]:
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or grant.client != client.id or self.clock() >= grant.expires:
            raise Refusal("invalid_grant", 70008, "The provided authorization code or refresh token has expired.")
        if form.get("redirect_uri") != grant.redirect:
            raise Refusal(
                "invalid_client", 500112, "The reply address does not match the one of the authorization request."
            )
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != grant.challenge:
            raise Refusal("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge.")
        return self._issued(grant)

    def _refreshed(self, client: Client, form: Form) -> dict[str, Any]:
        owner, person = self._refresh.get(form.get("refresh_token", ""), ("", self.person))
        if owner != client.id:
            raise Refusal("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
        scopes = self._scopes(form)
        self._check_policies(device=False)
        if not scopes <= self.directory.allowed(client.id):
            raise consent_required(client.id)
        return self._issued(_Grant(client.id, scopes, 0, person=person))

    def _answered(self, grant: _Grant, *, device: bool) -> None:
        """The person signs in and consents, or doesn't. Raises :class:`Refusal`."""
        person, allowed = self.person, self.directory.allowed(grant.client)
        self.asked.append(set(grant.scopes))
        self._check_policies(device=device)
        missing = grant.scopes - allowed
        if person.declines:
            raise declined() if device else not_consented(", ".join(sorted(missing or grant.scopes)))
        if missing and not person.administrator:
            raise needs_administrator(grant.client)
        allowed |= missing
        grant.person = person

    def _check_policies(self, *, device: bool) -> None:
        match self.directory.blocked:
            case Blocked.EVERYTHING:
                raise blocked(by_defaults=False)
            case Blocked.DEVICE_CODE if device:
                raise blocked(by_defaults=False)
            case Blocked.DEVICE_CODE_BY_DEFAULTS if device:
                raise blocked(by_defaults=True)

    def _issued(self, grant: _Grant) -> dict[str, Any]:
        assert grant.person is not None  # noqa: S101 (every grant that comes here was answered)
        refresh = secrets.token_urlsafe(24)
        self._refresh[refresh] = (grant.client, grant.person)
        return {
            "token_type": "Bearer",
            "scope": " ".join(f"{self.directory.resource}/{one}" for one in sorted(grant.scopes)),
            "expires_in": self.tokens.seconds,
            "ext_expires_in": self.tokens.seconds,
            "access_token": self.tokens.access(grant.person, grant.client, grant.scopes),
            "refresh_token": refresh,
            "id_token": self.tokens.identity(grant.person, grant.client, grant.nonce),
            "client_info": encoded({"uid": grant.person.id, "utid": self.directory.tenant_id}),
        }

    def _client(self, form: Form) -> Client:
        id = form.get("client_id", "")
        if id not in self.directory.clients:
            text = f"Application with identifier '{id}' was not found in the directory '{self.directory.domain}'."
            raise Refusal("unauthorized_client", 700016, text)
        return self.directory.clients[id]

    def _scopes(self, form: Form) -> set[str]:
        """The delegated permissions that are asked for, by name. Raises :class:`Refusal` where the API has no such scope."""
        words = [word for word in form.get("scope", "").split() if word not in _OIDC]
        if not words:
            raise Refusal("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        resources = {word.rpartition("/")[0] for word in words if "://" in word}
        if len(resources) > 1:
            raise Refusal("invalid_request", 28000, "The scope isn't valid because it contains more than one resource.")
        if resources - {self.directory.resource, ""}:
            raise Refusal("invalid_resource", 500011, f"The resource principal named {resources.pop()} was not found.")
        names = {word.rpartition("/")[2] for word in words}
        if _DEFAULT in names:
            if len(names) > 1:
                text = "The provided value for the input parameter 'scope' is not valid: .default can't be combined."
                raise Refusal("invalid_scope", 70011, text)
            return set(self.directory.allowed(form.get("client_id", "")))
        if unknown := names - self.directory.scopes:
            text = f"The application asked for scope '{sorted(unknown)[0]}' that doesn't exist on the resource."
            raise Refusal("invalid_client", 650053, text)
        return names
