"""Usability: would a legacy client be let in with an app password? The contract is docs/verdicts.md.

The rows of its table stand here in its order and its words, but for ``not_checked`` (checks/judge.py). ``unknown`` is what
comes out where a row is open.
"""

from dataclasses import dataclass

from checks import reasons as say
from checks.between import NO, OPEN, YES, Between, first_that_holds, reached, why
from checks.landscape import Landscape, Situation, unreadable
from checks.model import Effect, Reason, Usability
from checks.policy import PolicyEffect
from tenant.model import Gap


@dataclass(frozen=True, slots=True)
class UsabilityAnswer:
    """The answer, and what led to it."""

    usability: Usability
    reasons: list[Reason]
    would_block: tuple[PolicyEffect, ...] = ()
    """Report-only policies that would block what is usable now."""
    missing: tuple[Gap, ...] = ()
    """For ``unknown``: every input that is missing."""


def usability_of(land: Landscape, situation: Situation) -> UsabilityAnswer:
    """Whether an app password would let the account's legacy clients in."""
    rows = (
        # Security Defaults block every legacy client. (Answered below: the policies follow as reasons all the same.)
        # An enabled policy covers mail and legacy clients, and blocks or demands something that a legacy client can't do.
        (Usability.BLOCKED_BY_POLICY, _unread(land) | _blocked(land, situation)),
        # Such a policy applies only in some circumstances.
        (Usability.CONDITIONAL, _unread_plans(land) | _sometimes_blocked(land, situation)),
        # Nothing keeps it out.
        (Usability.USABLE, YES),
    )
    usability = first_that_holds(rows)
    would_block = situation.reach.least & ~land.masks.enforced & land.masks.legacy_always
    because = [*land.contradiction, *why(rows, usability), *_beside(land, situation, would_block)]
    if land.tenant.security_defaults is True:
        return UsabilityAnswer(Usability.BLOCKED_BY_SECURITY_DEFAULTS, [say.security_defaults_block(), *because])
    if usability is None:
        missing = tuple(dict.fromkeys(_missing(land, situation)))
        unread = unreadable(missing, "it could change whether an app password works")
        return UsabilityAnswer(Usability.UNKNOWN, [*unread, *because], missing=missing)
    if usability is Usability.USABLE:
        return UsabilityAnswer(usability, because, tuple(land.those(would_block)))
    return UsabilityAnswer(usability, because)


def _unread(land: Landscape) -> Between:
    """Unread Security Defaults stand here too: where a policy is known to block, it doesn't matter what else does."""
    return OPEN if isinstance(land.tenant.security_defaults, Gap) or land.has_unread_policies else NO


def _unread_plans(land: Landscape) -> Between:
    return OPEN if land.has_unread_plans else NO


def _blocked(land: Landscape, situation: Situation) -> Between:
    blocking = land.masks.enforced & land.masks.legacy_always
    return reached(land, situation, Effect.BLOCKS_LEGACY, blocking, blocking)


def _sometimes_blocked(land: Landscape, situation: Situation) -> Between:
    blocking = land.masks.enforced & land.masks.legacy & ~land.masks.legacy_always
    return reached(land, situation, Effect.BLOCKS_LEGACY, blocking, blocking)


def _beside(land: Landscape, situation: Situation, would_block: int) -> list[Reason]:
    """What is worth knowing and changes nothing."""
    locked_out = situation.reach.least & land.masks.enforced & land.masks.blocks_interactive
    return [
        *land.worded(Effect.BLOCKS_INTERACTIVE, locked_out, locked_out, situation),
        *land.worded(Effect.WOULD_BLOCK_LEGACY, would_block, would_block, situation),
        *land.lapsed(situation),
        *land.excluding(situation),
        *land.reaching_nobody,
    ]


def _missing(land: Landscape, situation: Situation) -> list[Gap]:
    reach, masks = situation.reach, land.masks
    unsure = reach.most & ~reach.least & masks.enforced & masks.legacy
    gaps = [*land.tenant_gaps(), *land.scope_gaps(unsure, situation)]
    return [*gaps, *land.gaps_of_unread_policies(situation.account)]
