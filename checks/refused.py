"""APW-015: sign-ins of an account are being refused although the password is right, whatever the verdict says. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from checks.catalog import REFUSED, fingerprint
from checks.client_sign_ins import SECURITY_DEFAULTS, ClientSignIns, clients_of, policies_of, total
from checks.model import Finding, Severity
from checks.phrases import joined, limited, moment, quoted
from checks.sign_in_codes import meaning_of
from tenant.model import Account, SignInOutcome

TITLE = "Sign-ins of this account are being refused"
LOG_REACHES = timedelta(days=30)
"""Older refusals are gone. Source: Microsoft Entra data retention (P1 and P2)."""
OVER_AFTER = timedelta(days=7)
"""How long after its last refusal a client that gets in again is still a finding."""
_CLIENTS, _POLICIES, _PLACES = 3, 10, 3
"""How many of them a sentence names."""


def refused_finding(account: Account, now: datetime) -> Finding | None:
    """The finding of an account whose newest sign-ins with some client were refused, or were lately; None without any.

    Takes the account with what the sign-in log shows, and the time of judging.
    """
    judged = [(severity, one) for one in clients_of(account) if (severity := severity_of(one, now))]
    if not judged:
        return None
    judged.sort(key=lambda item: -item[0].rank)
    told = [_sentences(one) for _, one in judged[:_CLIENTS]]
    if (more := len(judged) - _CLIENTS) > 0:
        told.append(f"So it is with {more} more.")
    severity = judged[0][0]
    causes = [f"{one.key}|{cause}" for _, one in judged for cause in _causes(one)]
    return Finding(REFUSED, TITLE, severity, fingerprint(REFUSED, severity, causes), " ".join(told))


def severity_of(client: ClientSignIns, now: datetime) -> Severity | None:
    """How bad the refusals of one client are; None where there are none any more."""
    age = None if client.last_refused is None else now - client.last_refused
    if age is None or age < timedelta():
        return None
    if client.run:
        return Severity.HIGH if age <= LOG_REACHES else None
    return Severity.MEDIUM if age < OVER_AFTER else None


def by_what(outcomes: Sequence[SignInOutcome]) -> str:
    """What refused these sign-ins, to go on from *were refused*: the policies that the log names, and the errors."""
    named = policies_of(outcomes)
    policies = [name for id, name in named if id != SECURITY_DEFAULTS]
    by = [*(["Security Defaults"] if len(policies) < len(named) else [])]
    if policies:
        by.append(f"the {'policy' if len(policies) == 1 else 'policies'} {limited(quoted(policies), _POLICIES)}")
    errors = joined([_error(code) for code in sorted({one.code for one in outcomes})])
    text = f"by {joined(by)} ({errors})" if by else f"({errors})"
    unnamed = [one for one in outcomes if not one.policies]
    if not unnamed:
        return text
    hidden = all(one.policies is None for one in unnamed)
    why = (
        "the log shows no policies: either there are none, or the app may not read them with the log (Policy.Read.All)"
    )
    what = why if hidden else "the log names no policy"
    return f"{text}; {'for some of them ' if by else ''}{what}"


def _sentences(client: ClientSignIns) -> str:
    return _all_refused(client) if client.run else _in_again(client)


def _all_refused(client: ClientSignIns) -> str:
    run = client.run
    count, start = sum(one.since_last_in for one in run), min(one.run_start or one.first_seen for one in run)
    guessed = any(one.last_seen >= start for one in client.neither)
    what = f"with {client.words}{' whose password was right' if guessed else ''}"
    if count == 1:
        text = f"The newest sign-in {what}, on {moment(start)}, was refused {by_what(run)}"
    else:
        text = f"All {count:,} sign-ins {what} since {moment(start)} were refused {by_what(run)}"
    last = client.last_in
    if last is None:
        return f"{text}; they came from {_places(run)}. The log shows none that got in."
    return f"{text}; they came from {_places(run)}. The last that got in was on {moment(last.last_seen)}, from {_places([last])}."


def _in_again(client: ClientSignIns) -> str:
    count, last = total(client.refused), client.refused[0]
    first = min(one.first_seen for one in client.refused)
    was = "was" if count == 1 else "were"
    when = f"on {moment(first)}" if count == 1 else f"from {moment(first)} to {moment(last.last_seen)}"
    times = "1 sign-in" if count == 1 else f"{count:,} sign-ins"
    text = f"{times} with {client.words} {was} refused {when} {by_what(client.refused)}; they came from {_places(client.refused)}."
    since = client.last_in
    return (
        text
        if since is None
        else f"{text} It gets in again: last on {moment(since.last_seen)}, from {_places([since])}."
    )


def _error(code: int) -> str:
    meaning = meaning_of(code)
    return f"error {code}: {meaning}" if meaning else f"error {code}, which isn't known here"


def _places(outcomes: Sequence[SignInOutcome]) -> str:
    places = [where for one in outcomes for where in one.places]
    return limited(list(dict.fromkeys(places)), _PLACES) or "an address that isn't known"


def _causes(client: ClientSignIns) -> list[str]:
    """What refuses; how often and from where is no cause."""
    of = client.run or client.refused
    return [id or name for id, name in policies_of(of)] or sorted({str(one.code) for one in of})
