"""``cli.py findings``: what is known, without scanning."""

from datetime import UTC, datetime

from commands.drawn.paper import Paper
from commands.drawn.scan import shared_domain
from commands.line.parts import Options
from commands.output import DONE, write
from jobs import views
from reports.document import Json
from reports.files import render_json
from settings import load_settings


async def run(options: Options) -> int:
    """Show the findings that are asked for."""
    settings = load_settings(require=frozenset({"storage"}))
    wanted = views.FindingFilter(
        status=None if options.status == "all" else options.status,
        severity=options.severity,
        account=options.account,
        check_id=None if options.check is None else options.check.upper(),
    )
    now = datetime.now(UTC)
    async with views.opened(settings) as service:
        if options.format == "csv":
            text = await views.findings_csv(service, wanted, now)
        else:
            found = await views.findings(service, wanted, now)
            if not found:
                await views.must_be_known(service, wanted)
            if not found and options.format == "table":
                await views.must_be_scanned(service, now)  # nothing found must not be read as all is well
            text = render_json({"schema": 1, "findings": found}) if options.format == "json" else _findings_table(found)
    write(text, options.output)
    return DONE


def _findings_table(found: list[Json]) -> str:
    if not found:
        return "No findings."
    paper, domain = Paper(), shared_domain(one["user_principal_name"] for one in found)
    if domain:
        paper.write(f"Every account ends with {domain}")
        paper.blank()
    paper.table(
        ("Severity", "Status", "Since", "Check", "Account", "Finding"),
        (
            (
                one["severity"],
                one["status"],
                one["first_seen"][:10],
                one["check_id"],
                one["user_principal_name"].removesuffix(domain),
                one["summary"],
            )
            for one in found
        ),
        whole=(0, 1, 2, 3),
    )
    return str(paper)
