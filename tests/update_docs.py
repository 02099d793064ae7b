"""Writes the parts of the documentation that come from code: ``python -m tests.update_docs``. A test compares them."""

import json
from pathlib import Path

from checks.known_errors import KnownError, known_errors
from checks.pages import CheckPage, pages
from jobs.snapshot import schema
from settings.model import settings_table
from tenant.permissions import disagreements_table, permissions_table
from tests import licences, openapi

DOCS = Path(__file__).parent.parent / "docs"


def generated() -> dict[str, str]:
    """File name in ``docs`` -> what it must hold."""
    return {
        "settings.md": f"# Settings\n\nApp settings of the function app. On your machine: environment variables, or the `Values` of `local.settings.json`.\n\n{settings_table()}",
        "permissions.md": (
            "# Microsoft Graph permissions\n\nApplication permissions of the app's managed identity. All of them only read; "
            "`Mail.Send` alone sends, and belongs into Exchange Online. The last column is for `cli.py scan --sign-in`: the delegated "
            "permission (scope) that opens the same to a person with a role such as Global Reader, and what a person lacks. Those that "
            "aren't optional are asked for; of the others what an administrator consented to before is taken. Each needs an administrator's consent, "
            f"once for the tenant: [how](troubleshooting.md#signing-in-on-your-machine).\n\n{permissions_table()}\n"
            "## Where Microsoft's lists disagree, or a narrower permission would do\n\nThe narrower one is granted wherever it suffices "
            f"for everything that is read with it.\n\n{disagreements_table()}"
        ),
        "licences.md": licences.page(),
        "openapi.json": json.dumps(openapi.document(), indent=1, ensure_ascii=False) + "\n",
        "snapshot.schema.json": json.dumps(schema(), indent=1) + "\n",
        "errors.md": _errors_page(),
        "checks.md": "# Checks\n\n" + "\n".join(_chapter(page) for page in pages()),
    }


def _chapter(page: CheckPage) -> str:
    note = f", {page.severity_note}" if page.severity_note else ""
    text = page.markdown.strip().replace("\n## ", "\n### ").removeprefix("## ")
    return f"## {page.id}: {page.title}\n\nSeverity: {page.severity.value}{note}\n\n### {text}\n"


def _errors_page() -> str:
    return (
        "# Errors\n\nWhat a mail program, a device or the sign-in log shows, what it means, and the way out. `python cli.py explain`\n"
        'finds them in a sentence, a code or a piece of a log: `python cli.py explain "535 5.7.139 ..."`, `cli.py explain 53003`,\n'
        "`cli.py explain --file device.log`. With `--account svc-scan@contoso.com` it also says how that account is seen, and whether that fits.\n\n"
        "Words decide before codes: 535 5.7.139 stands for several errors, and only the sentence after it tells them apart. What is in none\n"
        "of the tables isn't guessed at: [Microsoft's page](https://login.microsoftonline.com/error) knows every AADSTS number.\n\n"
        f"## What mail servers answer\n\n{_errors_table([one for one in known_errors() if not one.codes])}\n"
        f"## What Microsoft Entra ID answers\n\nAADSTS numbers, and the sign-in log's error codes.\n\n"
        f"{_errors_table([one for one in known_errors() if one.codes])}"
    )


def _errors_table(errors: list[KnownError]) -> str:
    rows = [
        "| error | means | way out | source, read |\n|---|---|---|---|",
        *(
            f"| {'<br>'.join(f'`{sign}`' for sign in (*one.codes, *one.replies, *one.texts))} | **{one.title}.** {one.means} "
            f"| {' '.join(one.do)} [More]({one.url}) | [{one.read}]({one.source}) |".replace(
                " | Format-List", " \\| Format-List"
            )
            for one in errors
        ),
    ]
    return "\n".join(rows) + "\n"


def main() -> None:
    """Write all files."""
    for name, text in generated().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
