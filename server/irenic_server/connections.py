"""Open connections: how many there may be, and which one is closed when there is no room for another."""

import logging
import sys
import time
from collections import OrderedDict
from typing import Protocol

RESERVED_FILES = 128
"""Open files that connections never take: the database, its log and its threads need some."""

WISHED_FILES = 65_536
FEWEST_CONNECTIONS = 16

LOG_SECONDS = 10.0
"""A server that is short of room says so this often, not once for each connection."""

_log = logging.getLogger("irenic.server")


class Idle(Protocol):
    """A connection that waits for a request."""

    def close_idle(self) -> None:
        """Close it: nothing is lost, its client connects again."""


class Connections:
    """Counts the connections of a server, and closes the one that has been idle longest where another needs its place.

    :param most: how many may be open.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.open = 0
        self.refused = 0
        self.closed_early = 0
        self._idle: OrderedDict[Idle, None] = OrderedDict()
        self._said_at = float("-inf")

    def admit(self) -> bool:
        """Count a connection that was opened; False where there is no room for it, and it has to be closed."""
        self.open += 1
        if self.open <= self.most:
            return True
        if self._idle:
            self.closed_early += 1
            self._say("there is no room for another connection: the one that was idle longest was closed")
            self._idle.popitem(last=False)[0].close_idle()
            return True
        self.refused += 1
        self._say("there is no room for another connection: it was refused")
        return False

    def lost(self, connection: Idle) -> None:
        """Forget a connection that was closed."""
        self.open -= 1
        self._idle.pop(connection, None)

    def idle(self, connection: Idle) -> None:
        """Note that a connection waits for a request, from now on."""
        self._idle[connection] = None

    def busy(self, connection: Idle) -> None:
        """Note that a connection has a request."""
        self._idle.pop(connection, None)

    @property
    def has_idle(self) -> bool:
        """Whether any connection waits for a request."""
        return bool(self._idle)

    def _say(self, what: str) -> None:
        now = time.monotonic()
        if now - self._said_at < LOG_SECONDS:
            return
        self._said_at = now
        _log.warning(what, extra={"connections": self.open, "most": self.most, "hint": "raise it with ulimit -n"})


def most_connections(wished: int) -> int:
    """Return how many connections the limit of open files allows, at most the wished number; raise the soft limit."""
    files = _raise_file_limit()
    return min(wished, max(FEWEST_CONNECTIONS, files - RESERVED_FILES))


def _raise_file_limit() -> int:
    """Raise the soft limit of open files as far as it may be useful, and return it."""
    if sys.platform == "win32":
        return WISHED_FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wished = WISHED_FILES if hard == unlimited else min(WISHED_FILES, hard)
    if soft == unlimited or soft >= wished:
        return WISHED_FILES if soft == unlimited else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
    except (OSError, ValueError) as error:
        _log.warning("the limit of open files cannot be raised", extra={"limit": soft, "error": str(error)})
        return soft
    return wished
