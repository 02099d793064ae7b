"""What each sign weighs and says: what speaks for a service account, and what for a person."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.product_files import known_products
from checks.products import recognise
from checks.signals import (
    Signal,
    client_weight,
    days_used,
    has_emergency_name,
    is_impersonal,
    is_nobodys,
    is_peoples,
    service_name,
    signals_of,
)
from tenant.model import Account, Candidate, Consent, SignInUse
from tests.checks.kit import NOW

VENDOR_APP = "11111111-2222-3333-4444-555555555555"
OTHER_APP = "22222222-2222-3333-4444-555555555555"
THUNDERBIRD = "9e5f94bc-e8a4-4e73-b8be-63364c29d753"
MODERN = "Mobile Apps and Desktop clients"


def use(client: str = MODERN, way: str = "background", *, days: int = 20, until: int = 1, **members: Any) -> SignInUse:
    """Daily sign-ins, three each day, the last one ``until`` days ago."""
    end = NOW - timedelta(days=until)
    words = {"account_id": "a", "app_id": "exchange", "app_name": "Office 365 Exchange Online", "user_agent": ""}
    return SignInUse(
        client_app=client,
        way=way,
        count=3 * days,
        days=days,
        first_seen=end - timedelta(days=days - 1),
        last_seen=end,
        **{**words, **members},
    )


def by_hand(*, days: int = 1, until: int = 1) -> SignInUse:
    return use("Browser", "browser", days=days, until=until)


SMTP, IMAP, EAS = use("Authenticated SMTP"), use("IMAP4"), use("Exchange ActiveSync")
VENDOR = use(app_id=VENDOR_APP, app_name="Northgate")
TEAMS = use(app_name="Microsoft Teams")


def signals(
    *uses: SignInUse, upn: str = "zx81@contoso.com", consents: tuple[Consent, ...] = (), **more: Any
) -> dict[str, Signal]:
    """The signs of an account, by kind. ``more``: members of the candidate."""
    account = Account("a", upn, upn.partition("@")[0], sign_ins=uses, consents=consents)
    found = signals_of(Candidate(account, **more), frozenset({VENDOR_APP, OTHER_APP}), ())
    assert len({one.kind for one in found}) == len(found)
    return {one.kind: one for one in found}


@pytest.mark.parametrize(
    ("client", "weight"),
    [
        ("Authenticated SMTP", 3),
        ("SMTP", 3),
        ("Reporting Web Services", 3),
        ("Exchange Web Services", 3),
        ("IMAP", 2),
        ("IMAP4", 2),
        ("POP", 2),
        ("POP3", 2),
        ("Other clients", 2),
        ("Exchange Online PowerShell", 2),
        ("Exchange ActiveSync", 1),
        ("Outlook Anywhere (RPC over HTTP)", 0),
        ("Autodiscover", 0),
        ("Browser", 2),
        (MODERN, 2),
    ],
)
def test_what_only_scripts_and_devices_use_weighs_most(client: str, weight: int) -> None:
    assert client_weight(client) == weight
    told = signals(use(client)).get("legacy_protocol")
    legacy = weight if client not in {"Browser", MODERN} else 0
    assert (told.weight if told else 0) == legacy


@pytest.mark.parametrize(
    ("clients", "told"),
    [(("IMAP4", "SMTP"), "SMTP"), (("SMTP", "IMAP4"), "SMTP"), (("IMAP4", "POP3"), "IMAP4")],
)
def test_of_several_protocols_the_one_that_says_most_is_told_or_the_first(clients: tuple[str, ...], told: str) -> None:
    found = signals(*(use(client) for client in clients))["legacy_protocol"]
    assert found.text == f"It signs in with {told}, a protocol without modern authentication."


def test_the_sign_ins_of_one_protocol_count_together() -> None:
    found = signals(use("SMTP", until=9), use("SMTP", until=2, app_id="other"), IMAP)["legacy_protocol"]
    assert (found.count, found.last_seen) == (120, NOW - timedelta(days=2))


def test_of_several_applications_the_one_that_signs_in_most_gives_its_name() -> None:
    seldom = use(app_id=OTHER_APP, app_name="Seldom", days=2)
    found = signals(seldom, VENDOR)["third_party_app"]
    assert found.text == "The application Northgate signs in as the account, without anybody there."
    assert (found.weight, found.count) == (2, 66)


def test_an_application_without_a_name_is_a_third_party_s() -> None:
    found = signals(use(app_id=VENDOR_APP, app_name=""))["third_party_app"]
    assert found.text == "The application of a third party signs in as the account, without anybody there."


@pytest.mark.parametrize(
    "other",
    [
        use(app_id="exchange"),
        use("Browser", "browser", app_id=VENDOR_APP, app_name="Northgate"),
        use(way="app", app_id=VENDOR_APP, app_name="Northgate"),
        use("IMAP4", app_id=VENDOR_APP, app_name="Northgate"),
        use(app_id=THUNDERBIRD, app_name="Mozilla"),
        use(app_id=VENDOR_APP, app_name="eM Client for Windows"),
    ],
    ids=[
        "Microsoft's",
        "somebody is there",
        "somebody is there in an app",
        "counted as a protocol",
        "Thunderbird by id",
        "a mail program by name",
    ],
)
def test_what_is_no_third_party_s_application_on_its_own(other: SignInUse) -> None:
    assert "third_party_app" not in signals(other)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("B", "A"), "A, B."),
        (("C", "B", "A"), "A, B, C."),
        (("D", "C", "B", "A"), "A, B, C and 1 more."),
        (("E", "D", "C", "B", "A"), "A, B, C and 2 more."),
        (("",), "id."),
    ],
)
def test_three_consents_are_named_and_the_others_counted(names: tuple[str, ...], shown: str) -> None:
    consents = tuple(Consent("id", name, "consent") for name in names)
    found = signals(consents=consents)["consent"]
    assert found.text == f"It let a third party's application act for it, or is assigned to one: {shown}"


def test_a_consent_says_more_where_the_account_is_nobody_s() -> None:
    given = (Consent(VENDOR_APP, "Northgate", "consent"),)
    assert signals(consents=given)["consent"].weight == 1
    assert signals(consents=given, upn="svc-a@contoso.com")["consent"].weight == 2
    assert signals(consents=given, mailbox_purpose="shared")["consent"].weight == 2
    assert signals(consents=given, upn="svc-a@contoso.com", persons_name=True)["consent"].weight == 1
    assert "consent" not in signals(consents=(Consent(THUNDERBIRD, "Mozilla", "consent"),))


@pytest.mark.parametrize(
    ("uses", "consents", "how"),
    [
        ((IMAP,), (), "something signs in with it"),
        ((), (Consent("x", "X", "consent"),), "an application may act for it"),
        ((IMAP,), (Consent("x", "X", "consent"),), "something signs in with it"),
        ((), (), None),
    ],
)
def test_a_mailbox_of_nobody_that_something_uses(
    uses: tuple[SignInUse, ...], consents: tuple[Consent, ...], how: str | None
) -> None:
    found = signals(*uses, consents=consents, mailbox_purpose="room").get("mailbox")
    assert (found.text if found else None) == (how and f"Its mailbox is of the kind room, and {how}.")
    assert found is None or found.weight == 2
    assert "mailbox" not in signals(*uses, consents=consents, mailbox_purpose="user")


@pytest.mark.parametrize(
    ("uses", "weight"),
    [
        ((SMTP,), 2),
        ((VENDOR,), 2),
        ((EAS,), 1),
        ((use(),), 1),
        ((SMTP, TEAMS), 1),
        ((SMTP, by_hand()), None),
        ((SMTP, use(way="app", days=1)), None),
        ((use(app_id=THUNDERBIRD, app_name="Mozilla"),), None),
        ((), None),
    ],
    ids=[
        "protocol",
        "application",
        "phone",
        "Microsoft's",
        "at work too",
        "by hand",
        "by hand in an app",
        "mail program of people",
        "none",
    ],
)
def test_signing_in_with_nobody_there_says_more_of_what_machines_use(
    uses: tuple[SignInUse, ...], weight: int | None
) -> None:
    found = signals(*uses).get("not_interactive")
    assert (found.weight if found else None) == weight
    assert found is None or "nobody did so interactively" in found.text


@pytest.mark.parametrize(
    ("uses", "settled"),
    [
        ((use("SMTP", until=1), by_hand(until=15)), True),
        ((use("SMTP", until=1), by_hand(until=14)), False),
        ((use("SMTP", until=1, days=14), by_hand(until=20)), True),
        ((use("SMTP", until=1, days=13), by_hand(until=20)), False),
        ((use("IMAP4", until=1), by_hand(until=20)), True),
        ((EAS, by_hand(until=20)), False),
        ((VENDOR, by_hand(until=20)), True),
        ((use(), by_hand(until=20)), False),
        ((use("SMTP", "browser", days=1, until=25), by_hand(until=20)), False),
        ((use("SMTP"), by_hand(until=20), by_hand(until=25)), False),
        ((use("SMTP"), by_hand(days=2, until=20)), False),
        ((use("SMTP"), TEAMS, by_hand(until=20)), False),
        ((use("SMTP"), replace(by_hand(until=20), app_name="Microsoft Teams")), True),
        ((use("SMTP"), use(way="app", days=1, until=20)), True),
        ((use("SMTP"), use(way="app", days=1, until=20, app_name="Microsoft Teams")), True),
        ((use("SMTP", "app"), by_hand(until=20)), False),
    ],
)
def test_whoever_was_there_on_one_day_two_weeks_before_set_it_up(uses: tuple[SignInUse, ...], settled: bool) -> None:
    found = signals(*uses).get("not_interactive")
    assert (found is not None) is settled
    if found:
        assert found.weight == 1
        assert "on one day only, two weeks or more ago" in found.text
        assert found.count == sum(use.count for use in uses if use.way == "background")
    assert "not_interactive" not in signals(*uses, persons_name=True)


@pytest.mark.parametrize(("days", "weight", "lenient"), [(1, -1, 0), (2, -2, -1), (3, -4, -1), (9, -4, -1)])
def test_the_more_somebody_works_with_it_the_more_it_is_a_person_s(days: int, weight: int, lenient: int) -> None:
    found = signals(by_hand(days=days))["person"]
    assert found.weight == weight
    assert found.text == f"Somebody signs in with it interactively, on at least {days} of the last 30 days."
    assert signals(by_hand(days=days), upn="svc-a@contoso.com")["person"].weight == lenient
    assert signals(by_hand(days=days), mailbox_purpose="shared")["person"].weight == lenient


def test_somebody_in_an_app_is_somebody_as_well() -> None:
    found = signals(use(way="app", days=1, app_name="Microsoft Teams"))["person"]
    assert (found.weight, found.text.partition(",")[0]) == (-1, "Somebody signs in with it interactively")
    assert signals(use(way="app", days=3))["person"].weight == -4


def test_days_of_different_sign_ins_add_up() -> None:
    one, other = by_hand(until=9), by_hand(until=2)
    assert signals(one, replace(one, app_id="other"))["person"].weight == -1
    assert signals(one, other)["person"].weight == -2


def test_whoever_works_with_it_every_day_is_a_person_whatever_the_name_says() -> None:
    named: dict[str, Any] = {"upn": "svc-a@contoso.com"}
    assert signals(by_hand(days=3), TEAMS, **named)["person"].weight == -4
    assert signals(by_hand(days=2), TEAMS, **named)["person"].weight == -1
    assert signals(by_hand(days=3), TEAMS, **named, mailbox_purpose="shared")["person"].weight == -1


def test_a_program_for_people_on_its_own_is_a_person_s() -> None:
    found = signals(TEAMS, by_hand(days=1))["person"]
    assert (found.weight, found.text) == (-2, "It also signs in to what people work with: Microsoft Teams.")
    assert signals(TEAMS)["person"].weight == -2
    assert signals(TEAMS, upn="svc-a@contoso.com")["person"].weight == -1
    assert "person" not in signals(SMTP)
    assert signals(TEAMS, use(app_name="OneDrive"))["person"].text.endswith(": Microsoft Teams.")
    assert signals(TEAMS, by_hand(days=2))["person"].text.startswith("Somebody signs in with it interactively")


def test_a_product_that_uses_it_says_something_and_one_that_it_is_only_assigned_to_does_not() -> None:
    def told(account: Account) -> list[str]:
        found = signals_of(Candidate(account), frozenset(), known_products())
        assert [one.weight for one in found if one.kind == "product"] in ([], [1])
        return [one.text for one in found if one.kind == "product"]

    bare = Account("a", "a@contoso.com", "A")
    veeam, codetwo = use(app_name="Veeam Backup for Microsoft 365"), use(app_name="CodeTwo Backup for Office 365")
    consented = replace(bare, consents=(Consent("x", "Veeam Backup", "consent"),))
    assert told(replace(bare, consents=(Consent("x", "Veeam Backup", "assignment"),))) == []
    assert told(consented) == ["Veeam Backup for Microsoft 365 uses it: it consented to the application Veeam Backup."]
    both = replace(bare, sign_ins=(veeam, codetwo))
    assert told(both)[0].startswith(recognise(both, known_products())[0].product.name)
    assert len(recognise(both, known_products())) == 2


def test_personal_details_weigh_against() -> None:
    assert signals(personal_details=True)["personal_details"].weight == -2
    assert "personal_details" not in signals()


def test_a_password_that_never_expires_says_something_where_somebody_chose_it() -> None:
    assert signals(password_never_expires=True)["password"].weight == 1
    assert "password" not in signals()
    synchronised = Candidate(
        Account("a", "a@contoso.com", "A", on_premises_sync_enabled=True), password_never_expires=True
    )
    assert signals_of(synchronised, frozenset(), ()) == ()
    own = replace(synchronised, account=replace(synchronised.account, on_premises_sync_enabled=False))
    assert (is_nobodys(own), is_nobodys(synchronised)) == (True, False)
    assert not is_nobodys(replace(own, persons_name=True))
    assert not is_nobodys(replace(own, password_never_expires=False))


def test_a_name_that_says_what_it_is_for() -> None:
    found = signals(upn="svc-mail@contoso.com")["name"]
    assert (found.weight, found.text) == (2, 'Its name says what it is for: "svc-".')
    assert "name" not in signals()


@pytest.mark.parametrize(
    ("upn", "display_name", "emergency"),
    [
        ("breakglass@contoso.com", "X", True),
        ("break-glass1@contoso.com", "X", True),
        ("bg-1@contoso.com", "X", True),
        ("x@contoso.com", "Notfall 1", True),
        ("x@contoso.com", "Emergency access", True),
        ("x@emergency.contoso.com", "X", False),
        ("bgates@contoso.com", "B. Gates", False),
    ],
)
def test_a_name_for_emergencies(upn: str, display_name: str, emergency: bool) -> None:
    assert has_emergency_name(Account("a", upn, display_name)) is emergency


def test_days_of_use_are_those_of_what_is_used_most() -> None:
    assert days_used(Account("a", "a@contoso.com", "A")) == 0
    assert days_used(Account("a", "a@contoso.com", "A", sign_ins=(use(days=3), use(days=5)))) == 5


@pytest.mark.parametrize(
    ("upn", "display_name", "app", "name"),
    [
        ("docuprint@contoso.com", "DocuPrint", "DocuPrint Cloud", "docuprint"),
        ("docuprint2@contoso.com", "Docu Print", "DocuPrint Cloud", "docuprint2"),
        ("docuprintcloud@contoso.com", "Docuprint", "DocuPrint Cloud", "docuprintcloud"),
        ("cloud@contoso.com", "Cloud", "DocuPrint Cloud", None),
        ("docuprint@contoso.com", "Docuprint Nowak", "DocuPrint Cloud", None),
        ("thunderbird@contoso.com", "Thunderbird", "Thunderbird", None),
    ],
)
def test_an_account_that_is_called_like_its_application(
    upn: str, display_name: str, app: str, name: str | None
) -> None:
    account = Account("a", upn, display_name, consents=(Consent("x", app, "assignment"),))
    assert service_name(account) == name
    assert is_impersonal(Candidate(account)) is (name is not None)


def test_mail_programs_of_people_are_known_by_id_and_by_name() -> None:
    assert is_peoples(THUNDERBIRD, "")
    assert is_peoples("x", "Samsung Email for Exchange")
    assert not is_peoples("x", "Not Gmail")
