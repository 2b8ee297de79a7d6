"""Times as RFC 3339 text in UTC with milliseconds."""

import time
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints

TIMESTAMP_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

Timestamp = Annotated[str, StringConstraints(pattern=TIMESTAMP_PATTERN)]


def timestamp(seconds: float | None = None) -> str:
    """Return a time as RFC 3339 text, e.g. ``2026-01-31T08:15:00.123Z``.

    :param seconds: Unix time in seconds; now where omitted.
    """
    return _in_words(time.time_ns() // 1_000_000 if seconds is None else round(seconds * 1000))


@lru_cache(maxsize=8)
def _in_words(at_ms: int) -> str:
    second, millisecond = divmod(at_ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{millisecond:03d}Z"


def day_and_time(at: str) -> str:
    """Return an RFC 3339 text as a day and a time of this machine's time zone, for a sentence: ``30 Nov 14:02``."""
    local = datetime.fromisoformat(at).astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local:%H:%M}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one time to another, never less than 0."""
    if earlier == later:
        return 0.0
    return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())
