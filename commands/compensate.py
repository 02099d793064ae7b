"""``cli.py compensate``: a policy that lets the legacy clients of an account in from one place alone, as JSON."""

from commands.line.parts import Options
from commands.output import DONE, say, write
from commands.signing_in import as_asked
from jobs.compensate import compensate
from reports.files import render_json
from settings import load_settings

_NEXT = {
    "location": "Create it (POST /identity/conditionalAccess/namedLocations, or Entra ID > Conditional Access > Named locations), then run this "
    "again with --location and its id or name.",
    "policy": "Try it with cli.py simulate --policy-file FILE; import it with POST /identity/conditionalAccess/policies, or Entra ID > "
    "Conditional Access > Upload policy file. It is in report-only mode until you switch it on.",
}


async def run(options: Options) -> int:
    """Write the policy, or the named location for it."""
    settings = load_settings(require=frozenset())
    async with as_asked(options, settings):
        made = await compensate(settings, options.account, location=options.location, networks=options.address)
    write(render_json(made), options.output)
    say(_NEXT["policy" if options.location else "location"])
    return DONE
