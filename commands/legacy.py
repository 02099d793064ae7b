"""``cli.py legacy``: every account that still signs in with a password, and the import of what Exchange reports of that."""

from datetime import UTC, datetime

from commands.drawn.passwords import render_passwords
from commands.line.parts import Options
from commands.output import DONE, plain, say, write
from evidence.store import StoredEvidence
from jobs import views
from jobs.passwords import import_report, password_document
from jobs.text_files import read_text
from reports.files import render_json
from reports.passwords import render_passwords_csv
from reports.words import count
from settings import load_settings


async def run(options: Options) -> int:
    """List who still signs in with a password."""
    settings = load_settings(require=frozenset({"storage"}))
    async with views.opened(settings) as service:
        found = await password_document(service, settings, datetime.now(UTC))
    if options.format == "json":
        text = render_json(found)
    elif options.format == "csv":
        text = render_passwords_csv(found)
    else:
        text = render_passwords(found)
    write(text, options.output)
    for note in found["notes"] if options.format == "csv" else ():  # such a file has no place for them
        say(plain(note))
    return DONE


async def import_file(options: Options) -> int:
    """Keep what the report says."""
    text = read_text(options.file)
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        found = await import_report(StoredEvidence(service), text, datetime.now(UTC))
    say(
        f"Imported: {count(found['password'], 'sender', 'senders')} with a password, {found['oauth']:,} with OAuth only, {found['unknown']:,} of "
        "which the report doesn't tell. python cli.py legacy lists them."
    )
    return DONE
