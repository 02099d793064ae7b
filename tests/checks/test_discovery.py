"""Which accounts are proposed, which are recognised and left out, and who stays out: precision first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from checks.discovery import may_be_proposed, propose, watched_principals
from checks.product_files import known_products
from checks.signals import service_name
from tenant.model import Account, Candidate, Consent, Gap, RoleAssignment, SignInUse
from tests.checks.kit import GLOBAL_ADMINISTRATOR, NOW, REPORT_ONLY, SYNC_ROLE, Json, make_tenant, policy

VENDOR_APP = "11111111-2222-3333-4444-555555555555"
APPLE = "f8d98a96-0999-43f5-8af3-69971c7bb423"
NEWER_SYNC_ROLE = "a92aed5d-d78a-4d16-b381-09adb37eb3b0"
MODERN = "Mobile Apps and Desktop clients"
TENANT = make_tenant(
    [
        policy("Require MFA", not_users=("svc", "bg")),
        policy("Block legacy", clients=("other",), grant=("block",), not_users=("bg", "svc")),
    ],
    role_assignments=(
        RoleAssignment("bg", GLOBAL_ADMINISTRATOR, "Global Administrator"),
        RoleAssignment("admin", GLOBAL_ADMINISTRATOR, "Global Administrator"),
        RoleAssignment("veeam", GLOBAL_ADMINISTRATOR, "Global Administrator"),
        RoleAssignment("sync", SYNC_ROLE, "Directory Synchronization Accounts"),
        RoleAssignment("sync2", NEWER_SYNC_ROLE, "On Premises Directory Sync Account"),
    ),
)
CONSENT = Consent(VENDOR_APP, "Northgate CRM Sync", "consent", ("Mail.Read",))
ASSIGNED = Consent("docuprint", "DocuPrint Cloud", "assignment")
TEN_ASSIGNED = tuple(Consent(f"app{number}", f"App {number}", "assignment") for number in range(10))


def use(client: str = MODERN, way: str = "background", *, days: int = 20, until: int = 1, **members: Any) -> SignInUse:
    """Daily sign-ins, the last one ``until`` days ago."""
    end = NOW - timedelta(days=until)
    words = {
        "account_id": "a",
        "app_id": "exchange",
        "app_name": "Office 365 Exchange Online",
        "user_agent": "",
        **members,
    }
    return SignInUse(
        client_app=client,
        way=way,
        count=3 * days,
        days=days,
        first_seen=end - timedelta(days=days - 1),
        last_seen=end,
        **words,
    )


SMTP, EWS, IMAP, EAS = (
    use(name) for name in ("Authenticated SMTP", "exchange web services", "IMAP4", "Exchange ActiveSync")
)
OF_A_PERSON = use("Browser", "browser")
ONCE_BY_HAND = use("Browser", "browser", days=1)
SET_UP = use("Browser", "browser", days=1, until=18)
VENDOR = use(app_id=VENDOR_APP, app_name="Northgate CRM Sync")


@dataclass(frozen=True)
class Case:
    """An account, and whether it is proposed."""

    name: str
    proposed: bool
    upn: str = "someone@contoso.com"
    uses: tuple[SignInUse, ...] = ()
    consents: tuple[Consent, ...] = ()
    account: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def candidate(self) -> Candidate:
        """The account as a candidate."""
        account = Account("a", self.upn, self.upn.split("@")[0], sign_ins=self.uses, consents=self.consents)
        return Candidate(replace(account, **self.account), **self.more)


PERSON = {"personal_details": True}
CASES = (
    # planted: what a product does
    Case("printer", True, "etage3@contoso.com", (SMTP,)),
    Case("backup over Exchange Web Services", True, "a.backup@contoso.com", (EWS,)),
    Case("ticket system over IMAP", True, "tickets@contoso.com", (IMAP,)),
    Case("vendor's application, nobody ever there", True, "crm@contoso.com", (VENDOR,), (CONSENT,)),
    Case("vendor's application under a neutral name", True, "north@contoso.com", (VENDOR,)),
    Case("set up by hand once", True, "svc-erp@contoso.com", (SMTP, ONCE_BY_HAND)),
    Case("used by people as well, but named for its purpose", True, "svc-helpdesk@contoso.com", (SMTP, OF_A_PERSON)),
    Case("shared mailbox that a product reads", True, "orders@contoso.com", (IMAP, OF_A_PERSON, VENDOR), (),
         more={"mailbox_purpose": "shared"}),
    Case("meeting room panel", True, "panel@contoso.com", (EAS,), more={"mailbox_purpose": "room"}),
    Case("named, consented, never expiring", True, "svc-crm@contoso.com", (), (CONSENT,),
         more={"password_never_expires": True}),
    Case("named, consented, nothing more is known", True, "svc-crm@contoso.com", (), (CONSENT,)),
    Case("shared mailbox that let an application in", True, "team@contoso.com", (), (CONSENT,),
         more={"mailbox_purpose": "shared"}),
    Case("mailbox named for its purpose, somebody looked once", True, "invoices@contoso.com", (IMAP, ONCE_BY_HAND)),
    Case("nightly PowerShell", True, "task@contoso.com", (use("Exchange Online PowerShell"),)),
    Case("set up by hand on one day, under a neutral name", True, "store2@contoso.com", (SMTP, ONCE_BY_HAND), (CONSENT,),
         more={"password_never_expires": True}),
    Case("set up by hand weeks ago, under a neutral name", True, "store2@contoso.com", (SMTP, SET_UP),
         more={"password_never_expires": True}),
    Case("let a vendor's application in by hand weeks ago, under a neutral name", True, "zd.intake@contoso.com",
         (VENDOR, SET_UP), (CONSENT,)),
    Case("named after the application that it is assigned to", True, "docuprint@contoso.com", (), (ASSIGNED,)),
    Case("named for its purpose, assigned to an application", True, "svc-labels@contoso.com", (), (ASSIGNED,)),
    Case("script with a Microsoft application", True, "svc-report@contoso.com", (use(),),
         more={"password_never_expires": True}),
    Case("Global Administrator that backs up", True, "svc-veeam@contoso.com", (EWS,), account={"id": "veeam"}),
    # ordinary people
    Case("consented to an application", False, consents=(CONSENT,), uses=(OF_A_PERSON,)),
    Case("consented to an application and is on leave", False, consents=(CONSENT,)),
    Case("consented, with a password that never expires", False, consents=(CONSENT,), more={"password_never_expires": True}),
    Case("synchronised person with a vendor's mail program, on holiday", False,
         uses=(VENDOR, use(app_name="Microsoft Teams")), consents=(CONSENT,),
         account={"on_premises_sync_enabled": True}, more={"password_never_expires": True}),
    Case("vendor's mail program, in a browser once, at work in Teams", False,
         uses=(VENDOR, ONCE_BY_HAND, use(app_name="Microsoft Teams")), consents=(CONSENT,),
         more={"password_never_expires": True}),
    Case("in a browser on three days, at something else each time", False,
         uses=(SMTP, *(use("Browser", "browser", days=1, until=day, app_name=f"{day}") for day in (2, 9, 17))),
         consents=(CONSENT,), more={"password_never_expires": True}),
    Case("person whose address begins with a product's name", False, "crm.rep@contoso.com", (VENDOR, OF_A_PERSON), (CONSENT,),
         more={"persons_name": True}),
    Case("the same, where the directory has no names, but Teams runs", False, "crm.rep@contoso.com",
         (VENDOR, OF_A_PERSON, use(app_name="Microsoft Teams")), (CONSENT,)),
    Case("vendor's mail program and Teams on a phone, on holiday", False, uses=(VENDOR, use(app_name="Microsoft Teams")),
         consents=(CONSENT,), more={"password_never_expires": True}),
    Case("assigned to ten applications", False, uses=(OF_A_PERSON,), consents=TEN_ASSIGNED),
    Case("assigned to ten applications, with a password that never expires, and on leave", False, consents=TEN_ASSIGNED,
         more={"password_never_expires": True}),
    Case("Apple's mail program on a Mac, and assigned to a backup", False, uses=(EWS, use("Browser", "browser", days=2)),
         consents=(Consent(VENDOR_APP, "CodeTwo Backup for Office 365", "assignment"),),
         more={"password_never_expires": True}),
    Case("bears the name of an application", False, "docuprint@contoso.com", consents=(ASSIGNED,),
         account={"display_name": "Docuprint Nowak"}),
    Case("is called like an application, and works with it", False, "docuprint@contoso.com",
         (OF_A_PERSON, use(app_name="Microsoft Teams")), (ASSIGNED,)),
    Case("mail program of theirs has a name like them", False, "apple@contoso.com",
         consents=(Consent(APPLE, "Apple Internet Accounts", "consent"),)),
    Case("set a vendor's mail program up weeks ago, and has a name", False, uses=(VENDOR, SET_UP), consents=(CONSENT,),
         more={"persons_name": True, "password_never_expires": True}),
    Case("the same without a name, and Teams runs", False, uses=(VENDOR, SET_UP, use(app_name="Microsoft Teams")),
         consents=(CONSENT,), more={"password_never_expires": True}),
    Case("set one up weeks ago, and was at a browser again", False, uses=(VENDOR, SET_UP, ONCE_BY_HAND), consents=(CONSENT,)),
    Case("set one up lately", False, uses=(VENDOR, ONCE_BY_HAND), consents=(CONSENT,)),
    Case("set one up weeks ago, and it ran on a few days only", False,
         uses=(use(app_id=VENDOR_APP, app_name="Northgate CRM Sync", days=5), SET_UP), consents=(CONSENT,)),
    Case("phone, in a browser weeks ago", False, uses=(EAS, SET_UP), consents=(CONSENT,),
         more={"password_never_expires": True}),
    Case("administrator with PowerShell", False, uses=(use("Exchange Online PowerShell"), OF_A_PERSON)),
    Case("old mail program", False, uses=(IMAP, OF_A_PERSON)),
    Case("old mail program, never in a browser", False, uses=(IMAP,), more=PERSON),
    Case("sends with a script of their own", False, uses=(SMTP, OF_A_PERSON)),
    Case("phone only", False, uses=(EAS,)),
    Case("Apple's mail program only", False, uses=(use(app_id=APPLE, app_name="Apple Internet Accounts"),),
         consents=(Consent(APPLE, "Apple Internet Accounts", "consent", ("EWS.AccessAsUser.All",)),),
         more={"password_never_expires": True}),
    Case("Outlook and Teams on a phone only", False,
         uses=(use(app_name="Outlook Mobile"), use(app_name="Microsoft Teams")), consents=(CONSENT,),
         more={"password_never_expires": True}),
    Case("vendor's application and Teams on a phone", False, uses=(VENDOR, use(app_name="Microsoft Teams")),
         consents=(CONSENT,)),
    Case("tried a vendor's backup", False, uses=(OF_A_PERSON,),
         consents=(Consent(VENDOR_APP, "CodeTwo Backup for Office 365", "consent", ("EWS.AccessAsUser.All",)),)),
    Case("named Scanlon", False, "p.scanlon@contoso.com", (OF_A_PERSON,), (CONSENT,)),
    Case("named Sa", False, "sa.smith@contoso.com", (use(),), (CONSENT,)),
    Case("service mailbox of a team", False, "service@contoso.com", (OF_A_PERSON,), (CONSENT,)),
    Case("named and never expiring, and nothing uses it", False, "svc-idle@contoso.com",
         more={"password_never_expires": True}),
    Case("nothing is known", False),
    # neither proposed nor named
    Case("disabled", False, "svc-old@contoso.com", (SMTP,), account={"enabled": False}),
    Case("guest", False, "svc-msp@contoso.com", (SMTP,), account={"user_type": "Guest"}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_proposes_service_accounts_and_nobody_else(case: Case) -> None:
    found = propose(TENANT, [case.candidate], frozenset({VENDOR_APP, APPLE}), known_products(), today=NOW.date())
    assert [one.left_out_because for one in found] == ([None] if case.proposed else [])


LEFT_OUT = (
    Case("break-glass by role, name and exclusion", False, "breakglass1@contoso.com", account={"id": "bg"}),
    Case("break-glass that was tested", False, "bg-alpha@contoso.com", (ONCE_BY_HAND,), account={"id": "bg"}),
    Case("break-glass without a telling name", False, "zx81@contoso.com", account={"id": "bg"}),
    Case("break-glass whose name says backup", False, "admin-backup@contoso.com", account={"id": "bg"}),
    Case("synchronization by the newer role", False, "svc-adsync@contoso.com", (use(),), account={"id": "sync2"}),
    Case("synchronization by role", False, "aadsync@contoso.com", (use(),), account={"id": "sync"}),
    Case("synchronization by name", False, "Sync_DC01_0a1b2c@contoso.onmicrosoft.com", (use(),)),
)


@pytest.mark.parametrize("case", LEFT_OUT, ids=lambda case: case.name)
def test_recognises_what_only_looks_like_a_service_account_and_says_why(case: Case) -> None:
    (found,) = propose(TENANT, [case.candidate], frozenset(), (), today=NOW.date())
    assert found.left_out_because is not None
    wanted = "synchronization" if "synchronization" in case.name else "emergency access"
    assert wanted in found.left_out_because


def test_administrator_who_works_is_no_emergency_account() -> None:
    case = Case("admin", False, "emergency.manager@contoso.com", (OF_A_PERSON,), account={"id": "admin"})
    assert propose(TENANT, [case.candidate], frozenset(), (), today=NOW.date()) == ()


def test_an_emergency_account_is_not_said_to_sign_in_rarely_where_the_log_was_not_read() -> None:
    case = Case("bg", False, "breakglass1@contoso.com", account={"id": "bg"})
    (read,) = propose(TENANT, [case.candidate], frozenset(), (), today=NOW.date())
    (unread,) = propose(TENANT, [case.candidate], frozenset(), (), log_read=False, today=NOW.date())
    assert "rarely" in str(read.left_out_because)
    assert "rarely" not in str(unread.left_out_because)


def test_each_sign_says_what_was_seen() -> None:
    case = Case("printer", True, "scan-hall@contoso.com", (SMTP,))
    (found,) = propose(TENANT, [case.candidate], frozenset(), known_products(), today=NOW.date())
    told = {signal.kind: signal for signal in found.signals}
    assert set(told) == {"legacy_protocol", "not_interactive", "name", "product"}
    assert "Authenticated SMTP" in told["legacy_protocol"].text
    assert (told["legacy_protocol"].count, told["legacy_protocol"].last_seen) == (60, NOW - timedelta(days=1))
    assert found.score == sum(signal.weight for signal in found.signals)
    assert [signal.weight for signal in found.signals] == sorted((s.weight for s in found.signals), reverse=True)


def test_best_proposals_come_first_and_what_is_left_out_last() -> None:
    weak, strong = Case("weak", True, "x@contoso.com", (IMAP,)), Case("strong", True, "svc-y@contoso.com", (SMTP,))
    out = Case("out", False, "breakglass@contoso.com", account={"id": "bg"})
    found = propose(TENANT, [case.candidate for case in (out, weak, strong)], frozenset(), (), today=NOW.date())
    names = [one.account.user_principal_name for one in found]
    assert names == ["svc-y@contoso.com", "x@contoso.com", "breakglass@contoso.com"]


def test_unreadable_policies_and_roles_leave_nobody_out_by_guessing() -> None:
    tenant = make_tenant(role_assignments=Gap("role_assignments", "403"))
    tenant = replace(tenant, policies=Gap("conditional_access_policies", "403"))
    case = Case("printer", True, "svc-scan@contoso.com", (SMTP,))
    (found,) = propose(tenant, [case.candidate], frozenset(), (), today=NOW.date())
    assert found.left_out_because is None
    assert watched_principals(tenant) == frozenset()


def test_watches_administrators_synchronization_and_who_is_excluded_by_name() -> None:
    assert watched_principals(TENANT) == {"svc", "bg", "admin", "veeam", "sync", "sync2"}


@pytest.mark.parametrize(
    ("upn", "word"),
    [
        ("svc-backup@contoso.com", "svc-"),
        ("SVC_mail@contoso.com", "SVC_"),
        ("hq.scanner2@contoso.com", "scanner"),
        ("no-reply@contoso.com", "no-reply"),
        ("p.scanlon@contoso.com", None),
        ("sally@contoso.com", None),
        ("apple@contoso.com", None),
    ],
)
def test_finds_the_word_that_says_what_an_account_is_for(upn: str, word: str | None) -> None:
    assert service_name(Account("a", upn, "")) == word


@pytest.mark.parametrize("state", ["disabled", REPORT_ONLY])
def test_a_policy_that_is_not_on_makes_nobody_worth_watching(state: str) -> None:
    tenant = make_tenant(
        [policy(state=state, not_users=("x",)), policy(not_users=("y", "All", "GuestsOrExternalUsers"))]
    )
    assert watched_principals(tenant) == {"y"}


def test_a_deleted_policy_makes_nobody_worth_watching() -> None:
    tenant = make_tenant([policy(not_users=("x",))])
    assert isinstance(tenant.policies, tuple)
    deleted = replace(tenant, policies=tuple(replace(one, deleted=True) for one in tenant.policies))
    assert watched_principals(tenant) == {"x"}
    assert watched_principals(deleted) == frozenset()


EVERYBODY_BUT_BG = [policy(not_users=("bg",))]
ADMINISTRATOR = (RoleAssignment("bg", GLOBAL_ADMINISTRATOR, "Global Administrator"),)


@pytest.mark.parametrize(
    ("upn", "policies", "roles", "uses", "why"),
    [
        ("breakglass@x", EVERYBODY_BUT_BG, (), (), "its name says so and every enforced policy excludes it"),
        ("breakglass@x", [], ADMINISTRATOR, (), "its name says so and it is a Global Administrator"),
        (
            "x@x",
            EVERYBODY_BUT_BG,
            ADMINISTRATOR,
            (),
            "it is a Global Administrator and every enforced policy excludes it",
        ),
        (
            "breakglass@x",
            EVERYBODY_BUT_BG,
            ADMINISTRATOR,
            (),
            "its name says so and it is a Global Administrator and every enforced policy excludes it",
        ),
        ("breakglass@x", [], (), (), None),
        ("x@x", [], ADMINISTRATOR, (), None),
        ("breakglass@x", [*EVERYBODY_BUT_BG, policy("Other")], (), (), None),
        ("breakglass@x", [policy(state=REPORT_ONLY, not_users=("bg",))], (), (), None),
        ("breakglass@x", [policy(state="disabled", not_users=("bg",))], (), (), None),
        (
            "breakglass@x",
            EVERYBODY_BUT_BG,
            (),
            (use(days=2),),
            "its name says so and every enforced policy excludes it",
        ),
        ("breakglass@x", EVERYBODY_BUT_BG, (), (use(days=3),), None),
        ("svc-x@x", EVERYBODY_BUT_BG, ADMINISTRATOR, (use(days=1),), None),
        (
            "svc-x@x",
            EVERYBODY_BUT_BG,
            ADMINISTRATOR,
            (),
            "it is a Global Administrator and every enforced policy excludes it",
        ),
        (
            "zx@x",
            EVERYBODY_BUT_BG,
            ADMINISTRATOR,
            (use(days=1),),
            "it is a Global Administrator and every enforced policy excludes it",
        ),
    ],
)
def test_two_of_three_signs_make_an_emergency_account_that_is_rarely_used(
    upn: str, policies: list[Json], roles: tuple[RoleAssignment, ...], uses: tuple[SignInUse, ...], why: str | None
) -> None:
    tenant = make_tenant(policies, role_assignments=roles)
    found = propose(tenant, [Candidate(Account("bg", upn, "X", sign_ins=uses))], frozenset(), (), today=NOW.date())
    told = [one.left_out_because for one in found if one.left_out_because]
    assert told == ([f"It looks like an emergency access account: {why}, and it rarely signs in."] if why else [])


@pytest.mark.parametrize("built_in", [True, None])
def test_a_synchronization_role_counts_where_nobody_could_read_what_it_is(built_in: bool | None) -> None:
    tenant = make_tenant(role_assignments=(RoleAssignment("a", SYNC_ROLE, "Sync", built_in),))
    (found,) = propose(tenant, [Candidate(Account("a", "a@contoso.com", "A"))], frozenset(), (), today=NOW.date())
    assert found.left_out_because == "It is a directory synchronization account."


@pytest.mark.parametrize(
    ("upn", "is_one"),
    [
        ("Sync_X@contoso.onmicrosoft.com", True),
        ("ADToAADSyncServiceAccount@contoso.onmicrosoft.com", True),
        ("sync_x@contoso.com", False),
        ("x@contoso.onmicrosoft.com", False),
    ],
)
def test_a_synchronization_account_by_name_is_of_the_first_domain(upn: str, is_one: bool) -> None:
    found = propose(make_tenant(), [Candidate(Account("a", upn, "A"))], frozenset(), (), today=NOW.date())
    assert bool([one for one in found if one.left_out_because]) is is_one


def test_equal_proposals_are_sorted_by_name() -> None:
    names = ["svc-b@contoso.com", "SVC-A@contoso.com", "svc-c@contoso.com"]
    found = propose(
        TENANT, [Case(name, True, name, (SMTP,)).candidate for name in names], frozenset(), (), today=NOW.date()
    )
    assert [one.account.user_principal_name for one in found] == ["SVC-A@contoso.com", names[0], names[2]]
    assert {one.score for one in found} == {7}


@pytest.mark.parametrize(
    ("account", "may"),
    [
        ({}, True),
        ({"enabled": None}, True),
        ({"enabled": False}, False),
        ({"user_type": "GUEST"}, False),
        ({"user_type": "Member"}, True),
    ],
)
def test_guests_and_disabled_accounts_are_not_asked_about(account: dict[str, Any], may: bool) -> None:
    assert may_be_proposed(replace(Account("a", "a@contoso.com", "A"), **account)) is may


@pytest.mark.parametrize(
    ("consents", "log_read", "left_out"), [((), True, True), ((CONSENT,), True, False), ((), False, False)]
)
def test_a_service_account_with_too_many_rights_is_no_emergency_account_unless_nothing_uses_it(
    consents: tuple[Consent, ...], log_read: bool, left_out: bool
) -> None:
    tenant = make_tenant(EVERYBODY_BUT_BG, role_assignments=ADMINISTRATOR)
    account = Account("bg", "svc-x@contoso.com", "X", consents=consents)
    found = propose(tenant, [Candidate(account)], frozenset(), (), log_read=log_read, today=NOW.date())
    assert bool([one for one in found if one.left_out_because]) is left_out


def test_a_synchronization_role_that_is_held_twice_counts() -> None:
    held = tuple(RoleAssignment("a", SYNC_ROLE, "Sync", built_in) for built_in in (True, None))
    (found,) = propose(
        make_tenant(role_assignments=held), [Candidate(Account("a", "a@x", "A"))], frozenset(), (), today=NOW.date()
    )
    assert found.left_out_because == "It is a directory synchronization account."
