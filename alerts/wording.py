"""The words of alerts: counts, dates, and what each check means as a short phrase."""

from collections.abc import Sequence

from alerts.model import Alert, AlertItem, Kind, Purpose
from alerts.text import clean

NAME = 80
"""Characters of a name that are shown."""

PRODUCT = 40
"""Characters of a product's name."""

RETIRED = "APW-010"
REFUSED = "APW-015"
ALREADY = "has been retired"
"""How the title of that check ends once the day has passed."""
_RETIRED_ALREADY = ("uses a protocol that has been retired", "use a protocol that has been retired")
_RETIRED_AND_IN = (
    "uses a protocol that has been retired, and gets in",
    "use a protocol that has been retired, and get in",
)
"""The same where sign-ins got in since: nothing is broken yet."""
_STATES: dict[str, tuple[str, str]] = {
    "APW-001": ("is missing the app-password option", "are missing the app-password option"),
    "APW-002": ("is missing the app-password option", "are missing the app-password option"),
    "APW-003": ("is stuck without the app-password option", "are stuck without the app-password option"),
    "APW-004": ("has not registered for MFA yet", "have not registered for MFA yet"),
    "APW-005": (
        "has no app-password option in some circumstances",
        "have no app-password option in some circumstances",
    ),
    "APW-006": (
        "is about to have the app-password option hidden",
        "are about to have the app-password option hidden",
    ),
    "APW-007": ("can't use an app password", "can't use an app password"),
    "APW-008": ("can't be checked completely", "can't be checked completely"),
    "APW-009": ("has per-user MFA switched off", "have per-user MFA switched off"),
    RETIRED: ("uses a protocol that is being retired", "use a protocol that is being retired"),
    "APW-011": ("holds a directory role", "hold a directory role"),
    "APW-012": ("is shared, synchronised or used by people", "are shared, synchronised or used by people"),
    "APW-013": ("is about to have app passwords blocked", "are about to have app passwords blocked"),
    "APW-014": (
        "is offered no app password: they are switched off for the whole tenant",
        "are offered no app password: they are switched off for the whole tenant",
    ),
    "APW-015": ("has its sign-ins refused", "have their sign-ins refused"),
    "APW-016": ("has only MFA methods that are being retired", "have only MFA methods that are being retired"),
    "APW-017": (
        "would lose the app-password option by a recommendation of Microsoft's",
        "would lose the app-password option by a recommendation of Microsoft's",
    ),
}
"""What is true of one account, and of several, while a finding is open."""

_SWITCHED_OFF = "APW-009"
_HIDDEN = frozenset({"APW-001", "APW-002"})
MISSING = _HIDDEN | {"APW-003"}
"""Checks of accounts without the option: it is lost where it was there, and otherwise missing."""

HIDES_THE_OPTION = frozenset({"APW-001"})
"""Checks that one policy decides: said with the policy as the subject."""

BY_ONE_POLICY = HIDES_THE_OPTION | {"APW-007"}
"""Checks of what is over once the account is out of the one policy that does it."""

BESIDE = frozenset({"APW-010", "APW-011", "APW-012", "APW-016", "APW-017"})
"""Checks of how an account is used, rather than of its app password."""

WITH_A_DAY = frozenset({RETIRED, "APW-016"})
"""Checks of what Microsoft retires on a day."""

REPORT_COMMAND = "python cli.py report --open"
"""What shows everything where no address of the report is known (docs/webhook.md, README.md)."""

ACCEPT_COMMAND = "To accept a finding: python cli.py exceptions add (with --help it says how)."
"""How a finding is accepted where no address of the report is known."""

FIRST_SCAN = "All of this was so before the first scan. From now on you hear only of what changes."
"""What is said once, with everything that the first scan found."""
CAUGHT_UP = (
    "Scans found this while no alert channel was set, so that nobody could be told: it is everything that is open now. From now "
    "on you hear only of what changes."
)
"""What is said with everything that is open, once there is a channel."""

PRODUCT_NAME = "App password watch"
"""Who sends the message: a card comes from a workflow, and a mail from a mailbox of the tenant."""

MEANING = (
    "Without the option nobody can make an app password for the account: a product that needs one stops signing in, "
    "at the latest when its password has to be replaced."
)
"""Said once in a message (docs/checks.md, "Why it matters" of APW-001)."""

UNCHANGED = "Findings that depend on it stay as they were."
"""What follows from something unreadable."""

URGENCY = {
    "now": "Broken now",
    "unknown": "Cannot tell",
    "later": "Will break",
    "tidy": "To tidy up",
}
"""When something breaks, the most urgent first: the same words as in the report."""

LABELS = {
    Kind.OPENED: "New",
    Kind.REOPENED: "Back again",
    Kind.EXCEPTION_EXPIRED: "Exception ended",
    Kind.CHANGED: "Changed",
    Kind.FLAPPING: "Comes and goes",
    Kind.STILL_OPEN: "Still open",
    Kind.RESOLVED: "Resolved",
}


def label(kind: Kind, *, baseline: bool = False) -> str:
    """What happened, in a word or two; nothing that the first scan finds is new."""
    return "Found" if baseline and kind is Kind.OPENED else LABELS[kind]


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 service account``, ``1,204 service accounts``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def service_accounts(number: int, total: int | None) -> str:
    """``3 of 18 service accounts``, ``1 of 18 service accounts``, ``All 18 service accounts``, ``1 service account``."""
    if total is None or total < number:
        return count(number, "service account")
    if total == number and number > 1:
        return f"All {count(number, 'service account')}"
    return f"{number:,} of {count(total, 'service account')}"


def account_name(item: AlertItem) -> str:
    """The account as it is called: its display name, or its user principal name where it has none."""
    return clean(item.display_name, NAME) or user_principal_name(item)


def user_principal_name(item: AlertItem) -> str:
    """The account's user principal name, or its id where that is empty."""
    return clean(item.user_principal_name, NAME) or clean(item.account_id, NAME)


def product(item: AlertItem) -> str:
    """What uses the account, in brackets behind its name: `` (Veeam Backup & Replication)``; empty where nothing is recognised, or where the
    names say it.
    """
    named = f"{item.display_name} {item.user_principal_name}".casefold()
    found = dict.fromkeys(filter(None, (clean(one, PRODUCT) for one in item.products)))
    unsaid = [one for one in found if one.casefold() not in named]
    return f" ({listed(unsaid[:1], len(unsaid))})" if unsaid else ""


def more(alert: Alert, left: int) -> str:
    """What isn't shown, counted: ``And 23 more findings``; of news ``And 1 more change``."""
    found = alert.baseline or alert.purpose is Purpose.DIGEST
    return f"And {count(left, 'more finding' if found else 'more change')}"


def meaning(alert: Alert) -> str:
    """What a missing option means, where somebody is told of one; else empty."""
    told = any(item.check_id in MISSING and item.kind is not Kind.RESOLVED for item in alert.items)
    return MEANING if told else ""


def says_open(alert: Alert) -> bool:
    """Whether to say how much is open: not where it isn't known, nor where the headline of an alert without news says that nothing is."""
    return alert.totals.open is not None and bool(alert.items or alert.totals.open)


def says_the_same(item: AlertItem) -> bool:
    """Whether the display name is only the user principal name again."""
    return account_name(item).casefold() == user_principal_name(item).casefold()


def phrase(
    check_id: str,
    kind: Kind,
    accounts: int,
    *,
    title: str,
    baseline: bool = False,
    newly: bool = False,
    lost: bool = False,
    ended: bool = False,
    broken: bool = True,
) -> str:
    """What is said about ``accounts`` accounts: ``lost the app-password option``, ``are still missing ...``.

    ``ended``: what is retired is gone already, and ``broken``: nobody gets in with it any more; ``newly``: they were watched before,
    and had no trouble then; ``lost``: they had the option then. A check that is not known here is said by its ``title``, after a colon.
    """
    states = _STATES.get(check_id)
    if check_id == RETIRED and ended:
        states = _RETIRED_ALREADY if broken else _RETIRED_AND_IN
    if kind is Kind.FLAPPING:
        return f"{'keeps' if accounts == 1 else 'keep'} changing: {clean(title)}"
    if states is None:
        return f"{'fails' if accounts == 1 else 'fail'} a check: {clean(title)}"
    state = states[0] if accounts == 1 else states[1]
    if kind is Kind.STILL_OPEN:
        verb, _, rest = state.partition(" ")
        return f"{verb} still {rest}" if verb in ("is", "are") else f"still {state}"
    if kind not in (Kind.OPENED, Kind.REOPENED) or baseline:
        return state
    again = " again" if kind is Kind.REOPENED else ""
    if check_id == _SWITCHED_OFF:
        return f"had per-user MFA switched off{again}"
    if lost and check_id in MISSING:
        return f"lost the app-password option{again}"
    if check_id in _HIDDEN and newly:
        affected = f"affected{again}" if again else "newly affected"
        return f"{'is' if accounts == 1 else 'are'} {affected}: MFA hides the app-password option"
    return state


def some_lost(check_id: str, kind: Kind, lost: int) -> str:
    """What to add about the accounts among others that lost the option; empty where the check isn't about that."""
    news = check_id in MISSING and kind in (Kind.OPENED, Kind.REOPENED)
    return f" ({lost:,} of them lost it)" if news and lost else ""


def listed(names: Sequence[str], total: int) -> str:
    """``a, b and 3 more``: the names that are there out of ``total``."""
    more = total - len(names)
    if more > 0:
        return f"{', '.join(names)} and {more:,} more"
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def sentence(text: str) -> str:
    """``text`` with a full stop, if it has no ending of its own."""
    return text if not text or text[-1] in ".!?…" else text + "."
