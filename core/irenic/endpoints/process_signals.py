"""SIGINT, SIGTERM and SIGHUP as interrupts, also where Python code lets nothing else run.

A handler of Python's own is used instead of one of the event loop's, because an item may hold the loop for long: the
handler then runs in the midst of the item's code, and may throw the cancellation into it.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Protocol, runtime_checkable

from irenic.endpoints.running_code import place_of
from irenic.engine.endpoint import InterruptSender
from irenic.model.interrupt import InterruptLevel

EXIT_INTERRUPTED = 130

HEARD_WITHIN = 1.0
"""Seconds after which a loop that has not heard of an abandon never will."""

SAY_AFTER = 0.3
"""Seconds after which it is said that a signal was not heard of."""

AGAIN_AFTER = 0.01
"""Seconds after which code that is not left half-way is looked at again."""

_SOURCES = {signal.SIGINT: "sigint", signal.SIGTERM: "sigterm"}
if hasattr(signal, "SIGHUP"):
    _SOURCES[signal.SIGHUP] = "sighup"


@runtime_checkable
class _InterruptsRunningCode(Protocol):
    """What a map of executions offers beyond an :class:`InterruptSender`."""

    @property
    def level(self) -> InterruptLevel | None:
        """The highest level in force."""

    def interrupt_running_code(self, *, source: str, reason: str | None = None, level: str) -> bool:
        """Ask every execution to stop; returns whether to raise in the running code."""


class ProcessSignals:
    """While entered, signals of the process are passed on as interrupts.

    SIGINT raises the level by one each time. SIGTERM asks to finish, and is repeated after ``grace`` seconds and once
    more after as many again, raising the level each time. SIGHUP asks to finish. Where even an abandon is not heard of,
    the process ends with exit code 130.

    :param grace: seconds.
    :param on_unheard: called, in another thread, where a signal is not heard of because an item holds the loop.
    :param on_end: called, in another thread, right before the process ends for that.
    """

    def __init__(
        self,
        interrupts: InterruptSender,
        *,
        grace: float,
        on_unheard: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._interrupts = interrupts
        self._grace = grace
        self._on_unheard = on_unheard
        self._on_end = on_end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._found: dict[signal.Signals, Any] = {}
        self._unheard = 0
        self._looking_again = False
        self._timers: set[threading.Timer] = set()

    def __enter__(self) -> "ProcessSignals":
        if threading.current_thread() is threading.main_thread():
            self._loop = asyncio.get_running_loop()
            for number in _SOURCES:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                    self._found[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._found.items():
            signal.signal(number, handler)
        self._found.clear()
        for timer in list(self._timers):
            timer.cancel()
        self._timers.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._looking_again:
            self._looking_again = False
            self._cancel_running_code(number, frame)
            return
        self._unheard += 1
        source = _SOURCES[signal.Signals(number)]
        level = "finish" if number == getattr(signal, "SIGHUP", None) else None
        asked = self._asked + self._unheard
        if number == signal.SIGTERM and asked < InterruptLevel.ABANDON:
            self._later(self._grace, lambda: _send_to_main_thread(signal.SIGTERM))
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._tell, source, level)
        if self._unheard == 1:
            self._later(SAY_AFTER, self._say_unheard)
        if asked >= InterruptLevel.ABANDON and level is None:
            self._later(HEARD_WITHIN, self._end_unless_heard)
        if asked >= InterruptLevel.CANCEL and level is None:
            self._cancel_running_code(number, frame)

    @property
    def _asked(self) -> int:
        if isinstance(self._interrupts, _InterruptsRunningCode):
            return int(self._interrupts.level or 0)
        return 0

    def _tell(self, source: str, level: str | None) -> None:
        self._unheard = 0
        self._interrupts.interrupt_all(source=source, level=level)

    def _cancel_running_code(self, number: int, frame: FrameType | None) -> None:
        """Throw a cancellation into an item's code, if that is what runs."""
        if not isinstance(self._interrupts, _InterruptsRunningCode):
            return
        place = place_of(frame)
        if place.in_item and place.protected:
            self._later(AGAIN_AFTER, lambda: self._look_again(number))
        elif place.in_item and self._interrupts.interrupt_running_code(
            source=_SOURCES[signal.Signals(number)], level="cancel"
        ):
            raise asyncio.CancelledError("interrupted")

    def _look_again(self, number: int) -> None:
        if self._unheard:
            self._looking_again = True
            _send_to_main_thread(number)

    def _say_unheard(self) -> None:
        if self._unheard:
            self._on_unheard()

    def _end_unless_heard(self) -> None:
        if self._unheard:
            self._on_end()
            os._exit(EXIT_INTERRUPTED)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()


def _send_to_main_thread(number: int) -> None:
    identity = threading.main_thread().ident
    if identity is not None:
        signal.pthread_kill(identity, number)


@contextlib.contextmanager
def suspension(on_suspend: Callable[[], None], on_resume: Callable[[], None]) -> Iterator[None]:
    """Call back around the time in which the process is suspended by Ctrl-Z.

    :param on_suspend: called in the event loop, right before.
    :param on_resume: called in the event loop, right after.
    """
    if not hasattr(signal, "SIGTSTP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def suspend() -> None:
        on_suspend()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handle)
        on_resume()

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(suspend)

    found = signal.signal(signal.SIGTSTP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, found)


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Unwind at SIGTERM, also where a server sends it to its own process once more when it has ended."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
