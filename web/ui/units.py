"""Numbers for people: sizes, spans of time, points in time."""

from __future__ import annotations

from typing import Any

_SIZES = ("bytes", "kB", "MB", "GB", "TB")


def size(count: int | float) -> str:
    """Write a number of bytes with a decimal unit, e.g. ``1.5 MB``."""
    value = float(count)
    unit = 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value /= 1000
        unit += 1
    if unit == 0:
        return f"{int(count)} byte" if int(count) == 1 else f"{int(count)} bytes"
    return f"{value:.1f} {_SIZES[unit]}" if value < 9.95 else f"{value:.0f} {_SIZES[unit]}"


def span(seconds: float) -> str:
    """Write a span of time with at most two units, e.g. ``3 min 05 s``."""
    if seconds < 0:
        seconds = 0
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def whole_span(seconds: float) -> str:
    """Write a span of time that is still growing: whole seconds, so that it does not flicker."""
    whole = int(seconds) if seconds > 0 else 0
    return span(whole) if whole >= 10 else f"{whole} s"


def progress(position: int, limit: dict[str, Any] | None) -> str:
    """Write how far something has come, e.g. ``1.5 MB of 6.0 MB``, ``3 of 7``; empty where there is nothing to say."""
    if limit is None:
        return ""
    total = limit.get("total")
    if limit.get("unit") == "bytes":
        return f"{size(position)} of {size(total)}" if total is not None else size(position)
    if limit.get("unit") == "steps":
        return f"{position} of {total}" if total is not None else f"{position}"
    return ""


def epoch(timestamp: str) -> float:
    """Return the Unix time, in seconds, of a RFC 3339 timestamp in UTC such as ``2026-01-31T08:15:00.123Z``."""
    year, month, day = int(timestamp[0:4]), int(timestamp[5:7]), int(timestamp[8:10])
    hour, minute, second = int(timestamp[11:13]), int(timestamp[14:16]), float(timestamp[17:].rstrip("Z"))
    return _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Return the seconds from one timestamp to another; None where either is missing."""
    if not start or not end:
        return None
    return epoch(end) - epoch(start)


def _days(year: int, month: int, day: int) -> int:
    """Count the days since 1970-01-01 in the Gregorian calendar; the year is taken to begin in March."""
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
