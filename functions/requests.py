"""What a request says: its parameters as text that can be kept and shown, and its body, if it isn't too large."""

from typing import Any

import azure.functions as func

from basics.documents import read_json
from basics.text import well_formed

LARGEST_BODY = 64 * 1024


class BadRequest(Exception):
    """A request that can't be served as it is. ``status`` is 400, 404, 406, 409, 413 or 429; the text is one sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def parameter(req: func.HttpRequest, name: str) -> str:
    """A parameter of the query; empty where there is none."""
    return well_formed(str(req.params.get(name) or ""))


def route_part(req: func.HttpRequest, name: str) -> str:
    """A part of the path; empty where there is none."""
    return well_formed(str(req.route_params.get(name) or ""))


def refuse_large(req: func.HttpRequest) -> None:
    """Raises :class:`BadRequest` where the body is too large, whoever asks and whatever for.

    The Functions host refuses it before (``FUNCTIONS_REQUEST_BODY_SIZE_LIMIT`` in ``infra/modules/app.bicep``): here the worker holds
    it already. This holds where somebody changed that setting, and says why.
    """
    if len(req.get_body()) > LARGEST_BODY:
        raise BadRequest(f"The body is larger than {LARGEST_BODY // 1024} KB.", 413)


def body_of(req: func.HttpRequest) -> bytes:
    """The request's body. Raises :class:`BadRequest` for one that is too large."""
    refuse_large(req)
    return req.get_body()


def json_of(req: func.HttpRequest) -> Any:
    """The request's JSON, its texts well-formed; None without a body. Raises :class:`BadRequest`."""
    body = body_of(req)
    if not body.strip():
        return None
    try:
        return read_json(body)
    except ValueError:
        raise BadRequest("The body is not JSON.") from None
