"""Those who play the stories: processes, each with its own services on this machine."""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context

from soak.play import Stage, Violation, play, stage
from soak.shrink import shrink
from soak.steps import Story, random_story, random_year

BATCH = 20
"""Stories that a worker plays before it reports."""


@dataclass(frozen=True, slots=True)
class Job:
    """Some stories for a worker: numbers ``first`` to ``last`` of a seed."""

    seed: int
    first: int
    last: int
    year: bool
    until: float
    """The time at which to stop, on a clock that only runs forward."""


@dataclass(slots=True)
class Report:
    """What a job found."""

    counts: Counter[str] = field(default_factory=Counter)
    number: int = -1
    """The story that broke a promise; negative where none did."""
    violation: Violation | None = None


def story_of(seed: int, number: int, *, year: bool = False) -> Story:
    """The same story for the same numbers, always."""
    chance = random.Random(f"{seed}/{number}")
    return random_year(chance) if year else random_story(chance)


def outcome(story: Story, on: Stage) -> Violation | None:
    """The promise that a story breaks; an error that nothing foresaw is one, too."""
    try:
        return play(story, on)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what the soak looks for
        return Violation(-1, f"{type(error).__name__}: {error}")


def shortest(story: Story, violation: Violation, on: Stage) -> Story:
    """The shortest story that breaks the same promise."""

    def fails(candidate: Story) -> bool:
        found = outcome(candidate, on)
        return found is not None and found.kind == violation.kind

    return shrink(story, fails)


def work(job: Job, on: Stage) -> Report:
    """Play the stories of a job, until the first broken promise."""
    on.counts.clear()
    for number in range(job.first, job.last):
        if time.monotonic() >= job.until:
            break
        on.counts["scenarios"] += 1
        violation = outcome(story_of(job.seed, number, year=job.year), on)
        if violation is not None:
            return Report(Counter(on.counts), number, violation)
    return Report(Counter(on.counts))


def work_on_all(jobs: list[Job], workers: int) -> Iterator[Report]:
    """What the jobs found, in the order in which they are done. Whoever stops listening stops the work."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)
    try:
        for done in as_completed([pool.submit(_one, job) for job in jobs]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


_ON: list[Stage] = []
"""What a worker keeps for all its jobs."""


def _begin() -> None:
    """It ends with the process: Azurite notices that its parent is gone."""
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- what killed processes complain about
    opened = stage()
    _ON.append(opened.__enter__())
    _KEPT.append(opened)


_KEPT: list[object] = []
"""A stage closes when nobody holds it any more."""


def _one(job: Job) -> Report:
    return work(job, _ON[0])
