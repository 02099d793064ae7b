"""Commands that read the tenant, or may."""

import click

from commands.line.kinds import ACCOUNT, FILE, NETWORK, OUTPUT, SPAN, UPN_OR_ID
from commands.line.parts import (
    SEVERITIES,
    Actions,
    Command,
    argument,
    choice,
    flag,
    formats,
    option,
    output,
    several,
    signing_in,
)

NEVER = "none"
"""The value of ``--fail-on`` with which no finding changes the exit code."""
SUMMARY = "Only the sentences at the top and how many accounts are how; not each account."

SCAN = Command(
    "scan",
    "Read the tenant, judge the service accounts, keep and tell what changed.",
    "commands.scan:run",
    [
        several("--account", type=UPN_OR_ID, metavar="UPN_OR_ID", help="Only this account; repeatable."),
        formats("table", "json", "csv", "html", "ocsf"),
        output(),
        flag("--summary", SUMMARY),
        flag("--deployed", "Have the function app scan everything, and follow its run to the end."),
        option(
            "--storage-account",
            metavar="NAME",
            help="With --deployed: whose storage account; default: azd's environment.",
        ),
        flag("--no-store", "Keep nothing and tell nobody."),
        option(
            "--fail-on",
            type=choice(*SEVERITIES, NEVER),
            default="high",
            help="Exit with 1 where an open finding is at least so severe.",
        ),
        flag(
            "--propose",
            "Where no account is named: scan what looks like a service account, by its name and by how it is used.",
        ),
        flag("--open", "Write the report as a page as well, and open it in the browser."),
        *signing_in(every=True),
    ],
)

WATCH = Command(
    "watch",
    "Look at the audit log again and again, and scan whom a change concerns; Ctrl+C ends it.",
    "commands.watch:run",
    [
        option("--every", type=SPAN, metavar="TIME", default="5m", help="How often: 90s, 5m, 1h; at least 10s."),
        flag("--once", "Look once, and end."),
        *signing_in(),
    ],
)

DISCOVER = Command(
    "discover",
    "Propose accounts that nobody listed and that look like service accounts.",
    "commands.discover:run",
    [formats("table", "json"), output(), *signing_in()],
)

EXPLAIN = Command(
    "explain",
    "What an error of SMTP, IMAP or the sign-in log means, and the way out.\n\n"
    "TEXT is the error: a sentence, a code, a piece of a log; without it stdin is read.",
    "commands.explain:run",
    [
        argument("text", nargs=-1, metavar="[TEXT]..."),
        option("--file", type=FILE, metavar="FILE", help="A log to look for errors in."),
        option("--account", type=ACCOUNT, metavar="UPN_OR_ID", help="Whose sign-in it was: how is it seen?"),
        flag("--now", "Read the account now, rather than take what is kept."),
        formats("table", "json"),
        *signing_in(),
    ],
)

PERMISSIONS = Command(
    "permissions",
    "List the Microsoft Graph permissions, and what each is for.",
    "commands.permissions:run",
    [formats("table", "json"), flag("--check", "Ask Microsoft Graph which of them are granted."), *signing_in()],
)

DOCTOR = Command(
    "doctor",
    "Look whether everything that a scan needs is in place; sends nothing.",
    "commands.doctor:run",
    [
        formats("table", "json"),
        flag("--deployed", "Have the function app look at itself; needs the role Operator."),
        option("--url", metavar="URL", help="With --deployed: the app's address; default: azd's environment."),
        option("--resource", metavar="URI", help="With --deployed: IDENTIFIER_URI; default: azd's environment."),
        *signing_in(),
    ],
)

SIMULATE = Command(
    "simulate",
    "Which accounts would change if a policy, a group or a setting did; reads only.",
    "commands.simulate:run",
    [
        several(
            "--enable-policy", metavar="POLICY", help="Switch on a policy that is off or report-only (by id or name)."
        ),
        several(
            "--policy-file",
            type=FILE,
            metavar="PATH",
            help="Add the policies of a file, or of every *.json in a folder (JSON as in Microsoft Graph), on.",
        ),
        flag("--waiting", "Each report-only policy in turn."),
        option("--security-defaults", type=choice("on", "off"), help="Switch Security Defaults on or off."),
        several(
            "--set",
            metavar="ACCOUNT=STATE",
            help="Another per-user MFA state of an account: enforced, enabled or disabled.",
        ),
        several(
            "--group",
            metavar="ACCOUNT=GROUP",
            help="An account in one more group (by id or name), and in the groups that it is nested in.",
        ),
        several(
            "--exclude",
            metavar="ACCOUNT=POLICY",
            help="Exclude an account from a policy (both by id or name): by a group that the policy excludes already, if it has one.",
        ),
        option("--snapshot", type=FILE, metavar="FILE", help="In a saved snapshot instead of the tenant."),
        formats("table", "json"),
        *signing_in(),
    ],
)

COMPENSATE = Command(
    "compensate",
    "A policy for an excluded account: its legacy clients only from one place; writes JSON, changes nothing.",
    "commands.compensate:run",
    [
        argument("account", type=ACCOUNT, metavar="UPN_OR_ID"),
        option("--location", metavar="ID_OR_NAME", help="A named location of the tenant: writes the policy."),
        several(
            "--address",
            type=NETWORK,
            metavar="ADDRESS",
            help="An address or a range (203.0.113.7, 203.0.113.0/28): writes the named location for it.",
        ),
        output(),
        *signing_in(),
    ],
    either=("--location", "--address"),
    must=True,
)

SNAPSHOT = Actions(
    "snapshot",
    "What verdicts come from, as one file; without the logs.",
    [
        Command(
            "save",
            "Read the tenant and write the file.",
            "commands.snapshot:save",
            [
                argument("file", type=OUTPUT),
                flag("--pseudonymise", "Replace every name and id of the tenant."),
                *signing_in(),
            ],
        ),
        Command(
            "load",
            "Judge what the file holds, offline.",
            "commands.snapshot:load",
            [
                argument("file", type=FILE),
                formats("table", "json", "csv", "html"),
                output(),
                flag("--summary", SUMMARY),
            ],
        ),
    ],
)

READING: tuple[click.Command, ...] = (SCAN, DISCOVER, EXPLAIN, PERMISSIONS, DOCTOR, SIMULATE, COMPENSATE, SNAPSHOT)
