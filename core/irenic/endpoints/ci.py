"""A CI run, or any place without a terminal, as an endpoint: signals in, lines that are only ever added out."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from irenic.endpoints.answers import Answers
from irenic.endpoints.formats import Format, format_outcome
from irenic.endpoints.log_level import LogLevel, is_shown
from irenic.endpoints.outcome_text import CommandLine, TextLook
from irenic.endpoints.process_signals import ProcessSignals
from irenic.endpoints.reports import ReportEndpoint
from irenic.endpoints.stream_writer import StreamWriter
from irenic.endpoints.terminal import Choice, Ink, has_icons, wants_colour
from irenic.endpoints.wording import STATUS_LOOKS, WORD_WIDTH, amount, clock, count_of, source_in_words
from irenic.engine.endpoint import ExecutionView, InterruptSender
from irenic.engine.request import READ_ONLY_CMDS
from irenic.model import events as e
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ProgressStatus
from irenic.model.text import visible
from irenic.model.timestamps import seconds_between

POSITION_EVERY = 10.0
"""Seconds between two lines that tell how far an item has come."""

_TOLD_STATUSES = frozenset(
    {
        ProgressStatus.WAITING,
        ProgressStatus.RUNNING_STALLED,
        ProgressStatus.INTERRUPTED,
        ProgressStatus.UNKNOWN,
    }
)


class CiEndpoint:
    """Shows executions line by line, without control codes: time, item, status, message.

    Where GitHub runs it, each block is a group and each error an annotation.

    :param format: text, json, yaml or none, for the outcome; with json and yaml the lines go to standard error.
    :param lines: whether to show progress at all.
    :param color: auto, always or never, for the outcome.
    :param grace: seconds that SIGTERM leaves to running items before they are cancelled.
    :param log_level: the least level of log lines that are shown.
    :param junit: a file for JUnit XML.
    :param summary: a file for a Markdown summary.
    :param command_line: what was typed, so that the outcome can name the next command.
    :param traceback: whether errors are shown with all their frames.
    """

    def __init__(
        self,
        *,
        format: str = "text",
        lines: bool = True,
        color: str = "auto",
        grace: float = 10.0,
        log_level: LogLevel = "info",
        junit: str | Path | None = None,
        summary: str | Path | None = None,
        command_line: CommandLine | None = None,
        traceback: bool = False,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._format = Format(format)
        self._with_lines = lines
        self._grace = grace
        self._log_level = log_level
        self._command_line = command_line
        self._stdout = stdout or sys.stdout
        self._lines_to = (stderr or sys.stderr) if self._format.is_for_programs else self._stdout
        self._look = TextLook(Ink(wants_colour(Choice(color), self._stdout)), has_icons(self._stdout), traceback)
        self._on_github = environment.get("GITHUB_ACTIONS") == "true"
        self._reports = ReportEndpoint(junit=junit, summary=summary, command_line=command_line, environment=environment)
        self._writer = StreamWriter()
        self._answers = Answers(stdin or sys.stdin)
        self._told_at: dict[tuple[str, str], str] = {}
        self._widths: dict[str, int] = {}

    async def listen(self, interrupts: InterruptSender) -> None:
        """See :class:`irenic.engine.endpoint.InputEndpoint`."""
        try:
            with ProcessSignals(interrupts, grace=self._grace, on_end=lambda: self.leave(1.0)):
                await asyncio.get_running_loop().create_future()
        finally:
            self._answers.close()
            await asyncio.to_thread(self._writer.close)

    async def on_events(self, execution: ExecutionView, events: Sequence[e.JournalEvent]) -> None:
        """See :class:`irenic.engine.endpoint.ProgressEndpoint`."""
        told: list[str] = []
        for event in events:
            if isinstance(event, e.Ask):
                self._answers.put(execution, event)
            elif isinstance(event, e.Answered):
                self._answers.withdraw(execution.id, event.ask_id)
            tell = _TELLERS.get(event.kind)
            if tell is not None and self._tells_of(execution, event):
                told += tell(self, execution, event)
        if told:
            self._writer.write(self._lines_to, "".join(f"{line}\n" for line in told))

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        self._answers.withdraw(execution.id)
        text = format_outcome(
            outcome, self._format, look=self._look, progress=execution.progress, command_line=self._command_line
        )
        if self._on_github:
            self._writer.write(self._lines_to, _annotation_of(outcome))
            if not self._format.is_for_programs:  # so that no line of an error message is taken for a command
                text = f"::stop-commands::{outcome.execution_id}\n{text}::{outcome.execution_id}::\n"
        self._writer.write(self._stdout, text)
        await self._reports.on_outcome(execution, outcome)

    def leave(self, timeout: float) -> None:
        """Write what is left, for a program that ends without waiting for what it has abandoned."""
        self._writer.flush(timeout)

    def _tells_of(self, execution: ExecutionView, event: e.JournalEvent) -> bool:
        if isinstance(event, (e.Log, e.ItemError, e.InterruptRequested, e.EndpointCut)):
            return True
        return self._with_lines and not set(execution.record.cmds) <= READ_ONLY_CMDS

    # One line for each kind of event that a reader of a log wants to know of.

    def _started(self, execution: ExecutionView, event: e.ExecutionStarted) -> list[str]:
        self._widths[execution.id] = max((len(item) for item in event.items), default=0)
        dry = " (dry run)" if event.dry_run else ""
        what = f"{' and '.join(event.cmds)}{dry} {event.flow}/{event.profile}: {count_of(len(event.items), 'item')}"
        return [f"{clock(event.at)} {what}, execution {event.execution_id}"]

    def _block_started(self, execution: ExecutionView, event: e.BlockStarted) -> list[str]:
        what = f"{event.cmd} · {event.block.replace('_', ' ')}"
        return [f"::group::{what}"] if self._on_github else [f"{clock(event.at)} {what}"]

    def _block_ended(self, execution: ExecutionView, event: e.BlockEnded) -> list[str]:
        return ["::endgroup::"] if self._on_github else []

    def _intent(self, execution: ExecutionView, event: e.ItemIntent) -> list[str]:
        return [self._line(event, event.item, STATUS_LOOKS[ProgressStatus.RUNNING].word)]

    def _result(self, execution: ExecutionView, event: e.ItemResult) -> list[str]:
        match event.result:
            case "applied":
                return [self._line(event, event.item, "done")]
            case "unchanged":
                return [self._line(event, event.item, "done", "nothing to do")]
            case "cancelled":
                message = f", and failed: {event.error.message}" if event.error else ""
                return [self._line(event, event.item, "interrupted", f"cancelled{message}")]
            case "failed":
                message = event.error.message if event.error else ""
                return [self._line(event, event.item, "failed", message), *self._annotation(event.item, message)]

    def _item_error(self, execution: ExecutionView, event: e.ItemError) -> list[str]:
        told = f"in {event.error.phase}: {event.error.message}" if event.error.phase else event.error.message
        return [self._line(event, event.item, "failed", told), *self._annotation(event.item, told)]

    def _status(self, execution: ExecutionView, event: e.ItemStatus) -> list[str]:
        if event.status not in _TOLD_STATUSES:
            return []
        message = f"for a place of {event.waiting_for}" if event.waiting_for else event.message
        return [self._line(event, event.item, STATUS_LOOKS[event.status].word, message)]

    def _position(self, execution: ExecutionView, event: e.ItemPosition) -> list[str]:
        key = (execution.id, event.item)
        last = self._told_at.setdefault(key, event.at)
        if seconds_between(last, event.at) < POSITION_EVERY:
            return []
        self._told_at[key] = event.at
        told = " ".join(part for part in (amount(event.position, event.limit), event.message) if part)
        return [self._line(event, event.item, "running", told)]

    def _interrupt(self, execution: ExecutionView, event: e.InterruptRequested) -> list[str]:
        signal = event.signal
        level = signal.level.word if signal.level is not None else "finish"
        reason = f": {signal.reason}" if signal.reason else ""
        return [self._line(event, "", "stopping", f"asked by {source_in_words(signal.source)} ({level}){reason}")]

    def _log(self, execution: ExecutionView, event: e.Log) -> list[str]:
        if not is_shown(event.level, self._log_level):
            return []
        return [self._line(event, event.item or "", event.level, line) for line in event.text.splitlines()]

    def _ask(self, execution: ExecutionView, event: e.Ask) -> list[str]:
        return [self._line(event, event.item, STATUS_LOOKS[ProgressStatus.USER_PENDING].word, event.prompt)]

    def _endpoint_cut(self, execution: ExecutionView, event: e.EndpointCut) -> list[str]:
        return [self._line(event, "", "warning", f"{event.endpoint} was cut off: it {event.reason}")]

    def _line(self, event: e.Event, item: str, word: str, message: str = "") -> str:
        width = self._widths.get(event.execution_id, 0)
        return _plain(f"{clock(event.at)} {item.ljust(width)} {word.ljust(WORD_WIDTH)} {message}").rstrip()

    def _annotation(self, title: str, message: str) -> list[str]:
        return [_command("error", title, message)] if self._on_github else []


def _annotation_of(outcome: CmdOutcome) -> str:
    """Return what GitHub is to show of an outcome as a whole; errors of items were told before."""
    title = f"{outcome.flow}/{outcome.profile}"
    if outcome.kind in ("refused", "failed", "lost"):
        return f"::endgroup::\n{_command('error', title, outcome.message or outcome.kind)}\n"
    if outcome.is_interrupted and outcome.interrupt is not None:
        interrupt = outcome.interrupt
        reason = f": {interrupt.reason}" if interrupt.reason else ""
        told = f"interrupted by {source_in_words(interrupt.source)}{reason}"
        return f"::endgroup::\n{_command('warning', title, told)}\n"
    return "::endgroup::\n" if outcome.kind == "item_error" else ""


def _command(name: str, title: str, message: str) -> str:
    """Return a workflow command. Source: GitHub's documentation of workflow commands, and its toolkit's escapes."""
    escaped = visible(message).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{name} title={title.replace('%', '%25').replace(':', '%3A').replace(',', '%2C')}::{escaped}"


def _plain(text: str) -> str:
    """Return text on one line and without control codes."""
    return "".join(character if character.isprintable() else " " for character in text)


_TELLERS: dict[str, Callable[[CiEndpoint, ExecutionView, Any], list[str]]] = {
    "execution_started": CiEndpoint._started,
    "block_started": CiEndpoint._block_started,
    "block_ended": CiEndpoint._block_ended,
    "item_intent": CiEndpoint._intent,
    "item_result": CiEndpoint._result,
    "item_error": CiEndpoint._item_error,
    "item_status": CiEndpoint._status,
    "item_position": CiEndpoint._position,
    "interrupt_requested": CiEndpoint._interrupt,
    "log": CiEndpoint._log,
    "ask": CiEndpoint._ask,
    "endpoint_cut": CiEndpoint._endpoint_cut,
}
