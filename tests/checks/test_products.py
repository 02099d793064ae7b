"""Which product uses an account; and that nothing is said without a source."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.judge import judge
from checks.model import Remedy, Way
from checks.names import words
from checks.obstacles import Obstacles
from checks.product_files import known_products, load_products
from checks.products import is_product_app, recognise, with_products
from tenant.model import Account, Consent, SignInUse
from tests.checks.kit import NOW, SERVICE, make_tenant

ID, OTHER = "abcdef00-0000-0000-0000-00000000000a", "abcdef00-0000-0000-0000-00000000000b"
OWN: dict[str, Any] = {
    "name": "Warehouse",
    "vendor": "In-house",
    "app_ids": ["ABCDEF00-0000-0000-0000-000000000000"],
    "url": "https://wiki.example.com/wms",
    "source": "https://wiki.example.com/wms",
    "remedy": "relay",
    "advice": "Ask first.",
}


def used(client: str = "Mobile Apps and Desktop clients", app: str = "", agent: str = "", app_id: str = "x") -> Account:
    return replace(SERVICE, sign_ins=(SignInUse("svc", client, app_id, app, agent, "background", 1, 1, NOW, NOW),))


def names(account: Account) -> list[str]:
    return [one.product.name for one in recognise(account, known_products())]


@pytest.mark.parametrize(
    ("account", "product"),
    [
        (used(app="CodeTwo Backup for Office 365"), "CodeTwo Backup"),
        (used("Exchange Web Services", agent="codetwo backup/2.5"), "CodeTwo Backup"),
        (used(app="CodeTwo Exchange Migration"), "CodeTwo Office 365 Migration and CodeTwo Exchange Migration"),
        (used(app="CodeTwo Email Signatures 365"), "CodeTwo Email Signatures 365"),
        (used(app="Veeam Backup for Microsoft 365"), "Veeam Backup for Microsoft 365"),
        (used(app="AvePoint Cloud Backup for Microsoft 365"), "AvePoint Cloud Backup for Microsoft 365"),
        (used(app="Barracuda Cloud-to-Cloud Backup"), "Barracuda Cloud-to-Cloud Backup"),
        (used(app="Exclaimer Cloud Signatures for Office 365 EU"), "Exclaimer"),
        (
            replace(used("Authenticated SMTP"), user_principal_name="scan.floor3@contoso.com"),
            "Multifunction printer or scanner",
        ),
    ],
)
def test_recognises_by_application_user_agent_or_protocol_and_name(account: Account, product: str) -> None:
    assert names(account) == [product]


def test_recognises_by_what_the_account_consented_to() -> None:
    account = replace(SERVICE, consents=(Consent("x", "Veeam Backup", "consent"),))
    (found,) = recognise(account, known_products())
    assert found.evidence == "consented to the application Veeam Backup"


@pytest.mark.parametrize(
    "account",
    [
        used("Authenticated SMTP"),
        replace(used(), user_principal_name="scanner@contoso.com"),
        used(app="Office 365 Exchange Online"),
        used(app="", agent=""),
    ],
)
def test_says_nothing_without_a_sign(account: Account) -> None:
    assert names(account) == []


def test_every_known_product_has_a_source_and_a_way_to_be_recognised() -> None:
    for product in known_products():
        assert product.source.startswith("https://"), product.name
        assert product.url.startswith("https://"), product.name
        assert product.advice.endswith("."), product.name


def test_what_the_product_needs_comes_before_the_other_ways_out() -> None:
    (plain,) = judge(make_tenant(security_defaults=True), [used(app="Veeam Backup")], now=NOW)
    found = with_products(plain, known_products(), Obstacles(make_tenant(), NOW.date()))
    assert found.remediation[0].title == "Let Veeam Backup for Microsoft 365 sign in as an application"
    assert found.remediation[1:] == plain.remediation
    assert [(one.name, one.modern_sign_in) for one in found.products] == [("Veeam Backup for Microsoft 365", True)]


CONNECTOR = "A connector trusts the device's address: nobody signs in, and only sending is possible."
NEWER = "May need a newer version of the product; afterwards the account isn't needed any more."
FIRMWARE = "May need a newer version or firmware; the account stays, its password goes."


@pytest.mark.parametrize(
    ("members", "title", "trade_off", "way"),
    [
        ({"remedy": "app_only"}, "Let Warehouse sign in as an application", NEWER, Way.APP_ONLY),
        ({"remedy": "oauth", "modern_sign_in": True}, "Let Warehouse sign in with OAuth", FIRMWARE, Way.OAUTH),
        ({}, "Warehouse: sign in with OAuth, or send through a connector", CONNECTOR, Way.RELAY),
        ({"modern_sign_in": True}, "Warehouse: sign in with OAuth, or send through a connector", CONNECTOR, Way.RELAY),
        ({"modern_sign_in": False}, "Warehouse has no OAuth: send through a connector", CONNECTOR, Way.RELAY),
    ],
)
@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({}, ("Ask first.",)),
        (
            {"steps": ["One.", "Two."], "permissions": ["Mail.Send", "Mail.Read"]},
            ("Ask first.", "One.", "Two.", "Consent, as an administrator, to: Mail.Send, Mail.Read."),
        ),
    ],
)
def test_what_the_way_out_of_a_product_says(
    tmp_path: Path,
    members: dict[str, Any],
    title: str,
    trade_off: str,
    way: Way,
    more: dict[str, Any],
    steps: tuple[str, ...],
) -> None:
    file = tmp_path / "products.json"
    file.write_text(json.dumps({"products": [{**OWN, "app_ids": [ID], **members, **more}]}), encoding="utf-8")
    (plain,) = judge(make_tenant(security_defaults=True), [used(app_id=ID)], now=NOW)
    remedies = with_products(plain, load_products(file), Obstacles(make_tenant(), NOW.date())).remediation
    last = "Read the vendor's page first, and try it with one mailbox."
    assert remedies[0] == Remedy(title, (*steps, last), trade_off, OWN["url"], way)


def test_an_account_without_problems_needs_no_way_out() -> None:
    (plain,) = judge(make_tenant(), [used(app="Veeam Backup")], now=NOW)
    assert with_products(plain, known_products(), Obstacles(make_tenant(), NOW.date())).remediation == ()


def test_users_can_name_products_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text(json.dumps({"products": [OWN]}), encoding="utf-8")
    (found,) = recognise(used(app_id="abcdef00-0000-0000-0000-000000000000"), load_products(file))
    assert (found.product.name, found.product.modern_sign_in) == ("Warehouse", None)


@pytest.mark.parametrize(
    ("consent", "evidence"),
    [
        (Consent("x", "Veeam Backup", "consent"), "consented to the application Veeam Backup"),
        (Consent("x", "Veeam Backup", "assignment"), "is assigned to the application Veeam Backup"),
        (Consent(ID, "", "consent"), f"consented to the application {ID}"),
    ],
)
def test_says_how_an_application_came_to_act_for_the_account(tmp_path: Path, consent: Consent, evidence: str) -> None:
    file = tmp_path / "products.json"
    file.write_text(
        json.dumps({"products": [{**OWN, "app_ids": [ID.upper()], "app_names": ["veeam *"]}]}), encoding="utf-8"
    )
    (found,) = recognise(replace(SERVICE, consents=(consent,)), load_products(file))
    assert found.evidence == evidence


@pytest.mark.parametrize(
    ("account", "evidence"),
    [
        (used(app="Warehouse"), "signs in to the application Warehouse"),
        (used(app_id=ID), f"signs in to the application {ID}"),
        (used(agent="WMS/3"), 'signs in as the client "WMS/3"'),
        (replace(used("SMTP"), display_name="Stock 7"), "signs in with SMTP, and its name says so"),
        (replace(used("SMTP"), user_principal_name="stock2@contoso.com"), "signs in with SMTP, and its name says so"),
        (replace(used("POP3"), display_name="Stock"), None),
        (replace(used("SMTP"), user_principal_name="x@stock.com"), None),
    ],
)
def test_says_what_shows_a_product(tmp_path: Path, account: Account, evidence: str | None) -> None:
    signs = {"app_ids": [ID], "app_names": ["ware*"], "user_agents": ["wms/*"], "clients": ["smtp"]}
    file = tmp_path / "products.json"
    file.write_text(json.dumps({"products": [{**OWN, **signs, "account_names": ["Stock"]}]}), encoding="utf-8")
    found = recognise(account, load_products(file))
    assert [one.evidence for one in found] == ([evidence] if evidence else [])


def test_of_two_entries_for_one_product_the_first_is_told(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text(
        json.dumps({"products": [{**OWN, "app_ids": [ID]}, {**OWN, "app_ids": [OTHER]}, {**OWN, "name": "Other"}]}),
        encoding="utf-8",
    )
    both = replace(SERVICE, sign_ins=(*used(app_id=OTHER).sign_ins, *used(app_id=ID).sign_ins))
    (found,) = recognise(both, load_products(file))
    assert found.product.app_ids == (ID,)


@pytest.mark.parametrize(
    ("text", "found"),
    [("scan.floor3", {"scan", "floor3", "floor"}), ("A_B-1", {"a", "b", "1"}), ("", set())],
)
def test_words_of_a_name(text: str, found: set[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("app_id", "app_name", "is_it"),
    [(ID, "", True), ("b", "Warehouse 3", True), ("b", "Other", False), ("b", "", False)],
)
def test_an_application_belongs_to_a_product_by_id_or_name(
    tmp_path: Path, app_id: str, app_name: str, is_it: bool
) -> None:
    file = tmp_path / "products.json"
    file.write_text(json.dumps({"products": [{**OWN, "app_ids": [ID], "app_names": ["warehouse*"]}]}), encoding="utf-8")
    assert is_product_app(app_id, app_name, load_products(file)) is is_it


def test_the_products_of_this_version_are_read_once() -> None:
    assert known_products() is known_products()
