"""What the words of an account's names say: that it is a machine's."""

import re

SERVICE_WORDS = frozenset(
    """svc svcs srv service services backup backups scan scanner scanners scan2mail scantomail copier printer printers mfp mfd
    fax relay smtp mailer noreply donotreply robot bot automation daemon connector integration interface migration journal
    monitoring helpdesk ticketing archive codetwo veeam erp crm sap api
    alert alerts alarm alarms notification notifications invoice invoices billing orders boardroom meetingroom""".split()
)
"""Words that say what an account is for."""
_BESIDE = frozenset(
    """account admin app application batch building buero connect department dept desk dev device do drucker eg email etage
    floor for gateway handler hq inbound incoming it mail mailbox main mobile network no noreply not notify of office og online outbound outgoing play prd print prod
    production qas reply reports room send sender server servicedesk shared site support system systems test ticket tickets to ug
    user workflow""".split()
)
"""Words that stand in names of machines beside those."""


def words(text: str) -> set[str]:
    """The words of a name, lower-cased: what stands between anything but letters and digits, and before digits at its end."""
    parts = [part for part in re.split(r"[\W_]+", text.casefold()) if part]
    return {*parts, *(part.rstrip("0123456789") for part in parts)} - {""}


def all_of_machines(named: set[str]) -> bool:
    """Whether none of the words may be a person's first or second name, as far as is known here."""
    return all(word in SERVICE_WORDS or word in _BESIDE or not word.isalpha() for word in named)
