"""Large answers: packed as they come, where the client takes that; and what spares them, an answer that the client has already.

The Python worker hands an answer over whole, so what is large lies in memory packed or not at all.
"""

import io
import zlib
from collections.abc import Mapping

import azure.functions as func

from basics.text import well_formed
from functions.requests import BadRequest

LARGEST_PLAIN = 20 * 1024 * 1024
"""Bytes of an answer that a client gets who doesn't take it packed."""
QUICK, SMALL = 1, 6
"""How much work packing is: for what somebody waits for, and for what is large."""
_GZIP = 31
"""To zlib: with the head and the sum of gzip (RFC 1952)."""
_TOO_LARGE = (
    f"The answer is larger than {LARGEST_PLAIN // 1024 // 1024} MB, and is sent compressed only: send the header "
    '"Accept-Encoding: gzip" (with curl: --compressed), or ask for the findings in pages, GET /api/findings.'
)


class Body:
    """The body of an answer, put together piece by piece."""

    def __init__(self, headers: Mapping[str, str], effort: int = SMALL) -> None:
        self._packer = zlib.compressobj(effort, wbits=_GZIP) if accepts_gzip(headers) else None
        self._content = io.BytesIO()

    def take(self, piece: str) -> None:
        """Add a piece of the text. Raises :class:`BadRequest` (406) once it is too large for a client that takes it plain only."""
        content = well_formed(piece).encode()
        self._content.write(self._packer.compress(content) if self._packer else content)
        if self._packer is None and self._content.tell() > LARGEST_PLAIN:
            raise BadRequest(_TOO_LARGE, 406)

    def answer(self, mimetype: str, status: int, headers: Mapping[str, str]) -> func.HttpResponse:
        """The answer with everything that was taken."""
        coding = {}
        if self._packer:
            self._content.write(self._packer.flush())
            coding = {"Content-Encoding": "gzip"}
        return func.HttpResponse(
            self._content.getvalue(),
            status_code=status,
            mimetype=mimetype,
            charset="utf-8",
            headers={**headers, **coding, "Vary": "Accept-Encoding"},
        )


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a client takes gzip. One that doesn't say what it takes may take everything, and seldom does (RFC 9110, 12.5.3)."""
    wanted = {}
    for one in _header(headers, "accept-encoding").split(","):
        coding, _, weight = one.partition(";")
        wanted[coding.strip().lower()] = weight.replace(" ", "").lower()
    found = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*")))
    return found is not None and not _is_never(found)


def _is_never(weight: str) -> bool:
    return weight.startswith("q=0") and not weight.removeprefix("q=").strip("0.")


def tag(mark: str | None) -> dict[str, str]:
    """The header that names an answer; none where it has no mark. Weak, since it is the same packed and plain."""
    return {"ETag": f'W/"{mark}"'} if mark else {}


def has_it(headers: Mapping[str, str], mark: str | None) -> bool:
    """Whether the client says that it has the answer with this mark."""
    known = (one.strip().removeprefix("W/") for one in _header(headers, "if-none-match").split(","))
    return mark is not None and f'"{mark}"' in known


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")
