"""Tokens: signed by a key that only this server has, so that only what it issued is let in."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from localentra.directory import Directory, Person

SECONDS = 3600


class Tokens:
    """Issues tokens, and knows its own again."""

    def __init__(self, directory: Directory, issuer: str) -> None:
        self._directory, self._issuer, self._key = directory, issuer, secrets.token_bytes(32)
        self.seconds = SECONDS
        """How long an access token holds."""

    def access(self, person: Person, client: str, scopes: set[str]) -> str:
        """A token for the API."""
        return self._signed(
            {
                "aud": self._directory.resource,
                "iss": f"https://sts.windows.net/{self._directory.tenant_id}/",
                "appid": client,
                "idtyp": "user",
                "oid": person.id,
                "scp": " ".join(sorted(scopes)),
                "tid": self._directory.tenant_id,
                "upn": person.name,
                "exp": int(time.time()) + self.seconds,
            }
        )

    def identity(self, person: Person, client: str, nonce: str | None) -> str:
        """A token that says who signed in."""
        now = int(time.time())
        claims = {
            "aud": client,
            "iss": f"{self._issuer}/{self._directory.tenant_id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "oid": person.id,
            "sub": person.id,
            "tid": self._directory.tenant_id,
            "preferred_username": person.name,
            "ver": "2.0",
        }
        return self._signed({**claims, **({"nonce": nonce} if nonce else {})})

    def read(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a token for the API; None where it isn't one of this server, or is over."""
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(head)):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head.partition(".")[2] + "=="))
        return claims if claims["aud"] == self._directory.resource and claims["exp"] > time.time() else None

    def _signed(self, claims: Mapping[str, Any]) -> str:
        head = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
        return f"{head}.{self._signature(head)}"

    def _signature(self, text: str) -> str:
        return _bare(hmac.new(self._key, text.encode(), hashlib.sha256).digest())


def encoded(value: Mapping[str, Any]) -> str:
    """JSON in base64 for addresses, without padding."""
    return _bare(json.dumps(value).encode())


def _bare(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
