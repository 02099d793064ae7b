"""Whether an app password would be let in today: what policies say, what Exchange Online takes, and what the sign-in log shows. Pure.

``usability`` (``checks/usability.py``) is the answer of the policies alone, and its meaning is fixed. People ask for more: a protocol
that takes no passwords, or sign-ins that are refused every day, don't "work" because no policy blocks them. What was looked at is said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from basics.times import day
from checks.client_sign_ins import ClientSignIns, clients_of
from checks.model import ExchangeView, JudgedAccount, SmtpAuth, Usability
from checks.password_use import SMTP_AUTH
from checks.phrases import joined
from checks.refused import LOG_REACHES
from checks.retirements import Protocol, dated_protocol, protocol_of
from checks.usage import retired_uses


class Answer(StrEnum):
    """Whether an app password would be let in; worst first."""

    BLOCKED_BY_SECURITY_DEFAULTS = "blocked_by_security_defaults"
    BLOCKED_BY_POLICY = "blocked_by_policy"
    REFUSED = "refused"
    """No policy that was read blocks it, and the newest sign-ins were refused all the same."""
    SWITCHED_OFF = "switched_off"
    """Exchange Online refuses it, as an export says."""
    ENDED = "ended"
    """Exchange Online takes no passwords any more over the protocols that the account uses, or takes none by default."""
    DOUBTFUL = "doubtful"
    """A client got in, and another was refused, or the protocol has ended all the same."""
    UNKNOWN = "unknown"
    CONDITIONAL = "conditional"
    """Blocked in some circumstances."""
    NOT_BLOCKED = "not_blocked"
    """Nothing that was looked at blocks it, and nobody has seen it work."""
    WORKS = "works"
    """Nothing blocks it, and a sign-in with a password got in lately."""
    NOT_CHECKED = "not_checked"


class Looked(StrEnum):
    """What can be looked at."""

    POLICIES = "policies"
    DATES = "service_dates"
    SIGN_INS = "sign_in_log"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class LetIn:
    """The answer for one account."""

    answer: Answer
    text: str
    """Why, in a sentence or two, with what was looked at."""
    looked_at: tuple[Looked, ...] = ()
    on: date | None = None
    """The day on which Microsoft ends it, for what works or isn't blocked today."""


_LOOKED = {
    Looked.POLICIES: "policies",
    Looked.DATES: "Microsoft's dates",
    Looked.SIGN_INS: "the sign-in log",
    Looked.EXCHANGE: "the export of Exchange Online",
}
_BY_POLICIES = {
    Usability.BLOCKED_BY_SECURITY_DEFAULTS: "Security Defaults block legacy authentication, with or without an app password.",
    Usability.BLOCKED_BY_POLICY: "A Conditional Access policy blocks legacy authentication, with or without an app password.",
    Usability.UNKNOWN: "What decides could not all be read.",
    Usability.CONDITIONAL: "A policy blocks legacy authentication in some circumstances, or may do so.",
}


def let_in(judged: JudgedAccount, now: datetime) -> LetIn:
    """Whether an app password of the account would be let in at that time (aware)."""
    usability = judged.verdict.usability
    if usability is Usability.NOT_CHECKED:
        return LetIn(Answer.NOT_CHECKED, "No app password comes into question for the account.")
    clients = [one for one in clients_of(judged.account) if one.legacy]
    answer, why, on = _answer(usability, clients, judged, now)
    looked = (
        Looked.POLICIES,
        Looked.DATES,
        *((Looked.SIGN_INS,) if judged.account.outcomes or judged.account.sign_ins else ()),
        *((Looked.EXCHANGE,) if judged.exchange else ()),
    )
    return LetIn(answer, f"{why} {_looked(looked)}", looked, on)


def _answer(
    usability: Usability, clients: Sequence[ClientSignIns], judged: JudgedAccount, now: datetime
) -> tuple[Answer, str, date | None]:
    """The answer, why, and until when."""
    today = now.date()
    if usability in (Usability.BLOCKED_BY_SECURITY_DEFAULTS, Usability.BLOCKED_BY_POLICY):
        return Answer(usability.value), _BY_POLICIES[usability], None
    in_use = [one for one in clients if one.last_in and not one.run and now - one.last_in.last_seen <= LOG_REACHES]
    refused = [one for one in clients if one.run and one.last_refused and now - one.last_refused <= LOG_REACHES]
    gone = _gone(judged, clients, today)
    off = judged.exchange if judged.exchange and _is_off(judged.exchange, in_use) else None
    said = [
        *(
            [f"The newest sign-ins with {_names(refused)} were refused although the password was right."]
            if refused
            else []
        ),
        *([off.text] if off else []),
        *(one.since for one in gone),
    ]
    if said:
        if in_use and not off and usability is not Usability.UNKNOWN:
            last = day(max(map(_last_in, in_use)))
            return Answer.DOUBTFUL, f"{_names(in_use)} got in, last on {last}; but: {' '.join(said)}", None
        if not in_use or off:
            return (Answer.REFUSED if refused else Answer.SWITCHED_OFF if off else Answer.ENDED), " ".join(said), None
    if usability is not Usability.USABLE:
        return Answer(usability.value), _BY_POLICIES[usability], None
    on, ends = _ahead(in_use, today)
    if not in_use:
        return Answer.NOT_BLOCKED, f"No policy blocks it; nobody has seen a sign-in with a password get in.{ends}", on
    newest = max(in_use, key=_last_in)
    return Answer.WORKS, f"No policy blocks it, and {newest.name} got in on {day(_last_in(newest))}.{ends}", on


def _names(clients: Iterable[ClientSignIns]) -> str:
    return joined(list(dict.fromkeys(one.name for one in clients)))


def _last_in(client: ClientSignIns) -> datetime:
    if client.last_in is None:
        raise AssertionError("only clients that got in are asked")
    return client.last_in.last_seen


def _is_off(view: ExchangeView, in_use: list[ClientSignIns]) -> bool:
    """Whether an export says so that is neither old nor older than a sign-in that got in."""
    after = any(_last_in(one) > view.taken and protocol_of(one.name) is dated_protocol(SMTP_AUTH) for one in in_use)
    return view.smtp_auth is SmtpAuth.OFF and not view.stale and not after


def _gone(judged: JudgedAccount, clients: Iterable[ClientSignIns], today: date) -> list[Protocol]:
    """The protocols of the account, or SMTP AUTH where none is seen, whose day has passed and that no export that isn't old says to be on again."""
    smtp, view = dated_protocol(SMTP_AUTH), judged.exchange
    used = dict.fromkeys((*retired_uses(judged.account), *(one for c in clients if (one := protocol_of(c.name)))))
    says_on = view is not None and view.smtp_auth is SmtpAuth.ON and not view.stale
    on_again = says_on and view is not None and view.taken.date() >= smtp.on
    return [one for one in used or [smtp] if one.on <= today and not (on_again and one is smtp)]


def _ahead(in_use: list[ClientSignIns], today: date) -> tuple[date | None, str]:
    """The next day on which what the account uses ends, and the sentence about it; of SMTP AUTH where nothing is seen."""
    used = [protocol for one in in_use if (protocol := protocol_of(one.name))] or [dated_protocol(SMTP_AUTH)]
    ahead = min((one for one in used if one.on > today), key=lambda one: one.on, default=None)
    return (ahead.on, f" {ahead.before}") if ahead else (None, "")


def _looked(looked: tuple[Looked, ...]) -> str:
    missing = [words for one, words in _LOOKED.items() if one not in looked]
    beside = f" Not at {joined(missing, 'or')}." if missing else ""
    return f"Looked at: {joined([_LOOKED[one] for one in looked])}.{beside}"
