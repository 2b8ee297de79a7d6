"""Guards stop an execution by themselves, and the outcome names them."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.items import Thing, ThingState, World, things
from tests.running import fails, journal_of
from tests.slow_things import SlowThing, slow_tower

import irenic.guards
from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow, InterruptLevel, ItemFailure
from irenic.flow.context import HttpResponse
from irenic.guards import MOST_PATIENCE, Deadline, ErrorBudget, Failsafe, RateGuard
from irenic.model.errors import ParamsError
from irenic.model.events import Log
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


async def guarded(flow: Flow, *guards: object, **options: Any) -> CmdOutcome:
    """Ensure a flow under guards."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        return await executions.submit(CmdExecRequest(flow=flow, guards=guards, **options))


def stopped_by(outcome: CmdOutcome) -> tuple[str, str | None]:
    """Return the source and the reason of an interrupt."""
    assert outcome.interrupt is not None
    return outcome.interrupt.source, outcome.interrupt.reason


class Switch:
    """An address whose answers are given beforehand; the last one is given for ever. None stands for no connection."""

    def __init__(self, *answers: str | None, status: int = 200) -> None:
        self.answers = list(answers)
        self.status = status
        self.asked = 0

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """See :class:`irenic.flow.context.HttpClient`."""
        return self._respond()

    @asynccontextmanager
    async def _respond(self) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise ItemFailure("nobody listens there.")
        yield _Response(self.status, answer)


class _Response:
    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self._text = text

    async def read(self) -> bytes:
        """Return the body."""
        return self._text.encode()


class Breaking(SlowThing):
    """A thing that takes a while to fail."""

    def put(self, value: int | None) -> ThingState:
        """Raise."""
        raise RuntimeError(f"{self.id} broke")


class Puller(SlowThing):
    """A thing that pulls a switch when it is made."""

    def __init__(self, id: str, world: World, switch: Path) -> None:
        super().__init__(id, world, 10)
        self.switch = switch

    def put(self, value: int | None) -> ThingState:
        """Pull, and change the world."""
        self.switch.touch()
        return super().put(value)


class TestDeadline:
    """An execution's time."""

    async def test_stops_what_is_not_done_in_time(self) -> None:
        """What runs is finished, nothing new starts."""
        outcome = await guarded(slow_tower(World(), "a", "b", "c", seconds=2), Deadline(3))
        assert stopped_by(outcome) == ("deadline", "3 s have passed")
        assert outcome.items.done == ["a", "b"]
        assert outcome.items.not_done == ["c"]

    async def test_may_cancel(self) -> None:
        """The level is the guard's to choose."""
        outcome = await guarded(slow_tower(World(), "a", seconds=60), Deadline(3, level="cancel"))
        assert outcome.interrupt is not None
        assert outcome.interrupt.level is InterruptLevel.CANCEL
        assert outcome.items.not_done == ["a"]

    async def test_does_not_raise_the_level_of_a_stop_that_was_asked_for(self) -> None:
        """A user who asked to finish is not overruled."""
        guards = (Deadline(1), Deadline(2))
        outcome = await guarded(slow_tower(World(), "a", "b", seconds=5), *guards)
        assert outcome.interrupt is not None
        assert outcome.interrupt.level is InterruptLevel.FINISH
        assert outcome.items.done == ["a"]

    async def test_of_no_time_is_refused(self) -> None:
        """Zero seconds cannot be meant."""
        with pytest.raises(ParamsError, match="seconds must be more than 0, not 0"):
            Deadline(0)


class TestErrorBudget:
    """How many items may fail."""

    @staticmethod
    def failing(*ids: str) -> Flow:
        """Return a flow whose named things fail one after the other, beside a slow one and what stands upon it."""
        world = World()
        flow = Flow("failing")
        for number, id in enumerate(ids):
            flow.add(Breaking(id, world, seconds=number + 1))
        slow = flow.add(SlowThing("slow", world, seconds=10))
        flow.add(SlowThing("last", world, seconds=10), below=slow.state.value)
        return flow

    async def test_stops_when_one_more_has_failed_than_may(self) -> None:
        """With one allowed the second stops it, and both are named."""
        outcome = await guarded(self.failing("x", "y", "z"), ErrorBudget(1))
        assert stopped_by(outcome) == ("error_budget", "failed: x, y; 1 allowed")
        assert outcome.kind == "item_error"
        assert "last" in outcome.items.not_done
        assert outcome.items.done == ["slow"]

    async def test_lets_errors_within_the_budget_be(self) -> None:
        """What runs beside a failed item runs to its end, and nobody is said to have stopped it."""
        outcome = await guarded(self.failing("x"), ErrorBudget(1, level="cancel"))
        assert outcome.interrupt is None
        assert outcome.items.done == ["slow"]

    async def test_may_cancel_what_runs(self) -> None:
        """Rather than let it run on for nothing."""
        outcome = await guarded(self.failing("x"), ErrorBudget(0, level="cancel"))
        assert outcome.interrupt is not None
        assert outcome.interrupt.level is InterruptLevel.CANCEL
        assert outcome.items.done == []

    async def test_counts_failures_of_discovery(self) -> None:
        """An item fails in whatever function it fails."""
        world = World()
        flow = Flow("undiscoverable")
        flow.add(Thing("x", world, state_current=fails("no such host")))
        flow.add(Thing("y", world, state_goal=takes(5, fails("no such host"))))
        outcome = await guarded(flow, ErrorBudget(0), cmds=["discover"])
        assert stopped_by(outcome) == ("error_budget", "failed: x; 0 allowed")

    async def test_below_zero_is_refused(self) -> None:
        """There is no less than none."""
        with pytest.raises(ParamsError, match="an error budget of -1"):
            ErrorBudget(-1)


def takes(seconds: float, then: Any) -> Any:
    """Return a function that does something after a while."""

    async def wait(*args: Any) -> Any:
        await asyncio.sleep(seconds)
        return await then(*args)

    return wait


class TestRateGuard:
    """How much may happen at a time."""

    async def test_stops_when_too_many_applies_begin_within_the_window(self) -> None:
        """The first one too many is finished, and none after it begins."""
        world = World()
        outcome = await guarded(things(world, *"abcdefgh"), RateGuard(3, per=10), max_concurrency=1)
        assert stopped_by(outcome) == ("rate_guard", "more than 3 applies within 10 s")
        assert len(world.did("apply")) < 8

    async def test_lets_a_steady_pace_be(self) -> None:
        """What happened before the window does not count."""
        outcome = await guarded(slow_tower(World(), *"abcdef", seconds=4), RateGuard(3, per=10))
        assert outcome.kind == "complete"

    async def test_counts_errors(self) -> None:
        """Applies may be free, and errors not."""
        outcome = await guarded(TestErrorBudget.failing("x", "y", "z"), RateGuard(errors=1, per=60))
        assert stopped_by(outcome) == ("rate_guard", "more than 1 errors within 60 s")

    async def test_without_any_number_is_refused(self) -> None:
        """It would guard nothing."""
        with pytest.raises(ParamsError, match="guards nothing"):
            RateGuard()


class TestFailsafe:
    """A maintainer's switch."""

    async def test_that_is_pulled_beforehand_lets_nothing_start(self, tmp_path: Path) -> None:
        """Not even an item is discovered."""
        switch = tmp_path / "STOP"
        switch.write_text("database maintenance\nuntil noon\n")
        world = World()
        outcome = await guarded(things(world, "a"), Failsafe(switch))
        assert outcome.kind == "execution_interrupted"
        assert stopped_by(outcome) == ("failsafe", f"database maintenance ({switch})")
        assert world.log == []

    async def test_stops_an_execution_when_the_file_appears(self, tmp_path: Path) -> None:
        """Within the time between two looks."""
        switch = tmp_path / "STOP"
        world, flow = World(), Flow("pulled")
        below = flow.add(Puller("a", world, switch))
        for id in ("b", "c"):
            below = flow.add(SlowThing(id, world, 10), below=below.state.value)
        outcome = await guarded(flow, Failsafe(switch, every=3))
        assert stopped_by(outcome) == ("failsafe", str(switch))
        assert outcome.items.done == ["a", "b"]

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ("pause", ""),
            ("STOP: the bucket is full", "the bucket is full "),
            ('{"pause": true, "reason": "a release is on"}', "a release is on "),
        ],
    )
    async def test_is_pulled_by_what_an_address_answers(self, answer: str, reason: str) -> None:
        """In plain words or in JSON."""
        switch = Switch("go on", answer)
        outcome = await guarded(
            slow_tower(World(), "a", "b", seconds=10), Failsafe("https://example.org/switch", http=switch)
        )
        told = f"{reason}(https://example.org/switch)" if reason else "https://example.org/switch"
        assert stopped_by(outcome) == ("failsafe", told)
        assert switch.asked == 2

    @pytest.mark.parametrize("answer", ["", "go on", "{", '{"pause": false}', '{"pause": "no"}', "stopover"])
    async def test_is_not_pulled_by_anything_else(self, answer: str) -> None:
        """An answer that is not understood stops nobody."""
        outcome = await guarded(slow_tower(World(), "a", seconds=10), Failsafe("http://x", http=Switch(answer)))
        assert outcome.kind == "complete"

    async def test_asks_less_and_less_often_where_nobody_answers(self) -> None:
        """At first, and then after 2, 4, 8, 16, 32, 60, 60, ... seconds."""
        switch = Switch(None)
        outcome = await guarded(slow_tower(World(), "a", seconds=300), Failsafe("http://x", http=switch))
        assert outcome.kind == "complete"
        assert switch.asked == 9
        assert MOST_PATIENCE == 60

    async def test_takes_silence_for_a_pull_where_told_to(self) -> None:
        """Some would rather stand still than go on without a watchman."""
        switch = Switch("go on", "go on", None)
        flow = slow_tower(World(), "a", "b", seconds=100)
        outcome = await guarded(flow, Failsafe("http://x", every=2, silence=30, http=switch))
        source, reason = stopped_by(outcome)
        assert source == "failsafe"
        assert reason == "the switch cannot be reached: nobody listens there. (no answer for 30 s) (http://x)"
        assert outcome.items.done == ["a"]

    async def test_that_must_answer_lets_nothing_start_where_it_does_not(self) -> None:
        """Silence of 0 seconds means that the switch has to be seen open."""
        world = World()
        outcome = await guarded(things(world, "a"), Failsafe("http://x", silence=0, http=Switch("any", status=503)))
        assert stopped_by(outcome) == ("failsafe", "the switch answers 503 (http://x)")
        assert world.log == []


async def test_guards_of_a_flow_watch_every_execution_of_it() -> None:
    """One guard may watch several at once, each by itself."""
    world = World()
    flow = Flow("guarded", guards=[Deadline(3), RateGuard(5, per=60)])
    below: dict[str, Any] = {}
    for id in "abc":
        below = {"below": flow.add(SlowThing(id, world, 2), **below).state.value}
    async with CmdExecutionMap(MemoryStore()) as executions:
        running = [executions.submit(CmdExecRequest(flow=flow, profile=profile)) for profile in ("dev", "prod")]
        outcomes = [await execution for execution in running]
    assert [stopped_by(outcome)[0] for outcome in outcomes] == ["deadline", "deadline"]
    assert outcomes[0].items.done == ["a", "b"]


async def test_a_guard_that_fails_does_not_go_unsaid() -> None:
    """The execution goes on, and its log says that nothing guards it."""

    class Broken:
        async def watch(self, execution: object) -> None:
            raise OSError("no such device")

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow_tower(World(), "a"), guards=(Broken(),)))
        outcome = await execution
        logged = [event for event in await journal_of(execution) if isinstance(event, Log)]
    assert outcome.kind == "complete"
    assert [(line.level, line.text) for line in logged] == [
        ("error", "Broken has failed and guards nothing any more: OSError: no such device")
    ]


def test_guards_are_public() -> None:
    """What a flow imports is what the docs name."""
    assert irenic.guards.__all__ == ["Deadline", "ErrorBudget", "Failsafe", "RateGuard"]
