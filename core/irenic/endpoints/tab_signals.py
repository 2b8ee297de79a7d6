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

from irenic.endpoints.tab_messages import Interrupt
from irenic.model.interrupt import InterruptLevel

CANCEL = signal.SIGINT
FINISH = signal.SIGUSR1
TEST = signal.SIGUSR2

TEST_LOOKS = 100_000
"""Turns of an empty loop, within which the interpreter looks for signals many times."""

PROTECTED = (
    "irenic.engine.",
    "irenic.stores.",
    "irenic.endpoints.",
    "irenic.model.",
    "asyncio.",
    "pyodide.",
    "_pyodide.",
)
"""Packages whose code is not left half-way: what called it is interrupted a few instructions later."""


class SignalSource(Protocol):
    """What the worker's script provides."""

    kind: str

    def request(self) -> str:
        """Return the request that the last signal stands for, as JSON of an interrupt message."""

    def again(self, signum: int) -> None:
        """Send a signal once more, at the next look."""


class TabSignals:
    """Hears signals and passes them on.

    :param on_interrupt: told of each request once, in the midst of whatever code is running.
    :param may_raise: asked, for a request to cancel, whether the running code is an item's that may be cancelled now.
    """

    def __init__(
        self,
        source: SignalSource,
        on_interrupt: Callable[[Interrupt], None],
        may_raise: Callable[[Interrupt], bool],
    ) -> None:
        self._source = source
        self._on_interrupt = on_interrupt
        self._may_raise = may_raise
        self._heard = 0
        self._raising: Interrupt | None = None
        self._tested = False
        for signum in (CANCEL, FINISH, TEST):
            signal.signal(signum, self._handle)

    @property
    def kind(self) -> str:
        """How signals arrive: ``shared``, ``polled``, or ``none`` where a test signal does not."""
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
        if self._raising is None:
            self._raising = self._hear()
        if self._raising is not None:
            self._raise(signum, self._raising, frame)

    def _hear(self) -> Interrupt | None:
        """Pass a new request on, and return it if code is to be interrupted for it."""
        try:
            request = Interrupt.model_validate_json(self._source.request())
        except ValidationError:
            return None  # read while the page was writing the next one, which is signalled again
        if not self.is_new(request):
            return None
        self._on_interrupt(request)
        return request if request.level is InterruptLevel.CANCEL else None

    def _raise(self, signum: int, request: Interrupt, frame: FrameType | None) -> None:
        item_is_running, protected = _place_of(frame)
        if item_is_running and protected:
            self._source.again(signum)
            return
        self._raising = None
        if item_is_running and self._may_raise(request):
            raise asyncio.CancelledError("interrupted")


def _place_of(frame: FrameType | None) -> tuple[bool, bool]:
    """Return whether the code that runs was called by an item, and whether it is code that is not left half-way."""
    protected = False
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "irenic.engine.item_run" and frame.f_code.co_name == "call":
            return True, protected
        protected = protected or f"{module}.".startswith(PROTECTED)
        frame = frame.f_back
    return False, protected
