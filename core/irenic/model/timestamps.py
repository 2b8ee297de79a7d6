"""Times as RFC 3339 text in UTC with milliseconds."""

import time
from typing import Annotated

from pydantic import StringConstraints

TIMESTAMP_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

Timestamp = Annotated[str, StringConstraints(pattern=TIMESTAMP_PATTERN)]

_second = -1
_prefix = ""


def timestamp(seconds: float | None = None) -> str:
    """Return a time as RFC 3339 text, e.g. ``2026-01-31T08:15:00.123Z``.

    :param seconds: Unix time in seconds; now where omitted.
    """
    global _second, _prefix
    at_ms = int((time.time() if seconds is None else seconds) * 1000)
    second, millisecond = divmod(at_ms, 1000)
    if second != _second:
        _prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = second
    return f"{_prefix}.{millisecond:03d}Z"
