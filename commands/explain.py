"""``cli.py explain``: what an error means, and what to do about it."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from checks.explain import explain
from commands.drawn.explanation import render_explanation
from commands.line.parts import Options
from commands.output import DONE, FAILED, INCOMPLETE, is_colourful, plain, progress, put, say
from commands.signing_in import as_asked
from findings.runs import new_run_id
from jobs.errors import EXPECTED, sentence
from jobs.explain import AccountSeen, account_now, kept_account
from jobs.text_files import log_text
from reports.explanation import explanation_document
from reports.files import render_json
from settings import Settings, SettingsError, load_settings

_NOTHING = 'Give an error: cli.py explain "535 5.7.139 ...", a code (AADSTS53003, 53003), --file LOG, or a piece of a log on stdin.'


async def run(options: Options) -> int:
    """Explain what was given, and say how the account is seen."""
    if options.sign_in and not options.account:
        raise click.UsageError("--sign-in goes with --account, which is read: words are explained without it")
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
        put(render_explanation(document, color=is_colourful(sys.stdout)))
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


async def _account(options: Options) -> AccountSeen:
    """What is kept of an account, or else the account as it is now; whoever signs in wants it read."""
    if not (options.now or options.sign_in):
        with suppress(SettingsError):  # without storage nothing is kept
            if kept := await kept_account(_settings("storage"), options.account):
                return kept
    time, settings = datetime.now(UTC), _settings()
    async with as_asked(options, settings):
        return await account_now(settings, options.account, new_run_id(time), time, progress)


def _settings(*needs: str) -> Settings:
    return load_settings(require=frozenset(needs))
