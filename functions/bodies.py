"""What the bodies of requests hold. The same models check them, and describe them in docs/openapi.json."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from functions.requests import BadRequest

MOST_ACCOUNTS = 50
LONGEST_NAME = 1024

_FORM = 'Write the accounts as {"accounts": ["user principal name or object id", …]}.'


def _day(value: object) -> date:
    """A day as ``YYYY-MM-DD``, as ISO 8601 allows it. Raises ``ValueError``."""
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 -- pydantic only takes this one for a refusal
    return date.fromisoformat(value)


class Recheck(BaseModel):
    """Accounts to be judged now."""

    model_config = ConfigDict(strict=True)

    accounts: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)]] = (
        Field(min_length=1, max_length=MOST_ACCOUNTS, description="User principal names or object ids.")
    )


class Accept(BaseModel):
    """A finding to be accepted."""

    model_config = ConfigDict(strict=True)

    account: str = Field(description="User principal name or object id.")
    check: Annotated[str, StringConstraints(pattern=r"\S")] | None = Field(
        default=None, description="Only this check; left out, every check of the account."
    )
    reason: str
    owner: str
    until: Annotated[date, BeforeValidator(_day)] = Field(description="The last day, at most a year away.")
    replace: StrictBool = Field(default=False, description="End another exception that holds for the same.")


class Form(BaseModel):
    """The fields of the page's forms; each action takes some of them. What isn't among them is left out."""

    account: str = ""
    check: str = ""
    reason: str = ""
    owner: str = ""
    until: str = ""
    replace: str = Field(default="", description="yes: end another exception that holds for the same.")
    id: str = ""


def accounts_of(body: Any) -> tuple[str, ...]:
    """The accounts that a request names; none for all of them. Raises :class:`BadRequest`."""
    if body is None:
        return ()
    try:
        return tuple(Recheck.model_validate(body).accounts)
    except ValidationError as error:
        raise BadRequest(_wrong_accounts(error.errors(include_url=False)[0])) from None


def _wrong_accounts(error: ErrorDetails) -> str:
    if len(error["loc"]) > 1:
        return "An account is a user principal name or an object id."
    if error["type"] == "too_long":
        return f"At most {MOST_ACCOUNTS} accounts at once; without a body, all are scanned."
    return _FORM


def exception_of(body: Any) -> dict[str, Any]:
    """The exception that a request asks for, as ``views.add_exception`` takes it. Raises :class:`BadRequest`."""
    if not isinstance(body, dict):
        raise BadRequest('Write the exception as {"account", "check", "reason", "owner", "until": "YYYY-MM-DD"}.')
    try:
        asked = Accept.model_validate(body)
    except ValidationError as error:
        raise BadRequest(_wrong_exception(error.errors(include_url=False))) from None
    return {
        "account": asked.account,
        "check_id": asked.check.upper() if asked.check else None,
        "reason": asked.reason,
        "owner": asked.owner,
        "until": asked.until,
        "replace": asked.replace,
    }


def _wrong_exception(errors: list[ErrorDetails]) -> str:
    """What is wrong in a sentence: first what is no text or isn't there, then what a text says."""
    kinds = {str(one["loc"][0]): one["type"] for one in errors}
    texts = {name: kind for name, kind in kinds.items() if name != "replace"}
    if any(kind in ("missing", "string_type") for kind in texts.values()):
        return "An exception needs account, reason, owner and until; check may be left out for all checks."
    if "check" in kinds:
        return "check is empty: name one, or leave it out for all checks."
    if "until" in kinds:
        return "until is not a date: write it as YYYY-MM-DD."
    return "replace is true or false."
