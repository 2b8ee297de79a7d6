"""Presses of a button of which each does more than the one before: quick ones are one press."""

from __future__ import annotations

TOGETHER_MS = 500
"""Presses that follow each other within this time count once: a double click is no decision for the next level."""


class Presses:
    """Counts presses; times are in milliseconds, of a clock that only moves on."""

    def __init__(self) -> None:
        self._last: float | None = None

    def counts(self, at: float) -> bool:
        """Take a press, and return whether it counts by itself."""
        last, self._last = self._last, at
        return last is None or at - last > TOGETHER_MS

    def is_at_rest(self, at: float) -> bool:
        """Return whether a press would count now."""
        return self._last is None or at - self._last > TOGETHER_MS
