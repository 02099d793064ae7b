"""``cli.py exchange``: what Exchange Online PowerShell exports about SMTP AUTH, kept beside the verdicts."""

from datetime import UTC, datetime

from basics.times import day as date_of
from commands.line.parts import Options
from commands.output import DONE, say
from jobs.exchange import import_exchange
from jobs.text_files import read_text
from settings import load_settings


async def import_files(options: Options) -> int:
    """Keep what each file says."""
    settings = load_settings(require=frozenset({"storage"}))
    for file in options.file:
        text = read_text(file)
        taken = options.taken or min(datetime.fromtimestamp(file.stat().st_mtime, UTC), datetime.now(UTC))
        kept = await import_exchange(settings, text, taken)
        say(f"{file}: kept {kept}, as of {date_of(taken)}. The next scan shows it beside the verdicts.")
    return DONE
