"""Finds known errors in what a mail program, a device or the sign-in log shows: a sentence, a code, or a piece of a log.

Words decide before codes: 535 5.7.139 stands for half a dozen errors, and only the sentence after it tells them apart. What
has the form of an error and isn't known is named, never guessed at.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import zip_longest

from checks.known_errors import KnownError, known_errors

_SHOWN = 120
"""How many characters of a text are shown as evidence."""


class Certainty(StrEnum):
    """How sure it is that an error is meant; surest first."""

    CERTAIN = "certain"
    """Its own words, or its number, named as an error's."""
    LIKELY = "likely"
    """A status code that only this error is known to use."""
    POSSIBLE = "possible"
    """A status code or words that several errors share, or a number that may be something else."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known error in a text."""

    error: KnownError
    certainty: Certainty
    evidence: str
    """What in the text shows it. As hostile as the text is."""
    place: int
    """Where that stands, in characters."""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found in a text."""

    matches: tuple[Match, ...]
    """Surest first; each error once."""
    unknown: tuple[str, ...]
    """What has the form of an error and isn't known, as it is written there; each once."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """An enhanced status code in a text, with the stretch of the text that belongs to it."""

    code: str
    text: str
    """As it is written, with the reply code before it."""
    since: int
    """Where its line begins, or the code before it ends: some programs show the words first."""
    start: int
    until: int

    def is_said_by(self, match: Match) -> bool:
        """Whether the words of an error belong to this code."""
        if match.error.codes:
            return False
        return self.start <= match.place < self.until or (
            self.code in match.error.replies and self.since <= match.place < self.start
        )


_NUMBERS = r"[0-9]{5,8}(?:[\s,;]+[0-9]{5,8})*"
_LABELLED = re.compile(
    r"AADSTS[\s:]{0,2}(?P<entra>[0-9]{4,8})"
    rf"|(?:error|(?:error|failure|result|sign-?in)[\s_-]{{0,2}}(?:error[\s_-]{{0,2}})?(?:codes?|type)|error\?code)"
    rf"[\"'\s:=\[(#]{{0,6}}(?P<said>{_NUMBERS})(?![\w.-])",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"\s*{_NUMBERS}\s*")
_BARE = re.compile(r"(?<![\w.:/@#&-])[0-9]{5,8}(?![\w/@-]|[.:]\w)")
_REPLY = re.compile(
    r"(?P<label>\b[245][0-9]{2}(?:[\s-]{1,4}#?|[:,)]\s{0,4}b?[\"']?)"  # "535 5.7.3", MailKit's "535: 5.7.3", Python's "(535, b'5.7.3"
    r"|\b(?:status|error|code|smtp info):?\s{0,4}|#|\bsmtp;\s{0,4}|\bresponse(?: was)?:?\s{0,4}[\"']?)?"
    r"(?<![\w.])(?P<code>[45]\.[0-9]{1,3}\.[0-9]{1,3})(?![\w-]|\.[0-9])",
    re.IGNORECASE,
)
_BETWEEN = r"\s+(?:[245][0-9]{2}[ -](?:[245]\.[0-9]{1,3}\.[0-9]{1,3}\s+)?)?"
"""Between two words of a reply: it may be wrapped, and each line begins with its code again."""


def explain(text: str) -> Explanation:
    """The known errors in a text, and what looks like errors that aren't known."""
    found: list[Match] = []
    unknown: list[tuple[int, str]] = []
    sure = list(_phrases(text, decisive=True))
    spans = [(match.place, match.place + len(match.evidence)) for match in sure]
    hints = [
        match for match in _phrases(text, decisive=False) if not any(start <= match.place < end for start, end in spans)
    ]
    found += [*sure, *hints]
    for part in (_by_number(text), _by_reply(text, sure)):
        for one in part:
            if isinstance(one, Match):
                found.append(one)
            else:
                unknown.append(one)
    return Explanation(_each_once(found), tuple(dict.fromkeys(said for _, said in sorted(unknown))))


def _each_once(matches: Sequence[Match]) -> tuple[Match, ...]:
    best: dict[str, Match] = {}
    order = tuple(Certainty)
    for match in sorted(matches, key=lambda one: (order.index(one.certainty), one.place)):
        known = best.setdefault(match.error.id, match)
        if known is not match and known.certainty is match.certainty:
            best[match.error.id] = replace(known, times=known.times + 1)
    return tuple(best.values())


def _phrases(text: str, *, decisive: bool) -> Iterator[Match]:
    for error, pattern in _patterns(decisive):
        for hit in pattern.finditer(text):
            yield Match(error, Certainty.CERTAIN if decisive else Certainty.POSSIBLE, hit[0], hit.start())


def _by_number(text: str) -> Iterator[Match | tuple[int, str]]:
    """Numbers of Microsoft Entra ID."""
    if _ALONE.fullmatch(text):
        yield from _numbered(text, 0, Certainty.CERTAIN, "")
        return
    for hit in _LABELLED.finditer(text):
        group = hit.lastgroup or ""
        yield from _numbered(hit[group], hit.start(group), Certainty.CERTAIN, "AADSTS" if group == "entra" else "")
    for hit in _BARE.finditer(text):
        if int(hit[0]) in _numbers():  # what was named above is surer, and stays
            yield Match(_numbers()[int(hit[0])], Certainty.POSSIBLE, hit[0], hit.start())


def _numbered(text: str, place: int, certainty: Certainty, prefix: str) -> Iterator[Match | tuple[int, str]]:
    for hit in re.finditer(r"[0-9]+", text):
        said, error = f"{prefix}{hit[0]}", _numbers().get(int(hit[0]))
        yield Match(error, certainty, said, place + hit.start()) if error else (place + hit.start(), said)


def _by_reply(text: str, sure: Sequence[Match]) -> Iterator[Match | tuple[int, str]]:
    """Status codes of SMTP whose words say no more."""
    for reply in _replies(text):
        if any(reply.is_said_by(match) for match in sure):
            continue  # its words have decided
        errors = [error for error in known_errors() if reply.code in error.replies]
        certainty = Certainty.LIKELY if len(errors) == 1 else Certainty.POSSIBLE
        evidence = text[reply.start : min(reply.until, reply.start + _SHOWN)].strip()
        for error in errors:
            yield Match(error, certainty, evidence, reply.start)
        if not errors:
            yield reply.start, " ".join(reply.text.split())


def _goes_on(hit: re.Match[str], after: re.Match[str] | None) -> bool:
    """Whether a reply goes on in the next line, as 535-5.7.139 does: all its lines are one."""
    return after is not None and after["code"] == hit["code"] and (hit["label"] or "").endswith("-")


def _replies(text: str) -> list[_Reply]:
    # Without anything that says so it is a version number, unless the text begins with it.
    hits = [hit for hit in _REPLY.finditer(text) if hit["label"] or not text[: hit.start()].strip()]
    found: list[_Reply] = []
    first, before = None, 0
    for hit, after in zip_longest(hits, hits[1:]):
        first = first or hit
        if _goes_on(hit, after):
            continue
        until = after.start() if after else len(text)
        since = max(before, text.rfind("\n", 0, first.start()) + 1)
        found.append(_Reply(hit["code"], hit[0], since, first.start(), until))
        first, before = None, hit.end()
    return found


@cache
def _numbers() -> dict[int, KnownError]:
    return {code: error for error in known_errors() for code in error.codes}


@cache
def _patterns(decisive: bool) -> tuple[tuple[KnownError, re.Pattern[str]], ...]:
    return tuple(
        (error, re.compile(_pattern(words), re.IGNORECASE))
        for error in known_errors()
        for words in (error.texts if decisive else error.hints)
    )


def _pattern(words: str) -> str:
    parts = [re.escape(word).replace("'", "['\N{RIGHT SINGLE QUOTATION MARK}]") for word in words.split()]
    begin = r"(?<!\w)" if words[0].isalnum() else ""
    return begin + _BETWEEN.join(parts)
