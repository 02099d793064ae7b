"""``cli.py discover``: propose accounts that nobody listed."""

from commands.drawn.proposals import render_proposals, unread
from commands.line.parts import Options
from commands.output import DONE, INCOMPLETE, progress, write
from commands.signing_in import as_asked
from jobs.discover import discover
from jobs.proposing import EVERYWHERE
from reports.files import render_json
from settings import load_settings


async def run(options: Options) -> int:
    """Look for accounts that nobody listed, whatever the settings say."""
    settings = load_settings(require=frozenset())
    if not settings.service_account_discovery:  # whoever asks for it here wants it, whatever scans do
        settings = settings.model_copy(update={"service_account_discovery": EVERYWHERE})
    async with as_asked(options, settings):
        found = await discover(settings, progress=progress)
    write(render_json(found) if options.format == "json" else render_proposals(found), options.output)
    return INCOMPLETE if unread(found) else DONE
