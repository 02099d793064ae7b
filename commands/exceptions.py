"""``cli.py exceptions``: accept findings until a date, list what is accepted, end it."""

from collections.abc import Sequence
from getpass import getuser

from commands.drawn.paper import Paper
from commands.drawn.scan import say_domain, shared_domain
from commands.line.parts import Options
from commands.output import DONE, FAILED, put, say
from jobs import views
from reports.document import Json
from reports.files import render_json
from settings import load_settings


async def add(options: Options) -> int:
    """Accept a finding."""
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        added = await views.add_exception(
            service,
            account=options.account,
            check_id=options.check,
            reason=options.reason,
            owner=options.owner,
            until=options.until,
            created_by=getuser(),
            replace=options.replace,
        )
    put(render_json(added.public()))
    return DONE


async def show(options: Options) -> int:
    """List every exception."""
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        found = await views.exceptions(service)
    if options.format == "json":
        put(render_json({"schema": 1, "exceptions": found}))
    else:
        put(_table(found) if found else "No exceptions.")
    return DONE


async def remove(options: Options) -> int:
    """End one, by as much of its id as tells it from the others, or by account and check."""
    if options.check and not options.account:
        say("--check goes with --account: whose exception?")
        return FAILED
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        if options.account:
            id = await views.exception_of(service, options.account, options.check)
        else:
            id = await views.exception_called(service, options.id)
        ended = await views.remove_exception(service, id, removed_by=getuser())
    put(render_json(ended.public()))
    return DONE


def _table(found: list[Json]) -> str:
    """All of them, each with as much of its id as tells it from the others."""
    paper, domain = Paper(), shared_domain(one["user_principal_name"] for one in found)
    say_domain(domain, paper)
    shown = short([one["id"] for one in found])
    paper.table(
        ("Id", "Account", "Check", "Until", "Owner", "Reason"),
        (
            (
                shown[one["id"]],
                one["user_principal_name"].removesuffix(domain),
                one["check_id"] or "every check",
                f"ended {one['ended_at'][:10]}" if one["ended_at"] else one["until"],
                one["owner"],
                one["reason"],
            )
            for one in found
        ),
        names=1,
    )
    return str(paper)


def short(ids: Sequence[str]) -> dict[str, str]:
    """Each id -> as much of its beginning as no other begins with, seven characters at least, as git does it."""
    length = 7
    while length < max(map(len, ids), default=0) and len({one[:length] for one in ids}) < len(set(ids)):
        length += 1
    return {one: one[:length] for one in ids}
