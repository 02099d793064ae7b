import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.card import MAX_BYTES, card_message, size_of
from alerts.digest import compose_digest
from alerts.episodes import Word
from alerts.groups import grouped
from alerts.links import ENTRA_HOSTS, entra_policy_url, entra_user_url, safe_url
from alerts.mime_message import mail_message
from alerts.model import Alert, AlertGap, AlertItem, AlertReason, AlertStep, Kind, NextStep, Severity, Totals
from alerts.wording import FIRST_SCAN, MEANING, URGENCY
from tests.alerts import samples
from tests.alerts.samples import HOSTILE, REPORT, STEP, account_id, alert, item

ELEMENTS = {"Container", "TextBlock", "RichTextBlock", "TextRun", "ActionSet", "Action.OpenUrl", "AdaptiveCard"}
FORBIDDEN = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029\r\n\x00")
TEAMS_LIMIT = 28 * 1000
HEADINGS = {"Also", "Resolved", "Could not be read", "What to do first", *URGENCY.values()}
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=[]), max_size=300),
    st.text("\U0001f600𠮷{}", min_size=100, max_size=300),
)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every element of a card."""
    if isinstance(tree, dict):
        if "type" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def card_of(message: dict[str, Any]) -> dict[str, Any]:
    (attachment,) = message["attachments"]
    content: dict[str, Any] = attachment["content"]
    return content


def texts(message: dict[str, Any]) -> str:
    """What people read."""
    lines = []
    for node in nodes(card_of(message)):
        if node["type"] == "RichTextBlock":
            lines.append("".join(run["text"] for run in node["inlines"]))
        elif node["type"] == "TextBlock":
            lines.append(node["text"])
    return "\n".join(lines)


def assert_sound(message: dict[str, Any]) -> None:
    """The envelope is what Workflows takes, the size is what Teams takes, and no text can do anything."""
    assert len(json.dumps(message, ensure_ascii=False).encode()) < TEAMS_LIMIT
    assert len(json.dumps(message)) < TEAMS_LIMIT
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    card = attachment["content"]
    assert (card["type"], card["version"], card["msteams"]) == ("AdaptiveCard", "1.5", {"width": "Full"})
    for node in nodes(card):
        assert node["type"] in ELEMENTS
        text = node.get("text", "")
        assert not FORBIDDEN & set(text)
        assert "{{" not in text
        if node["type"] == "TextBlock":
            assert text in HEADINGS, "text of a tenant would be read as Markdown"
        if node["type"] == "Action.OpenUrl":
            assert safe_url(node["url"]) == node["url"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(names, min_size=1, max_size=6),
    st.integers(0, 2000),
    st.integers(0, 30),
    st.booleans(),
    st.sampled_from([REPORT, "javascript:alert(1)", None]),
)
def test_any_number_of_changes_with_any_names_makes_a_card_that_teams_takes(
    called: list[str], count: int, gaps: int, same_cause: bool, url: str | None
) -> None:
    items = []
    for number in range(count):
        name = called[number % len(called)]
        cause = AlertReason(name, "policy" if same_cause else f"policy-{number}", name, name)
        items.append(
            item(
                number,
                list(Kind)[number % len(Kind)],
                name=name,
                upn=name,
                title=name,
                actor=name,
                how=name if number % 2 else "",
                doubt=name,
                resolution=name,
                reasons=(cause,),
                severity=list(Severity)[number % 3],
                next_step=NextStep(name, (name, name)),
            )
        )
    unread = [AlertGap(name, name, f"{name} {number}", name, name) for number, name in enumerate(called * 5)][:gaps]
    assert_sound(card_message(alert(*items, gaps=unread, tenant_name=called[0], report_url=url)))


@pytest.mark.parametrize(
    "made",
    [
        samples.typical(),
        samples.one(),
        samples.many(1000),
        samples.good(),
        samples.gaps_only(),
        samples.failure(),
        samples.prediction(),
        samples.channel(),
        samples.channel(Word.WORKS),
        samples.test_message(),
        samples.digest(),
        samples.hostile(),
    ],
    ids=lambda made: made.headline[:40],
)
def test_every_kind_of_alert_makes_a_sound_card(made: Any) -> None:
    message = card_message(made)
    assert_sound(message)
    assert made.headline in texts(message).replace("{ ", "{")


def test_card_says_what_where_why_since_when_who_and_what_next() -> None:
    assert texts(card_message(samples.one())) == (
        "svc-backup@contoso.com is newly affected: MFA hides the app-password option\n"
        "App password watch · Contoso · scanned 22 Nov 2026, 06:00 UTC\n"
        f"{MEANING}\n"
        "High · New\n"
        "Backup for Exchange\n"
        'The policy "Require MFA for all users" requires multifactor authentication for Exchange Online (reaches the '
        "account: all users).\n"
        "Since 20 Nov 2026, 02:12 UTC by Anna Berg.\n"
        "Next step Move the product to app-only sign-in. Ask the vendor for a version that signs in with an app "
        "registration (certificate) or a managed identity.\n"
        "Way back Exclude the account from the policy until then. A password alone protects it meanwhile.\n"
        "Open now: 5 high, 2 medium, 1 low."
    )


def test_buttons_lead_to_the_account_and_the_report() -> None:
    made = [node for node in nodes(card_message(samples.one())) if node["type"] == "Action.OpenUrl" and "title" in node]
    assert [(button["title"], button["url"]) for button in made] == [
        ("Open account in Entra", entra_user_url(account_id(1))),
        ("Open policy in Entra", entra_policy_url(samples.one().items[0].reasons[0].policy_id)),
        ("Accept with a reason", f"{REPORT}#account={account_id(1)}"),
        ("Open the report", REPORT),
    ]


def test_nothing_of_a_tenant_stands_where_programs_read_markdown() -> None:
    card = card_message(samples.hostile())["attachments"][0]["content"]
    assert card["fallbackText"] == card_message(samples.one())["attachments"][0]["content"]["fallbackText"]


def test_a_next_step_is_told_once_and_then_as_the_same() -> None:
    made = alert(*(item(n, reasons=(samples.reason(f"Policy {n}", number=n),)) for n in range(3)))
    shown = texts(card_message(made))
    assert shown.count(STEP.steps[0]) == 1
    assert shown.count(f"{STEP.title}, as above.") == 2
    text = mail_message(made, "alerts@contoso.com", ["admin@contoso.com"]).get_body(("plain",))
    assert text is not None
    assert text.get_content().count(STEP.steps[0]) == 1


def test_accounts_of_one_cause_with_steps_of_their_own_are_led_to_each() -> None:
    steps = [AlertStep(title, f"{title}: 1 account.", 1, 1, 1) for title in ("Move it", "Relay it", "Update it")]
    found = [replace(item(n), next_step=replace(STEP, title=steps[n].title)) for n in (0, 2)]
    assert "Next step Steps 1 and 3 above." in texts(card_message(alert(*found, baseline=True, steps=steps)))
    alone = alert(item(1, next_step=replace(STEP, title="Relay it")), baseline=True, steps=steps)
    assert "Next step Step 2 above." in texts(card_message(alone))
    assert "above" not in texts(card_message(alert(*found, baseline=True, steps=steps[:2])))


def test_a_step_of_one_account_is_not_told_as_that_of_others() -> None:
    ours, others = (
        NextStep("Let Veeam sign in as an application", ("Ask Veeam.",)),
        NextStep("Relay it", ("Ask them.",)),
    )
    found = [item(1, next_step=ours), item(2, next_step=others), item(3, next_step=others)]
    said = texts(card_message(alert(*found)))
    assert "Next step Relay it (2 accounts) and Let Veeam sign in as an application (1 account)." in said
    assert "Ask" not in said
    many = [item(n, next_step=NextStep(f"Let product {n} sign in")) for n in range(6)]
    assert "Let product 2 sign in (1 account) and 3 more." in texts(card_message(alert(*many)))


def test_steps_that_differ_in_what_follows_are_told_as_far_as_they_are_the_same() -> None:
    found = [item(n, next_step=NextStep("Relay it", ("Set it up.", f"Then {n}."))) for n in range(2)]
    (group,) = grouped(found)
    assert group.next_step == NextStep("Relay it", ("Set it up.",))


BACK = "Exclude the account from the policy until then. A password alone protects it meanwhile."


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"kind": Kind.REOPENED}, True),
        ({"check_id": "APW-007"}, True),
        ({"kind": Kind.STILL_OPEN}, False),
        ({"check_id": "APW-002"}, False),
        ({"check_id": "APW-006"}, False),
        ({"reasons": ()}, False),
        ({"reasons": (samples.reason(), samples.reason("Another", number=2))}, False),
        ({"reasons": (replace(samples.reason(), policy_id=None),)}, False),
    ],
)
def test_the_way_back_is_told_where_one_policy_is_all_that_changed(change: dict[str, Any], shown: bool) -> None:
    made = alert(item(**change))
    assert (BACK in texts(card_message(made))) is shown
    mail = mail_message(made, "alerts@contoso.com", ["admin@contoso.com"])
    assert [BACK in str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"][:2] == [
        shown,
        shown,
    ]
    assert BACK not in texts(card_message(alert(item(**change), baseline=True)))


def test_the_first_scan_does_not_say_that_findings_stay_as_they_were() -> None:
    gap = AlertGap("per_user_mfa", "the per-user MFA state", "403", "Policy.Read.All")
    assert "stay as they were" in texts(card_message(alert(item(1), gaps=(gap,))))
    assert "stay as they were" not in texts(card_message(alert(item(1), gaps=(gap,), baseline=True)))


def test_nothing_that_the_first_scan_finds_is_called_new() -> None:
    found = [item(n, reasons=(samples.reason(f"Policy {n}", number=n),)) for n in range(9)]
    first = alert(*found, baseline=True)
    assert FIRST_SCAN in texts(card_message(first))
    assert "New" not in texts(card_message(first))
    assert "New" in texts(card_message(alert(*found)))


@pytest.mark.parametrize(("cloud", "host"), list(ENTRA_HOSTS.items()))
def test_account_opens_in_the_admin_center_of_its_cloud(cloud: str, host: str) -> None:
    url = entra_user_url(account_id(1), cloud)
    assert url is not None
    assert url.startswith(f"{host}/#view/Microsoft_AAD_UsersAndTenants/UserProfileMenuBlade/~/overview/userId/")
    assert url.endswith(account_id(1))


@pytest.mark.parametrize("evil", ["../../x", "", "javascript:alert(1)", f"{account_id(1)}/x"])
def test_only_object_ids_become_part_of_an_address(evil: str) -> None:
    assert entra_user_url(evil) is None
    assert entra_policy_url(evil) is None


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://report.example.com/api/report?x=1#y", True),
        ("http://127.0.0.1:8080/report", True),
        ("http://localhost/report", True),
        ("http://report.example.com/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://user:pass@evil.example/", False),
        ("https://evil.example/\r\nX: y", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_buttons_lead_to_safe_addresses_only(url: str | None, safe: bool) -> None:
    assert safe_url(url) == (url if safe else None)


def test_what_is_not_shown_is_counted_and_linked() -> None:
    made = alert(*(item(n, reasons=(samples.reason(f"Policy {n}", number=n),)) for n in range(500)))
    shown = texts(card_message(made))
    named = sum(f"svc-{n:03}@" in shown for n in range(500))
    assert 10 <= named <= 20
    assert f"And {500 - named} more changes: see the report." in shown


@pytest.mark.parametrize(
    "made",
    [
        alert(*(item(n, reasons=(samples.reason(f"P{n}", number=n),)) for n in range(500)), report_url=None),
        alert(*(item(n) for n in range(20)), report_url=None),
        alert(*(item(n, Kind.RESOLVED, resolution="It is gone.") for n in range(3)), report_url=None),
        alert(gaps=[AlertGap("x", "x", f"{n}") for n in range(30)], report_url=None),
    ],
    ids=["groups", "accounts", "resolved", "gaps"],
)
def test_without_an_address_of_the_report_a_command_shows_what_is_only_counted(made: Alert) -> None:
    assert "python cli.py report --open shows everything." in texts(card_message(made))


def test_where_everything_is_named_no_command_is() -> None:
    made = alert(item(1), item(2, Kind.RESOLVED, resolution="It is gone."), report_url=None)
    assert "shows everything" not in texts(card_message(made))


def test_without_an_address_of_the_report_a_command_accepts_a_finding() -> None:
    assert "To accept a finding: python cli.py exceptions add (with --help it says how)." in texts(
        card_message(alert(item(1), report_url=None))
    )
    assert "cli.py" not in texts(card_message(alert(item(2, Kind.RESOLVED, resolution="Gone."), report_url=None)))


def test_the_first_scan_says_what_to_do_first_and_what_is_broken_under_headings() -> None:
    broken, later = (
        replace(item(number, reasons=(samples.reason(f"P{number}", number=number),)), urgency=urgency)
        for number, urgency in ((1, "now"), (2, "later"))
    )
    steps = [AlertStep(STEP.title, f"{STEP.title}: 2 accounts, solves 2 findings.", 2, 2, 1)]
    totals = Totals(18, 2, 0, 0, standing="Broken now: 1; Will break: 1")
    shown = texts(card_message(alert(broken, later, baseline=True, steps=steps, totals=totals)))
    places = [
        shown.index(one)
        for one in ("Broken now: 1; Will break: 1.", "What to do first", "Broken now\n", "Will break\n")
    ]
    assert places == sorted(places)
    assert shown.index("Step 1 above.") < shown.index("Will break\n")
    assert "What to do first" not in texts(card_message(alert(broken, later, steps=steps, totals=totals)))


def test_resolved_changes_are_shown_below_what_is_wrong() -> None:
    shown = texts(card_message(samples.typical()))
    assert shown.index("svc-tickets") < shown.index("Resolved") < shown.index("svc-calendar")
    assert "(403 Authorization_RequestDenied). Grant this product RoleManagement.Read.Directory." in shown


def test_accounts_behind_one_policy_are_named_as_links_and_counted() -> None:
    message = card_message(samples.many(1000))
    assert "svc-006@contoso.com and 994 more" in texts(message)
    linked = [node["text"] for node in nodes(card_of(message)) if "selectAction" in node]
    assert linked[:2] == ["svc-001@contoso.com", "svc-002@contoso.com"]


def test_every_note_is_shown_as_long_as_there_is_room_and_what_is_not_shown_is_counted() -> None:
    notes = [f"svc-{number:03}@contoso.com is called new-{number:03}@contoso.com now." for number in range(40)]
    sight = samples.prediction()
    told = texts(card_message(replace(sight, notes=tuple(notes[:4]))))
    assert [note for note in notes if note in told] == notes[:4]
    told = texts(card_message(replace(sight, notes=tuple(notes))))
    assert [note for note in notes if note in told] == notes[:12]
    assert "And 28 other things to know." in told


def test_notes_of_any_length_make_a_card_that_teams_takes() -> None:
    made = card_message(replace(samples.prediction(), notes=("𠮷" * 3000,) * 500, tenant_name="𠮷" * 3000))
    assert_sound(made)
    assert "And 494 other things to know." in texts(made)


def test_mention_in_a_name_notifies_nobody() -> None:
    card = card_of(card_message(alert(item(1, name="<at>everyone</at>"))))
    assert "entities" not in card["msteams"]


def test_dates_in_names_are_not_turned_into_dates() -> None:
    shown = texts(card_message(alert(item(1, name="{{{DATE(2026-01-01T00:00:00Z)}}}"))))
    assert "{ { {DATE(2026-01-01T00:00:00Z)}}}" in shown


def test_limit_leaves_room_for_what_the_workflow_adds() -> None:
    assert size_of(card_message(samples.hostile())) <= MAX_BYTES < TEAMS_LIMIT


def test_smallest_card_fits_even_if_every_text_is_as_long_as_it_may_be() -> None:
    long, product = "𠮷" * 3000, "𠮸" * 3000
    url = f"https://report.example.com/{'x' * 1900}"
    items = [
        replace(
            item(
                number,
                kind,
                name=long,
                upn=long + str(number),
                title=long,
                actor=long,
                resolution=long,
                accepted_by=long,
                reasons=(AlertReason(long, long, long, long),),
                next_step=NextStep(long, (long,)),
            ),
            products=(product, f"{product}2"),
        )
        for number, kind in enumerate([Kind.EXCEPTION_EXPIRED, Kind.RESOLVED, Kind.OPENED] * 100)
    ]
    gaps = [AlertGap(long, long, f"{number}{long}", long, long) for number in range(50)]
    assert_sound(card_message(alert(*items, gaps=gaps, tenant_name=long, report_url=url)))


@pytest.mark.parametrize(
    ("products", "named"),
    [
        ((), ""),
        (("Veeam Backup",), " (Veeam Backup)"),
        (("Veeam Backup", "Veeam Backup", "Duplicati"), " (Veeam Backup and 1 more)"),
        (("", "  ", "\u202eNAS"), " (NAS)"),
        (("x" * 60,), f" ({'x' * 39}…)"),
        # The names of the account say it already.
        (("Scanner",), ""),
    ],
)
def test_an_account_is_named_with_what_uses_it(products: tuple[str, ...], named: str) -> None:
    scan = replace(item(1, upn="svc-scan@contoso.com", name="Scanner on floor 2"), products=products)
    one = alert(scan)
    assert f"\nScanner on floor 2{named}\n" in texts(card_message(one))
    several = alert(scan, item(2, upn="svc-fax@contoso.com"))
    assert f"Accounts svc-fax@contoso.com, svc-scan@contoso.com{named}\n" in texts(card_message(several))
    for told, where in ((one, f"Scanner on floor 2{named}"), (several, f"svc-scan@contoso.com{named}")):
        for kind in ("html", "plain"):
            body = mail_message(told, "a@contoso.com", ["b@contoso.com"]).get_body((kind,))
            assert where in body.get_content()  # type: ignore[union-attr]


def test_what_uses_an_account_is_named_where_its_display_name_is_its_address() -> None:
    scan = replace(item(1, upn="svc-scan@contoso.com", name="svc-scan@contoso.com"), products=("Veeam Backup",))
    assert "\nsvc-scan@contoso.com (Veeam Backup)\n" in texts(card_message(alert(scan)))


@given(st.lists(names, max_size=4))
def test_names_of_products_do_nothing_on_a_card(found: list[str]) -> None:
    for number in (1, 3):
        items = [replace(item(one), products=tuple(found)) for one in range(number)]
        assert_sound(card_message(alert(*items)))


def test_refused_sign_ins_are_told_with_the_time_from_which_on_they_are() -> None:
    since = samples.NOW - timedelta(days=3)

    def refused(number: int, at: datetime | None) -> AlertItem:
        return replace(item(number, check_id="APW-015", reasons=(), since=at), shared="The log names it.")

    def told(*items: AlertItem) -> str:
        return next((one for one in texts(card_message(alert(*items))).splitlines() if one.startswith("Since ")), "")

    assert told(refused(1, since)) == "Since 19 Nov 2026, 06:00 UTC."
    assert told(refused(1, since), refused(2, since)) == "Since 19 Nov 2026, 06:00 UTC."
    later = refused(2, since + timedelta(days=1))
    assert told(refused(1, since), later) == "Since 19 Nov 2026, 06:00 UTC for the first of them."
    assert told(refused(1, None), later) == "Since 20 Nov 2026, 06:00 UTC for the first of them, as far as is known."
    assert told(refused(1, None), refused(2, None)) == ""


def test_what_gets_a_line_only_says_since_when_and_by_whom() -> None:
    since, later = samples.NOW - timedelta(days=3), samples.NOW - timedelta(days=1)
    full = [item(number, reasons=(samples.reason(f"Policy {number}", number=number),)) for number in range(6)]

    def lines(*items: AlertItem, about: str = "registered for MFA") -> tuple[str, str, str]:
        """The line on the card, and in the mail as HTML and as text."""
        made = alert(*full, *items)
        mail = mail_message(made, "alerts@contoso.com", ["admin@contoso.com"])
        bodies = [str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"]
        found = (one for text in (texts(card_message(made)), bodies[1], bodies[0]) for one in text.splitlines())
        said = [one for one in found if about in one]
        return said[0], said[1], said[2]

    def line(number: int, at: datetime | None, how: str = "") -> AlertItem:
        known = item(number, check_id="APW-004", severity=Severity.MEDIUM, reasons=(), since=at, how=how)
        return replace(known, summary="Not yet.")

    for one in lines(line(7, since, how="19 Nov 2026, 06:00 UTC, when it was set to Enabled, by ada@contoso.com")):
        assert "since 19 Nov 2026, 06:00 UTC, when it was set to Enabled, by ada@contoso.com" in one
    for one in lines(line(7, since)):
        assert "since 19 Nov 2026" in one
    for one in lines(line(7, since), line(8, later)):
        assert "svc-007@contoso.com and svc-008@contoso.com" in one
        assert "since 19 Nov 2026 for the first of them" in one
    for one in lines(line(7, None)):
        assert "since" not in one
    ends = replace(line(7, None), check_id="APW-010", shared="SMTP AUTH with a password ends on 31 Dec 2026.")
    for one in lines(ends, about="a protocol"):
        assert "SMTP AUTH with a password ends on 31 Dec 2026" in one


def test_a_card_that_says_that_nothing_is_open_says_it_once() -> None:
    at = samples.NOW
    clear = compose_digest(
        tenant_id="t", tenant_name="Contoso", items=(), since=at, now=at, totals=Totals(5, 0, 0, 0), all_clear=True
    )
    assert clear
    body = mail_message(clear, "a@contoso.com", ["b@contoso.com"]).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for told in (texts(card_message(clear)), body):
        assert "nothing is open for 5 service accounts" in told
        assert "Open now" not in told
    assert "Open now: nothing." in texts(card_message(replace(samples.good(), totals=Totals(5, 0, 0, 0))))
