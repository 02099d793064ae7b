"""Commands that look at what is kept, or change it, and pages that need neither."""

import click

from commands.line.kinds import ACCOUNT, CHECK, DAY, FILE, PAST_DAY
from commands.line.parts import SEVERITIES, Actions, Command, argument, choice, flag, formats, option, output, profile

QUESTIONS_ASKED = 12
"""How many answers docs/questions.md has."""

LEGACY = Actions(
    "legacy",
    "Every account that still signs in with a password.",
    [
        Command(
            "import",
            "Take over an exported SMTP AUTH clients report of the Exchange admin center (CSV).",
            "commands.legacy:import_file",
            [argument("file", type=FILE), profile()],
        )
    ],
    where="commands.legacy:run",
    parameters=[formats("table", "csv", "json"), output(), profile()],
)

FINDINGS = Command(
    "findings",
    "Show what is known, without scanning.",
    "commands.findings:run",
    [
        option("--status", type=choice("open", "resolved", "all"), default="open", help="Only these findings."),
        option("--severity", type=choice(*SEVERITIES), help="Only those that are as severe, no more and no less."),
        option("--account", type=ACCOUNT, metavar="UPN_OR_ID", help="Only those of this account."),
        option("--check", type=CHECK, metavar="ID", help="Only those of this check, e.g. APW-001."),
        flag("--history", "With --account: what happened to it, newest first."),
        formats("table", "json", "csv", "ocsf"),
        output(),
        profile(),
    ],
)

REPORT = Command(
    "report",
    "Write the report of what is known.",
    "commands.report:run",
    [
        formats("html", "json", "csv", "ocsf"),
        output(default="report.html, report.json, report.csv or report.ocsf.jsonl"),
        flag("--open", "Open it in the browser."),
        profile(),
    ],
)

CHECKS = Command(
    "checks",
    "List the checks, or explain one: ID, e.g. APW-001.",
    "commands.checks:run",
    [argument("id", required=False), formats("table", "json")],
)

QUESTIONS = Command(
    "questions",
    "What administrators ask about app passwords, and the answers.",
    "commands.questions:run",
    [argument("number", required=False, type=click.IntRange(1, QUESTIONS_ASKED), metavar=f"[1..{QUESTIONS_ASKED}]")],
)

EXCEPTIONS = Actions(
    "exceptions",
    "Accept findings until a date.",
    [
        Command(
            "add",
            "Accept a finding: it is shown, and silent in alerts.",
            "commands.exceptions:add",
            [
                option("--account", required=True, type=ACCOUNT, metavar="UPN_OR_ID", help="Whose findings."),
                option("--check", type=CHECK, metavar="ID", help="Without it, every check of the account."),
                option("--reason", required=True, help="Why it is accepted: stands in the report."),
                option("--owner", required=True, help="Who answers for it."),
                option(
                    "--until",
                    required=True,
                    type=DAY,
                    metavar="YYYY-MM-DD",
                    help="The last day on which it holds: at most a year away.",
                ),
                flag("--replace", "End another exception that holds for the same check."),
                profile(),
            ],
        ),
        Command("list", "All exceptions.", "commands.exceptions:show", [formats("table", "json"), profile()]),
        Command(
            "remove",
            "End an exception now: by ID, or as much of it as tells it from the others; or by account and check.",
            "commands.exceptions:remove",
            [
                argument("id", required=False),
                option(
                    "--account",
                    type=ACCOUNT,
                    metavar="UPN_OR_ID",
                    help="Whose exception; with --check, or the one for every check.",
                ),
                option("--check", type=CHECK, metavar="ID", help="With --account: the check that it holds for."),
                profile(),
            ],
            either=("id", "--account"),
            must=True,
        ),
    ],
)

EXCHANGE = Actions(
    "exchange",
    "What mailboxes, tenant and authentication policies say about SMTP AUTH.",
    [
        Command(
            "import",
            "Keep what a documented command exported (docs/exchange.md): CSV or JSON.",
            "commands.exchange:import_files",
            [
                argument("file", type=FILE, nargs=-1, required=True, metavar="FILE..."),
                option(
                    "--taken",
                    type=PAST_DAY,
                    metavar="YYYY-MM-DD",
                    help="The day of the export (default: when the file was last changed).",
                ),
                profile(),
            ],
        )
    ],
)

FORGET = Command(
    "forget",
    "Delete everything that is kept about an account: shows it, and asks before it does.",
    "commands.forget:run",
    [
        argument("account", type=ACCOUNT, metavar="UPN_OR_ID"),
        flag("--yes", "Don't ask."),
        flag("--dry-run", "Show what would be deleted, and delete nothing."),
        profile(),
    ],
    either=("--yes", "--dry-run"),
)

ALERTS = Actions(
    "alerts",
    "Alert channels.",
    [Command("test", "Send a test through every channel.", "commands.alerts:test", [profile()])],
)

KEPT: tuple[click.Command, ...] = (LEGACY, FINDINGS, REPORT, CHECKS, QUESTIONS, EXCEPTIONS, EXCHANGE, FORGET, ALERTS)
