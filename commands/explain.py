"""``cli.py explain``: what an error means, and what to do about it."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from checks.explain import explain
from commands.arguments import Commands, account
from commands.output import DONE, FAILED, INCOMPLETE, plain, put, say
from commands.signing_in import add_sign_in, as_asked
from findings.runs import new_run_id
from jobs.errors import EXPECTED, sentence
from jobs.explain import AccountSeen, account_now, kept_account
from jobs.text_files import log_text
from reports.explanation import explanation_document, explanation_lines
from reports.files import render_json
from settings import Settings, SettingsError, load_settings

_NOTHING = 'Give an error: cli.py explain "535 5.7.139 ...", a code (AADSTS53003, 53003), --file LOG, or a piece of a log on stdin.'


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("explain", help="what an error of SMTP, IMAP or the sign-in log means, and the way out")
    one.add_argument(
        "text",
        nargs="*",
        metavar="TEXT",
        help="the error: a sentence, a code, a piece of a log; without it stdin is read",
    )
    one.add_argument("--file", type=Path, metavar="FILE", help="a log to look for errors in")
    one.add_argument("--account", type=account, metavar="UPN_OR_ID", help="whose sign-in it was: how is it seen?")
    one.add_argument("--now", action="store_true", help="read the account now, rather than take what is kept")
    one.add_argument("--format", choices=["table", "json"], default="table")
    add_sign_in(one)
    one.set_defaults(command=_explain)


async def _explain(options: argparse.Namespace) -> int:
    if options.sign_in and not options.account:
        raise SettingsError(["--sign-in goes with --account, which is read: words are explained without it"])
    text = _text(options.text, options.file)
    if not text.strip():
        say(_NOTHING)
        return FAILED
    found = explain(text)
    seen: AccountSeen | None = None
    problem = ""
    if options.account:
        try:
            seen = await _account(options)
        except EXPECTED as error:
            problem = sentence(error)  # told after the explanation, which is worth something without it
    document = (
        explanation_document(found, seen.document, seen.read_at, kept=seen.kept)
        if seen
        else explanation_document(found)
    )
    if options.format == "json":
        put(render_json(document))
    else:
        width = shutil.get_terminal_size((110, 40)).columns
        put("\n".join(explanation_lines(document, width)).rstrip())
    if problem:
        say(plain(f"How {options.account} is seen can't be told. {problem}"))
        return FAILED
    return DONE if found.matches else INCOMPLETE


def _text(words: Sequence[str], file: Path | None) -> str:
    """What was given. Raises ``OSError``."""
    parts = [" ".join(words)] if words and list(words) != ["-"] else []
    if file is not None:
        parts.append(log_text(file.read_bytes()))
    if not parts and not sys.stdin.isatty():
        parts.append(log_text(sys.stdin.buffer.read()))
    return "\n".join(parts)


async def _account(options: argparse.Namespace) -> AccountSeen:
    """What is kept of an account, or else the account as it is now; whoever signs in wants it read."""
    if not (options.now or options.sign_in):
        with suppress(SettingsError):  # without storage nothing is kept
            if kept := await kept_account(_settings("storage"), options.account):
                return kept
    time, settings = datetime.now(UTC), _settings()
    async with as_asked(options, settings):
        return await account_now(settings, options.account, new_run_id(time), time, say)


def _settings(*needs: str) -> Settings:
    return load_settings(require=frozenset(needs))
