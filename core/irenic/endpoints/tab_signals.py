"""Interrupts that reach Python code which lets nothing else run: signals, in the tab.

CPython's port to WebAssembly looks every few dozen instructions at an object that the worker's script provides
(``web/boot/signals.mjs``), and calls the handlers of this module for what it finds there.
"""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from pydantic import ValidationError

from irenic.endpoints.running_code import Place, place_of
from irenic.endpoints.tab_messages import Interrupt

REQUEST = signal.SIGUSR1
TEST = signal.SIGUSR2

TEST_LOOKS = 100_000
"""Turns of an empty loop, within which the interpreter looks for signals many times."""


LOOK_EVERY = 50
"""Turns of an empty loop between two looks of the interpreter."""


class SignalSource(Protocol):
    """What the worker's script provides."""

    kind: str

    def request(self) -> str:
        """Return the request that the last signal stands for, as JSON of an interrupt message."""

    def again(self, signum: int) -> None:
        """Send a signal once more, at the next look."""


class TabSignals:
    """Hears signals and passes them on, in the midst of whatever code is running.

    :param on_interrupt: told of each request once, and whether the code that runs is an item's; returns whether a
        cancellation is to be thrown into that code.
    """

    def __init__(self, source: SignalSource, on_interrupt: Callable[[Interrupt, bool], bool]) -> None:
        self._source = source
        self._on_interrupt = on_interrupt
        self._heard = 0
        self._waiting: Interrupt | None = None
        self._tested = False
        self._shift = 0
        for signum in (REQUEST, TEST):
            signal.signal(signum, self._handle)

    def kind(self) -> str:
        """Return how signals arrive: ``shared``, ``polled``, or ``none`` where a test signal does not."""
        self._tested = False
        self._source.again(TEST)
        for _ in range(TEST_LOOKS):
            if self._tested:
                return self._source.kind
        return "none"

    def is_new(self, request: Interrupt) -> bool:
        """Return whether a request was not heard before, and count it as heard; without a number it is always new."""
        if request.number == 0:
            return True
        is_new = request.number > self._heard
        self._heard = max(self._heard, request.number)
        return is_new

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if signum == TEST:
            self._tested = True
            return
        if self._waiting is None:
            self._waiting = self._hear()
        if self._waiting is not None:
            self._pass_on(self._waiting, place_of(frame))

    def _hear(self) -> Interrupt | None:
        try:
            request = Interrupt.model_validate_json(self._source.request())
        except ValidationError:
            return None  # read while the page was writing the next one, which is signalled again
        return request if self.is_new(request) else None

    def _pass_on(self, request: Interrupt, place: Place) -> None:
        if place.in_item and place.protected:
            self._shift_looks()
            self._source.again(REQUEST)
            return
        self._waiting = None
        if self._on_interrupt(request, place.in_item):
            raise asyncio.CancelledError("interrupted")

    def _shift_looks(self) -> None:
        """Keep the interpreter's looks out of step with a loop, which they could find at the same place every time."""
        self._shift = (self._shift + 1) % LOOK_EVERY
        for _ in range(self._shift):
            pass
