"""Pictures of the report for the README: ``python -m tests.reports.screenshots FOLDER``. Needs chromium and playwright."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from reports.html import render_html
from tests.reports import samples
from tests.reports.chromium import find_chromium

_OPEN = "#account=" + samples.identifier("svc-backup")
# name: (page, part of the address after the file, width, height, dark, whole page)
_PICTURES = {
    "report": ("contoso", "", 1280, 900, False, False),
    "report-account": ("contoso", _OPEN, 1280, 1000, False, False),
    "report-dark": ("contoso", "", 1280, 900, True, False),
    "report-phone": ("contoso", "", 390, 844, False, False),
    "report-whole": ("contoso", _OPEN, 1280, 900, False, True),
    "report-whole-phone": ("contoso", _OPEN, 390, 844, True, True),
    "report-5000": ("many", "", 1280, 900, False, True),
}


def take(folder: Path) -> list[Path]:
    """Write all pictures into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "contoso": render_html(samples.contoso(), samples.contoso_extras()),
        "many": render_html(*samples.many(5000)),
    }
    taken = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        for name, html in pages.items():
            Path(temporary, f"{name}.html").write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for name, (page_name, address, width, height, dark, whole) in _PICTURES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                device_scale_factor=1.5 if width > 600 else 2,
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            page.goto(Path(temporary, f"{page_name}.html").as_uri() + address)
            if whole:
                page.evaluate("scrollTo(0, 0)")
            path = folder / f"{name}.png"
            page.screenshot(path=path, full_page=whole)
            page.close()
            taken.append(path)
        browser.close()
    return taken


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m tests.reports.screenshots FOLDER")
    for picture in take(Path(sys.argv[1])):
        sys.stdout.write(f"{picture}\n")
