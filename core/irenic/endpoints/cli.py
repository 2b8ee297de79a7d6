"""The terminal as an endpoint: signals and answers in, live bars and the outcome out.

CliEndpoint
├─ listen        signals -> interrupts; draws until cancelled; leaves the terminal as it was found
│  └─ _draw      progress -> bars.frame -> painter.Painter -> stream_writer.StreamWriter (a thread)
├─ on_events     notes what changed, lines of log, questions; never waits
└─ on_outcome    bars off, outcome on standard output
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from irenic.endpoints.answers import Answers
from irenic.endpoints.bars import Look, Snapshot, frame, visible_cells
from irenic.endpoints.formats import Format, format_outcome
from irenic.endpoints.log_level import LogLevel, is_shown
from irenic.endpoints.outcome_text import CommandLine, TextLook
from irenic.endpoints.painter import Painter
from irenic.endpoints.printed_lines import coloured, printed_lines
from irenic.endpoints.process_signals import ProcessSignals, suspension
from irenic.endpoints.stream_writer import StreamWriter
from irenic.endpoints.terminal import Choice, Ink, QuietControlKeys, has_icons, is_terminal, size_of, wants_colour
from irenic.endpoints.wording import clock
from irenic.engine.endpoint import ExecutionView, InterruptSender
from irenic.model.events import Answered, Ask, JournalEvent, Log
from irenic.model.outcome import CmdOutcome
from irenic.model.text import visible
from irenic.model.timestamps import timestamp

FRAME = 1 / 15
"""Seconds between two frames, at least."""

SHARE = 10
"""A frame that took long to make is followed by a pause this many times as long."""

TICK = 1.0
"""Seconds after which elapsed times are brought up to date, where nothing else has changed."""

_LOG_COLOURS = {"debug": "dim", "info": "", "warning": "yellow", "error": "red"}


class CliEndpoint:
    """Shows executions in a terminal, and lets its user stop them and answer them.

    While it listens it owns the terminal: what the program prints appears above the bars. Where standard error is no
    terminal there are no bars.

    :param format: text, json, yaml or none, for the outcome.
    :param color: auto, always or never; auto obeys ``NO_COLOR``.
    :param grace: seconds that SIGTERM leaves to running items before they are cancelled.
    :param log_level: the least level of log lines that are shown.
    :param command_line: what was typed, so that the outcome can name the next command.
    :param traceback: whether errors are shown with all their frames.
    """

    def __init__(
        self,
        *,
        format: str = "text",
        color: str = "auto",
        grace: float = 10.0,
        log_level: LogLevel = "info",
        command_line: CommandLine | None = None,
        traceback: bool = False,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self._format = Format(format)
        self._grace = grace
        self._log_level = log_level
        self._command_line = command_line
        self._stdin = stdin or sys.stdin
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        colour = Choice(color)
        self._ink = Ink(wants_colour(colour, self._stderr))
        self._text_look = TextLook(Ink(wants_colour(colour, self._stdout)), has_icons(self._stdout), traceback)
        self._bars = is_terminal(self._stderr)
        self._writer = StreamWriter()
        self._painter = Painter(lambda text: self._writer.write(self._stderr, text), visible_cells)
        self._answers = Answers(self._stdin, self._painter.typed)
        self._keys = QuietControlKeys(self._stderr)
        self._executions: dict[str, ExecutionView] = {}
        self._above: list[str] = []
        self._changed = asyncio.Event()

    async def listen(self, interrupts: InterruptSender) -> None:
        """See :class:`irenic.engine.endpoint.InputEndpoint`."""
        loop = asyncio.get_running_loop()

        def printed(line: str) -> None:
            loop.call_soon_threadsafe(self._say, coloured(line))

        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._keys)
                signals = ProcessSignals(
                    interrupts, grace=self._grace, on_unheard=self._unheard, on_end=self._end_of_process
                )
                stack.enter_context(signals)
                if self._bars:
                    stack.enter_context(suspension(self._suspend, self._resume))
                    both = self._format.is_for_programs or is_terminal(self._stdout)
                    stack.enter_context(printed_lines(printed, stdout=both))
                await self._draw_until_cancelled()
        finally:
            self._answers.close()
            await asyncio.sleep(0)  # for what was printed last
            self._finish_drawing()
            await asyncio.to_thread(self._writer.close)

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """See :class:`irenic.engine.endpoint.ProgressEndpoint`."""
        self._executions[execution.id] = execution
        for event in events:
            if isinstance(event, Log):
                self._log(event)
            elif isinstance(event, Ask):
                self._answers.put(execution, event)
            elif isinstance(event, Answered):
                self._answers.withdraw(execution.id, event.ask_id)
        self._changed.set()

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        self._executions.pop(execution.id, None)
        self._answers.withdraw(execution.id)
        self._finish_drawing()
        text = format_outcome(
            outcome,
            self._format,
            look=self._text_look,
            progress=execution.progress,
            command_line=self._command_line,
        )
        self._writer.write(self._stdout, text)
        self._changed.set()

    def leave(self, timeout: float) -> None:
        """Write what is left and restore the terminal, for a program that ends without waiting for what it left."""
        self._finish_drawing()
        self._writer.flush(timeout)
        self._keys.restore()

    # Drawing.

    async def _draw_until_cancelled(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK if self._executions and self._bars else None):
                    await self._changed.wait()
            self._changed.clear()
            began = time.perf_counter()
            self._draw()
            await asyncio.sleep(max(FRAME, SHARE * (time.perf_counter() - began)))

    def _draw(self) -> None:
        if not self._bars:
            return
        if not self._writer.is_idle:  # the terminal has not taken the last frame yet
            self._changed.set()
            return
        columns, rows = size_of(self._stderr)
        look = Look(columns, rows, has_icons(self._stderr), self._ink)
        now = timestamp()
        snapshots = [Snapshot(e.record, e.progress, now) for e in self._executions.values()]
        lines = frame(snapshots, look)
        question = self._answers.question
        if question is not None:
            lines = [*lines[: rows - 2], self._prompt(question, columns)]
        above, self._above = self._above, []
        self._painter.paint(lines, columns, above=above, typing=question is not None)

    def _prompt(self, question: Ask, columns: int) -> str:
        text = f"{question.item} asks: {visible(' '.join(question.prompt.split()))} "
        room = max(8, columns * 2 // 3)
        return self._ink(text if len(text) <= room else f"{text[: room - 2]}… ", "magenta")

    def _finish_drawing(self) -> None:
        if not self._bars:
            return
        self._painter.clear()
        if self._above:
            above, self._above = self._above, []
            self._writer.write(self._stderr, "".join(f"{line}\n" for line in above))

    def _log(self, event: Log) -> None:
        if not is_shown(event.level, self._log_level):
            return
        for line in visible(event.text).splitlines() or [""]:
            told = f"{clock(event.at)} {event.item or 'irenic'}: {line}"
            self._say(self._ink(told, _LOG_COLOURS[event.level]))

    def _say(self, line: str) -> None:
        """Show a line that stays, above the bars."""
        if self._bars:
            self._above.append(line)
            self._changed.set()
        else:
            self._writer.write(self._stderr, f"{line}\n")

    # The process.

    def _suspend(self) -> None:
        self._finish_drawing()
        self._writer.flush(timeout=0.5)
        self._keys.restore()

    def _resume(self) -> None:
        self._keys.quiet()
        self._changed.set()

    def _unheard(self) -> None:
        """Say why nothing seems to happen; called from another thread, while the event loop stands still."""
        self._painter.forget()
        told = "stopping: the running code lets nothing else run · Ctrl-C again cancels it in the midst"
        self._writer.write(self._stderr, f"{told if has_icons(self._stderr) else told.replace('·', '-')}\n")

    def _end_of_process(self) -> None:
        """Say what is not known; called from another thread, where the event loop does not react any more."""
        self._keys.restore()
        told = ["", "irenic: ended at once: the running code could not be interrupted. What was acknowledged is kept."]
        for execution in list(self._executions.values()):
            running = [item.item for item in execution.progress.items.values() if item.status.is_running]
            told.append(f"Unknown: {', '.join(running) or 'nothing'}; resume looks at them first.")
            if self._command_line is not None:
                told.append(f"Next: {self._command_line.resume(execution.id)}")
        with contextlib.suppress(OSError, ValueError):
            os.write(self._stderr.fileno(), "\n".join([*told, ""]).encode())
