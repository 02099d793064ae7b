"""When a timer fires next. Pure.

Source: Microsoft Learn, "Timer trigger for Azure Functions", NCRONTAB expressions: six fields, all of which must match.
"""

from datetime import UTC, datetime, time, timedelta

from settings.values import cron_numbers

_FAR = timedelta(days=366 * 5)
"""A schedule that names no day within five years (30 February) never fires."""


def next_time(schedule: str, after: datetime) -> datetime | None:
    """The first time after ``after`` at which a schedule (as ``settings.values.schedule`` returns it) fires; None for never."""
    after = after.astimezone(UTC).replace(microsecond=0)
    seconds, minutes, hours, days, months, weekdays = cron_numbers(schedule)
    day = after.date()
    while day - after.date() <= _FAR:
        if day.month in months and day.day in days and day.isoweekday() % 7 in weekdays:
            for hour in hours:
                for minute in minutes:
                    for second in seconds:
                        found = datetime.combine(day, time(hour, minute, second), UTC)
                        if found > after:
                            return found
        day += timedelta(days=1)
    return None
