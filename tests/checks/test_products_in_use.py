"""The products that people really have, by what a password sign-in of theirs looks like; and people, who use none.

Microsoft's log shows a sign-in with a password by protocol, with ``BAV2ROPC`` as its user agent and an application of
Microsoft's: only the account's names tell the product.
"""

from dataclasses import replace

import pytest

from checks.product_files import known_products
from checks.products import recognise
from tenant.model import Account, Consent, SignInUse
from tests.checks.kit import NOW

EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
EWS, IMAP, SHELL = "Exchange Web Services", "IMAP4", "Exchange Online PowerShell"
SMTP = "Authenticated SMTP"


def sign_in(
    client: str, way: str = "background", app: str = "Office 365 Exchange Online", agent: str = "BAV2ROPC"
) -> SignInUse:
    return SignInUse("a", client, EXCHANGE_ONLINE, app, agent, way, 40, 20, NOW, NOW)


def account(local: str, shown: str, *uses: SignInUse) -> Account:
    return Account("a", f"{local}@contoso.com", shown, sign_ins=uses)


def names(one: Account) -> list[str]:
    return [found.product.name for found in recognise(one, known_products())]


WITH_PASSWORDS = [
    ("svc-codetwo-backup", "CodeTwo Backup", EWS, "CodeTwo Backup"),
    ("svc-codetwo-migration", "Migration", EWS, "CodeTwo Office 365 Migration and CodeTwo Exchange Migration"),
    ("codetwo.signatures", "Signatures", EWS, "CodeTwo Email Signatures 365"),
    ("svc-codetwo", "Service CodeTwo", "Other clients", "CodeTwo software"),
    ("svc-veeam365", "Veeam 365", EWS, "Veeam Backup for Microsoft 365"),
    ("veeam", "Veeam Notifications", SMTP, "Veeam Backup & Replication"),
    ("svc-avepoint", "AvePoint", SHELL, "AvePoint Cloud Backup for Microsoft 365"),
    ("svc_barracuda_backup", "Barracuda", EWS, "Barracuda Cloud-to-Cloud Backup"),
    ("exclaimer", "Exclaimer Sync", EWS, "Exclaimer"),
    ("migrationwiz", "MigrationWiz", EWS, "MigrationWiz"),
    ("synology-backup", "Active Backup", EWS, "Active Backup for Microsoft 365"),
    ("svc-nakivo", "NAKIVO", SMTP, "NAKIVO Backup & Replication"),
    ("mailstore", "MailStore Journal", IMAP, "MailStore Server"),
    ("datto-backup", "Datto", EWS, "Datto SaaS Protection"),
    ("svc.keepit", "Keepit", EWS, "Keepit"),
    ("cloudally", "CloudAlly backup", EWS, "CloudAlly"),
    ("jira", "Jira", IMAP, "Jira"),
    ("jira-noreply", "JIRA Service Desk", SMTP, "Jira"),
    ("osticket", "Helpdesk osTicket", "POP3", "osTicket"),
    ("zammad", "Zammad", IMAP, "Zammad"),
    ("gitlab", "GitLab", SMTP, "GitLab"),
    ("svc-servicenow", "ServiceNow", SMTP, "ServiceNow"),
    ("svc-sap", "SAP ERP", SMTP, "SAP ABAP systems (ECC, S/4HANA)"),
    ("sapconnect.prd", "SAPconnect PRD", SMTP, "SAP ABAP systems (ECC, S/4HANA)"),
    ("businesscentral", "Business Central", SMTP, "Dynamics 365 Business Central"),
    ("kaseya", "Kaseya VSA", SMTP, "Kaseya VSA 10"),
    ("paservermonitor", "PA Server Monitor", SMTP, "PA Server Monitor"),
    ("activexperts", "ActiveXperts", SMTP, "ActiveXperts Network Monitor"),
    ("redpeaks", "Redpeaks", SMTP, "Redpeaks"),
    ("netbrain", "NetBrain", SMTP, "NetBrain"),
    ("kace", "KACE helpdesk", "IMAP", "KACE Systems Management Appliance"),
    ("wordpress", "Website", SMTP, "WordPress mail plugins (FluentSMTP, WP Mail SMTP, Post SMTP)"),
    ("qnap-nas01", "QNAP", SMTP, "QNAP NAS"),
    ("synology", "DiskStation", SMTP, "Synology NAS"),
    ("epson2", "Epson WF-C5790", SMTP, "Epson multifunction printer"),
    ("canon", "Canon Floor 2", SMTP, "Canon imageRUNNER"),
    ("scan.floor3", "Canon iR-ADV C3530", SMTP, "Canon imageRUNNER"),
    ("ricoh-im-c3000", "Ricoh", SMTP, "Ricoh multifunction printer"),
    ("xerox", "Xerox AltaLink", SMTP, "Xerox multifunction printer"),
    ("fujifilm.apeos", "Apeos", SMTP, "Fujifilm multifunction printer and IWpro"),
    ("bizhub-og2", "Konica Minolta", SMTP, "Konica Minolta bizhub"),
    ("sharp", "Sharp MFP", SMTP, "Sharp multifunction printer"),
    ("scanner", "Scanner", "SMTP", "Multifunction printer or scanner"),
    ("drucker3", "Drucker OG", SMTP, "Multifunction printer or scanner"),
    ("nextcloud", "Nextcloud", SMTP, "Nextcloud"),
    ("uptimekuma", "Uptime Kuma", SMTP, "Uptime Kuma"),
    ("canvas-lms", "Canvas", SMTP, "Canvas LMS"),
    ("greenlight.noreply", "BigBlueButton", SMTP, "Greenlight (BigBlueButton)"),
    ("opensearch", "OpenSearch Alerts", SMTP, "OpenSearch Alerting"),
    ("mirth", "Mirth Connect", SMTP, "Mirth Connect"),
    ("nodinite", "Nodinite Monitoring", SMTP, "Nodinite"),
    ("arcserve-udp", "Arcserve UDP", SMTP, "Arcserve UDP"),
    ("m365-manageengine", "M365 Security Plus", EWS, "ManageEngine M365 Manager Plus and M365 Security Plus"),
    ("cayosoft", "Cayosoft Administrator", SHELL, "Cayosoft Administrator"),
    ("duplicati", "Duplicati reports", SMTP, "Duplicati"),
    ("imapsync", "imapsync migration", IMAP, "imapsync"),
    # names that say a little more than the product
    ("svc-sap-mail", "SAP outbound mail", SMTP, "SAP ABAP systems (ECC, S/4HANA)"),
    ("sap.prd", "SAP PRD SCOT", SMTP, "SAP ABAP systems (ECC, S/4HANA)"),
    ("sharp-mx", "Sharp MX-3071", SMTP, "Sharp multifunction printer"),
    ("sharp2", "Sharp BP-50C31", SMTP, "Sharp multifunction printer"),
    ("jira", "Jira mail handler", IMAP, "Jira"),
    ("epson.wf", "Epson WorkForce 2nd floor", SMTP, "Epson multifunction printer"),
]  # fmt: skip


@pytest.mark.parametrize(("local", "shown", "client", "product"), WITH_PASSWORDS)
def test_a_product_is_recognised_while_it_still_signs_in_with_a_password(
    local: str, shown: str, client: str, product: str
) -> None:
    assert names(account(local, shown, sign_in(client))) == [product]


def test_a_person_in_a_browser_hides_no_product_that_signs_in_after_it() -> None:
    by_app = sign_in("Mobile Apps and Desktop clients", app="CodeTwo Backup for Office 365", agent="")
    browser = sign_in("Browser", way="browser", app="Office 365 Exchange Online", agent="")
    assert names(account("a", "A", browser, by_app)) == ["CodeTwo Backup"]


def test_every_known_product_is_among_them() -> None:
    shown = {product for *_, product in WITH_PASSWORDS}
    assert shown == {product.name for product in known_products()}
    assert len(shown) >= 30


def test_a_name_alone_is_no_sign() -> None:
    for local, shown, _, _ in WITH_PASSWORDS:
        assert names(account(local, shown)) == []
        assert names(account(local, shown, sign_in("Browser", "browser", agent=""))) == []


PEOPLE = [
    ("claire.epson", "Claire Epson"),
    ("epson", "Claire Epson"),
    ("nina.cayo", "Nina Cayo"),
    ("max.sharp", "Max Sharp"),
    ("anna.sharp", "Anna Sharp"),
    ("nick.canon", "Nick Canon"),
    ("canon", "Nick Canon"),
    ("p.drucker", "Peter Drucker"),
    ("drucker", "Peter Drucker"),
    ("lena.buchdrucker", "Lena Buchdrucker"),
    ("jolande.sap", "Jolande Sap"),
    ("petr.jira", "Petr Jira"),
    ("jan.jirasek", "Jan Jirásek"),
    ("kace.miller", "Kace Miller"),
    ("kacey.musgraves", "Kacey Musgraves"),
    ("m.datto", "Marco Datto"),
    ("laura.dattolo", "Laura Dattolo"),
    ("yuki.kuma", "Yuki Kuma"),
    ("peter.mirth", "Peter Mirth"),
    ("emma.jepson", "Emma Jepson"),
    ("john.snow", "John Snow"),
    ("frank.brother", "Frank Brother"),
    ("b.green", "Bob Green-Light"),
    ("sage.canvas", "Sage Canvas"),
    ("ada.lovelace", "Ada Lovelace"),
    ("wp.meyer", "W. P. Meyer"),
    ("central", "Central Business Office"),
    ("maria.garcia-faxas", "María García Faxas"),
    ("kumar.scandella", "Kumar Scandella"),
]


@pytest.mark.parametrize(("local", "shown"), PEOPLE)
def test_people_with_mail_programs_match_no_product(local: str, shown: str) -> None:
    uses = [
        sign_in(SMTP),  # an old mail program that sends with a password
        sign_in("IMAP4"),
        sign_in("Exchange ActiveSync", agent="Apple-iPhone14C5/2107.50"),
        sign_in("Exchange Web Services", agent="MacOutlook/16.79"),
        sign_in("Other clients"),
        sign_in("Browser", "browser", "OfficeHome", ""),
        sign_in("Mobile Apps and Desktop clients", "app", "Microsoft Outlook", ""),
    ]
    assert names(account(local, shown, *uses)) == []


@pytest.mark.parametrize(
    "app",
    ["Jira", "Jira Cloud", "Zammad", "GitLab", "SAP Analytics Cloud", "ServiceNow", "Nextcloud", "Synology SSO", "Barracuda VPN",
     "Epson Connect", "Exclaimer", "Keepit", "AvePoint EnPower", "Canvas"],
)  # fmt: skip
def test_people_who_sign_in_to_a_product_are_not_taken_for_it(app: str) -> None:
    person = account("ada.lovelace", "Ada Lovelace", sign_in("Browser", "browser", app, ""))
    assert names(person) == []


@pytest.mark.parametrize("app", ["Jira", "Zammad", "GitLab", "SAP Concur", "ServiceNow", "Nextcloud", "Synology SSO"])
@pytest.mark.parametrize("kind", ["assignment", "consent"])
def test_people_who_may_use_a_product_are_not_taken_for_it(app: str, kind: str) -> None:
    person = replace(account("ada.lovelace", "Ada Lovelace"), consents=(Consent("x", app, kind),))
    assert names(person) == []


def test_a_general_entry_gives_way_to_the_device_itself() -> None:
    assert names(account("ricoh-scan", "Scanner 2", sign_in(SMTP))) == ["Ricoh multifunction printer"]
    assert names(account("mfp-2", "Scanner 2", sign_in(SMTP))) == ["Multifunction printer or scanner"]
