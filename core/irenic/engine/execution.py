"""One execution: a queue of commands, run to an outcome that tells the truth whatever happens.

    CmdExecution._run
    ├─ _begin                 inputs, lease (one writer for each flow and profile), journal, execution_started
    ├─ CmdRun.set_up          every item's setup
    ├─ _run_cmd               for each command of the queue
    │  └─ run_block           for each block; between every two the interrupt is looked at
    │     ├─ Walk.run         an item is visited the instant its last predecessor has ended
    │     │  ├─ Discovery.visit
    │     │  └─ Application.visit  prepare -> intent (durable) -> apply -> result (durable)
    │     └─ (one step)       reads, verdict, clean states, diff
    └─ _end                   outcome (durable), lease given back, waiters woken, endpoints served

An interrupt comes in by ``interrupt``, from whoever it is, and takes effect by ``_on_raised``: *finish* lets nothing
new start, *cancel* cancels what runs, *abandon* stops waiting for it.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from irenic.engine.abandoned_work import AbandonedWork
from irenic.engine.blocks import ITEM_WISE, run_block
from irenic.engine.cmd_run import CmdRun
from irenic.engine.context import ExecutionItemContext
from irenic.engine.endpoint import Endpoint
from irenic.engine.fanout import FanOut
from irenic.engine.guard_watch import GuardWatch
from irenic.engine.interrupts import Interrupts
from irenic.engine.item_run import ItemRun
from irenic.engine.known_states import load_known_states
from irenic.engine.left_behind import children_left_behind
from irenic.engine.limits import LimitPool
from irenic.engine.moves import moved_states, pending_moves
from irenic.engine.other_profiles import OtherProfiles
from irenic.engine.platform import Platform, default_platform
from irenic.engine.questions import Questions
from irenic.engine.recorder import Recorder
from irenic.engine.request import CmdExecRequest
from irenic.engine.stall import StallWatch
from irenic.engine.store import Journal, Lease, Store
from irenic.engine.timing import item_timing
from irenic.engine.unrecorded import UnrecordedJournal
from irenic.engine.verdict import dump, shape_problems
from irenic.engine.verdict_text import changed_text
from irenic.flow.context import FileSystem
from irenic.flow.secret import public_values
from irenic.flow.secret_mask import SecretMask
from irenic.model import events as e
from irenic.model.cmd import Block, Cmd
from irenic.model.errors import FencedError, HeldError, IrenicError, StillRunningError, StoreError, os_error_text
from irenic.model.events import JournalEvent
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptLevel, InterruptReply, InterruptSignal
from irenic.model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    DoneList,
    ExecutionInterrupted,
    Failed,
    ItemErrorOutcome,
    ItemList,
    Outcome,
    Refusal,
    Refused,
)
from irenic.model.place import PlaceInfo
from irenic.model.progress import ExecutionProgress, ProgressStatus
from irenic.model.record import ExecutionRecord
from irenic.model.states import FlowStates
from irenic.model.timestamps import timestamp

if TYPE_CHECKING:
    from irenic.engine.item_threads import ItemThreads

_log = logging.getLogger(__name__)

AGAIN = "What was acknowledged before is kept; run the same command again to go on."

_NEEDS_STORED_SHAPE = (Cmd.DISCOVER, Cmd.ENSURE, Cmd.CLEAN)
"""Commands that would lose a stored state which they cannot read."""


class CmdExecution:
    """An execution that was submitted; await it for its outcome.

    Made by :meth:`irenic.CmdExecutionMap.submit`. Cancelling an ``await`` of it does not stop it: interrupt it instead.
    """

    def __init__(
        self,
        request: CmdExecRequest,
        store: Store,
        endpoints: Sequence[Endpoint],
        limits: LimitPool,
        holder: str,
        platform: Platform | None,
        abandoned_work: AbandonedWork,
    ) -> None:
        self.id = request.id or new_execution_id()
        self.request = request
        self.limits = limits
        self.interrupts = Interrupts(request.strategy, request.escalate_after)
        self.interrupts.on_raised = self._on_raised
        self.secrets = SecretMask()
        self.stored = FlowStates(flow=request.flow.id, profile=request.profile)
        self._new_inputs: dict[str, Any] | None = None
        self.record = ExecutionRecord(
            id=self.id,
            flow=request.flow.id,
            profile=request.profile,
            cmds=request.cmds,
            dry_run=request.dry_run,
            holder=holder,
            request=request.options(),
            started_at=timestamp(),
        ).to_draw(request.flow.drawing())
        self.recorder: Recorder
        self.fanout = FanOut(self, endpoints, self.endpoint_cut)
        self._abandoned_work = abandoned_work
        self._store = store
        self._platform = platform
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._outcome: asyncio.Future[CmdOutcome] = self._loop.create_future()
        self._recording = self._loop.create_future()
        self._items = list(request.flow.items)
        self._runs: dict[str, ItemRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cmd_run: CmdRun | None = None
        self._lease: Lease | None = None
        self._files: FileSystem | None = None
        self._place: PlaceInfo | None = None
        self._memory: UnrecordedJournal | None = None
        self._signals_before_start: list[InterruptSignal] = []
        self._is_ending = False
        self.abandoned: list[asyncio.Task[None]] = []
        self._questions = Questions()
        self._task = self._loop.create_task(self._run(), name=f"execution {self.id}")

    def __await__(self) -> Generator[Any, None, CmdOutcome]:
        return asyncio.shield(self._outcome).__await__()

    @property
    def done(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome.done()

    @property
    def outcome(self) -> CmdOutcome | None:
        """The outcome, or None while there is none."""
        return self._outcome.result() if self._outcome.done() else None

    @property
    def progress(self) -> ExecutionProgress:
        """A snapshot, taken without a lock."""
        if not hasattr(self, "recorder"):
            return ExecutionProgress(execution_id=self.id, done=self.done)
        progress = self.recorder.fold.progress(lambda item: item_timing(item, self.stored))
        if progress.stop is not None:
            shields = {run.item_id: run.shields[-1] for run in self._runs.values() if run.shields}
            progress.stop.shielded = self.secrets.data(shields)
        if self._cmd_run is not None and self._cmd_run.walk is not None:
            # Not written down: that would be one more event for each item.
            for item_id in self._cmd_run.walk.ready:
                if progress.items[item_id].status is ProgressStatus.EXEC_PENDING:
                    progress.items[item_id].status = ProgressStatus.QUEUED
        return progress

    @property
    def platform(self) -> Platform:
        """Files and requests for the items."""
        if self._platform is None:
            self._platform = default_platform()
        return self._platform

    @property
    def files(self) -> FileSystem:
        """The files of the flow and profile."""
        if self._files is None:
            self._files = self.platform.files_for(self.request.flow.id, self.request.profile)
        return self._files

    @property
    def fencing(self) -> int | None:
        """The number of the lease, where one is held."""
        return None if self._lease is None else self._lease.info.fencing

    async def keep(self, run: ItemRun, state: Any) -> None:
        """Record durably what an apply knows so far."""
        assert self._cmd_run is not None
        place = self._cmd_run.place_of(run)
        await self.recorder.emit_durable(e.ItemKept, item=run.item_id, state=dump(state), place=place)

    @cached_property
    def threads(self) -> "ItemThreads":
        """Where items call what blocks; natively only."""
        from irenic.engine.item_threads import ItemThreads

        return ItemThreads(self.request.max_concurrency)

    async def events(self, after: int = -1) -> AsyncIterator[JournalEvent]:
        """Yield the journal's events with ``seq`` greater than ``after``, live, up to the last one."""
        if not hasattr(self, "recorder"):
            await asyncio.wait([self._recording, self._outcome], return_when=asyncio.FIRST_COMPLETED)
            if not hasattr(self, "recorder"):
                return
        async for event in self.recorder.events(after, self._read_events):
            yield event

    def interrupt(
        self, *, source: str = "user", reason: str | None = None, level: str | InterruptLevel | None = None
    ) -> InterruptReply:
        """Ask the execution to stop; may be called from any thread.

        :param level: finish, cancel or abandon; where omitted the strategy decides, and a second request raises by one.
        """
        if self._is_ending:
            return InterruptReply.NOTHING_TO_INTERRUPT
        signal = InterruptSignal.model_validate({"source": source, "reason": reason, "level": level})
        if threading.get_ident() == self._thread:
            self._take(signal)
        else:
            self._loop.call_soon_threadsafe(self._take, signal)
        return InterruptReply.REQUESTED

    def interrupts_sync_code(self) -> bool:
        """Return whether the Python code that runs now is an item's that may be cancelled on the spot."""
        if self.request.strategy.kind == "ignore":
            return False
        return any(run.interrupts_sync_code() for run in self._runs.values())

    def answer(self, ask_id: str, text: str) -> bool:
        """Give the user's answer to a question; returns whether anybody still waited for it."""
        return self._questions.answer(ask_id, text)

    async def ask(self, item_id: str, prompt: str) -> str:
        """Put an item's question and wait for the answer."""
        ask_id, answer = self._questions.put()
        self.recorder.emit(e.Ask, item=item_id, ask_id=ask_id, prompt=prompt)
        try:
            return await answer
        finally:
            self._questions.forget(ask_id)
            self.recorder.emit(e.Answered, item=item_id, ask_id=ask_id)

    def check_lease(self) -> None:
        """Let no item go on whose profile another execution has taken, or may have."""
        if self._lease is not None:
            self._lease.check()

    async def hold_lease(self) -> None:
        """Do as :meth:`check_lease`, and wait for a store that cannot be reached."""
        if self._lease is not None:
            await self._lease.hold()

    async def settled(self) -> None:
        """Wait until the endpoints have been served."""
        await asyncio.wait([self._task])
        await self.fanout.close()

    # The life of an execution, in order.

    async def _run(self) -> None:
        if sys.platform == "emscripten":
            await self._end(await self._attempt())
            return
        from irenic.engine.collecting import fewer_full_collections

        with fewer_full_collections():
            await self._end(await self._attempt())

    async def _attempt(self) -> Outcome:
        try:
            return await self._work(await self._begin())
        except HeldError as error:
            return self._held(error)
        except StillRunningError as error:
            outcome = self._unrecorded(Refused, str(error))
            outcome.refusals = {item: Refusal(reason="still_running", message=str(error)) for item in error.items}
            return outcome
        except FencedError as error:
            return self._stopped_from_outside("take_over", str(error))
        except asyncio.CancelledError:
            return self._stopped_from_outside("shutdown", "the program that ran this execution was ended")
        except BaseException as error:
            return self._outcome_of(Failed, _in_words(error))

    async def _begin(self) -> Any:
        request, store = self.request, self._store
        flow, profile = request.flow, request.profile
        self._items = items = request.chosen_items()
        if request.writes:
            self._refuse_beside_abandoned()
            self._lease = await store.lease(
                flow.id,
                profile,
                execution_id=self.id,
                holder=self.record.holder,
                take_over=request.take_over,
                on_lost=self._lease_lost,
                on_interrupt=self._take,
            )
        only_edits = request.cmds == [Cmd.STATE]  # which no item takes part in
        inputs = None if only_edits else flow.merge_inputs(await store.inputs(flow.id, profile), request.inputs)
        self.secrets.learn(inputs)
        public = self.secrets.data(public_values(inputs))
        self._new_inputs = public if request.writes and request.inputs else None
        self.stored = await store.states(flow.id, profile)
        self.record = self.record.model_copy(update={"inputs": public, "fencing": self.fencing})
        journal = await self._journal()
        self.recorder = Recorder(self.id, journal, self.fanout.push, self.secrets)
        self._runs = {item_id: ItemRun.of(flow, item_id, self._tasks, self.secrets) for item_id in items}
        for run in self._runs.values():
            run.cx = self._context_of(run)
        await self.recorder.emit_durable(
            e.ExecutionStarted,
            flow=flow.id,
            profile=profile,
            cmds=request.cmds,
            plan=[request.blocks(cmd) for cmd in request.cmds],
            dry_run=request.dry_run,
            items=items,
            inputs=public,
            holder=self.record.holder,
            strategy=request.strategy,
            request=self.record.request,
        )
        await self._move_states()
        self._recording.set_result(None)
        for signal in self._signals_before_start:
            self.interrupts.request(signal)
        return inputs

    def _refuse_beside_abandoned(self) -> None:
        """Keep an item from being applied beside an apply of it that was abandoned and still runs.

        :raises StillRunningError: if there is one.
        """
        request = self.request
        running = self._abandoned_work.of(request.flow.id, request.profile)
        names = [item for item in running if request.items is None or item in self._items]
        if names:
            raise StillRunningError(
                f"an apply of {', '.join(names)} that {running[names[0]]} abandoned still runs in this process: run "
                "the same again once it has ended, or end the process. Nothing was begun.",
                names,
            )

    async def _journal(self) -> Journal:
        if self.request.is_recorded:
            return await self._store.create(self.record, self._lease)
        self._memory = UnrecordedJournal()
        return self._memory

    def _context_of(self, run: ItemRun) -> ExecutionItemContext:
        request = self.request
        run.secrets = self.secrets
        return ExecutionItemContext(self, run, request.flow.id, request.profile, dry_run=request.dry_run)

    async def _move_states(self) -> None:
        """Have what is stored under former ids stored under the present ones, as ``flow.moved`` says."""
        moves = pending_moves(self.request.flow, self.stored)
        if moves and self._lease is not None:
            for old, new in moves.items():
                self.recorder.emit(e.StateMoved, item=old, to=new)
            await self.recorder.durable()
        moved_states(self.request.flow, self.stored)

    async def _end_left_behind(self) -> None:
        """End what an earlier run has left at work, before anything is begun beside it."""
        async for item_id, execution_id, child in children_left_behind(self._store, self.stored):
            children = self.platform.children
            if children is not None and await children.end(child):
                text = f"process {child.pid} of execution {execution_id} was left behind at work, and was ended"
                self.recorder.emit(e.Log, item=item_id if item_id in self._runs else None, level="warning", text=text)

    async def _work(self, inputs: Any) -> Outcome:
        if self.request.writes:
            await self._end_left_behind()
        guards = GuardWatch(self, self.recorder, (*self.request.flow.guards, *self.request.guards))
        await guards.begin()
        deadline = None
        if self.request.deadline is not None:
            deadline = self._loop.call_later(self.request.deadline, self._deadline_passed)
        stall = StallWatch(self.request.stall_after, self.recorder, self._runs)
        try:
            return await self._run_cmds(inputs)
        finally:
            stall.close()
            if deadline is not None:
                deadline.cancel()
            await guards.end()

    async def _run_cmds(self, inputs: Any) -> Outcome:
        first = self._cmd_run = self._new_cmd_run(self.request.cmds[0], inputs)
        await first.set_up()
        if first.failed:
            return self._outcome_of(ItemErrorOutcome)
        for number, cmd in enumerate(self.request.cmds):
            if number > 0:
                stored = await self._store.states(self.request.flow.id, self.request.profile)
                self.stored = moved_states(self.request.flow, stored)
            stopped = await self._run_cmd(cmd, inputs)
            if stopped is not None:
                return stopped
            self.recorder.emit(e.CmdEnded, cmd=cmd)
        return self._outcome_of(Complete)

    async def _save_inputs(self) -> None:
        """Store the inputs that were given, for the next run; those of one that is refused are not its profile's."""
        if self._new_inputs is not None:
            await self._store.save_inputs(self.request.flow.id, self.request.profile, self._new_inputs)
            self._new_inputs = None

    async def _run_cmd(self, cmd: Cmd, inputs: Any) -> Outcome | None:
        await self._find_place()
        cmd_run = self._cmd_run = self._new_cmd_run(cmd, inputs)
        if cmd in _NEEDS_STORED_SHAPE and (problems := shape_problems(self._runs)):
            return self._refused_shapes(cmd, problems)
        await load_known_states(cmd_run, self._store)
        for number, block in enumerate(self.request.blocks(cmd)):
            if not self.interrupts.may_start():
                return self._outcome_of(ExecutionInterrupted)
            if number == 0:
                self.recorder.emit(e.CmdStarted, cmd=cmd)
            self.recorder.emit(e.BlockStarted, cmd=cmd, block=block)
            await run_block(cmd_run, block)
            if self.interrupts.level is InterruptLevel.ABANDON:
                await self.recorder.durable()  # a result that an abandoned item has still written counts
            if cmd_run.failed:
                return self._outcome_of(ItemErrorOutcome)
            if cmd_run.refusals:
                return self._refused(cmd_run)
            if block is Block.VERDICT:
                await self._save_inputs()
            if cmd_run.left_over or self.interrupts.level is InterruptLevel.ABANDON:
                return self._outcome_of(BlockInterrupted)
            if block in ITEM_WISE and self.interrupts.level is not None:
                self.interrupts.may_start()
            self.recorder.emit(e.BlockEnded, cmd=cmd, block=block)
        await self._save_inputs()
        return None

    def _new_cmd_run(self, cmd: Cmd, inputs: Any) -> CmdRun:
        graph = self.request.flow.graph
        if len(self._runs) < len(graph):
            graph = graph.subgraph(self._runs)
        return CmdRun(
            cmd,
            self.request,
            graph,
            self._runs,
            self._tasks,
            inputs,
            self.stored,
            self.recorder,
            self.interrupts,
            self._place,
            lambda: self.platform.place,
            OtherProfiles(self._store, self.request.flow.id, self.request.profile, lambda: self.platform.shared_place),
            self._context_of,
        )

    async def _find_place(self) -> None:
        """Read this place's mark, where what is stored speaks of places."""
        if self._place is None and any(entry.place is not None for entry in self.stored.items.values()):
            mark = self.platform.place
            self._place = None if mark is None else await mark.read()

    async def _end(self, outcome: Any) -> None:
        self._is_ending = True
        outcome = self.secrets.data(outcome)
        self.interrupts.settle()
        try:
            if self._recording.done():
                outcome = await self._store_outcome(outcome)
            await self._give_back_lease()
        finally:
            self._questions.close()
            if "threads" in self.__dict__:
                self.threads.close()
            self._outcome.set_result(outcome)
            if hasattr(self, "recorder"):
                self.recorder.close()
        await self.fanout.finish(outcome)

    async def _store_outcome(self, outcome: Any) -> Outcome:
        recorder = self.recorder
        recorder.seal(asyncio.current_task())
        try:
            await recorder.emit_durable(e.ExecutionEnded, outcome=outcome)
            await recorder.finish(outcome)
        except FencedError as error:
            return recorder.fold.outcome(BlockInterrupted, message=str(error))
        except Exception as error:
            return recorder.fold.outcome(Failed, message=_in_words(error, AGAIN))
        kept: Outcome = outcome
        return kept

    async def _give_back_lease(self) -> None:
        if self._lease is None:
            return
        try:
            await self._lease.release()
        except StoreError as error:
            _log.warning("the lease of %s could not be given back and has to expire: %s", self.id, error)

    # Outcomes.

    def _outcome_of(self, kind: type[Outcome], message: str = "") -> Outcome:
        if not self._recording.done():
            return self._unrecorded(kind, message)
        return self.recorder.fold.outcome(kind, message=message)

    def _refused(self, cmd_run: CmdRun) -> Outcome:
        refusals = self.recorder.fold.refusals = cmd_run.refusals
        reason = next(iter(refusals.values())).reason
        if reason == "drift":
            message = f"{changed_text(self.recorder.fold.drift)}. Nothing was applied."
        elif reason == "stale_plan":
            told = "; ".join(refusal.message for refusal in refusals.values())
            message = f"the plan is stale: {told}. Nothing was applied."
        else:
            told = " ".join(refusal.message for refusal in refusals.values())
            message = f"{told} Nothing was removed."
        return self._outcome_of(Refused, message)

    def _refused_shapes(self, cmd: Cmd, problems: dict[str, str]) -> Outcome:
        self.recorder.emit(e.CmdStarted, cmd=cmd)
        self.recorder.fold.refusals = {
            item: Refusal(reason="state_shape", message=f"{item}: {problem}") for item, problem in problems.items()
        }
        names = ", ".join(problems)
        return self._outcome_of(
            Refused,
            f"what is stored of {names} cannot be read by the flow's code: nothing was changed. Raise state_version "
            "and write upgrade_state, or have irenic forget what it knows of it.",
        )

    def _held(self, held: HeldError) -> Outcome:
        outcome = self._unrecorded(Refused, str(held))
        outcome.refusals = {item: Refusal(reason="held", message=str(held)) for item in self._items}
        return outcome

    def _unrecorded(self, kind: type[Outcome], message: str) -> Outcome:
        first = self.request.cmds[0]
        return kind(
            execution_id=self.id,
            flow=self.request.flow.id,
            profile=self.request.profile,
            dry_run=self.request.dry_run,
            message=message,
            cmds=DoneList(not_done=list(self.request.cmds)),
            blocks=DoneList(not_done=list(self.request.blocks(first))),
            items=ItemList(not_done=self._items),
            started_at=self.record.started_at or timestamp(),
            ended_at=timestamp(),
        )

    def _stopped_from_outside(self, source: str, why: str) -> Outcome:
        message = f"{why.rstrip('.')}; run the same command again to go on."
        if not self._recording.done():
            return self._unrecorded(ExecutionInterrupted, message)
        if self.interrupts.asked is None:
            signal = InterruptSignal(source=source, reason=why, level=InterruptLevel.CANCEL)
            self.recorder.emit(e.InterruptRequested, signal=signal)
        fold = self.recorder.fold
        in_block = fold.block is not None and fold.block not in fold.blocks_done
        return self._outcome_of(BlockInterrupted if in_block else ExecutionInterrupted, message)

    # Interrupts.

    def _take(self, signal: InterruptSignal) -> None:
        if self._is_ending:
            return
        if not self._recording.done():
            self._signals_before_start.append(signal)
            return
        self.interrupts.request(signal)

    def _on_raised(self, signal: InterruptSignal) -> None:
        self.recorder.emit(e.InterruptRequested, signal=signal)
        level = self.interrupts.level
        if level is InterruptLevel.FINISH and not self.interrupts.may_go_on():
            for run in self._runs.values():
                run.give_up()
        elif level is InterruptLevel.CANCEL:
            for run in self._runs.values():
                run.cancel()
        elif level is InterruptLevel.ABANDON and self._cmd_run is not None and self._cmd_run.walk is not None:
            self._note_abandoned()
            self.abandoned = self._cmd_run.walk.abandon()
            self._cmd_run.left_over.extend(self._tasks)
            self.recorder.seal(self._task)
            for task in self.abandoned:
                task.cancel()

    def _note_abandoned(self) -> None:
        """Note what goes on running although nobody waits for it any more."""
        if not self.request.writes:
            return
        work: list[tuple[str, Any]] = list(self._tasks.items())
        if "threads" in self.__dict__:
            work += [(item, function) for function, item in list(self.threads.running.items())]
        for item, running in work:
            self._abandoned_work.add(self.request.flow.id, self.request.profile, item, self.id, running)

    def _lease_lost(self, why: str) -> None:
        self._take(InterruptSignal(source="take_over", reason=why, level=InterruptLevel.CANCEL))

    def _deadline_passed(self) -> None:
        self._take(InterruptSignal(source="deadline", reason=f"{self.request.deadline:g} s have passed"))

    # Small services.

    async def _read_events(self, after: int) -> list[JournalEvent]:
        if self._memory is not None:
            return self._memory.events[after + 1 :]
        return await self._store.events(self.id, after=after)

    def endpoint_cut(self, endpoint: str, reason: str) -> None:
        """Record that an endpoint gets, or gives, nothing more."""
        if hasattr(self, "recorder") and not self.done and not self.recorder.is_sealed:
            self.recorder.emit(e.EndpointCut, endpoint=endpoint, reason=reason)


def _in_words(error: BaseException, following: str = "") -> str:
    if isinstance(error, OSError) and error.strerror:
        text = f"{os_error_text(error)}."
    else:
        text = str(error) if isinstance(error, IrenicError) else f"{type(error).__name__}: {error}"
    return text if not following or "the same command again" in text else f"{text.rstrip('.')}. {following}"
