"""Makes the pictures of the README: ``python -m tests.update_pictures``. Needs Debian's chromium."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from reports.html import render_html
from tests.alerts import samples as alerts
from tests.alerts.render.pictures import adaptivecards_js, card_page
from tests.reports import samples as reports
from tests.reports.chromium import find_chromium

IMAGES = Path(__file__).parent.parent / "docs" / "images"


def main() -> None:
    """Write ``report.png`` and ``card.png``."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report, card = Path(folder, "report.html"), Path(folder, "card.html")
        report.write_text(render_html(reports.contoso(), reports.contoso_extras()), encoding="utf-8")
        card.write_text(card_page(alerts.typical(), adaptivecards_js(), "light"), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(report.as_uri())
        page.screenshot(path=IMAGES / "report.png")
        page = browser.new_page(viewport={"width": 760, "height": 900})
        page.goto(card.as_uri())
        page.locator(".ac-adaptiveCard").first.screenshot(path=IMAGES / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
