"""The Exchange admin center's SMTP AUTH clients report, as people export it: who sends with SMTP AUTH, where the sign-in log can't tell.

Its columns, and that it reaches back 90 days: https://learn.microsoft.com/exchange/monitoring/mail-flow-reports/mfr-smtp-auth-clients-report,
read 2026-11-26. The export names them as the page does, in the language of whoever exports; only English is known here. Newer
reports also say whether a client signed in with a password or with OAuth.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass

from reports.text import readable

_SENDER = frozenset({"senderaddress", "sendersaddress", "sender", "useraddress"})
_MESSAGES = frozenset({"messagessent", "messagecount", "messages", "nofmessages", "numberofmessages", "count"})
_AUTHENTICATION = frozenset(
    {"authenticationprotocol", "authprotocol", "authentication", "authenticationtype", "authtype"}
)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_NUMBER = re.compile(r"\d+")
_THOUSANDS = re.compile(r"[\s,.'\u00a0\u202f](?=\d{3}(?!\d))")
"""What parts thousands: three digits come after it."""
_MOST = 20_000


class UnreadableReport(ValueError):
    """A file that isn't such an export; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """An address that sent with SMTP AUTH."""

    address: str
    """Lower-cased."""
    messages: int | None
    """None where the export has no such column."""
    with_password: bool | None
    """Whether it signed in with a password at all; None where the export doesn't tell a password from OAuth."""


def parse_report(text: str) -> tuple[SmtpSender, ...]:
    """The senders of an exported report, by address. Raises :class:`UnreadableReport`."""
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise UnreadableReport("The file is empty: export the report again, as CSV.")
    try:
        rows = list(csv.reader(lines, delimiter=_delimiter(lines), strict=True))
    except csv.Error as error:
        raise UnreadableReport(f"This is no CSV file: {error}.") from None
    place, header = _header(rows)
    _must_be_whole(rows[place:], text)
    senders: dict[str, SmtpSender] = {}
    for row in rows[place + 1 :]:
        cells = dict(zip(header, row, strict=False))
        address = (_cell(cells, _SENDER) or "").strip().strip('="').lower()
        if not _ADDRESS.fullmatch(address) or len(address) > 320:
            continue
        one = SmtpSender(address, _messages(cells), _with_password(cells))
        senders[address] = _together(senders[address], one) if address in senders else one
    if not senders:
        raise UnreadableReport("The report names no sender: choose a longer range of dates, and export it again.")
    if len(senders) > _MOST:
        raise UnreadableReport(f"The report names more than {_MOST:,} senders: export a shorter range of dates.")
    return tuple(senders[address] for address in sorted(senders))


def _delimiter(lines: Iterable[str]) -> str:
    """Excel saves with semicolons or tabs in half of Europe."""
    first = next((line for line in lines if line.strip()), "")
    return max(",;\t", key=first.count)


def _header(rows: list[list[str]]) -> tuple[int, list[str]]:
    """Where the names of the columns stand, and what they are without blanks and signs, lower-cased."""
    for place, row in enumerate(rows[:20]):
        names = [re.sub(r"[\W_]+", "", name.casefold()) for name in row]
        if _SENDER & set(names):
            return place, names
    first = next((row for row in rows if any(row)), [])
    shown = ", ".join(readable(name)[:40] for name in first[:8])
    raise UnreadableReport(
        'This is no SMTP AUTH clients report: it has no column "Sender address". Export it from the Exchange admin center in '
        f"English: Reports, Mail flow, SMTP AUTH clients report. The file begins with: {shown or 'an empty line'}."
    )


def _must_be_whole(rows: list[list[str]], text: str) -> None:
    """Raises :class:`UnreadableReport` for a file that ends within a row: the senders behind it would be missing without a word."""
    if not text.endswith("\n") and len(rows[-1]) < len(rows[0]):
        raise UnreadableReport("The file breaks off within a row: export the report again.")


def _cell(cells: dict[str, str], names: frozenset[str]) -> str | None:
    return next((cells[name] for name in cells if name in names), None)


def _messages(cells: dict[str, str]) -> int | None:
    """``1,234`` and ``1 234`` are numbers as well, and so is ``12.0``; ``1.234`` are thousands."""
    cell = re.sub(r"[.,]0{1,2}$", "", (_cell(cells, _MESSAGES) or "").strip())
    digits = re.sub(_THOUSANDS, "", cell)
    return int(digits) if _NUMBER.fullmatch(digits) and digits.isascii() and len(digits) <= 15 else None


def _with_password(cells: dict[str, str]) -> bool | None:
    cell = (_cell(cells, _AUTHENTICATION) or "").casefold()
    if "oauth" in cell and "basic" not in cell:
        return False
    return True if "basic" in cell or cell in ("login", "plain") else None


def _together(one: SmtpSender, other: SmtpSender) -> SmtpSender:
    """Two rows of one sender, as of two days: a password is one even if OAuth is used as well."""
    counts = [count for count in (one.messages, other.messages) if count is not None]
    ways = {one.with_password, other.with_password}
    with_password = True if True in ways else None if None in ways else False
    return SmtpSender(one.address, sum(counts) if counts else None, with_password)
