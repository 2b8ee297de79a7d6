"""Noticing that time has passed without this server: it slept, its clock was set, or its database was away."""

import time

from irenic_server.clock import now_ms

SLACK_MS = 4_000
"""Later than this is later than a busy machine is."""


class Pulse:
    """Beats as long as leases can be renewed.

    :param seconds: the interval of its beats.
    """

    def __init__(self, seconds: float) -> None:
        self._most_ms = int(seconds * 1000) + SLACK_MS
        self.beat()

    def beat(self) -> None:
        """Note that leases could be renewed until now."""
        self._at_ms = now_ms()
        self._at = time.monotonic()

    def was_interrupted(self) -> bool:
        """Tell whether the last beat is longer ago than it should be, or lies in the future of a clock set back."""
        # A sleeping machine stops the monotonic clock of some systems and not of others: the longer time counts.
        passed_ms = max(now_ms() - self._at_ms, int((time.monotonic() - self._at) * 1000))
        return passed_ms > self._most_ms or now_ms() < self._at_ms - SLACK_MS
