"""The clock by which the holder of a lease knows when it ends."""

import sys
import time


def lease_time() -> float:
    """Return seconds that go on while the machine sleeps, and that nobody can set."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # `time.monotonic` stands still while a Mac sleeps
    return time.monotonic()
