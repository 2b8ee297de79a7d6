"""Token buckets: how often somebody may do something."""

import math
import time
from collections import OrderedDict

from irenic_server.problems import Problem

MAX_BUCKETS = 10_000


class Buckets:
    """One bucket per name, which fills at a rate and holds a burst.

    :param rate: drops per second; 0 for no limit.
    :param burst: drops that a full bucket holds.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a drop from a bucket.

        :return: 0 if there was one, else the seconds until there is.
        """
        if self._rate <= 0:
            return 0.0
        now = time.monotonic()
        level, at = self._levels.get(name, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        if level < 1:
            return (1 - level) / self._rate
        self._levels[name] = (level - 1, now)
        self._levels.move_to_end(name)
        if len(self._levels) > MAX_BUCKETS:
            self._levels.popitem(last=False)
        return 0.0

    def is_empty(self, name: str) -> bool:
        """Tell whether a drop could not be taken now; none is."""
        level, at = self._levels.get(name, (self._burst, 0.0))
        return self._rate > 0 and level + (time.monotonic() - at) * self._rate < 1

    def check(self, name: str) -> None:
        """Take a drop.

        :raises Problem: if the bucket is empty.
        """
        wait = self.take(name)
        if wait > 0:
            seconds = math.ceil(wait)
            raise Problem(
                "too-many-requests",
                f"Requests come faster than {self._rate:g} a second. Nothing was done. Send this one again in "
                f"{seconds} s.",
                headers={"Retry-After": str(seconds)},
            )
