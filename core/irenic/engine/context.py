"""The item context as the engine provides it."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from irenic.engine.fanout import FanOut
from irenic.engine.interrupts import Interrupts
from irenic.engine.item_run import ItemRun
from irenic.engine.limits import Limiter, LimitHold, LimitPool
from irenic.engine.platform import Platform
from irenic.engine.recorder import Recorder
from irenic.flow.context import FileSystem, HttpClient, ItemContext
from irenic.model.errors import FlowError
from irenic.model.events import ChildStarted, ItemPosition, ItemStatus, Log
from irenic.model.fold import ItemFold
from irenic.model.interrupt import InterruptLevel
from irenic.model.progress import ProgressLimit, ProgressStatus
from irenic.model.states import FlowStates
from irenic.model.text import writable

if TYPE_CHECKING:
    from irenic.engine.item_threads import ItemThreads

T = TypeVar("T")

POSITION_INTERVAL = 0.25
"""Seconds between two positions of an item in the journal; those between are seen live only."""


class ExecutionSide(Protocol):
    """What an item context needs of its execution."""

    id: str
    recorder: Recorder
    fanout: FanOut
    interrupts: Interrupts
    limits: LimitPool
    stored: FlowStates

    @property
    def fencing(self) -> int | None:
        """The number of the lease, where one is held."""

    @property
    def platform(self) -> Platform:
        """Files and requests."""

    @property
    def files(self) -> FileSystem:
        """The files of the flow and profile."""

    async def keep(self, run: ItemRun, state: Any) -> None:
        """Record durably what an apply knows so far."""

    @property
    def threads(self) -> "ItemThreads":
        """Where blocking functions are called."""

    async def ask(self, item_id: str, prompt: str) -> str:
        """Wait for the user's answer."""

    def check_lease(self) -> None:
        """Raise where another execution has taken over, or may have."""

    async def hold_lease(self) -> None:
        """Do as :meth:`check_lease`, and wait for a store that cannot be reached."""


class ExecutionItemContext(ItemContext):
    """See :class:`irenic.flow.context.ItemContext`."""

    __slots__ = ("_execution", "_run", "dry_run", "execution_id", "flow", "item_id", "profile")

    def __init__(self, execution: ExecutionSide, run: ItemRun, flow: str, profile: str, *, dry_run: bool) -> None:
        self._execution = execution
        self._run = run
        self.item_id = run.item_id
        self.flow = flow
        self.profile = profile
        self.execution_id = execution.id
        self.dry_run = dry_run

    @property
    def progress(self) -> "ProgressSender":
        """See the base class."""
        return ProgressSender(self._execution, self._run)

    @property
    def log(self) -> "LogSender":
        """See the base class."""
        return LogSender(self._execution, self.item_id)

    @property
    def cancelled(self) -> InterruptLevel | None:
        """See the base class."""
        return self._execution.interrupts.level

    @property
    def stored(self) -> Any:
        """See the base class."""
        self._run.reads_stored = True
        return self._run.kept if self._run.kept is not None else self._run.stored_state

    @property
    def fs(self) -> FileSystem:
        """See the base class."""
        self._run.uses_place = True
        return self._execution.files

    @property
    def http(self) -> HttpClient:
        """See the base class."""
        return self._execution.platform.http

    @property
    def key(self) -> str:
        """See the base class."""
        if self._run.key is None:
            raise FlowError("cx.key belongs to an apply: there is no intent outside of one.")
        return self._run.key

    @property
    def fencing(self) -> int | None:
        """See the base class."""
        return self._execution.fencing

    async def keep(self, state: Any) -> None:
        """See the base class."""
        run = self._run
        if run.key is None:
            raise FlowError("cx.keep belongs to an apply: there is no intent outside of one.")
        run.checked(state, "cx.keep")
        await self._execution.keep(run, state)
        run.kept = state

    async def checkpoint(self) -> None:
        """See the base class."""
        self.progress.alive()
        await self._execution.hold_lease()
        await asyncio.sleep(0)

    def shield(self, reason: str) -> AbstractAsyncContextManager[None]:
        """See the base class."""
        return Shield(self._run, writable(reason))

    def limits(self, name: str) -> AbstractAsyncContextManager[None]:
        """See the base class."""
        return self._place(self._execution.limits.named(name), name)

    async def ask(self, prompt: str) -> str:
        """See the base class."""
        prompt = writable(prompt)
        self._status(ProgressStatus.USER_PENDING, message=prompt)
        self._run.asks += 1
        try:
            self._give_up_where_stopped()
            return await self._execution.ask(self.item_id, prompt)
        finally:
            self._run.asks -= 1
            self._status(ProgressStatus.RUNNING)

    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """See the base class."""
        if sys.platform == "emscripten":
            return function(*args)
        threads = self._execution.threads
        name = getattr(function, "__name__", "a function")
        async with self._place(threads.places, "a thread"), self.shield(f"{name} runs in a thread"):
            return await threads.run(self.item_id, function, *args)

    async def record_child(self, pid: int) -> None:
        """See the base class."""
        recorder, children = self._execution.recorder, self._execution.platform.children
        child = None if children is None else children.describe(pid)
        if child is not None and recorder.item(self.item_id).intent_open:
            await recorder.emit_durable(ChildStarted, item=self.item_id, child=child)

    def _place(self, limiter: Limiter, name: str) -> AbstractAsyncContextManager[None]:
        """Return a hold of a place; whoever waits for one gives up where the execution is asked to stop."""
        run = self._run

        def waiting() -> None:
            run.waits += 1
            self._status(ProgressStatus.WAITING, waiting_for=name)
            self._give_up_where_stopped()

        def waited() -> None:
            run.waits -= 1

        def taken(after_waiting: bool) -> None:
            run.has_begun = True
            if after_waiting:
                self._status(ProgressStatus.RUNNING)

        return LimitHold(limiter, waiting, waited, taken)

    def _give_up_where_stopped(self) -> None:
        if not self._execution.interrupts.may_go_on():
            self._run.give_up()

    def _status(self, status: ProgressStatus, *, message: str = "", waiting_for: str | None = None) -> None:
        self._execution.recorder.emit(
            ItemStatus, item=self.item_id, status=status, message=message, waiting_for=waiting_for
        )


class Shield:
    """``async with`` block in which cancellation is deferred."""

    def __init__(self, run: ItemRun, reason: str) -> None:
        self._run = run
        self._reason = reason

    async def __aenter__(self) -> None:
        self._run.shields += (self._reason,)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run = self._run
        place = run.shields.index(self._reason)
        run.shields = run.shields[:place] + run.shields[place + 1 :]
        if exc is None and not run.shields and run.cancel_requested and not run.cancel_delivered and run.cancellable:
            run.deliver()
            await asyncio.sleep(0)


class ProgressSender:
    """See :class:`irenic.flow.context.ItemProgressSender`."""

    __slots__ = ("_execution", "_run")

    def __init__(self, execution: ExecutionSide, run: ItemRun) -> None:
        self._execution = execution
        self._run = run

    def limit(self, limit: ProgressLimit | None) -> None:
        """See the protocol."""
        self._item.limit = limit or ProgressLimit()
        self._record(at_once=True)

    def inc(self, n: int = 1) -> None:
        """See the protocol."""
        self._item.position += n
        self._run.has_begun = True
        self._record()

    def message(self, text: str) -> None:
        """See the protocol."""
        self._item.message = self._run.secrets.text(writable(text))
        self._record()

    def alive(self) -> None:
        """Note a sign of life; a stalled item runs again."""
        self._run.last_alive = asyncio.get_running_loop().time()
        if self._item.status is ProgressStatus.RUNNING_STALLED:
            self._execution.recorder.emit(ItemStatus, item=self._run.item_id, status=ProgressStatus.RUNNING)

    def flush(self) -> None:
        """Record the last position."""
        self._record(at_once=True)

    @property
    def _item(self) -> ItemFold:
        return self._execution.recorder.item(self._run.item_id)

    def _record(self, *, at_once: bool = False) -> None:
        run = self._run
        self._execution.check_lease()
        self.alive()
        run.unrecorded = True
        if at_once or run.last_alive - run.recorded_at >= POSITION_INTERVAL:
            run.recorded_at = run.last_alive
            run.unrecorded = False
            item = self._item
            self._execution.recorder.emit(
                ItemPosition, item=run.item_id, position=item.position, limit=item.limit, message=item.message
            )
        else:
            self._execution.fanout.touch()


class LogSender:
    """See :class:`irenic.flow.context.ItemLog`."""

    __slots__ = ("_execution", "_item_id")

    def __init__(self, execution: ExecutionSide, item_id: str) -> None:
        self._execution = execution
        self._item_id = item_id

    def debug(self, text: str) -> None:
        """See the protocol."""
        self._write("debug", text)

    def info(self, text: str) -> None:
        """See the protocol."""
        self._write("info", text)

    def warning(self, text: str) -> None:
        """See the protocol."""
        self._write("warning", text)

    def error(self, text: str) -> None:
        """See the protocol."""
        self._write("error", text)

    def _write(self, level: Literal["debug", "info", "warning", "error"], text: str) -> None:
        self._execution.recorder.emit(Log, item=self._item_id, level=level, text=writable(text))
