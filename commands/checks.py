"""``cli.py checks``: the checks and their pages."""

from checks.pages import pages
from commands.drawn.page import render_page
from commands.drawn.paper import Paper
from commands.line.parts import Options
from commands.output import DONE, FAILED, put, say
from reports.files import render_json


async def run(options: Options) -> int:
    """List the checks, or show the page of one."""
    shown = [page for page in pages() if not options.id or page.id == options.id.upper()]
    if not shown:
        say(f'There is no check "{options.id}": the checks are {", ".join(page.id for page in pages())}.')
        return FAILED
    if options.format == "json":
        members = [
            {"id": page.id, "severity": page.severity.value, "title": page.title, "page": page.markdown}
            for page in shown
        ]
        put(render_json({"schema": 1, "checks": members}))
    elif options.id:
        put("\n".join(render_page(f"# {page.id}: {page.title}\n\n{page.markdown}") for page in shown))
    else:
        paper = Paper()
        paper.table(
            ("Check", "Severity", "Title"), [(page.id, page.severity.value, page.title) for page in shown], whole=(0, 1)
        )
        put(str(paper))
    return DONE
