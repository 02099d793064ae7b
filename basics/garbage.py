"""Python's search for garbage, kept from going through all that is held again and again: meanwhile nothing else has its turn."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_NEVER = 1 << 30
_entering = Lock()
_before: list[tuple[int, int, int]] = []
"""For each who holds much, the thresholds that were there before the first."""


@contextmanager
def holding_much() -> Iterator[None]:
    """Only what is new is searched for garbage meanwhile: for work that holds much until it is done.

    What nobody holds is freed as ever. What only holds itself, and has outlived the searches of what is new, stays until the work is done: a scan
    of 6,000 accounts leaves less than a thousand such objects. Several may be at it at the same time; when the last is done, all is
    searched as before.
    """
    with _entering:
        _before.append(_before[0] if _before else gc.get_threshold())
        new, younger, _ = _before[0]
        gc.set_threshold(new, younger, _NEVER)
    try:
        yield
    finally:
        with _entering:
            thresholds = _before.pop()
            if not _before:
                gc.set_threshold(*thresholds)
