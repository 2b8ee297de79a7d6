"""Words, icons and numbers as they are shown to a person, in a terminal, a log or a report."""

import hashlib
import json
from itertools import islice
from typing import Any, NamedTuple

from irenic.model.progress import ProgressLimit, ProgressStatus

_MOST_FIELDS = 20
"""Fields of a state that are written on a line."""

LONGEST, CUT = 200, 120
"""Characters of the longest value that is shown whole, and of what is shown of a longer one."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class StatusLook(NamedTuple):
    """How a status is shown: two cells wide, as a word, and in which colour."""

    icon: str
    word: str
    colour: str


STATUS_LOOKS: dict[ProgressStatus, StatusLook] = {
    ProgressStatus.INITIALIZED: StatusLook("⚫", "initialized", "dim"),
    ProgressStatus.EXEC_PENDING: StatusLook("⚪", "pending", "dim"),
    ProgressStatus.QUEUED: StatusLook("🟣", "queued", "magenta"),
    ProgressStatus.WAITING: StatusLook("🟣", "waiting", "magenta"),
    ProgressStatus.RUNNING: StatusLook("🔵", "running", "blue"),
    ProgressStatus.RUNNING_STALLED: StatusLook("🐢", "stalled", "yellow"),
    ProgressStatus.USER_PENDING: StatusLook("👤", "asks you", "magenta"),
    ProgressStatus.INTERRUPTED: StatusLook("🟡", "interrupted", "yellow"),
    ProgressStatus.UNKNOWN: StatusLook("❓", "unknown", "yellow"),
    ProgressStatus.COMPLETE_SUCCESS: StatusLook("✅", "done", "green"),
    ProgressStatus.COMPLETE_FAIL: StatusLook("❌", "failed", "red"),
}

WORD_WIDTH = max(len(look.word) for look in STATUS_LOOKS.values())


def human_bytes(count: int) -> str:
    """Return a number of bytes in the largest fitting unit: ``999 B``, ``1.5 kB``, ``12.3 MB``."""
    unit = _unit_of(count)
    return f"{_in_unit(count, unit)} {_UNITS[unit]}"


def amount(position: int, limit: ProgressLimit | None) -> str:
    """Return how much is done of how much: ``12.3/40.0 MB``, ``3/7``; empty where there is nothing to tell."""
    if limit is None or limit.unit == "unknown":
        return str(position) if position else ""
    if limit.unit == "bytes":
        if limit.total is None:
            return human_bytes(position) if position else ""
        unit = _unit_of(limit.total)
        return f"{_in_unit(position, unit)}/{_in_unit(limit.total, unit)} {_UNITS[unit]}"
    return f"{position}/{limit.total}" if limit.total is not None else str(position)


def duration(seconds: float) -> str:
    """Return a time span: ``0.4 s``, ``12 s``, ``2 min 05 s``, ``3 h 07 min``."""
    if seconds < 10:
        return f"{int(seconds * 10) / 10:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def ago(seconds: float) -> str:
    """Return how long ago something was: ``3 minutes ago``."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count_of(int(seconds // size), unit)} ago"
    return f"{count_of(int(seconds), 'second')} ago"


def clock(at: str) -> str:
    """Return the time of day, in UTC and to the second, of an RFC 3339 text."""
    return at[11:19]


def one_line(value: Any) -> str:
    """Return a state or a part of one on one line: ``path: app.zip, size: 12345``; long ones are cut."""
    if isinstance(value, dict) and value:
        parts = [f"{name}: {_scalar(part)}" for name, part in islice(value.items(), _MOST_FIELDS)]
        more = len(value) - len(parts)
        return ", ".join([*parts, f"and {count_of(more, 'more field')}"] if more else parts)
    return _scalar(value)


def several(names: list[str], most: int = 4) -> str:
    """Return names as a list for a sentence: ``a, b, c and 7 more``."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def source_in_words(source: str) -> str:
    """Return who asked for a stop, in words."""
    return {"sigint": "Ctrl-C", "sigterm": "SIGTERM", "sighup": "the terminal's end (SIGHUP)"}.get(source, source)


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 item``, ``3 items``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and value.isprintable() and value.strip() == value and value:
        return shortened(value)
    if isinstance(value, str) and len(value) > LONGEST:
        return shortened(value, json.dumps(value[:LONGEST], ensure_ascii=False)[:-1])
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


def shortened(text: str, shown: str | None = None) -> str:
    """Return a text cut to what a line can show, with its length and a digest that tells it from others.

    :param shown: the text as it is shown, where that is not the text itself.
    """
    shown = text if shown is None else shown
    if max(len(text), len(shown)) <= LONGEST:
        return shown
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{shown[:CUT]}… ({len(text):,} characters, sha256 {digest}…)"


def _unit_of(count: int) -> int:
    unit = 0
    while count >= 1000 ** (unit + 1) and unit < len(_UNITS) - 1:
        unit += 1
    return unit


def _in_unit(count: int, unit: int) -> str:
    return str(count) if unit == 0 else f"{count / 1000**unit:.1f}"
