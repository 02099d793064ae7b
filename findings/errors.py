"""What can go wrong with what is kept.

::

    FindingsError
    ├── StorageError          Table Storage can't be reached, refuses, or answers something unexpected
    ├── ConflictError         somebody else wrote the same rows in between: read again and retry
    ├── ScanAlreadyRunning    another scan holds the lease
    ├── AlreadyDone           the run with this id is over
    ├── LeaseLost             the lease was taken over, or couldn't be renewed in time: stop writing
    └── WrongTenant           what is kept belongs to another tenant than the one that was read
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.data.tables import TableErrorCode

ROLE = "Storage Table Data Contributor"
CONFLICTS = frozenset(
    {
        TableErrorCode.UPDATE_CONDITION_NOT_SATISFIED.value,
        TableErrorCode.CONDITION_NOT_MET.value,
        TableErrorCode.ENTITY_ALREADY_EXISTS.value,
        TableErrorCode.RESOURCE_NOT_FOUND.value,
        TableErrorCode.ENTITY_NOT_FOUND.value,
    }
)


class FindingsError(Exception):
    """Everything this package raises on purpose. The message is one or two sentences for an administrator."""


class StorageError(FindingsError):
    """Table Storage can't be reached, refuses access, or answers something unexpected."""


class ConflictError(FindingsError):
    """Somebody else wrote the same rows since they were read."""


class ScanAlreadyRunning(FindingsError):
    """Another scan of this tenant is going on: ``owner`` is its run, ``whole`` whether it scans everything."""

    def __init__(self, sentence: str, *, owner: str = "", whole: bool = False) -> None:
        super().__init__(sentence)
        self.owner, self.whole = owner, whole


class AlreadyDone(FindingsError):
    """The run with this id is over: what asked for it has asked twice."""


class LeaseLost(FindingsError):
    """This scan no longer holds the lease and must not write any more."""


class WrongTenant(FindingsError):
    """What is kept belongs to another tenant than the one that was read."""


def code_of(error: HttpResponseError) -> str:
    """The service's error code, e.g. ``EntityAlreadyExists``; empty where it gave none."""
    code = getattr(error, "error_code", None)
    if code is None:  # creating an entity raises errors that the SDK hasn't decoded
        code = getattr(error.response, "headers", {}).get("x-ms-error-code")
    return str(getattr(code, "value", code) or "")


@contextmanager
def storage_errors(table: str, doing: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Args:
        table: The table's name, for the message.
        doing: What is being done, as a participle: ``reading``, ``writing``.

    Raises:
        ConflictError: The rows were changed, created or deleted by somebody else.
        StorageError: Anything else that Table Storage, the network or the sign-in answers.
    """
    where = f'table "{table}" in the storage account of this app'
    try:
        yield
    except HttpResponseError as error:
        code = code_of(error)
        if code in CONFLICTS or error.status_code == 412:
            raise ConflictError(f"Somebody else wrote to {where} at the same time.") from error
        raise StorageError(_refusal(where, doing, error, code)) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise StorageError(
            f"{doing.capitalize()} {where} failed: the storage account can't be reached ({_first_line(error)}). "
            "Check the setting AzureWebJobsStorage, and that the storage account's firewall lets this app in."
        ) from error
    except AzureError as error:
        raise StorageError(f"{doing.capitalize()} {where} failed: {_first_line(error)}.") from error


def _refusal(where: str, doing: str, error: HttpResponseError, code: str) -> str:
    answer = " ".join(part for part in (str(error.status_code or ""), code) if part) or _first_line(error)
    sentence = f"{doing.capitalize()} {where} failed: Table Storage answered {answer}."
    if code == TableErrorCode.AUTHORIZATION_FAILURE.value:
        return f"{sentence} Its firewall may keep this app out; or the app lacks the role {ROLE} on it."
    if error.status_code == 403 or code.startswith("Authorization"):
        return f"{sentence} Give this app's managed identity the role {ROLE} on it, or correct AzureWebJobsStorage."
    if error.status_code == 401 or not error.status_code:
        return f"{sentence} The sign-in failed: check the app's managed identity and the setting AzureWebJobsStorage."
    return sentence


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
