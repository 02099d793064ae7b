"""``cli.py forget``: delete everything that is kept about an account."""

import sys

from commands.line.parts import Options
from commands.output import DONE, FAILED, plain, say
from jobs.forget import Kept, forget, kept_about
from reports.words import count
from settings import load_settings


async def run(options: Options) -> int:
    """Show what is kept, ask, and delete it."""
    settings = load_settings(require=frozenset({"storage"}))
    kept = await kept_about(settings, options.account)
    if not kept.rows:
        say(plain(f"Nothing is kept about {options.account}."))
        return DONE
    for line in _shown(kept):
        say(plain(line))
    if options.dry_run:
        say("Nothing was deleted.")
        return DONE
    if not options.yes and not _agreed():
        return FAILED
    forgotten = await forget(settings, options.account)
    say(plain(f"Deleted what was kept about {options.account}, in {count(forgotten.rows, 'row', 'rows')}."))
    if forgotten.selected:
        say("It is still selected as a service account: the next scan reads it anew unless you take it out.")
    return DONE


def _shown(kept: Kept) -> list[str]:
    findings = ", ".join(f"{one.check_id} {one.status.value}" for one in kept.findings)
    lines = [f"Kept about {kept.account}, in {count(kept.rows, 'row', 'rows')}:"]
    if findings:
        lines.append(f"  {count(len(kept.findings), 'finding', 'findings')}: {findings}")
    if kept.changes:
        lines.append(f"  {count(kept.changes, 'change', 'changes')} in its history")
    for one in kept.exceptions:
        what = one.check_id or "every check"
        until = f", ended on {one.ended_at.date()}" if one.ended_at else f" until {one.until}"
        lines.append(f"  an exception: {what}{until}, owned by {one.owner}: {one.reason}")
    if kept.evidence:
        days = count(kept.evidence, "day and note", "days and notes")
        lines.append(f"  what {days} of the sign-in log, the audit log and imported reports say of it")
    return lines


def _agreed() -> bool:
    """Whether somebody who sits here wants it."""
    if not sys.stdin.isatty():
        say("Nothing was deleted: nobody is here to be asked. Add --yes, or look first with --dry-run.")
        return False
    sys.stderr.write("Delete all of this? It can't be brought back. [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    say("Nothing was deleted.")
    return False
