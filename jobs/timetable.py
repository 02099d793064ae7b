"""When a timer fires next. Pure.

Source: Microsoft Learn, "Timer trigger for Azure Functions", NCRONTAB expressions: six fields, all of which must match.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from settings.values import cron_numbers

_FAR = timedelta(days=366 * 5)
"""A schedule that names no day within five years (30 February) never fires."""
_YEAR = timedelta(days=366)


def next_time(schedule: str, after: datetime) -> datetime | None:
    """The first time after ``after`` at which a schedule (as ``settings.values.schedule`` returns it) fires; None for never."""
    after = after.astimezone(UTC).replace(microsecond=0)
    seconds, minutes, hours, days, months, weekdays = cron_numbers(schedule)
    day = after.date()
    while day - after.date() <= _FAR:
        if _is_one(day, days, months, weekdays):
            for hour in hours:
                for minute in minutes:
                    for second in seconds:
                        found = datetime.combine(day, time(hour, minute, second), UTC)
                        if found > after:
                            return found
        day += timedelta(days=1)
    return None


def longest_pause(schedule: str, after: datetime) -> timedelta:
    """The longest time within a year from the last time of one day to the first of the next on which a schedule fires."""
    seconds, minutes, hours, days, months, weekdays = cron_numbers(schedule)
    first, last = (timedelta(hours=hours[at], minutes=minutes[at], seconds=seconds[at]) for at in (0, -1))
    year = [after.astimezone(UTC).date() + timedelta(days=number) for number in range(_YEAR.days)]
    firing = [day for day in year if _is_one(day, days, months, weekdays)]
    return max((later - day for day, later in pairwise(firing)), default=_YEAR) - (last - first)


def _is_one(day: date, days: Sequence[int], months: Sequence[int], weekdays: Sequence[int]) -> bool:
    """Whether a schedule with these fields fires on a day."""
    return day.month in months and day.day in days and day.isoweekday() % 7 in weekdays
