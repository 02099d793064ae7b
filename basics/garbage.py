"""Python's search for garbage, kept from going through all that is held again and again: meanwhile nothing else has its turn."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def holding_much() -> Iterator[None]:
    """What survives two searches meanwhile isn't searched again until the end: for work that holds much until it is done.

    What nobody holds is freed as ever, and only what holds itself stays as well, which is little: a scan of 6,000 accounts leaves less than a
    thousand such objects. Several may be at it at the same time; what is set aside is searched again when the last is done.
    """
    gc.callbacks.append(_set_aside)
    try:
        yield
    finally:
        gc.callbacks.remove(_set_aside)
        if _set_aside not in gc.callbacks:
            gc.unfreeze()


def _set_aside(phase: str, searched: dict[str, int]) -> None:
    if phase == "stop" and searched["generation"] == 1:
        gc.freeze()
