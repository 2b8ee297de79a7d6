"""The one channel through which an execution is told to stop, whoever asks."""

import asyncio
from collections.abc import Callable

from irenic.model.interrupt import InterruptLevel, InterruptSignal, InterruptStrategy


class Interrupts:
    """Holds the level that is in force and decides what may still start.

    Nothing polls: :attr:`on_raised` is called the moment the level rises.

    :param escalate_after: seconds after which an unsettled stop is raised by one level; None means never.
    """

    def __init__(self, strategy: InterruptStrategy, escalate_after: float | None = None) -> None:
        self.strategy = strategy
        self.on_raised: Callable[[InterruptSignal], None] = lambda signal: None
        self.asked: InterruptLevel | None = None
        """The level that was asked for, in force or not."""
        self._budget = strategy.n
        self._escalate_after = escalate_after
        self._timer: asyncio.TimerHandle | None = None

    @property
    def level(self) -> InterruptLevel | None:
        """The level in force; under *ignore* only *abandon* is ever in force."""
        return self.asked if self.asked is not None and self.strategy.heeds(self.asked) else None

    def request(self, signal: InterruptSignal) -> None:
        """Take a request: the first sets the level, a further one raises it by one, or to the level it names."""
        if self.asked is None:
            first = InterruptLevel.CANCEL if self.strategy.kind == "cancel_current" else InterruptLevel.FINISH
            level = signal.level or first
        else:
            level = max(self.asked, signal.level or self.asked.next)
        raised = level != self.asked
        self.asked = level
        if raised:
            self._start_clock()
            self.on_raised(signal.model_copy(update={"level": level}))

    def may_start(self) -> bool:
        """Return whether one more block or item may start; under *poll next n* this counts."""
        if self.asked is None:
            return True
        level = self.level
        if level is None:
            return True
        if level is InterruptLevel.FINISH and self._budget > 0:
            self._budget -= 1
            return True
        return False

    def may_go_on(self) -> bool:
        """Return whether an item that has started may enter its next phase."""
        if self.asked is None:
            return True
        level = self.level
        return level is None or (level is InterruptLevel.FINISH and self.strategy.kind == "poll_next_n")

    def settle(self) -> None:
        """Stop the clock: the execution has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_clock(self) -> None:
        self.settle()
        if self._escalate_after is not None and self.level not in (None, InterruptLevel.ABANDON):
            self._timer = asyncio.get_running_loop().call_later(self._escalate_after, self._escalate)

    def _escalate(self) -> None:
        reason = f"not settled after {self._escalate_after:g} s"
        self.request(InterruptSignal(source="escalation", reason=reason))
