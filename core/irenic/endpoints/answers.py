"""Reads the user's answers from standard input, and only while a question is open."""

import asyncio
import os
import stat
import sys
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO, runtime_checkable

from irenic.engine.endpoint import ExecutionView
from irenic.model.events import Ask
from irenic.model.interrupt import InterruptReply

if sys.platform != "win32":
    import termios

CHUNK = 4096


@runtime_checkable
class Answerable(ExecutionView, Protocol):
    """An execution of this process, which takes answers."""

    def answer(self, ask_id: str, text: str) -> bool:
        """Give the user's answer; returns whether anybody still waited for it."""

    def interrupt(self, *, source: str, reason: str | None = None, level: str | None = None) -> InterruptReply:
        """Ask the execution to stop."""


class Answers:
    """Puts open questions one after the other, a line of input for each.

    A question to which no answer can come, because the input has ended, cancels its execution: nothing waits for ever.

    :param on_line: called when the user has ended a line.
    """

    def __init__(self, stream: TextIO, on_line: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._on_line = on_line
        self._open: deque[tuple[Answerable, Ask]] = deque()
        self._read = b""
        self._has_ended = False
        self._is_reading = False

    @property
    def question(self) -> Ask | None:
        """The question that is put now."""
        return self._open[0][1] if self._open else None

    def put(self, execution: ExecutionView, question: Ask) -> None:
        """Take a question."""
        if isinstance(execution, Answerable):
            self._open.append((execution, question))
            self._go_on()

    def withdraw(self, execution_id: str, ask_id: str | None = None) -> None:
        """Forget a question, or all of an execution; what was typed for it is thrown away."""
        before = self.question
        self._open = deque(
            (execution, question)
            for execution, question in self._open
            if execution.id != execution_id or ask_id not in (None, question.ask_id)
        )
        if self.question is not before and before is not None:
            self._throw_away()
        self._go_on()

    def close(self) -> None:
        """Read nothing more."""
        self._open.clear()
        self._stop_reading()

    def _go_on(self) -> None:
        while self._open and b"\n" in self._read:
            line, _, self._read = self._read.partition(b"\n")
            self._answer(line)
        if not self._open:
            self._stop_reading()
        elif self._has_ended:
            self._nobody_answers()
        elif not self._is_reading:
            self._start_reading()

    def _answer(self, line: bytes) -> None:
        execution, question = self._open.popleft()
        execution.answer(question.ask_id, line.decode(errors="replace").rstrip("\r"))

    def _nobody_answers(self) -> None:
        if self._read:
            self._answer(self._read)
            self._read = b""
        while self._open:
            execution, question = self._open.popleft()
            execution.interrupt(
                source="stdin",
                reason=f"{question.item} asks {question.prompt!r}, and standard input has ended",
                level="cancel",
            )

    def _start_reading(self) -> None:
        try:
            descriptor = self._stream.fileno()
            mode = os.fstat(descriptor).st_mode
        except (OSError, ValueError):
            self._has_ended = True
            self._go_on()
            return
        if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(descriptor)):
            self._take()  # a file, or /dev/null: it never keeps anybody waiting, and cannot be watched
            return
        self._is_reading = True
        asyncio.get_running_loop().add_reader(descriptor, self._take)

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            asyncio.get_running_loop().remove_reader(self._stream.fileno())

    def _take(self) -> None:
        try:
            data = os.read(self._stream.fileno(), CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._read += data
            if b"\n" in data:
                self._on_line()
        else:
            self._stop_reading()
            self._has_ended = True
        self._go_on()

    def _throw_away(self) -> None:
        if sys.platform == "win32" or not self._is_reading:
            return
        try:
            if self._stream.isatty():
                termios.tcflush(self._stream.fileno(), termios.TCIFLUSH)
        except (OSError, ValueError, termios.error):
            return
