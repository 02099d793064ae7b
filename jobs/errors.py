"""The errors that a person is meant to read: each is one sentence about what is wrong and what to do."""

from alerts.ledger import NoAlertId
from checks.facts import FactsError
from checks.product_files import ProductsError
from checks.simulate import CannotSimulate
from connections.storage import StorageUnavailable
from evidence.exchange import NotExported
from findings.errors import FindingsError
from jobs.smtp_report import UnreadableReport
from jobs.snapshot import UnreadableSnapshot
from jobs.text_files import NotText
from jobs.views import NotFound
from settings import SettingsError
from tenant.graph import GraphError

EXPECTED: tuple[type[Exception], ...] = (
    SettingsError,
    GraphError,
    StorageUnavailable,
    FindingsError,
    NotFound,
    CannotSimulate,
    UnreadableSnapshot,
    UnreadableReport,
    FactsError,
    ProductsError,
    NotText,
    NotExported,
    NoAlertId,
    OSError,
)


def sentence(error: BaseException) -> str:
    """What to tell a person about an expected error."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"  # without Python's "[Errno 2]"
    return text if text.endswith((".", "!", "?")) or "\n" in text else f"{text}."
