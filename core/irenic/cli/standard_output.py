"""Standard output for the outcome alone."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Yield a stream to standard output that nothing else writes to until the block ends.

    What child processes write to their standard output, which is this process's, goes to standard error meanwhile.
    """
    if not _is_descriptor(sys.stdout, 1) or not _is_descriptor(sys.stderr, 2):
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    stream = open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)  # noqa: SIM115 - closed below, where a pipe may have broken
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):  # the reader of a pipe has gone
            stream.close()
        os.dup2(kept, 1)
        os.close(kept)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError, AttributeError):  # replaced by a test or a program around this one, or closed
        return False
