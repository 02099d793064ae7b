"""The report as the app serves it, in Debian's chromium: what Operators do on it, and that nobody else can."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from functions import queues
from functions.access import OPERATOR, READER
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, Installation
from tests.functions.serving import Served, serving
from tests.functions.test_access import AZURE
from tests.reports.chromium import find_axe, find_chromium

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed: pages are not opened")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="chromium isn't installed: pages are not opened")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Visit = Callable[..., tuple[Any, Served]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One chromium for this module."""
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens the report as somebody with a role, and checks at the end that the page complained of nothing."""
    for name, value in {**AZURE, "ALERT_PRIVATE_NETWORKS": "127.0.0.0/8"}.items():  # where the receiver is
        monkeypatch.setenv(name, value)
    troubles: list[str] = []
    with ExitStack() as stack:

        def visiting(role: str | None = OPERATOR, address: str = "/api/report", **options: Any) -> tuple[Any, Served]:
            app = stack.enter_context(serving((role,) if role else None))
            context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", **options)
            stack.callback(context.close)
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.on("console", lambda message: troubles.append(message.text))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(f"{app.url}{address}")
            return page, app

        yield visiting
    assert [one for one in troubles if "the server responded with a status of 4" not in one] == []


def apart(do: Callable[..., Any], *arguments: Any) -> Any:
    """Do it in a thread of its own: playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do, *arguments).result()


def card(page: Any) -> Any:
    return page.locator("tr.detail")


def open_card(page: Any, name: str) -> Any:
    page.get_by_role("button", name=name).first.click()
    return card(page)


def focused(page: Any) -> str:
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def test_check_again_replaces_the_card_and_says_what_changed(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit()
    page.get_by_label("Search").fill("svc")
    assert "Hidden" in page.locator("tr.row", has_text=BACKUP).text_content()
    installation.graph.tenant.policies.clear()
    open_card(page, BACKUP).get_by_role("button", name=f"Check again {BACKUP}").click()
    message = card(page).locator(".message")
    message.wait_for()
    said = message.text_content()
    assert said.startswith(f"{BACKUP} was checked again. App password option: Hidden → Not offered, no MFA required.")
    assert "Resolved: App password option hidden by Conditional Access (APW-001)." in said
    assert focused(page) == said
    assert "Hidden" not in page.locator("tr.row", has_text=BACKUP).locator("[data-label=Option]").text_content()
    assert page.get_by_label("Search").input_value() == "svc"
    assert len(app.alerts) == 1
    page.reload()
    assert page.locator(".message").count() == 0


def test_nothing_changed_is_said_as_well(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, _ = visit(address=f"/api/report#account={BACKUP}")
    card(page).get_by_role("button", name=f"Check again {BACKUP}").click()
    message = card(page).locator(".message")
    message.wait_for()
    assert message.text_content() == f"{BACKUP} was checked again. Nothing changed."


def test_a_finding_is_accepted_changed_and_no_longer_accepted(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, _ = visit(address=f"/api/report#account={BACKUP}")
    finding = card(page).locator(".finding")
    finding.get_by_text("Accept until …").click()
    finding.get_by_role("button", name=f"Accept APW-001, {BACKUP}").click()
    assert page.evaluate("document.activeElement.name") == "reason"  # the browser itself asks for what is missing
    finding.get_by_label("Reason").fill("replaced in <b>March</b>")
    finding.get_by_label("Owner").fill("Ada")
    finding.get_by_role("button", name=f"Accept APW-001, {BACKUP}").click()
    card(page).locator(".message", has_text="APW-001 of svc-backup@contoso.com is accepted until").wait_for()
    assert "by Ada: replaced in <b>March</b>" in card(page).locator(".silenced").text_content()
    assert page.locator("table", has_text="End it").get_by_text("Ada").count() == 1

    finding.get_by_text("Change …").click()
    assert finding.get_by_label("Owner").input_value() == "Ada"
    finding.get_by_label("Reason").fill("replaced in April")
    finding.get_by_role("button", name="Accept").click()
    card(page).get_by_text("replaced in April").wait_for()

    card(page).get_by_role("button", name=f"End the exception APW-001, {BACKUP}").click()
    card(page).locator(".message", has_text="The exception for APW-001 of svc-backup@contoso.com has ended").wait_for()
    assert card(page).locator(".silenced").count() == 0
    (newest, *_) = sorted(listed(installation), key=lambda one: one["created_at"], reverse=True)
    assert (newest["created_by"], newest["ended_by"], newest["reason"]) == ("ada", "ada", "replaced in April")


def listed(installation: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(apart(installation.run, "exceptions", "list", "--format", "json").out)[
        "exceptions"
    ]
    return found


def test_a_refusal_is_said_beside_the_form_which_keeps_what_was_written(
    installation: Installation, visit: Visit
) -> None:
    apart(installation.scan)
    page, _ = visit(address=f"/api/report#account={BACKUP}")
    finding = card(page).locator(".finding")
    finding.get_by_text("Accept until …").click()
    finding.get_by_label("Reason").fill(" ")
    finding.get_by_label("Owner").fill("Ada")
    finding.get_by_role("button", name="Accept").click()
    finding.get_by_role("alert").wait_for()
    assert "reason" in finding.get_by_role("alert").text_content()
    assert finding.get_by_label("Owner").input_value() == "Ada"
    assert focused(page) == "Accept"
    assert listed(installation) == []


def test_a_scan_of_everything_is_followed_to_its_end(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit()
    page.get_by_role("button", name="Scan everything").click()
    page.locator(".message", has_text="A scan of everything was asked for.").wait_for()
    assert page.get_by_role("status").filter(has_text="A scan is about to begin.").count() == 1
    page.get_by_role("button", name="Scan everything").click()
    page.locator(".message", has_text="Nothing was started").wait_for()
    (message,) = app.scans
    apart(asyncio.run, queues.run_scan(message.encode()))
    page.get_by_role("status").filter(has_text="The scan is done: 3 accounts.").wait_for()
    page.get_by_role("link", name="Show the new report").click()
    assert (
        page.locator("section", has=page.get_by_role("heading", name="The last scans")).locator("tbody tr").count() == 2
    )
    assert page.locator("#progress").count() == 0


def test_a_test_alert_is_sent_and_answered(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    before = len(installation.receiver.calls)
    page, _ = visit()
    page.get_by_role("button", name="Send a test alert").click()
    message = page.locator(".message")
    message.wait_for()
    assert message.text_content().startswith("A test was sent.")
    assert len(installation.receiver.calls) == before + 1


def test_what_is_wrong_with_the_installation_is_shown_on_the_page(
    installation: Installation, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCAN_SCHEDULE", "0 0 6 30 2 *")
    apart(installation.scan)
    page, app = visit()
    page.get_by_role("link", name="Look what is wrong with this installation").click()
    page.get_by_role("status").filter(has_text="attention.").wait_for()
    wrong = page.locator(".doctor li", has=page.locator(".badge.high"))
    assert [text.split(":")[0].split()[-2:] for text in wrong.all_text_contents()] == [["next", "scan"]]
    assert page.url == f"{app.url}/api/report"
    page.goto(f"{app.url}/api/doctor?format=html")
    assert "for attention." in page.get_by_role("heading", level=1).text_content()
    assert page.locator(".doctor li").count() > 10
    page.get_by_role("link", name="Back to the report").click()
    assert page.url == f"{app.url}/api/report"


def test_before_the_first_scan_an_operator_can_start_it(installation: Installation, visit: Visit) -> None:
    page, app = visit()
    assert page.get_by_role("heading", level=1).text_content() == "No scan yet"
    page.get_by_role("button", name="Scan everything").click()
    page.get_by_text("A scan of everything was asked for.").wait_for()
    assert len(app.scans) == 1
    assert ("GET", "/api/report", 404) in app.asked


def test_without_scripts_everything_works_as_forms(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit(java_script_enabled=False)
    installation.graph.tenant.policies.clear()
    page.get_by_role("button", name=f"Check again: {BACKUP}").click()
    assert "Resolved: App password option hidden" in page.locator("#message").text_content()
    assert page.url == f"{app.url}/api/report#account={installation_id(page, BACKUP)}"
    row = page.locator("noscript tr", has_text=MAILER)
    row.locator("summary").click()
    row.get_by_label("What").select_option("APW-003")
    row.get_by_label("Reason").fill("a fax")
    row.get_by_label("Owner").fill("Ada")
    row.get_by_role("button", name="Accept").click()
    assert "APW-003 of svc-o'mailer@contoso.com is accepted until" in page.locator("#message").text_content()
    page.get_by_role("button", name=f"End it: {MAILER}, APW-003").click()
    assert "has ended" in page.locator("#message").text_content()
    page.get_by_role("button", name="Send a test alert").click()
    assert "A test was sent." in page.locator("#message").text_content()
    page.get_by_role("button", name="Scan everything").click()
    assert "about to begin" in page.locator("#progress").text_content()
    asked = [one for one in app.asked if one[0] == "POST"]
    assert [status for _, _, status in asked] == [303] * 5


def installation_id(page: Any, name: str) -> str:
    """The object id of an account, as the page without scripts has it."""
    row = page.locator("noscript tr", has_text=name)
    value: str = row.locator("input[name=account]").first.get_attribute("value")
    return value


def test_without_scripts_a_refusal_is_a_page_with_a_way_back(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, _ = visit(java_script_enabled=False)
    row = page.locator("noscript tr", has_text=MAILER)
    row.locator("summary").click()
    row.get_by_label("Reason").fill(" ")
    row.get_by_label("Owner").fill("Ada")
    row.get_by_role("button", name="Accept").click()
    assert page.get_by_role("heading", level=1).text_content() == "That was not done"
    page.get_by_role("link", name="Back to the report").click()
    assert page.locator("noscript tr").count() > 0


def test_readers_see_no_buttons_and_are_refused(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit(READER, f"/api/report#account={BACKUP}")
    assert page.locator("form[method=post], template, #doctor-link, .deed").count() == 0
    assert "Check again" not in page.content()
    assert page.get_by_role("heading", name="The last scans").count() == 1
    sent = page.request.post(
        f"{app.url}/api/report/test", headers={"Sec-Fetch-Site": "same-origin"}, form={"account": BACKUP}
    )
    assert (sent.status, "Operator" in sent.text()) == (403, True)


def test_nobody_gets_anything(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit(None)
    assert BACKUP not in page.content()
    assert app.asked[0] == ("GET", "/api/report", 401)


def test_the_keyboard_is_enough_to_accept(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, _ = visit(address=f"/api/report#account={BACKUP}")

    def tab_to(text: str) -> None:
        for _ in range(25):
            page.keyboard.press("Tab")
            if text in page.evaluate(
                "(document.activeElement.getAttribute('aria-label') || '') + document.activeElement.name"
            ):
                return
        raise AssertionError(f"{text} can't be reached")

    tab_to(f"Accept until … APW-001, {BACKUP}")
    page.keyboard.press("Enter")
    tab_to("reason")
    page.keyboard.type("going")
    tab_to("owner")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    card(page).locator(".message", has_text="is accepted until").wait_for()


def test_everybody_can_use_it(installation: Installation, visit: Visit) -> None:
    axe = find_axe()
    if axe is None:
        pytest.skip("axe-core isn't installed: accessibility is not checked")
    apart(installation.scan)
    accepting = f"exceptions add --check APW-003 --reason r --owner o --until {UNTIL} --account"
    apart(installation.run, *accepting.split(), MAILER)
    page, _ = visit(address=f"/api/report#account={BACKUP}", bypass_csp=True)
    page.get_by_role("button", name="Send a test alert").click()
    page.locator(".message").wait_for()
    page.get_by_role("button", name="Scan everything").click()
    page.locator("#progress").wait_for()
    open_card(page, MAILER)
    # What stands for others in <noscript>, shown beside.
    page.evaluate(
        """() => { const rest = new DOMParser().parseFromString(document.querySelector('noscript').textContent, 'text/html');
        const section = document.createElement('section'); section.append(...rest.body.childNodes); document.querySelector('main').prepend(section); }"""
    )
    page.locator("details.accept").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(axe.read_text(encoding="utf-8"))
    check = (
        """async (what) => (await axe.run(document, what)).violations.map((one) => `${one.id}: ${one.nodes[0].html}`)"""
    )
    assert page.evaluate(check, {"runOnly": RULES}) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(check, {"runOnly": ["color-contrast"]}) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_history_of_an_account_is_one_click_away_and_everybody_can_use_it(
    installation: Installation, visit: Visit
) -> None:
    apart(installation.scan)
    accepting = f"exceptions add --check APW-001 --reason r --owner o --until {UNTIL} --account"
    apart(installation.run, *accepting.split(), BACKUP)
    page, _ = visit(READER, f"/api/report#account={BACKUP}", bypass_csp=True)
    card(page).get_by_role("link", name=f"Everything that happened to {BACKUP}").click()
    page.get_by_role("heading", name="History of svc-backup").wait_for()
    assert page.locator("ol.timeline > li").count() >= 3
    assert page.evaluate("getComputedStyle(document.querySelector('.badge')).borderRadius") != "0px"
    if axe := find_axe():
        page.evaluate(axe.read_text(encoding="utf-8"))
        check = """async (what) => (await axe.run(document, what)).violations.map((one) => `${one.id}: ${one.nodes[0].html}`)"""
        assert page.evaluate(check, {"runOnly": RULES}) == []
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(check, {"runOnly": ["color-contrast"]}) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="This account in the report").click()
    card(page).get_by_text("Everything that happened").wait_for()


def test_the_history_obeys_its_policy(installation: Installation, visit: Visit) -> None:
    apart(installation.scan)
    page, app = visit(READER, f"/api/report#account={BACKUP}")
    id = installation.graph.tenant.user(BACKUP).id
    page.goto(f"{app.url}/api/report/accounts/{id}")  # what the policy forbids would stand in the console
    assert page.evaluate("getComputedStyle(document.querySelector('.badge')).borderRadius") != "0px"
    page.goto(f"{app.url}/api/report/accounts/nobody")
    assert "No scan has seen the account" in page.content()
    page.get_by_role("link", name="Back to the report").click()
    page.get_by_role("heading", name="Service accounts", exact=True).wait_for()


class _Evil(BaseHTTPRequestHandler):
    """A page of another site that sends a form to the app as soon as it is opened."""

    def __init__(self, target: str, *arguments: Any) -> None:
        self.target = target
        super().__init__(*arguments)

    def do_GET(self) -> None:
        body = (
            f'<form method="post" action="{self.target}"><input name="account" value="{BACKUP}"></form>'
            "<script>document.forms[0].submit()</script>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("path", ["/api/report/recheck", "/api/alerts/test"])
def test_a_form_on_another_site_does_nothing(installation: Installation, visit: Visit, path: str) -> None:
    apart(installation.scan)
    before = len(installation.receiver.calls)
    page, app = visit()
    server = HTTPServer(("127.0.0.1", 0), partial(_Evil, f"{app.url}{path}"))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://localhost:{server.server_port}/")
        page.wait_for_url(f"{app.url}{path}")
    finally:
        server.shutdown()
        server.server_close()
    assert app.asked[-1] == ("POST", path, 403)
    assert "another site" in page.content()
    assert (len(installation.receiver.calls), app.scans) == (before, [])
