"""Ctrl-C outside an execution: one line and exit code 130, whatever the program is just doing."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

EXIT_INTERRUPTED = 130
NOTHING_BEGUN = "irenic: interrupted; nothing was begun.\n"
INTERRUPTED = "irenic: interrupted; what was acknowledged before is kept.\n"


def leave_at_once(number: int, frame: FrameType | None) -> None:
    """End the process from a signal handler, before anything was begun.

    An exception would end in the traceback of whatever is being imported.
    """
    with contextlib.suppress(OSError):
        os.write(2, NOTHING_BEGUN.encode())
    os._exit(EXIT_INTERRUPTED)


def leave_at_once_on_sigint() -> None:
    """Have Ctrl-C end the process until a command begins."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave_at_once)


def ignore_sigint() -> None:
    """Have Ctrl-C change nothing any more, where all that is left is to leave."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def command_interrupted() -> Iterator[None]:
    """Have Ctrl-C end a command by an exception, so that it cleans up, and say so in one line.

    :raises SystemExit: with the exit code, where the command was interrupted.
    """
    if signal.getsignal(signal.SIGINT) is leave_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(INTERRUPTED)
        raise SystemExit(EXIT_INTERRUPTED) from None
