"""Usability: would a legacy client be let in with an app password? The contract is docs/verdicts.md."""

from dataclasses import dataclass

from checks import reasons as say
from checks.landscape import ALWAYS, CONDITIONAL, Landscape, Situation, rank, unreadable
from checks.model import Effect, Reason, Usability
from checks.policy import PolicyEffect


@dataclass(frozen=True, slots=True)
class UsabilityAnswer:
    """The answer, and what led to it."""

    usability: Usability
    reasons: list[Reason]
    would_block: tuple[PolicyEffect, ...] = ()
    """Report-only policies that would block what is usable now."""


def usability_of(land: Landscape, situation: Situation) -> UsabilityAnswer:
    """Whether an app password would let the account's legacy clients in."""
    reach, masks = situation.reach, land.masks
    blocking = reach.least & masks.enforced & masks.legacy
    blocking_at_most = reach.most & masks.enforced & masks.legacy
    would_block = reach.least & ~masks.enforced & masks.legacy_always
    least = min(rank(world.least & masks.enforced & masks.legacy, masks.legacy_always) for world in reach.worlds)
    most = ALWAYS if land.tenant_gaps() else rank(blocking_at_most, masks.legacy_always)
    if least in (most, ALWAYS) and rank(blocking, masks.legacy_always) < least:
        # No single policy is certain, but whichever way the unread inputs are, one of several blocks.
        blocking |= blocking_at_most & (masks.legacy_always if least == ALWAYS else masks.legacy)
    because = _reasons(land, situation, blocking, would_block)
    if land.tenant.security_defaults is True:
        return UsabilityAnswer(Usability.BLOCKED_BY_SECURITY_DEFAULTS, [say.security_defaults_block(), *because])
    if least == ALWAYS:
        return UsabilityAnswer(Usability.BLOCKED_BY_POLICY, because)
    if least != most:
        return UsabilityAnswer(Usability.UNKNOWN, [*_missing(land, situation), *because])
    if least == CONDITIONAL:
        return UsabilityAnswer(Usability.CONDITIONAL, because)
    return UsabilityAnswer(Usability.USABLE, because, tuple(land.those(would_block)))


def _reasons(land: Landscape, situation: Situation, blocking: int, would_block: int) -> list[Reason]:
    masks = land.masks
    locked_out = situation.reach.least & masks.enforced & masks.blocks_interactive
    return [
        *land.contradiction,
        *land.worded(Effect.BLOCKS_LEGACY, blocking, masks.legacy_always, situation),
        *land.worded(Effect.BLOCKS_INTERACTIVE, locked_out, locked_out, situation),
        *land.worded(Effect.WOULD_BLOCK_LEGACY, would_block, would_block, situation),
        *land.excluding(situation),
        *land.reaching_nobody,
    ]


def _missing(land: Landscape, situation: Situation) -> list[Reason]:
    reach, masks = situation.reach, land.masks
    unsure = reach.most & ~reach.least & masks.enforced & masks.legacy
    gaps = [*land.tenant_gaps(), *land.scope_gaps(unsure, situation)]
    return unreadable(gaps, "it could change whether an app password works")
