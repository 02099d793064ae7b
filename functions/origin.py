"""Whether a request comes from this app's own page, from a program, or from a page of somebody else.

A browser signs every request in by its cookie, whoever's page made it. Two headers say whose page that was, and no page can
write them: ``Sec-Fetch-Site``, and ``Origin`` with everything that isn't a GET. Programs send neither, and no cookie: nobody can
make them ask for something. Source: W3C, "Fetch Metadata Request Headers"; Fetch Standard, "Origin header".
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from functions.access import Refused

_SAFE = frozenset({"GET", "HEAD"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ELSEWHERE = "The request comes from a page of another site: open the report of this app, and do it there."
_NOWHERE = "The request doesn't say whose page it comes from, as every browser of today does: use another browser."


def refuse_cross_site(
    method: str, headers: Mapping[str, str], own: Iterable[str | None], *, from_page: bool = False
) -> None:
    """Raise :class:`Refused` (403) for a request that a page of another site made.

    Takes the method, the request's headers (any case), addresses and host names by which this app is known beside the one
    that was asked, and whether only the app's own page may ask at all (``from_page``).
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    site, origin = given.get("sec-fetch-site"), given.get("origin")
    if method.upper() in _SAFE:
        if site not in (None, "same-origin", "none") and not _is_followed_link(given):
            raise Refused(403, _ELSEWHERE)
        return
    if site is not None and site != "same-origin":
        raise Refused(403, _ELSEWHERE)
    if origin is not None and _origin(origin) not in _known(given.get("host"), own):
        raise Refused(403, _ELSEWHERE)
    if site is None and origin is None and (from_page or "cookie" in given):
        raise Refused(403, _NOWHERE)


def _is_followed_link(headers: Mapping[str, str]) -> bool:
    """Whether somebody followed a link, in a mail or a card, say: what comes of it fills a window of its own."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _known(host: str | None, own: Iterable[str | None]) -> frozenset[str]:
    """The origins of the app. The host that was asked is what the browser looked up, so no page can choose it."""
    found = {_origin(one if "://" in one else f"https://{one}") for one in (host, *own) if one}
    if host and re.sub(r":\d+$", "", host.lower()) in _LOOPBACK:
        found.add(_origin(f"http://{host}"))
    return frozenset(found - {""})


def _origin(address: str) -> str:
    """Scheme, host and port of an address, written in one way; empty where it has none (``null``)."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    if not parts.hostname or parts.username is not None:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
