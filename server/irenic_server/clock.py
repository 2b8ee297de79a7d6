"""Time as the server keeps it: Unix milliseconds inside, RFC 3339 text outside."""

import time

from irenic.model.timestamps import timestamp


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def as_text(at_ms: int) -> str:
    """Return Unix milliseconds as RFC 3339 text in UTC."""
    # Half a millisecond more, so that the way through a float never rounds down to the millisecond before.
    return timestamp((at_ms + 0.5) / 1000)
