"""What an item is given to work with."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.crashable_store import CrashableStore
from tests.items import Thing, ThingState, World, thing_of, things
from tests.running import journal_of, run

from irenic import (
    CmdExecRequest,
    CmdExecution,
    CmdExecutionMap,
    CmdOutcome,
    Flow,
    InterruptLevel,
    ItemContext,
    Limit,
    ProgressLimit,
    ProgressStatus,
)
from irenic.engine.platform import Platform, default_platform, set_default_platform
from irenic.items.files_disk import DiskFiles
from irenic.model import events as e
from irenic.model.errors import IrenicError
from irenic.model.events import JournalEvent
from irenic.stores import FileStore, MemoryStore

pytestmark = pytest.mark.virtual_clock

FINISH, CANCEL, ABANDON = InterruptLevel
Work = Callable[[ItemContext], Any]


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


def flow_of(*works: Work, limits: dict[str, Limit] | None = None) -> Flow:
    """Return a flow whose items a, b, ... do some work when they are applied."""
    flow = Flow("works", limits=limits)
    world = World()

    def thing(id: str, work: Work) -> Thing:
        async def apply(cx: ItemContext, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
            await work(cx)
            return made.put(target.value)

        made = Thing(id, world, apply=apply)
        return made

    for id, work in zip("abcdef", works, strict=False):
        flow.add(thing(id, work))
    return flow


async def watched(flow: Flow, *moments: tuple[float, Callable[[CmdExecution], object]], **options: Any) -> Any:
    """Run ensure, do something at each of some times, and return the outcome, the journal and the execution."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, **options))
        for seconds, act in moments:
            asyncio.get_running_loop().call_later(seconds, act, execution)
        outcome = await execution
        return outcome, await journal_of(execution), execution


def interrupt(level: InterruptLevel) -> Callable[[CmdExecution], object]:
    """Return a moment at which somebody interrupts."""
    return lambda execution: execution.interrupt(level=level)


def statuses(events: list[JournalEvent], item: str = "a") -> list[tuple[str, str | None]]:
    """Return an item's statuses and what it waited for."""
    return [(ev.status.value, ev.waiting_for) for ev in events if isinstance(ev, e.ItemStatus) and ev.item == item]


# Shields and checkpoints.


async def test_a_shield_defers_a_cancellation_to_its_end() -> None:
    """And says why it does; the item is cancelled right there."""
    passed: list[float] = []
    shielded: list[dict[str, str]] = []

    async def work(cx: ItemContext) -> None:
        async with cx.shield("writes the index"):
            await asyncio.sleep(2)
            passed.append(now())
        passed.append(-1)

    def look(execution: CmdExecution) -> None:
        stop = execution.progress.stop
        assert stop is not None
        shielded.append(stop.shielded)

    outcome, _, _ = await watched(flow_of(work), (1, interrupt(CANCEL)), (1.5, look))
    assert (passed, now()) == ([2], 2)
    assert shielded == [{"a": "writes the index"}]
    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a"]
    assert outcome.swallowed_cancel == []


async def test_shields_inside_one_another_end_with_the_outermost() -> None:
    """The innermost says why."""
    passed: list[str] = []

    async def work(cx: ItemContext) -> None:
        async with cx.shield("outer"):
            async with cx.shield("inner"):
                await asyncio.sleep(2)
            passed.append("inner")
        passed.append("outer")

    outcome, _, _ = await watched(flow_of(work), (1, interrupt(CANCEL)))
    assert (passed, outcome.kind) == (["inner"], "block_interrupted")


async def test_a_shield_without_a_cancellation_changes_nothing() -> None:
    """Nor does one that is left by an error."""

    async def work(cx: ItemContext) -> None:
        async with cx.shield("fine"):
            await asyncio.sleep(1)

    async def failing(cx: ItemContext) -> None:
        async with cx.shield("not fine"):
            await asyncio.sleep(2)
            raise RuntimeError("no luck")

    assert (await watched(flow_of(work)))[0].kind == "complete"
    outcome, _, _ = await watched(flow_of(failing), (1, interrupt(CANCEL)))
    assert (outcome.kind, outcome.errors["a"].message) == ("item_error", "no luck")


async def test_abandon_does_not_wait_for_a_shield() -> None:
    """What is behind it is unknown."""

    async def work(cx: ItemContext) -> None:
        async with cx.shield("for ever"):
            await asyncio.sleep(1000)

    outcome, _, _ = await watched(flow_of(work), (1, interrupt(CANCEL)), (2, interrupt(ABANDON)))
    assert (now(), outcome.items.unknown) == (2, ["a"])


async def test_a_clean_up_may_be_shielded() -> None:
    """It runs to its end after the cancellation, which comes once."""
    passed: list[float] = []

    async def work(cx: ItemContext) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            async with cx.shield("cleans up"):
                await asyncio.sleep(1)
                passed.append(now())

    outcome, _, _ = await watched(flow_of(work), (1, interrupt(CANCEL)), (1.5, interrupt(CANCEL)))
    assert (passed, outcome.kind) == ([2], "block_interrupted")


async def test_a_cancellation_arrives_at_a_checkpoint() -> None:
    """A loop that never sleeps lets others run there, and is stopped there."""
    steps: list[int] = []

    async def work(cx: ItemContext) -> None:
        for step in range(1000):
            steps.append(step)
            if step == 3:
                execution.interrupt(level=CANCEL)
            await cx.checkpoint()

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(work)))
        outcome = await execution
    assert steps == [0, 1, 2, 3]
    assert outcome.kind == "block_interrupted"


async def test_an_item_can_see_that_somebody_asked_to_stop() -> None:
    """And how hard."""
    seen: list[InterruptLevel | None] = []

    async def work(cx: ItemContext) -> None:
        for _ in range(3):
            async with cx.shield("looks"):
                seen.append(cx.cancelled)
                await asyncio.sleep(1)
                if len(seen) == 3:
                    seen.append(cx.cancelled)

    await watched(flow_of(work), (0.5, interrupt(FINISH)), (2.5, interrupt(CANCEL)))
    assert seen == [None, FINISH, FINISH, CANCEL]


# Limits.


async def test_items_share_a_limit_and_the_wait_for_it_is_shown() -> None:
    """With the name of the limit; then the item runs."""
    most: list[int] = []
    holding: set[str] = set()

    async def work(cx: ItemContext) -> None:
        async with cx.limits("api"):
            holding.add(cx.item_id)
            most.append(len(holding))
            await asyncio.sleep(1)
            holding.remove(cx.item_id)

    flow = flow_of(*[work] * 4, limits={"api": Limit(concurrency=2)})
    _, events, _ = await watched(flow)
    assert (max(most), now()) == (2, 2)
    assert statuses(events, "a") == []
    assert statuses(events, "c") == [("waiting", "api"), ("running", None)]


async def test_a_rate_is_kept_between_executions_of_a_process() -> None:
    """The limit belongs to the flow, also when that is loaded again; changed limits are new limits."""
    began: list[float] = []

    async def work(cx: ItemContext) -> None:
        async with cx.limits("api"):
            began.append(now())

    async with CmdExecutionMap(MemoryStore()) as executions:
        for profile, per in (("dev", 10.0), ("test", 10.0), ("prod", 5.0)):
            flow = flow_of(work, limits={"api": Limit(rate=1, per=per)})
            await executions.submit(CmdExecRequest(flow=flow, profile=profile))
    assert began == [0, 10, 10]


async def test_an_item_that_waits_for_a_limit_is_cancelled_there() -> None:
    """The one that holds it gives it back; nothing breaks when both happen at once."""

    async def work(cx: ItemContext) -> None:
        async with cx.limits("api"):
            await asyncio.sleep(10)

    flow = flow_of(work, work, work, limits={"api": Limit(concurrency=1)})
    outcome, _, execution = await watched(flow, (1, interrupt(CANCEL)))
    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a", "b", "c"]
    assert execution.limits.named("api").try_take()


async def test_a_limit_that_there_is_not_is_the_items_error() -> None:
    """It names those that there are."""

    async def work(cx: ItemContext) -> None:
        async with cx.limits("net"):
            pass

    outcome, _, _ = await watched(flow_of(work, limits={"api": Limit()}))
    assert "works has no limit 'net'; it has: api" in outcome.errors["a"].message


async def test_an_item_of_a_dry_run_says_how_far_it_is() -> None:
    """No lease is held for one."""

    async def goal(cx: ItemContext, params: Any) -> ThingState:
        cx.progress.inc()
        await cx.checkpoint()
        return ThingState(value=1)

    flow = things(World(), "a")
    thing_of(flow, "a").replace(state_goal=goal)
    outcome, _, execution = await watched(flow, dry_run=True)

    assert (outcome.kind, execution.progress.items["a"].position) == ("complete", 1)


# Questions.


async def test_an_item_asks_and_gets_an_answer() -> None:
    """It is shown as waiting for the user; the answer is not kept."""
    answers: list[str] = []

    async def work(cx: ItemContext) -> None:
        answers.append(await cx.ask("really?"))

    def answer(execution: CmdExecution) -> None:
        assert execution.progress.items["a"].status is ProgressStatus.USER_PENDING
        assert execution.progress.items["a"].message == "really?"
        assert not execution.answer("7", "no")
        assert execution.answer("1", "yes")
        assert not execution.answer("1", "yes again")

    outcome, events, _ = await watched(flow_of(work), (1, answer))
    assert (outcome.kind, answers) == ("complete", ["yes"])
    assert statuses(events) == [("user_pending", None), ("running", None)]
    asked = [event for event in events if isinstance(event, (e.Ask, e.Answered))]
    assert [(event.kind, event.ask_id) for event in asked] == [("ask", "1"), ("answered", "1")]
    assert "yes" not in "".join(event.model_dump_json() for event in events)


async def test_a_question_does_not_outlive_its_execution() -> None:
    """The item is cancelled while it waits, and an answer that comes then is told that nobody waits."""

    async def work(cx: ItemContext) -> None:
        await cx.ask("really?")

    outcome, _, execution = await watched(flow_of(work), (1, interrupt(CANCEL)))
    assert outcome.kind == "block_interrupted"
    assert not execution.answer("1", "yes")


async def test_a_question_that_is_answered_and_cancelled_at_once_hurts_nobody() -> None:
    """Whichever comes first."""

    async def work(cx: ItemContext) -> None:
        await cx.ask("really?")

    def cancel_and_answer(execution: CmdExecution) -> None:
        execution.interrupt(level=CANCEL)
        assert not execution.answer("1", "yes")

    outcome, _, _ = await watched(flow_of(work), (1, cancel_and_answer))
    assert outcome.kind == "block_interrupted"


async def test_who_waits_for_an_answer_gives_up_when_the_execution_is_to_finish() -> None:
    """Whoever asks to stop will answer nothing; the question is withdrawn."""

    async def work(cx: ItemContext) -> None:
        cx.progress.inc()
        await cx.ask("really?")

    outcome, events, execution = await watched(flow_of(work, work), (1, interrupt(FINISH)))

    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a", "b"]
    assert not execution.answer("1", "yes")
    assert [event.ask_id for event in events if isinstance(event, e.Answered)] == ["1", "2"]


async def test_a_question_that_comes_after_the_stop_is_not_waited_for() -> None:
    """It is the same as one that was put before."""

    async def work(cx: ItemContext) -> None:
        await asyncio.sleep(2)
        await cx.ask("really?")

    assert (await watched(flow_of(work), (1, interrupt(FINISH))))[0].kind == "block_interrupted"


async def test_one_of_two_questions_is_withdrawn_with_its_item() -> None:
    """The other still gets its answer."""
    answers: list[str] = []

    async def impatient(cx: ItemContext) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await cx.ask("now?")

    async def patient(cx: ItemContext) -> None:
        answers.append(await cx.ask("really?"))

    outcome, events, _ = await watched(
        flow_of(impatient, patient), (2, lambda execution: execution.answer("1", "no") or execution.answer("2", "yes"))
    )

    assert (outcome.kind, answers) == ("complete", ["yes"])
    assert [event.ask_id for event in events if isinstance(event, e.Answered)] == ["1", "2"]


# Stops that reach those who wait for a place.


async def test_who_waits_for_a_limit_gives_up_when_the_execution_is_to_finish() -> None:
    """Nothing of theirs has begun; the one that has its place runs to its end."""
    took: list[str] = []

    async def work(cx: ItemContext) -> None:
        async with cx.limits("api"):
            took.append(cx.item_id)
            await asyncio.sleep(2)

    flow = flow_of(work, work, work, limits={"api": Limit(concurrency=1)})
    outcome, _, _ = await watched(flow, (1, interrupt(FINISH)))

    assert took == ["a"]
    assert (outcome.kind, outcome.items.done, outcome.items.not_done) == ("block_interrupted", ["a"], ["b", "c"])


async def test_who_comes_to_a_limit_after_the_stop_does_not_wait_for_it() -> None:
    """Nothing of it has begun either."""
    took: list[str] = []

    async def work(cx: ItemContext, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with cx.limits("api"):
            took.append(cx.item_id)
            await asyncio.sleep(3)

    flow = flow_of(lambda cx: work(cx, 0), lambda cx: work(cx, 2), limits={"api": Limit(concurrency=1)})
    outcome, _, _ = await watched(flow, (1, interrupt(FINISH)))

    assert (took, outcome.items.not_done) == (["a"], ["b"])


@pytest.mark.parametrize("begins", ["a place", "progress"])
async def test_who_has_begun_waits_on_for_a_limit(begins: str) -> None:
    """At *finish* it runs to its end."""

    async def work(cx: ItemContext) -> None:
        if begins == "progress":
            cx.progress.inc()
        for _ in range(3):
            async with cx.limits("api"):
                await asyncio.sleep(1)

    flow = flow_of(work, limits={"api": Limit(rate=1, per=3)})
    outcome, _, _ = await watched(flow, (2, interrupt(FINISH)))

    assert outcome.items.done == ["a"]


async def test_no_one_gives_up_where_the_strategy_lets_some_go_on() -> None:
    """They are counted when they start, not when they wait."""

    async def work(cx: ItemContext) -> None:
        async with cx.limits("api"):
            await asyncio.sleep(2)

    flow = flow_of(work, work, limits={"api": Limit(concurrency=1)})
    outcome, _, _ = await watched(flow, (1, interrupt(FINISH)), strategy="poll_next_n:1")

    assert outcome.items.done == ["a", "b"]


async def test_a_function_that_has_not_begun_never_begins_after_a_stop() -> None:
    """There are as many threads as items run at once; at *cancel* also an item that has begun waits for none."""
    entered, release = threading.Event(), threading.Event()
    begun: list[int] = []

    def block(number: int) -> None:
        begun.append(number)
        entered.set()
        release.wait(20)

    async def work(cx: ItemContext) -> None:
        await asyncio.gather(*(cx.run_sync(block, number) for number in range(5)))

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(work), max_concurrency=1))
        await asyncio.to_thread(entered.wait)
        execution.interrupt(level=CANCEL)
        release.set()
        outcome = await execution

    assert begun == [0]
    assert (outcome.kind, outcome.items.not_done) == ("block_interrupted", ["a"])


async def test_functions_that_block_keep_nothing_else_waiting(tmp_path: Path) -> None:
    """Neither a store in files nor an item's files wait for a thread of theirs, nor one function for another."""
    count = 40  # more than Python's own pool has threads
    all_here = threading.Barrier(count)
    files = DiskFiles(tmp_path / "files")

    async def work(cx: ItemContext) -> None:
        await asyncio.gather(*(cx.run_sync(all_here.wait, 20) for _ in range(count)))
        await cx.run_sync(lambda: None)

    async def hog() -> None:
        release = threading.Event()
        hogs = [asyncio.ensure_future(asyncio.to_thread(release.wait, 20)) for _ in range(count)]
        store = FileStore(tmp_path / "store")
        async with CmdExecutionMap(store, platform=Platform(files=files, http=default_platform().http)) as executions:
            outcome = await executions.submit(CmdExecRequest(flow=flow_of(work), max_concurrency=count))
        assert await files.list() == []
        assert outcome.kind == "complete"
        await store.close()
        release.set()
        await asyncio.gather(*hogs)

    await hog()


# Code that blocks.


async def test_code_that_blocks_runs_in_a_thread() -> None:
    """The loop goes on meanwhile."""
    threads: list[int] = []

    def block(number: int) -> int:
        threads.append(threading.get_ident())
        return number + 1

    async def work(cx: ItemContext) -> None:
        assert await cx.run_sync(block, 4) == 5

    assert (await watched(flow_of(work)))[0].kind == "complete"
    assert threads != [threading.get_ident()]


async def test_a_cancellation_waits_for_the_thread() -> None:
    """It is delivered when the function returns, and the wait is named."""
    release = threading.Event()
    entered = threading.Event()
    after: list[str] = []
    shielded: list[dict[str, str]] = []

    def block() -> None:
        entered.set()
        release.wait(20)

    async def work(cx: ItemContext) -> None:
        await cx.run_sync(block)
        after.append("went on")

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(work)))
        await asyncio.to_thread(entered.wait)
        execution.interrupt(level=CANCEL)
        stop = execution.progress.stop
        assert stop is not None
        shielded.append(stop.shielded)
        release.set()
        outcome = await execution
    assert shielded == [{"a": "block runs in a thread"}]
    assert (after, outcome.kind, outcome.swallowed_cancel) == ([], "block_interrupted", [])


async def test_in_the_tab_code_that_blocks_runs_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no threads; the interrupt handler keeps it stoppable."""
    monkeypatch.setattr(sys, "platform", "emscripten")
    threads: list[int] = []

    async def work(cx: ItemContext) -> None:
        threads.append(await cx.run_sync(threading.get_ident))

    await watched(flow_of(work))
    assert threads == [threading.get_ident()]


async def test_only_an_items_own_code_may_be_interrupted_on_the_spot() -> None:
    """Not a shielded one, not the engine's, not that of an item which waits."""
    answers: dict[str, bool] = {}

    async def work(cx: ItemContext) -> None:
        async with cx.shield("no"):
            answers["shielded"] = execution.interrupts_sync_code()
        answers["own"] = execution.interrupts_sync_code()
        raise asyncio.CancelledError  # what the signal handler raises when it was told yes

    async def waiting(cx: ItemContext) -> None:
        await asyncio.sleep(1)

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(waiting, work)))
        answers["before"] = execution.interrupts_sync_code()
        outcome = await execution
        answers["after"] = execution.interrupts_sync_code()
    assert answers == {"before": False, "shielded": False, "own": True, "after": False}
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}
    assert outcome.kind == "block_interrupted"


async def test_an_item_that_swallows_an_interrupt_of_its_running_code_is_named() -> None:
    """And it is not cancelled a second time when the request itself arrives."""

    async def work(cx: ItemContext) -> None:
        assert executions.interrupt_running_code(source="sigint", level="cancel")
        with suppress(asyncio.CancelledError):
            raise asyncio.CancelledError  # what the signal handler raises when it was told yes
        await asyncio.sleep(1)

    async with CmdExecutionMap(MemoryStore()) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=flow_of(work)))
    assert (outcome.kind, outcome.swallowed_cancel, now()) == ("complete", ["a"], 1)


# Progress and log.


async def test_positions_are_seen_at_once_and_recorded_now_and_then() -> None:
    """Scenario 109: a limit and the last position are always recorded, those between may be left out."""
    seen: list[tuple[int, str]] = []

    async def work(cx: ItemContext) -> None:
        cx.progress.limit(ProgressLimit.steps(100))
        for _ in range(100):
            cx.progress.inc()
            await asyncio.sleep(0.01)
            item = execution.progress.items["a"]
            seen.append((item.position, item.message))
        cx.progress.message("done")

    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(work)))
        await execution
        events = await journal_of(execution)
    assert seen[0] == (1, "")
    assert [position for position, _ in seen] == list(range(1, 101))
    positions = [event for event in events if isinstance(event, e.ItemPosition)]
    assert (positions[0].position, positions[0].limit) == (0, ProgressLimit.steps(100))
    assert (positions[-1].position, positions[-1].message) == (100, "done")
    assert 4 <= len(positions) <= 8


async def test_an_unknown_limit_is_a_limit_too() -> None:
    """Nobody knows how large it is."""

    async def work(cx: ItemContext) -> None:
        cx.progress.limit(None)

    _, events, _ = await watched(flow_of(work))
    assert [event.limit for event in events if isinstance(event, e.ItemPosition)] == [ProgressLimit()]


async def test_a_check_may_say_how_large_the_work_is() -> None:
    """The limit is there before the apply begins."""
    from irenic import ApplyCheck

    world = World()
    flow = Flow("f")

    def check(params: Any, current: ThingState, target: ThingState, diff: Any) -> ApplyCheck:
        return ApplyCheck(required=current.value != target.value, limit=ProgressLimit.bytes(12))

    flow.add(Thing("a", world, apply_check=check))
    _, events, execution = await watched(flow)
    assert [event.limit for event in events if isinstance(event, e.ItemPosition)] == [ProgressLimit.bytes(12)]
    assert execution.progress.items["a"].position == 12


async def test_log_lines_are_in_the_journal() -> None:
    """With their item and level."""

    async def work(cx: ItemContext) -> None:
        cx.log.debug("d")
        cx.log.info("i")
        cx.log.warning("w")
        cx.log.error("e")

    _, events, _ = await watched(flow_of(work))
    lines = [(event.item, event.level, event.text) for event in events if isinstance(event, e.Log)]
    assert lines == [("a", "debug", "d"), ("a", "info", "i"), ("a", "warning", "w"), ("a", "error", "e")]


async def test_an_item_knows_where_it_is() -> None:
    """Its id, its flow, the profile, the execution, and whether it is a dry run."""
    seen: list[tuple[Any, ...]] = []

    async def look(cx: ItemContext, params: Any) -> ThingState:
        seen.append((cx.item_id, cx.flow, cx.profile, cx.execution_id, cx.dry_run))
        return ThingState(value=1)

    flow = Flow("f")
    flow.add(Thing("a", World(), state_current=look))
    _, _, execution = await watched(flow, profile="dev", dry_run=True)
    assert set(seen) == {("a", "f", "dev", execution.id, True)}


async def test_files_and_requests_come_from_the_platform() -> None:
    """The one that the map was given, or the default one; whoever has none says so."""
    seen: list[Any] = []

    async def work(cx: ItemContext) -> None:
        seen.append((cx.fs, cx.http))

    given: Any = Platform(files="files", http="http")  # type: ignore[arg-type]  # nothing is done with them here
    async with CmdExecutionMap(MemoryStore(), platform=given) as executions:
        await executions.submit(CmdExecRequest(flow=flow_of(work)))
    assert seen == [("files", "http")]


async def test_the_default_platform_is_made_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for an execution."""
    monkeypatch.setattr("irenic.engine.platform._default", None)
    with pytest.raises(IrenicError, match="no platform is known"):
        default_platform()
    made: list[Platform] = []

    def make() -> Platform:
        made.append(Platform(files=object(), http=object()))  # type: ignore[arg-type]
        return made[-1]

    set_default_platform(make)

    async def work(cx: ItemContext) -> None:
        assert cx.fs is made[0].files
        assert cx.http is made[0].http

    assert (await run(MemoryStore(), flow_of(work), "ensure")).kind == "complete"
    assert len(made) == 1


# Stalled.


async def test_an_item_that_says_nothing_for_a_while_is_shown_as_stalled() -> None:
    """Any word of it makes it run again: a position, a checkpoint."""
    seen: dict[float, ProgressStatus] = {}

    async def work(cx: ItemContext) -> None:
        await asyncio.sleep(50)
        cx.progress.inc()
        await asyncio.sleep(40)
        await cx.checkpoint()
        await asyncio.sleep(5)

    def look(execution: CmdExecution) -> None:
        seen[now()] = execution.progress.items["a"].status

    moments = [(float(at), look) for at in (10, 45, 51, 79, 81, 91)]
    outcome, events, _ = await watched(flow_of(work), *moments)
    running, stalled = ProgressStatus.RUNNING, ProgressStatus.RUNNING_STALLED
    assert seen == {10: running, 45: stalled, 51: running, 79: running, 81: stalled, 91: running}
    assert outcome.kind == "complete"
    messages = [event.message for event in events if isinstance(event, e.ItemStatus) and event.status is stalled]
    assert messages == ["no news for 30 s", "no news for 30 s"]


async def test_how_long_a_while_is_can_be_said() -> None:
    """An item that waits for the user is not stalled."""

    async def work(cx: ItemContext) -> None:
        await cx.ask("really?")

    outcome, events, _ = await watched(
        flow_of(work), (100, lambda execution: execution.answer("1", "yes")), stall_after=5
    )
    assert outcome.kind == "complete"
    assert ("running_stalled", None) not in statuses(events)


async def test_an_abandoned_execution_watches_for_nothing() -> None:
    """The watch ends with it."""

    async def work(cx: ItemContext) -> None:
        async with cx.shield("for ever"):
            await asyncio.sleep(1000)

    store = CrashableStore(latency=5.0)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow_of(work), stall_after=2))
        asyncio.get_running_loop().call_later(11, lambda: execution.interrupt(level=ABANDON))
        outcome = await execution
    assert outcome.items.unknown == ["a"]
    assert statuses(await store.events(execution.id)) == []


# Times.


async def test_elapsed_time_and_what_is_left_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the position, else from the item's own history; an item that ended has no time left."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(time, "time_ns", lambda: int((1_800_000_000 + loop.time()) * 1e9))
    times: dict[float, tuple[Any, Any]] = {}

    async def work(cx: ItemContext) -> None:
        await asyncio.sleep(2)
        cx.progress.limit(ProgressLimit.steps(10))
        cx.progress.inc(4)
        await asyncio.sleep(2)

    def look(execution: CmdExecution) -> None:
        item = execution.progress.items["a"]
        times[round(now(), 3)] = (item.elapsed, item.eta)

    store = MemoryStore()

    async def one_run(value: int) -> CmdOutcome:
        flow = flow_of(work)
        flow.specs["a"] = type(flow.specs["a"])("a", Thing.Params, {"value": value})
        async with CmdExecutionMap(store) as executions:
            execution = executions.submit(CmdExecRequest(flow=flow))
            for at in (1.0, 3.0):
                loop.call_later(at, look, execution)
            outcome = await execution
            look(execution)
            return outcome

    await one_run(1)
    assert times == {1.0: (1.0, None), 3.0: (3.0, 4.5), 4.0: (4.0, None)}
    times.clear()
    await one_run(2)
    assert times == {5.0: (1.0, 3.0), 7.0: (3.0, 4.5), 8.0: (4.0, None)}
