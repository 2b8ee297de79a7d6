"""One item's part in an execution: its task, its shields, and how a cancellation reaches it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple, Unpack

from pydantic import ValidationError

from irenic.flow.flow import Flow
from irenic.flow.item import Item, code_hash
from irenic.flow.params import PartialParams, digest
from irenic.model.errors import ItemFailure
from irenic.model.outcome import ErrorInfo
from irenic.model.text import writable

A = TypeVarTuple("A")
T = TypeVar("T")


class ItemRun:
    """Keeps what the engine knows of an item while an execution runs."""

    __slots__ = (
        "_plain_params_hash",
        "_tasks",
        "asks",
        "cancel_delivered",
        "cancel_requested",
        "cancellable",
        "code_hash",
        "cx",
        "has_begun",
        "item",
        "item_id",
        "last_alive",
        "recorded_at",
        "shields",
        "spec",
        "unrecorded",
        "waits",
    )

    def __init__(self, flow: Flow, item_id: str, tasks: Mapping[str, asyncio.Task[Any]]) -> None:
        self.item_id = item_id
        self.item: Item[Any, Any] = flow.items[item_id]
        self.spec = flow.specs[item_id]
        self.cx: Any = None
        self.cancellable = False
        self.cancel_requested = False
        self.cancel_delivered = False
        self.shields: tuple[str, ...] = ()
        self.waits = 0
        """For how many places of limits and threads the item waits."""
        self.asks = 0
        """For how many answers the item waits."""
        self.has_begun = False
        """Whether the function that is being called has had a place, or reported progress."""
        self.last_alive = 0.0
        self.recorded_at = 0.0
        self.unrecorded = False
        self.code_hash = code_hash(self.item)
        self._plain_params_hash: str | None = None
        self._tasks = tasks

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task in which the item is visited now."""
        return self._tasks.get(self.item_id)

    def params_hash(self, params: Any) -> str:
        """Return the digest of the item's params."""
        if self.spec.refs:
            return digest(params)
        if self._plain_params_hash is None:
            self._plain_params_hash = digest(params)
        return self._plain_params_hash

    def load(self, data: dict[str, Any] | None) -> Any:
        """Return a stored state, or None where there is none, or it was stored by a State of another shape."""
        if data is None:
            return None
        try:
            return self.item.State.model_validate(data, by_alias=True, by_name=True)
        except ValidationError:
            return None

    def resolve(self, *sources: dict[str, Any], inputs: Any) -> PartialParams[Any]:
        """Return the params from the first source of states that makes them whole, else as far as the first does."""
        first = self.spec.plain or self.spec.resolve(sources[0], inputs)
        if not first.missing:
            return first
        for states in sources[1:]:
            other = self.spec.resolve(states, inputs)
            if not other.missing:
                return other
        return first

    def checked(self, state: Any, function: str) -> Any:
        """Return a state that one of the item's functions returned.

        :raises ItemFailure: if it is not of the item's State.
        """
        wanted = self.item.State
        if not isinstance(state, wanted):
            raise ItemFailure(
                f"{type(self.item).__name__}.{function} returned {type(state).__name__}, not {wanted.__name__}: "
                "return the state as it is."
            )
        return state

    async def call(self, function: Callable[[Unpack[A]], Awaitable[T]], *args: *A) -> T:
        """Call one of the item's functions; only here can a cancellation reach it.

        :raises asyncio.CancelledError: if the item was told to stop before or during the call.
        """
        if self.cancel_requested:
            raise asyncio.CancelledError
        self.cancellable = True
        self.has_begun = False
        try:
            return await function(*args)
        finally:
            self.cancellable = False
            if self.cancel_delivered:
                await self._take_back_cancel()

    def cancel(self) -> None:
        """Ask the item to stop; a shield, or the engine's own writing, is waited for."""
        self.cancel_requested = True
        if self.cancellable and not self.shields:
            self.deliver()

    def give_up(self) -> None:
        """Cancel the item where it waits for an answer, or for its first place: nothing of it has begun."""
        if self.asks or (self.waits and not self.has_begun):
            self.cancel()

    def deliver(self) -> None:
        """Throw the cancellation into the item's task, once."""
        task = self.task
        if not self.cancel_delivered and task is not None:
            self.cancel_delivered = True
            task.cancel()

    async def _take_back_cancel(self) -> None:
        """Keep a cancellation that was meant for the item away from the engine's own work."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancel_delivered = False  # the item had come to its end before it could notice
        task = self.task
        if task is not None and task.cancelling() and task.uncancel():
            raise asyncio.CancelledError

    def interrupts_sync_code(self) -> bool:
        """Return whether an interrupt of the running Python code may raise in this item now.

        Called by a signal handler; where it says yes, the handler raises :class:`asyncio.CancelledError`.
        """
        task = self.task
        if not self.cancellable or self.shields or task is None or task is not asyncio.current_task():
            return False
        self.cancel_requested = True
        self.cancel_delivered = True
        return True

    @property
    def was_cancelled(self) -> bool:
        """Whether a ``CancelledError`` in the item's task is an interrupt, not an error of the item's own making."""
        task = self.task
        return self.cancel_requested or (task is not None and task.cancelling() > 0)


def describe_error(error: BaseException, phase: str) -> ErrorInfo:
    """Return an error as data, with what caused it."""
    causes: list[str] = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and len(causes) < 8:
        causes.append(writable(f"{type(cause).__name__}: {cause}"))
        cause = cause.__cause__ or cause.__context__
    message = writable(str(error) or repr(error))
    return ErrorInfo(type=type(error).__name__, message=message, phase=phase, causes=causes)
