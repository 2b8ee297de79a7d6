"""One item's part in an execution: its task, its shields, and how a cancellation reaches it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any, TypeVar, TypeVarTuple, Unpack

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from irenic.flow.flow import Flow
from irenic.flow.generated import has_generated
from irenic.flow.graph import Graph
from irenic.flow.item import Item, code_hash
from irenic.flow.params import ParamsSpec, PartialParams, canonical, digest, explain, model_of, stored_params
from irenic.flow.secret_mask import SecretMask, may_hold_secrets
from irenic.model.errors import ItemFailure, StateShapeError
from irenic.model.events import ItemAbout
from irenic.model.states import ItemStates
from irenic.model.trusted import trusted

A = TypeVarTuple("A")
T = TypeVar("T")


class ItemRun:
    """Keeps what the engine knows of an item while an execution runs.

    ``stored`` is what is stored of it in this place, ``kept`` the state that its apply has said to keep.
    """

    __slots__ = (
        "_after",
        "_plain_params_hash",
        "_stored_state",
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
        "kept",
        "key",
        "last_alive",
        "moves",
        "phase",
        "reads_stored",
        "recorded_at",
        "secrets",
        "shields",
        "spec",
        "stored",
        "unrecorded",
        "uses_place",
        "waits",
    )

    def __init__(
        self,
        item_id: str,
        item: Item[Any, Any],
        spec: ParamsSpec[Any],
        tasks: Mapping[str, asyncio.Task[Any]],
        after: Graph | tuple[str, ...] = (),
        secrets: SecretMask | None = None,
    ) -> None:
        self.item_id = item_id
        self.item = item
        self.spec = spec
        self.cx: Any = None
        self.stored: ItemStates | None = None
        self.kept: Any = None
        self.key: str | None = None
        self.moves: tuple[tuple[str, str], ...] = ()
        """Stored entries that have to change their ids before anything of this item is recorded."""
        self.uses_place = False
        self.reads_stored = False
        """Whether the item has asked for what is stored of it, to find itself by."""
        self.phase = ""
        """Which of the item's functions was called last."""
        self._after = after
        self._stored_state: tuple[Any, Any] | None = None
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
        self.secrets = SecretMask() if secrets is None else secrets
        self.code_hash = code_hash(self.item)
        self._plain_params_hash: str | None = None
        self._tasks = tasks

    @classmethod
    def of(
        cls, flow: Flow, item_id: str, tasks: Mapping[str, asyncio.Task[Any]], secrets: SecretMask | None = None
    ) -> "ItemRun":
        """Return the run of one of a flow's items."""
        return cls(item_id, flow.items[item_id], flow.specs[item_id], tasks, flow.graph, secrets)

    @property
    def is_local(self) -> bool:
        """Whether the item's state lives in this place: its class says so, it uses files, or it did so before."""
        said = self.item.is_local
        if said is not None:
            return said
        return self.uses_place or (self.stored is not None and self.stored.place is not None)

    @property
    def after(self) -> list[str]:
        """The items that this one is built after."""
        after = self._after
        return list(after.predecessors(self.item_id) if isinstance(after, Graph) else after)

    def about(self, params: Any) -> ItemAbout:
        """Return what is stored of the item beside its states."""
        values, sources = stored_params(params), self.spec.secret_inputs(params) if self.spec.refs else {}
        if self.secrets:
            derived = [name for name, value in values.items() if self.secrets.data(value) is not value]
            values = {name: value for name, value in values.items() if name not in derived}
            sources = {**dict.fromkeys(derived, ""), **sources}
        return trusted(
            ItemAbout,
            {
                "type": type_name(type(self.item)),
                "params": values,
                "secrets": sources,
                "identity": self.identity(params),
                "state_version": self.item.state_version,
                "after": self.after,
            },
        )

    def identity(self, params: Any) -> Any:
        """Return the item's identity as it is stored: without the secrets in it.

        :raises ItemFailure: if it is no data.
        """
        return self.secrets.data(identity_of(self.item, params))

    @property
    def stored_state(self) -> Any:
        """The stored current state, or None.

        :raises StateShapeError: if it does not fit the item's State.
        """
        data = None if self.stored is None else self.stored.current
        if data is None:
            return None
        if self._stored_state is None or self._stored_state[0] is not data:
            self._stored_state = (data, self.upgraded(data))
        return self._stored_state[1]

    def upgraded(self, data: dict[str, Any]) -> Any:
        """Return a stored state, brought up to date where it is of an earlier version.

        :raises StateShapeError: if that cannot be done.
        """
        about = None if self.stored is None else self.stored.about
        version, present = 1 if about is None else about.state_version, self.item.state_version
        name = type(self.item).__name__
        if version > present:
            raise StateShapeError(f"its stored state has version {version}, and {name} knows {present}.")
        if version < present:
            try:
                data = self.item.upgrade_state(version, deepcopy(data))
            except NotImplementedError:
                raise StateShapeError(
                    f"its stored state has version {version}, and {name} has {present} and no upgrade_state."
                ) from None
            except Exception as error:
                raise StateShapeError(f"{name}.upgrade_state failed: {type(error).__name__}: {error}.") from error
        try:
            return self.item.State.model_validate(data, by_alias=True, by_name=True)
        except ValidationError as error:
            raise StateShapeError(
                explain(error, f"its stored state does not fit {self.item.State.__name__}")
            ) from error

    @property
    def may_be_lost(self) -> bool:
        """Whether the item may have made a thing that it cannot find: it looks by what is stored, and that is nothing.

        The result of its ensure is not known, and nothing that only this thing has was kept.
        """
        stored = self.stored
        if stored is None or not stored.unknown or stored.key is None or not self.reads_stored:
            return False
        known = self.load(stored.current)
        return known is None or not has_generated(known)

    def clean_state(self, params: Any) -> Any:
        """Return the clean state of what was made with whole params."""
        return self.item.state_clean(PartialParams(self.item.Params, {}, frozenset(), params))

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
        """Return a stored state, or None where there is none, or it does not fit the item's State."""
        try:
            return None if data is None else self.upgraded(data)
        except StateShapeError:
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
        for arg in args:
            model: Any = model_of(arg) if isinstance(arg, PartialParams) else type(arg)
            if may_hold_secrets(model):
                self.secrets.learn(arg)
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


FLOW_FILE = "flow"
"""The module of a class that is defined in the flow's own file."""


def type_name(cls: type) -> str:
    """Return the name under which a class is found again: ``MODULE:QUALNAME``."""
    own = cls.__module__ == "__main__" or cls.__module__.startswith("irenic_flow_")
    return f"{FLOW_FILE if own else cls.__module__}:{cls.__qualname__}"


def identity_of(item: Item[Any, Any], params: Any) -> Any:
    """Return an item's identity as JSON-able data; None where it cannot be said.

    :raises ItemFailure: if it is no data, so that it would be another one in the next process.
    """
    if type(item).identity is Item.identity:
        return None
    identity = item.identity(params)
    try:
        return canonical(identity)
    except PydanticSerializationError as error:
        raise ItemFailure(
            f"{type(item).__name__}.identity returned {type(identity).__name__}, which is no JSON-able data: return "
            "strings, numbers, lists, or a dict of them."
        ) from error
