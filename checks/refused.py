"""APW-015: sign-ins of an account are being refused although the password is right, whatever the verdict says. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from basics.times import moment
from checks.catalog import REFUSED, fingerprint
from checks.client_sign_ins import SECURITY_DEFAULTS, ClientSignIns, clients_of, policies_of, total
from checks.model import Finding, Severity
from checks.phrases import joined, limited, quoted
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
    so_far = replace(account, outcomes=tuple(_so_far(account.outcomes, now)))
    judged = [(severity, one) for one in clients_of(so_far) if (severity := severity_of(one, now))]
    if not judged:
        return None
    judged.sort(key=lambda item: -item[0].rank)
    told = [_sentences(one) for _, one in judged[:_CLIENTS]]
    if (more := len(judged) - _CLIENTS) > 0:
        told.append(f"So it is with {more} more.")
    severity = judged[0][0]
    causes = [f"{one.key}|{cause}" for _, one in judged for cause in _causes(one)]
    return Finding(REFUSED, TITLE, severity, fingerprint(REFUSED, severity, causes), " ".join(told))


def _so_far(outcomes: Iterable[SignInOutcome], now: datetime) -> Iterator[SignInOutcome]:
    """What was until now: a time that is still to come can't be right, and hides nothing that came before."""
    for one in outcomes:
        if one.last_seen <= now:
            yield one
        elif one.first_seen <= now:
            yield replace(one, last_seen=one.first_seen)


def severity_of(client: ClientSignIns, now: datetime) -> Severity | None:
    """How bad the refusals of one client are; None where there are none any more."""
    if client.last_refused is None:
        return None
    age = now - client.last_refused
    if client.run:
        return Severity.HIGH if age <= LOG_REACHES else None
    return Severity.MEDIUM if age < OVER_AFTER else None


def by_what(outcomes: Sequence[SignInOutcome]) -> str:
    """What refused these sign-ins, to go on from *were refused*: the policies that the log names, and the errors."""
    named = policies_of(outcomes)
    policies = [name for id, name in named if id != SECURITY_DEFAULTS]
    by = ["Security Defaults"] if len(policies) < len(named) else []
    if policies:
        by.append(f"the {'policy' if len(policies) == 1 else 'policies'} {limited(quoted(policies), _POLICIES)}")
    codes = [_code(code) for code in sorted({one.code for one in outcomes})]
    errors = f"({'error' if len(codes) == 1 else 'errors'} {joined(codes)})"
    return f"by {joined(by)} {errors}" if by else errors


def not_named(outcomes: Sequence[SignInOutcome]) -> str:
    """That the log names no policy for all or some of these sign-ins, as a sentence; empty where it does for each."""
    unnamed = [one for one in outcomes if not one.policies]
    if not unnamed:
        return ""
    some = "" if len(unnamed) == len(outcomes) else " for some of them"
    if any(one.policies is not None for one in unnamed):
        return f"The log names no policy{some}."
    return (
        f"The log shows no policies{some}: either there are none, or the app may not see them there (that takes "
        "Policy.Read.All)."
    )


def _code(code: int) -> str:
    meaning = meaning_of(code)
    return f"{code}: {meaning}" if meaning else f"{code}, which isn't known here"


def _sentences(client: ClientSignIns) -> str:
    return " ".join(filter(None, _all_refused(client) if client.run else _in_again(client)))


def _all_refused(client: ClientSignIns) -> Iterator[str]:
    run = client.run
    count, start = sum(one.since_last_in for one in run), min(one.run_start or one.first_seen for one in run)
    guessed = any(one.last_seen >= start for one in client.neither)
    what = f"with {client.words}{' whose password was right' if guessed else ''}"
    if count == 1:
        yield f"The newest sign-in {what}, on {moment(start)}, was refused {by_what(run)}."
    else:
        yield f"All {count:,} sign-ins {what} since {moment(start)} were refused {by_what(run)}."
    yield not_named(run)
    yield _from([where for one in run for where in one.run_places], count)
    last = client.last_in
    yield (
        f"The last that got in was on {moment(last.last_seen)}{_comma_from(last.places)}."
        if last
        else "The log shows none that got in."
    )


def _in_again(client: ClientSignIns) -> Iterator[str]:
    count, last = total(client.refused), client.refused[0]
    first = min(one.first_seen for one in client.refused)
    if count == 1:
        yield f"1 sign-in with {client.words} was refused on {moment(first)} {by_what(client.refused)}."
    else:
        when = f"from {moment(first)} to {moment(last.last_seen)}"
        yield f"{count:,} sign-ins with {client.words} were refused {when} {by_what(client.refused)}."
    yield not_named(client.refused)
    yield _from([where for one in client.refused for where in one.places], count)
    since = client.last_in
    yield f"It gets in again: last on {moment(since.last_seen)}{_comma_from(since.places)}." if since else ""


def _from(places: Sequence[str], count: int) -> str:
    shown = _places(places)
    return f"{'It' if count == 1 else 'They'} came from {shown}." if shown else "The log doesn't say from where."


def _comma_from(places: Sequence[str]) -> str:
    """Of sign-ins that got in the newest place alone: it is where the last one came from."""
    return f", from {places[0]}" if places else ""


def _places(places: Sequence[str]) -> str:
    return limited(list(dict.fromkeys(places)), _PLACES)


def _causes(client: ClientSignIns) -> list[str]:
    """What refuses; how often and from where is no cause."""
    of = client.run or client.refused
    return [id or name for id, name in policies_of(of)] or sorted({str(one.code) for one in of})
