"""The applications of the demo company: Microsoft's, other vendors', its own, and who consented to them."""

from localgraph.builder import TenantBuilder
from localgraph.ids import APPS, MICROSOFT_SERVICES_TENANT, make_id

_DOMAIN = "alderleaf.example"
VENDOR_APPS = {
    "CodeTwo Backup for Office 365": "codetwo",
    "Northgate CRM Sync": "northgate",
    "Pagerloom Monitoring": "pagerloom",
    "Deskwell Help Desk": "deskwell",
    "Slotwise Scheduling": "slotwise",
    "Stampwell Labels": "stampwell",
}
"""Applications of other vendors: name -> what their tenant's id is made from. Invented, but for the first."""


def add_apps(build: TenantBuilder) -> None:
    """Adds them; accounts have to be there before."""
    microsoft = {
        "Microsoft Graph": APPS["Microsoft Graph"],
        "Office 365 Exchange Online": APPS["Exchange Online"],
        "Office 365 SharePoint Online": APPS["SharePoint Online"],
        "Windows Azure Service Management API": APPS["Azure management"],
    }
    for name, app_id in microsoft.items():
        build.service_principal(name, app_id=app_id, owner=MICROSOFT_SERVICES_TENANT, tags=[])
    for name, vendor in VENDOR_APPS.items():
        build.service_principal(name, owner=make_id("vendor", vendor))
    build.service_principal("Alderleaf ERP", signInAudience="AzureADMyOrg")
    build.service_principal(
        "ald-automation", servicePrincipalType="ManagedIdentity", signInAudience="AzureADMyOrg", tags=[]
    )
    exchange = "Office 365 Exchange Online"
    build.consent(
        "CodeTwo Backup for Office 365",
        "EWS.AccessAsUser.All",
        user=f"svc-codetwo-backup@{_DOMAIN}",
        resource=exchange,
    )
    build.consent("Northgate CRM Sync", "Mail.Read Contacts.Read", user=f"svc-crm@{_DOMAIN}")
    build.consent(
        "Deskwell Help Desk", "IMAP.AccessAsUser.All offline_access", user=f"svc-helpdesk@{_DOMAIN}", resource=exchange
    )
    build.consent("Pagerloom Monitoring", "User.Read")
    build.consent("Pagerloom Monitoring", "Mail.Read Mail.Send", user=f"pagerloom@{_DOMAIN}")
    # People consent to things as well: that makes nobody a service account.
    build.consent("Slotwise Scheduling", "Calendars.ReadWrite", user=f"hannah.becker@{_DOMAIN}")
    build.consent("Slotwise Scheduling", "Calendars.ReadWrite", user=f"liam.doyle@{_DOMAIN}")
    build.app_role(f"svc-crm@{_DOMAIN}", "Northgate CRM Sync")
    build.app_role(f"svc-erp-mailer@{_DOMAIN}", "Alderleaf ERP")
    build.app_role(f"hannah.becker@{_DOMAIN}", "Slotwise Scheduling")
    # Nothing but its assignment shows the one; the other only works there.
    build.app_role(f"stampwell@{_DOMAIN}", "Stampwell Labels")
    build.app_role(f"dave.holt@{_DOMAIN}", "Stampwell Labels")
