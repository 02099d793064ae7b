"""Service accounts of the demo company that nobody put on a list: discovery has to find them."""

from localgraph.builder import TenantBuilder

_DOMAIN = "alderleaf.example"
UNLISTED = ("dispatch-notes", "mfp-gdansk-2", "pagerloom", "stampwell")
"""Local parts of their user principal names."""


def add_unlisted(build: TenantBuilder) -> None:
    """Adds them; the applications come later."""
    build.user(f"dispatch-notes@{_DOMAIN}", name="Dispatch notes", department="Warehouse")
    build.user(f"mfp-gdansk-2@{_DOMAIN}", name="Urządzenie wielofunkcyjne, piętro 2", department="IT")
    build.user(f"pagerloom@{_DOMAIN}", name="Pagerloom", department="IT", passwordPolicies="DisablePasswordExpiration")
    build.user(f"stampwell@{_DOMAIN}", name="Stampwell", department="Warehouse")
