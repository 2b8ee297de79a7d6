"""A CI run as an endpoint: lines that are only ever added."""

import asyncio
import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import pytest
from tests.items import Thing, ThingParams, ThingState, World
from tests.outcomes import EXECUTION, progress_of, record_of
from tests.running import fails
from tests.screen import control_codes
from tests.slow_things import SlowThing, slow_tower

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow, ItemContext, Limit, ProgressLimit, StateDiff
from irenic.endpoints import CiEndpoint
from irenic.guards import Deadline
from irenic.model.events import ItemPosition
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

GITHUB = {"GITHUB_ACTIONS": "true"}


class Run:
    """What an execution wrote."""

    def __init__(self, outcome: CmdOutcome, stdout: str, stderr: str) -> None:
        self.outcome = outcome
        self.stdout = stdout
        self.stderr = stderr

    @property
    def lines(self) -> list[str]:
        """Standard output's lines, without the times of day at their beginning and with the id left out."""
        text = self.stdout.replace(self.outcome.execution_id, "ID")
        return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


async def shown(
    flow: Flow,
    *,
    environment: Mapping[str, str] | None = None,
    stdin: TextIO | None = None,
    request: dict[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Run a flow with an endpoint as a CI run would have it."""
    stdout, stderr = io.StringIO(), io.StringIO()
    endpoint = CiEndpoint(
        stdout=stdout, stderr=stderr, stdin=stdin or io.StringIO(), environment=environment or {}, **options
    )
    async with CmdExecutionMap(MemoryStore(), [endpoint]) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=flow, **(request or {})))
    return Run(outcome, stdout.getvalue(), stderr.getvalue())


async def test_each_line_has_time_item_status_and_message() -> None:
    """And no control codes."""
    run = await shown(slow_tower(World(), "archive", "site"))
    assert run.lines[:10] == [
        "ensure slow/default: 2 items, execution ID",
        "ensure · states discover",
        "ensure · verdict",
        "ensure · apply",
        "archive running",
        "archive done",
        "site    running",
        "site    done",
        "ensure complete: slow/default, 2 items in 0.0 s",
        "   archive  done           value: 1, stamp: 1",
    ]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in run.stdout.splitlines()[:8])
    assert list(control_codes(run.stdout)) == []


async def test_items_with_nothing_to_do_say_so() -> None:
    """They were looked at all the same."""
    run = await shown(slow_tower(World(a=1), "a"))
    assert "a done        nothing to do" in run.lines


async def test_an_error_and_a_stop_are_told_where_they_happen() -> None:
    """Not only in the outcome."""
    world = World()
    flow = Flow("failing", guards=[Deadline(2)])
    flow.add(Thing("x", world, apply=fails("no such\nhost")))
    slow = flow.add(SlowThing("slow", world, 5))
    flow.add(Thing("last", world), below=slow.state.value)
    run = await shown(flow)
    assert "x    failed      no such host" in run.lines
    assert "     stopping    asked by deadline (finish): 2 s have passed" in run.lines


class Execution:
    """An execution as an endpoint sees it."""

    id = EXECUTION
    record = record_of()
    progress = progress_of()


async def test_progress_is_told_every_ten_seconds_and_no_more_often() -> None:
    """A log is not a progress bar."""
    stdout = io.StringIO()
    endpoint = CiEndpoint(stdout=stdout, stdin=io.StringIO(), environment={})
    for second in range(26):
        at = f"2026-11-24T12:00:{second:02d}.000Z"
        position = ItemPosition(
            execution_id=EXECUTION,
            seq=second,
            at=at,
            item="archive",
            position=second * 1_000_000,
            limit=ProgressLimit.bytes(40_000_000),
            message="reading",
        )
        await endpoint.on_events(Execution(), [position])
    endpoint.leave(5)
    assert stdout.getvalue().splitlines() == [
        "12:00:10 archive running     10.0/40.0 MB reading",
        "12:00:20 archive running     20.0/40.0 MB reading",
    ]


async def test_a_limit_that_holds_an_item_back_is_told() -> None:
    """Else nobody would know why it does not begin."""

    class Limited(SlowThing):
        async def apply(
            self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
        ) -> ThingState:
            async with cx.limits("api"):
                return await super().apply(cx, params, current, target, diff)

    world = World()
    flow = Flow("limited", limits={"api": Limit(concurrency=1)})
    flow.add(Limited("a", world))
    flow.add(Limited("b", world))
    assert "b waiting     for a place of api" in (await shown(flow)).lines


async def test_commands_that_only_read_are_shown_without_lines() -> None:
    """Their result is all that matters."""
    world = World()
    flow = slow_tower(world, "a")
    run = await shown(flow, request={"cmds": ["status"], "source": "discover"})
    assert run.lines[0] == "status complete: slow/default, 1 item in 0.0 s"


async def test_without_lines_there_is_only_the_outcome() -> None:
    """As --progress none wants it."""
    run = await shown(slow_tower(World(), "a"), lines=False)
    assert run.lines[0] == "ensure complete: slow/default, 1 item in 0.0 s"


@pytest.mark.parametrize("format", ["json", "yaml"])
async def test_standard_output_is_pure_where_it_is_for_a_program(format: str) -> None:
    """Lines, groups and annotations go to standard error."""
    run = await shown(slow_tower(World(), "a"), format=format, environment=GITHUB)
    if format == "json":
        assert json.loads(run.stdout)["kind"] == "complete"
    else:
        assert run.stdout.startswith("kind: complete\n")
    assert "::group::ensure · apply" in run.stderr


async def test_github_is_given_groups_and_annotations() -> None:
    """A group for each block, an annotation for each error, and an outcome that cannot be taken for commands."""
    world = World()
    flow = Flow("failing")
    flow.add(Thing("x", world, apply=fails("100 %\n::set-output name=a::b")))
    run = await shown(flow, environment=GITHUB)
    assert run.lines[1:3] == ["::group::ensure · states discover", "::endgroup::"]
    assert "::error title=x::100 %25%0A::set-output name=a::b" in run.lines
    begin, end = run.lines.index("::stop-commands::ID"), run.lines.index("::ID::")
    assert "::endgroup::" in run.lines[:begin]
    assert any("set-output" in line for line in run.lines[begin:end])
    assert run.lines[end + 1 :] == []


async def test_github_is_told_of_an_interrupt_and_of_a_refusal() -> None:
    """As a warning, and as an error."""
    stopped = await shown(slow_tower(World(), "a", "b", seconds=3), environment=GITHUB, request={"deadline": 1})
    assert "::warning title=slow/default::interrupted by deadline: 1 s have passed" in stopped.lines
    nothing = await shown(slow_tower(World(), "a"), environment=GITHUB, request={"cmds": ["status"]})
    assert any(line.startswith("::error title=slow/default::nothing is stored") for line in nothing.lines)


async def test_elsewhere_there_are_no_workflow_commands() -> None:
    """They would be noise."""
    world = World()
    flow = Flow("failing")
    flow.add(Thing("x", world, apply=fails("broken")))
    run = await shown(flow)
    assert "::" not in run.stdout


class Asking(SlowThing):
    """A thing that asks, and logs the answer."""

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Ask."""
        cx.log.debug("about to ask")
        cx.log.info(f"got {await cx.ask('Which key?')}")
        return await super().apply(cx, params, current, target, diff)


async def test_a_question_that_nobody_can_answer_cancels_rather_than_waits_for_ever() -> None:
    """There is no standard input in a CI run."""
    flow = Flow("asking")
    flow.add(Asking("a", World()))
    run = await shown(flow)
    assert "a asks you    Which key?" in run.lines
    assert run.outcome.interrupt is not None
    assert run.outcome.interrupt.source == "stdin"
    assert run.outcome.interrupt.reason == "a asks 'Which key?', and standard input has ended"
    assert run.outcome.items.not_done == ["a"]


async def test_answers_are_read_from_a_file_line_by_line(tmp_path: Path) -> None:
    """As in `irenic ensure flow.py < answers`; the last line needs no end."""
    flow = Flow("asking")
    below = flow.add(Asking("a", World()))
    flow.add(Asking("b", World()), below=below.state.value)
    answers = tmp_path / "answers"
    answers.write_text("one\ntwo")
    with answers.open() as stdin:
        run = await shown(flow, stdin=stdin)
    assert run.outcome.kind == "complete"
    assert [line for line in run.lines if "got" in line] == ["a info        got one", "b info        got two"]


async def test_answers_are_read_from_a_pipe_as_they_come() -> None:
    """Another program may answer."""
    flow = Flow("asking")
    flow.add(Asking("a", World()))
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "w") as pipe:
        asyncio.get_running_loop().call_later(5, lambda: print("late", file=pipe, flush=True))
        run = await shown(flow, stdin=stdin)
    assert "a info        got late" in run.lines


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("info", 1), ("warning", 0)])
async def test_the_log_is_shown_from_a_level_on(level: str, count: int, tmp_path: Path) -> None:
    """Info, where nothing else is said."""
    flow = Flow("asking")
    flow.add(Asking("a", World()))
    answers = tmp_path / "answers"
    answers.write_text("x\n")
    with answers.open() as stdin:
        run = await shown(flow, stdin=stdin, log_level=level)
    assert len([line for line in run.lines if "got" in line or "about" in line]) == count


async def test_reports_are_written_on_request(tmp_path: Path) -> None:
    """JUnit XML, and a summary."""
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    await shown(slow_tower(World(), "a"), junit=junit, summary=summary)
    assert 'name="a"' in junit.read_text()
    assert summary.read_text().startswith("### ✅ ensure complete")
