"""``cli.py snapshot``: what verdicts come from, as a file; and judging such a file."""

from datetime import UTC, datetime

from commands.document import rendered
from commands.line.kinds import STDOUT
from commands.line.parts import Options
from commands.output import DONE, INCOMPLETE, progress, say, write
from commands.signing_in import as_asked, gap_lines
from jobs import snapshot
from jobs.look import read
from jobs.text_files import read_text
from reports.words import count
from settings import load_settings
from tenant.model import Gap
from tenant.reader import Reading


async def save(options: Options) -> int:
    """Read the tenant and write what was read."""
    settings = load_settings(require=frozenset({"accounts"}))
    async with as_asked(options, settings):
        reading, _ = await read(settings, (), progress)
        write(snapshot.dump(reading, datetime.now(UTC), pseudonymise=options.pseudonymise), options.file)
        if options.file != STDOUT:
            progress(f"Wrote {options.file}: {count(len(reading.accounts), 'account', 'accounts')}.")
        for line in gap_lines([_shown(gap) for gap in reading.gaps], _names(reading)):
            say(line)
    return INCOMPLETE if reading.gaps else DONE


def _shown(gap: Gap) -> dict[str, str | None]:
    return {"input": gap.input, "error": gap.error, "permission": gap.permission, "account": gap.account_id}


def _names(reading: Reading) -> dict[str, str]:
    return {one.id: one.user_principal_name for one in reading.accounts}


async def load(options: Options) -> int:
    """Judge what a file holds."""
    saved = snapshot.load(read_text(options.file))
    settings = load_settings(require=frozenset())
    document = snapshot.document_of(settings, saved)
    write(rendered(document, options.format, brief=options.summary), options.output)
    return DONE if document["run"]["complete"] else INCOMPLETE
