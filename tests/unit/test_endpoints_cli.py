"""The terminal as an endpoint, on a terminal that is made up; a real one is driven in tests/e2e/test_cli_pty.py."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import pytest
from tests.items import ThingParams, ThingState, World
from tests.screen import Screen, control_codes
from tests.slow_things import SlowThing, slow_tower

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow, InterruptLevel, ItemContext, StateDiff
from irenic.endpoints import CliEndpoint
from irenic.endpoints.outcome_text import CommandLine
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


class Terminal(io.StringIO):
    """A terminal that keeps all it was ever sent."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Always true."""
        return True

    @property
    def frames(self) -> list[list[str]]:
        """What a person saw after each frame."""
        screen = Screen(int(os.environ["COLUMNS"]))
        parts = self.getvalue().split("\x1b[?2026h")
        return [list(screen.feed(part).lines) for part in parts]


class InlineWriter:
    """Writes at once: a thread knows nothing of a clock that jumps."""

    is_idle = True

    def write(self, stream: TextIO, text: str) -> None:
        """See :class:`irenic.endpoints.stream_writer.StreamWriter`."""
        stream.write(text)

    def flush(self, timeout: float | None = None) -> bool:
        """See :class:`irenic.endpoints.stream_writer.StreamWriter`."""
        return True

    def close(self, timeout: float | None = None) -> None:
        """See :class:`irenic.endpoints.stream_writer.StreamWriter`."""


@pytest.fixture(autouse=True)
def _size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("irenic.endpoints.cli.StreamWriter", InlineWriter)


@pytest.fixture(autouse=True)
def _unharmed() -> Iterator[None]:
    """A signal that the endpoint fails to take would end the whole test run; so it is taken by somebody else."""
    numbers = (signal.SIGINT, signal.SIGHUP)
    found = [signal.signal(number, lambda number, frame: None) for number in numbers]
    yield
    for number, handler in zip(numbers, found, strict=True):
        signal.signal(number, handler)


class Shown:
    """An endpoint and what it wrote."""

    def __init__(self, **options: Any) -> None:
        self.stdout = io.StringIO()
        self.stderr: io.StringIO = Terminal()
        given = {"stdout": self.stdout, "stderr": self.stderr, "stdin": io.StringIO(), "color": "never", **options}
        self.stderr = given["stderr"]
        self.endpoint = CliEndpoint(**given)

    async def run(self, flow: Flow, **request: Any) -> CmdOutcome:
        """Run a flow to its end."""
        async with CmdExecutionMap(MemoryStore(), [self.endpoint]) as executions:
            return await executions.submit(CmdExecRequest(flow=flow, **request))

    @property
    def frames(self) -> list[list[str]]:
        """The frames on standard error."""
        assert isinstance(self.stderr, Terminal)
        return self.stderr.frames


async def test_bars_are_on_standard_error_and_gone_at_the_end() -> None:
    """The outcome alone is left, on standard output."""
    shown = Shown(command_line=CommandLine("flow.py"))
    await shown.run(slow_tower(World(), "archive", "site"))
    seen = {line for frame in shown.frames for line in frame}
    assert any(line.startswith("🔵 archive ") for line in seen)
    assert any(line.startswith("✅ archive ") for line in seen)
    assert shown.frames[-1] == []
    assert shown.stdout.getvalue().startswith("ensure complete: slow/default, 2 items in")


async def test_elapsed_time_goes_on_while_nothing_happens() -> None:
    """Once a second, and not more often."""
    shown = Shown()
    await shown.run(slow_tower(World(), "archive", seconds=30))
    assert len(shown.frames) < 15


async def test_where_standard_error_is_no_terminal_there_is_the_outcome_only() -> None:
    """And what items log."""
    shown = Shown(stderr=io.StringIO())
    await shown.run(slow_tower(World(), "archive"))
    assert shown.stderr.getvalue() == ""
    assert "ensure complete" in shown.stdout.getvalue()


async def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursor movements stay; they are no colours."""
    coloured, plain = Shown(color="auto"), Shown(color="auto")
    await coloured.run(slow_tower(World(), "archive"))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Shown(color="auto")
    await plain.run(slow_tower(World(), "archive"))
    assert "\x1b[1m" in coloured.stderr.getvalue()
    assert not any(code.endswith("m") for code in control_codes(plain.stderr.getvalue()))
    assert list(control_codes(plain.stdout.getvalue())) == []


async def test_colours_may_be_forced_into_a_file() -> None:
    """For whoever pages with less -R."""
    shown = Shown(color="always")
    await shown.run(slow_tower(World(), "archive"))
    assert "\x1b[32mensure complete\x1b[0m" in shown.stdout.getvalue()


class Talking(SlowThing):
    """A thing that logs, prints and asks."""

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Say something on every way there is."""
        cx.log.debug("not shown")
        cx.log.warning("careful")
        print("printed")  # noqa: T201 - what a flow's author may well do
        sys.stderr.write("without an end")
        await asyncio.sleep(1)
        return await super().apply(cx, params, current, target, diff)


async def test_what_is_logged_and_printed_stays_above_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, also a last one without an end."""
    shown = Shown(stdout=Terminal(), stderr=Terminal())
    flow = Flow("talking")
    flow.add(Talking("a", World(), seconds=3))
    await shown.run(flow)
    above = [line.partition(" ")[2] if line[2:3] == ":" else line for line in shown.frames[-1]]
    assert sorted(above) == ["a: careful", "printed", "without an end"]
    bars = [frame for frame in shown.frames if any("🔵" in line for line in frame)]
    assert all("🔵" not in line for frame in bars for line in frame[: frame.index("printed")] if "printed" in frame)
    assert sys.stdout is not None
    assert "printed" not in shown.stdout.getvalue()


async def test_a_stop_is_told_until_it_has_settled() -> None:
    """Whoever asked for it."""
    shown = Shown()
    async with CmdExecutionMap(MemoryStore(), [shown.endpoint]) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow_tower(World(), "a", "b", seconds=5)))
        await asyncio.sleep(2)
        execution.interrupt(source="failsafe", reason="maintenance")
        outcome = await execution
    told = [line for frame in shown.frames for line in frame if line.startswith("stopping")]
    assert told
    assert all(line.startswith("stopping: finishing a (") for line in told)
    assert any("asked by failsafe: maintenance" in line for frame in shown.frames for line in frame)
    assert outcome.items.done == ["a"]


async def test_signals_are_interrupts_one_level_each() -> None:
    """Ctrl-C finishes, once more cancels."""
    shown = Shown()
    async with CmdExecutionMap(MemoryStore(), [shown.endpoint]) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow_tower(World(), "a", seconds=50)))
        await asyncio.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(1)
        first = executions.level
        os.kill(os.getpid(), signal.SIGINT)
        outcome = await execution
    assert first is InterruptLevel.FINISH
    assert outcome.interrupt is not None
    assert (outcome.interrupt.source, outcome.interrupt.level) == ("sigint", InterruptLevel.CANCEL)


async def test_a_hang_up_finishes_and_does_not_raise_the_level() -> None:
    """The terminal is gone; what runs may end in peace."""
    shown = Shown()
    async with CmdExecutionMap(MemoryStore(), [shown.endpoint]) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow_tower(World(), "a", "b", seconds=5)))
        for _ in range(2):
            await asyncio.sleep(1)
            os.kill(os.getpid(), signal.SIGHUP)
        outcome = await execution
    assert outcome.items.done == ["a"]
    assert outcome.interrupt is not None
    assert (outcome.interrupt.source, outcome.interrupt.level) == ("sighup", InterruptLevel.FINISH)


async def test_handlers_and_streams_are_given_back() -> None:
    """A program goes on as it was when the map is closed."""
    found = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)]
    streams = sys.stdout, sys.stderr
    await Shown().run(slow_tower(World(), "a"))
    assert [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
    ] == found
    assert (sys.stdout, sys.stderr) == streams


async def test_a_signal_that_was_ignored_before_stays_ignored() -> None:
    """Under nohup a hang-up is none of our business."""
    found = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        shown = Shown()
        async with CmdExecutionMap(MemoryStore(), [shown.endpoint]) as executions:
            execution = executions.submit(CmdExecRequest(flow=slow_tower(World(), "a", seconds=2)))
            await asyncio.sleep(1)
            os.kill(os.getpid(), signal.SIGHUP)
            outcome = await execution
    finally:
        signal.signal(signal.SIGHUP, found)
    assert outcome.interrupt is None


async def test_several_executions_are_shown_together() -> None:
    """Each with its own outcome in the end."""
    shown = Shown()
    async with CmdExecutionMap(MemoryStore(), [shown.endpoint]) as executions:
        running = [
            executions.submit(CmdExecRequest(flow=slow_tower(World(), "a", seconds=seconds), profile=profile))
            for profile, seconds in (("dev", 3), ("prod", 6))
        ]
        for execution in running:
            await execution
    together = [frame for frame in shown.frames if sum("slow/" in line for line in frame) == 2]
    assert together
    assert shown.stdout.getvalue().count("ensure complete") == 2
