"""What a run couldn't see: every input that left an answer unknown stands among its gaps. Pure.

Most inputs are gaps as soon as they can't be read. Some only show when accounts are judged: a per-user MFA state or a method that
this version doesn't know, a group that hides its members, a role without a definition.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from checks.model import JudgedAccount
from tenant.model import Gap


def with_missing(gaps: Sequence[Gap], judged: Iterable[JudgedAccount]) -> tuple[Gap, ...]:
    """The gaps of a reading and, for each input that isn't among them, what left an answer unknown, told once for all accounts.

    Of an input that is read one by one, what isn't among them is told, though something else of it is.
    """
    told = {(gap.input, about) for gap in gaps if not gap.optional for about in gap.about}
    found: dict[tuple[str, str], Gap] = {}
    hit: dict[tuple[str, str], set[str]] = {}
    for one in judged:
        for gap in one.verdict.missing:
            own = gap if gap.tenant_wide else replace(gap, account_id=one.account.id)
            if (gap.input, "") not in told and not all((gap.input, about) in told for about in own.about):
                key = (gap.input, gap.error)
                found.setdefault(key, own)
                hit.setdefault(key, set()).add(one.account.id)
    more = (gap if gap.tenant_wide else _of_several(gap, hit[key]) for key, gap in found.items())
    return tuple(sorted((*gaps, *more), key=lambda gap: (gap.input, gap.error)))


def _of_several(gap: Gap, accounts: Collection[str]) -> Gap:
    several = replace(gap, objects=tuple(sorted(accounts)))
    if len(accounts) == 1:
        return several
    return replace(several, error=f"{gap.error} (for {len(accounts)} accounts)", account_id=None)
