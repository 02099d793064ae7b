"""``cli.py simulate``: which accounts would change if something in the tenant did."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.simulate import CannotSimulate
from commands.line.parts import Options
from commands.output import DONE, plain, progress, put, say
from commands.signing_in import as_asked
from connections.graph import graph_for
from jobs import snapshot
from jobs.look import read_with
from jobs.policy_files import read_policies
from jobs.simulate import simulate
from jobs.text_files import read_text
from jobs.wishes import Wishes, pair, state_pair
from reports.document import Json
from reports.files import render_json
from reports.simulation import simulation_lines
from settings import Settings, load_settings
from tenant.lookups import GraphLookups
from tenant.saved_lookups import SavedLookups

_NOTHING = (
    "Say what to simulate: --enable-policy, --policy-file, --waiting, --security-defaults, --set, --group or --exclude, "
    "any of them together."
)


async def run(options: Options) -> int:
    """Simulate what is asked for."""
    wishes = _wishes(options)  # before the tenant, which takes long
    settings = load_settings(require=frozenset() if options.snapshot else frozenset({"accounts"}))
    if options.snapshot:
        document = await _from_snapshot(settings, options, wishes)
    else:
        async with as_asked(options, settings):
            document = await _from_tenant(settings, wishes)
    if options.format == "json":
        put(render_json(document))
        return DONE
    for line in simulation_lines(document):
        put(plain(line))
    if not document["simulations"]:
        say("There is no report-only policy.")
    return DONE


async def _from_tenant(settings: Settings, wishes: Wishes) -> Json:
    async with graph_for(settings) as graph:
        reading = await read_with(graph, settings, (), progress)
        return await simulate(reading, wishes, GraphLookups(graph), settings.app_passwords_allowed, datetime.now(UTC))


async def _from_snapshot(settings: Settings, options: Options, wishes: Wishes) -> Json:
    reading = snapshot.load(read_text(options.snapshot)).reading
    return await simulate(reading, wishes, SavedLookups(reading), settings.app_passwords_allowed, datetime.now(UTC))


def _wishes(options: Options) -> Wishes:
    """What the options ask for. Raises what ``read_policies`` raises, and ``CannotSimulate``."""
    places: Sequence[Path] = options.policy_file
    wishes = Wishes(
        enable=options.enable_policy,
        added=read_policies(places),
        source=" and ".join(f'"{place.resolve().name}"' for place in places),
        security_defaults=options.security_defaults == "on" if options.security_defaults else None,
        states=[state_pair(text) for text in options.set],
        memberships=[pair("--group", "GROUP", text) for text in options.group],
        exclusions=[pair("--exclude", "POLICY", text) for text in options.exclude],
        waiting=options.waiting,
    )
    if wishes.nothing:
        raise CannotSimulate(_NOTHING)
    return wishes
