"""The HTML report as a document: what it says, that it is whole, and that names stay names."""

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from checks.pages import page_ids
from reports.extras import ReportExtras
from reports.html import content_security_policy, render_html, security_headers
from reports.page_data import GROUPS
from tests.reports import hostile, samples
from tests.reports.markup import Page, read


@pytest.fixture(scope="module")
def html() -> str:
    return render_html(samples.contoso(), samples.contoso_extras())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return read(html)


def embedded(page: Page) -> dict[str, Any]:
    """The data that the page's script shows."""
    data: dict[str, Any] = json.loads(page.raw["script"][0])
    for account in data["accounts"]:
        account.update({name: data["lists"][account[name]] for name in "zosepklgrfdth" if name in account})
    return data


def test_one_sentence_stands_at_the_top(html: str) -> None:
    first = re.search(r"<h1>(.*?)</h1>", html)
    assert first
    assert first[1] == "3 of 18 service accounts lost the app-password option since yesterday."


def test_sections_come_in_the_order_in_which_people_read(html: str) -> None:
    headings = [
        "What changed since yesterday",
        "What could not be read",
        "Service accounts",
        "Accepted exceptions",
        "Open findings over time",
        "Policies and accounts",
        "What the checks mean",
    ]
    places = [re.search(rf"<h2[^>]*>{heading}</h2>", html) for heading in headings]
    assert all(places)
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)


def test_a_scan_without_anything_around_it_shows_no_empty_sections() -> None:
    html = render_html(samples.document([]))
    page = read(html)
    assert not page.problems
    assert "This is the first scan, so nothing here is called new" in page.text
    assert "What changed" not in page.text
    for heading in ("could not be read", "exceptions", "over time", "Policies and accounts", "checks mean"):
        assert not re.search(rf"<h2[^>]*>[^<]*{heading}", html)


def test_changes_beyond_the_first_are_folded_up() -> None:
    extras = samples.contoso_extras()
    found = extras.changes_of(samples.contoso()["run"])
    many = [{**found[0], "check_id": f"APW-{number:03}", "id": f"{number}"} for number in range(20, 32)]
    html = render_html(samples.contoso(), replace(extras, history=many))
    assert re.search(r"<summary>\d+ more kinds of changes</summary>", html)
    assert html.index("APW-020") < html.index('<details class="more folded">') < html.index("APW-031")


def test_alike_changes_are_one_line(page: Page) -> None:
    assert page.text.count("CA210: Require MFA for service accounts") < 8
    assert "svc-backup@contoso.com, svc-migration@contoso.com, svc-signatures@contoso.com" in page.text
    assert page.text.count("was switched from report-only to on, by anna.keller@contoso.com.") == 1


def test_unreadable_inputs_name_the_permission_and_the_accounts(page: Page) -> None:
    gaps = page.text[page.text.index("What could not be read", 1000) :]
    for part in ("Per-user MFA state", "403 Authorization_RequestDenied", "Policy.Read.All", "svc-archive@contoso.com"):
        assert part in gaps


def test_exceptions_name_reason_owner_and_end(page: Page) -> None:
    for part in ("Vendor ships app-only sign-in in March; ticket CHG-2231", "it-operations@contoso.com", "31 Mar 2027"):
        assert part in page.text


def test_ended_exceptions_are_not_shown() -> None:
    extras = samples.contoso_extras()
    over = [{**one, "until": "2026-11-21", "reason": "Over"} for one in extras.exceptions]
    removed = [{**one, "ended_at": "2026-11-20T00:00:00Z", "reason": "Removed"} for one in extras.exceptions]
    page = read(render_html(samples.contoso(), ReportExtras(exceptions=[*over, *removed])))
    assert "Accepted exceptions" not in page.text


def test_each_check_that_is_named_is_explained_with_its_own_page(page: Page) -> None:
    named = {finding["check_id"] for one in samples.contoso()["accounts"] for finding in one["findings"]}
    ids = set(page.attributes("id"))
    assert named <= ids
    assert ids & set(page_ids()) == named


def test_every_account_is_in_the_embedded_data_worst_first(page: Page) -> None:
    accounts = embedded(page)["accounts"]
    assert len(accounts) == 18
    places = [(GROUPS.index(one["o"][0]), -one["q"]) for one in accounts]
    assert places == sorted(places)


def test_a_reason_becomes_a_chain_from_the_policy_to_the_innermost_group(page: Page) -> None:
    chains = [reason.get("chain") for reason in embedded(page)["reasons"]]
    assert [["Policy", samples.SERVICE], ["Group", "All service accounts"], ["Group", "Backup apps"]] in chains
    assert [["Policy", samples.LEGACY], ["Users", "All users"]] in chains


def test_security_defaults_are_the_start_of_a_chain() -> None:
    data = embedded(read(render_html(samples.under_security_defaults())))
    assert data["reasons"][0]["chain"] == [["Tenant setting", "Security Defaults"], ["Users", "All users"]]


def test_an_address_that_is_not_https_is_no_link() -> None:
    remedy = {**samples.APP_ONLY, "url": "javascript:hacked()"}
    one = samples.account("svc-a", "A", "hidden", "usable", remediation=[remedy])
    data = embedded(read(render_html(samples.document([one]))))
    assert data["remedies"][0]["url"] == ""


def test_the_markup_is_sound(page: Page) -> None:
    assert page.problems == []
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    referred = [one for name in ("aria-labelledby", "aria-controls", "for") for one in page.attributes(name)]
    assert set(referred) <= set(ids)
    inside = {one[1:] for one in page.attributes("href") if one.startswith("#") and not one.startswith("#account=")}
    assert inside <= set(ids)


def test_the_page_asks_nobody_for_anything(page: Page) -> None:
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"img", "iframe", "object", "embed", "video", "audio", "base", "form2"}
    )
    assert page.attributes("src") == []
    assert [dict(attrs)["href"] for tag, attrs in page.tags if tag == "link"] == ["data:,"]
    style = "".join(page.raw["style"])
    assert "url(" not in style
    assert "@import" not in style
    for name in ("style", "onclick", "onload"):
        assert page.attributes(name) == []


def test_every_link_out_keeps_the_address_of_the_report_to_itself(page: Page) -> None:
    links = [dict(attrs) for tag, attrs in page.tags if tag == "a" and (dict(attrs)["href"] or "").startswith("http")]
    assert links
    assert all((link["href"] or "").startswith("https://") and link["rel"] == "noreferrer" for link in links)


def test_the_policy_names_exactly_the_scripts_and_styles_of_the_page(page: Page) -> None:
    policy = dict(attrs for attrs in _metas(page))["Content-Security-Policy"]
    assert policy == content_security_policy()
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    data, script = page.raw["script"]
    assert data.startswith("{")
    assert directives["script-src"] == _hash(script)
    assert directives["style-src"] == _hash(*page.raw["style"])
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"


def test_the_headers_say_the_same_and_forbid_framing() -> None:
    headers = security_headers()
    assert headers["Content-Security-Policy"] == f"{content_security_policy()}; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_the_same_scan_gives_the_same_page(html: str) -> None:
    assert render_html(samples.contoso(), samples.contoso_extras()) == html


def test_what_a_newer_version_says_is_shown_as_it_is() -> None:
    odd = samples.reason("Something new happened.", "delays_legacy", "P", "all users")
    one = samples.account("svc-a", "A", "half_hidden", "on_mondays", reasons=[odd])
    data = embedded(read(render_html(samples.document([one]))))
    assert data["visibility"]["half_hidden"][0] == "Half hidden"
    assert data["works"]["on_mondays"][0] == "On mondays"
    assert data["reasons"][0]["label"] == "Delays legacy"


@pytest.fixture(scope="module")
def ordinary() -> Page:
    """The page of a tenant in which everything has a harmless name."""
    return read(render_html(*hostile.scan("Contoso")))


@given(hostile.names)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_name_changes_no_markup(ordinary: Page, name: str) -> None:
    odd = read(render_html(*hostile.scan(name)))
    assert odd.problems == []
    assert odd.shape() == ordinary.shape()
    assert odd.raw["script"][1] == ordinary.raw["script"][1]
    assert odd.raw["style"] == ordinary.raw["style"]
    for attribute in ("http-equiv", "class", "role", "rel", "target", "type"):
        assert odd.attributes(attribute) == ordinary.attributes(attribute)


@pytest.mark.parametrize("name", hostile.FAMOUS)
def test_a_name_steers_neither_the_direction_of_the_text_nor_a_terminal(name: str) -> None:
    html = render_html(*hostile.scan(name))
    html.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", html.replace("\r", ""))
    shown = " ".join(embedded(read(html))["texts"])
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


def test_five_thousand_accounts_fit_into_five_megabytes() -> None:
    html = render_html(*samples.many(5000))
    assert len(html.encode()) < 5_000_000
    assert len(embedded(read(html))["accounts"]) == 5000


def _metas(page: Page) -> list[tuple[str, str]]:
    metas = [dict(attrs) for tag, attrs in page.tags if tag == "meta"]
    return [(meta["http-equiv"] or "", meta["content"] or "") for meta in metas if "http-equiv" in meta]


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
