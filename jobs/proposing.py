"""Which accounts are looked at when nobody has named any: those with the usual names of service accounts, and those that the logs show."""

from settings import Settings

USUAL_PATTERNS = (
    *(
        "svc-*",
        "svc_*",
        "svc.*",
        "srv-*",
        "srv_*",
        "sa-*",
        "sa_*",
        "service-*",
        "service_*",
        "service.*",
        "app-*",
        "api-*",
    ),
    *(
        "scan@*",
        "scan-*",
        "scanner*",
        "scan2mail*",
        "scantomail*",
        "printer*",
        "copier*",
        "mfp*",
        "mfd-*",
        "fax@*",
        "fax-*",
    ),
    *(
        "backup*",
        "smtp*",
        "relay@*",
        "relay-*",
        "mailer*",
        "noreply*",
        "no-reply*",
        "donotreply*",
        "alerts@*",
        "monitoring*",
    ),
)
"""Each begins with letters, so that Microsoft Graph looks them up by itself, however many users there are."""
EVERYWHERE = frozenset({"signins", "consents"})
"""What ``SERVICE_ACCOUNT_DISCOVERY`` may name."""


def names_none(settings: Settings) -> bool:
    """Whether the settings select no account."""
    return not (
        settings.service_accounts
        or settings.service_account_groups
        or settings.service_account_patterns
        or settings.service_account_attribute
    )


def proposing(settings: Settings) -> Settings:
    """The settings with which what looks like a service account is judged like one: by its name, and by how it is used.

    What the sign-in may not read of the logs is left out, and said.
    """
    return settings.model_copy(
        update={
            "service_account_patterns": USUAL_PATTERNS,
            "service_account_discovery": EVERYWHERE,
            "service_account_discovery_alerts": "all",
        }
    )
