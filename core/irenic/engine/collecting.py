"""Python's garbage collector while executions run."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FULL = 200
"""How many collections of middle-aged objects come before a full one, at least."""

_lock = threading.Lock()
_running = 0
_before = _ours = gc.get_threshold()


@contextmanager
def fewer_full_collections() -> Iterator[None]:
    """Keep the collector from looking again and again at all that is alive, until the last such block has ended.

    What the program has set itself counts: a collector that is off stays off, and a threshold that is changed meanwhile
    stays as it is.
    """
    global _running, _before, _ours  # noqa: PLW0603 - the collector is the process's
    with _lock:
        if not _running:
            _before = gc.get_threshold()
            gc.set_threshold(_before[0], _before[1], max(_before[2], FULL))
            _ours = gc.get_threshold()
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running and gc.get_threshold() == _ours:
                gc.set_threshold(*_before)
