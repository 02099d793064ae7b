"""Findings that come and go: told a few times, then announced once as flapping, then left alone until they settle.

Every event of a finding counts: opened, changed, resolved, reopened. The ``LIMIT``-th within ``WINDOW`` is told as
"flaps" in place of itself. What follows goes to the history only. Once a scan that could decide it finds the finding unmoved
for ``QUIET``, one last change says what it settled on, and counting starts afresh.

``QUIET`` exceeds the average distance of ``LIMIT`` events within ``WINDOW``, or a finding could settle while it flaps.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from findings.model import ChangeKind, FindingState, Flap, Silence

LIMIT = 4
WINDOW = timedelta(days=7)
QUIET = timedelta(days=3)

Damped = tuple[FindingState, ChangeKind | None, Flap | None, Silence | None]


def damp(state: FindingState, event: ChangeKind | None, now: datetime) -> Damped:
    """Decide how an event of a finding is told.

    Args:
        state: The finding after the event, with the ``transitions`` it had before.
        event: What happened, or None where a scan that could decide it found the finding unmoved.
        now: The time of the scan.

    Returns:
        The state with its flapping recorded, the kind of change to record (None for none), and how it is marked.
    """
    if event is None:
        return _settle(state, now)
    recent = tuple(time for time in state.transitions if now - time < WINDOW)
    state = replace(state, transitions=(*recent, now)[-LIMIT:])
    if state.flapping_since is not None:
        return state, event, None, Silence.FLAPPING
    if len(state.transitions) < LIMIT:
        return state, event, None, None
    return replace(state, flapping_since=now), ChangeKind.CHANGED, Flap.STARTED, None


def _settle(state: FindingState, now: datetime) -> Damped:
    if state.flapping_since is None or now - state.changed_at < QUIET:
        return state, None, None, None
    kind = ChangeKind.CHANGED if state.open else ChangeKind.RESOLVED
    return replace(state, flapping_since=None, transitions=()), kind, Flap.SETTLED, None
