"""Writes the parts of the documentation that come from code: ``python -m tests.update_docs``. A test compares them."""

import json
from pathlib import Path

from checks.pages import CheckPage, pages
from jobs.snapshot import schema
from settings.model import settings_table
from tenant.permissions import disagreements_table, permissions_table

DOCS = Path(__file__).parent.parent / "docs"


def generated() -> dict[str, str]:
    """File name in ``docs`` -> what it must hold."""
    return {
        "settings.md": f"# Settings\n\nApp settings of the function app. On your machine: environment variables, or the `Values` of `local.settings.json`.\n\n{settings_table()}",
        "permissions.md": (
            "# Microsoft Graph permissions\n\nApplication permissions of the app's managed identity. All of them only read; "
            f"`Mail.Send` alone sends, and belongs into Exchange Online.\n\n{permissions_table()}\n"
            "## Where Microsoft's lists disagree, or a narrower permission would do\n\nThe narrower one is granted wherever it suffices "
            f"for everything that is read with it.\n\n{disagreements_table()}"
        ),
        "snapshot.schema.json": json.dumps(schema(), indent=1) + "\n",
        "checks.md": "# Checks\n\n" + "\n".join(_chapter(page) for page in pages()),
    }


def _chapter(page: CheckPage) -> str:
    note = f", {page.severity_note}" if page.severity_note else ""
    text = page.markdown.strip().replace("\n## ", "\n### ").removeprefix("## ")
    return f"## {page.id}: {page.title}\n\nSeverity: {page.severity.value}{note}\n\n### {text}\n"


def main() -> None:
    """Write all files."""
    for name, text in generated().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
