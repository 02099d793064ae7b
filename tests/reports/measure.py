"""How quick the report of 5,000 accounts is: ``python -m tests.reports.measure`` prints a table.

Needs chromium and playwright for what happens in the browser.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reports.html import render_html
from tests.reports import samples
from tests.reports.chromium import find_chromium

ACCOUNTS = 5000
_SEARCHES = ("s", "svc-b", "site 03", "r", "svc", "fax", "legacy", "a", "")
_FILTER = """(text) => {
    const search = document.getElementById("q"), began = performance.now();
    search.value = text;
    search.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - began;
}"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement and its bound."""

    what: str
    value: float
    bound: float
    unit: str


def measure() -> list[Measured]:
    """Render the report and open it. Without chromium only what needs none is measured."""
    document, extras = samples.many(ACCOUNTS)
    render_html(samples.contoso())  # loads the templates
    began = time.perf_counter()
    html = render_html(document, extras)
    found = [
        Measured(f"report of {ACCOUNTS:,} accounts: rendered", time.perf_counter() - began, 5, "s"),
        Measured(f"report of {ACCOUNTS:,} accounts: file", len(html.encode()) / 1e6, 5, "MB"),
    ]
    chromium = find_chromium()
    return found + in_browser(html, ACCOUNTS, chromium) if chromium else found


def in_browser(html: str, accounts: int, chromium: str) -> list[Measured]:
    """Open a page of so many accounts, and filter it."""
    from playwright.sync_api import sync_playwright

    opened, filtered = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "report.html")
        file.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            page.goto(file.as_uri())
            page.locator("tr.row").first.wait_for()
            opened.append(time.perf_counter() - began)
            filtered += [page.evaluate(_FILTER, text) for text in _SEARCHES]
            page.close()
        browser.close()
    return [
        Measured(f"report of {accounts:,} accounts: opens in chromium (median)", statistics.median(opened), 2, "s"),
        Measured(f"report of {accounts:,} accounts: filters (median)", statistics.median(filtered), 100, "ms"),
        Measured(f"report of {accounts:,} accounts: filters (slowest)", max(filtered), 100, "ms"),
    ]


if __name__ == "__main__":
    for one in measure():
        sys.stdout.write(f"{one.what:<58} {one.value:8.2f} {one.unit:<3} (bound {one.bound:g} {one.unit})\n")
