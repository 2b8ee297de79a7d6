"""An item: one managed thing that can say what it is, what it should be, and how to get there."""

import hashlib
import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from irenic.flow.context import ItemContext
from irenic.flow.generated import changed_fields
from irenic.flow.params import PartialParams
from irenic.model.errors import FlowError
from irenic.model.ids import check_identifier
from irenic.model.progress import ProgressLimit
from irenic.model.trusted import trusted

P = TypeVar("P", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


class FieldChange(BaseModel):
    """A field's value in the one state and in the other."""

    before: Any
    after: Any


class StateDiff(BaseModel):
    """What differs between two states, field by field. An item may return a subclass that says more."""

    changes: dict[str, FieldChange] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.changes


class ApplyCheck(BaseModel):
    """Whether apply must run, and how large the work is where that is known."""

    model_config = ConfigDict(frozen=True)

    required: bool
    limit: ProgressLimit | None = None

    @classmethod
    def not_required(cls) -> "ApplyCheck":
        """Return the verdict that there is nothing to do."""
        return _NOT_REQUIRED


_NOT_REQUIRED = ApplyCheck(required=False)
_REQUIRED = ApplyCheck(required=True)


class ItemInteraction(BaseModel):
    """Where an item acts: it pushes from one place to another, pulls from one, or works within one.

    Places are paths of names from the least to the most specific, e.g. ``["example.org", "bucket"]``.
    """

    kind: Literal["push", "pull", "within"]
    source: list[str] = []
    target: list[str] = []


class Item(ABC, Generic[P, S]):
    """One managed thing, with params of type ``P`` and a state of type ``S``.

    Every function may be called again at any time and has to be idempotent in intent. ``state_*`` functions do not
    write.
    """

    Params: ClassVar[type[BaseModel]]
    State: ClassVar[type[BaseModel]]
    state_version: ClassVar[int] = 1
    """Raise it when the State changes its shape, and bring older states up to date in :meth:`upgrade_state`."""
    is_local: ClassVar[bool | None] = None
    """Whether the item's state lives in this place, in files or processes; None: where it uses ``cx.fs``, it does."""
    runs_in_tab: ClassVar[bool] = True
    """Whether a browser's tab can run it; not where it starts processes or opens sockets."""
    _code_hash: ClassVar[str]

    def __init__(self, id: str) -> None:
        self.id = check_identifier(id, "item id")
        for name in ("Params", "State"):
            if not hasattr(type(self), name):
                cls = type(self).__name__
                raise FlowError(f"{cls} has no {name}: write `class {cls}(Item[{cls}Params, {cls}State])`.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            for name, argument in zip(("Params", "State"), get_args(base), strict=False):
                if isinstance(argument, type) and issubclass(argument, BaseModel) and name not in cls.__dict__:
                    setattr(cls, name, argument)

    async def setup(self, cx: ItemContext) -> None:
        """Make clients and check what is needed, once for each execution, before anything else."""

    async def try_state_current(self, cx: ItemContext, params_partial: PartialParams[P]) -> S | None:
        """Return what exists now, or None where the params known so far do not tell."""
        params = params_partial.whole()
        return None if params is None else await self.state_current(cx, params)

    @abstractmethod
    async def state_current(self, cx: ItemContext, params: P) -> S:
        """Return what exists now; that there is nothing is a state, not an error."""

    async def try_state_goal(self, cx: ItemContext, params_partial: PartialParams[P]) -> S | None:
        """Return what should exist, or None where the params known so far do not tell."""
        params = params_partial.whole()
        return None if params is None else await self.state_goal(cx, params)

    @abstractmethod
    async def state_goal(self, cx: ItemContext, params: P) -> S:
        """Return what should exist."""

    @abstractmethod
    def state_clean(self, params_partial: PartialParams[P]) -> S:
        """Return the state that means "nothing there"."""

    def state_diff(self, current: S, target: S) -> StateDiff:
        """Return what differs; cheap, no I/O."""
        return field_diff(current, target)

    def apply_check(self, params: P, current: S, target: S, diff: StateDiff) -> ApplyCheck:
        """Decide whether apply must run; cheap, no writes."""
        return _REQUIRED if diff is not _NO_CHANGES and changed_fields(current, target) else _NOT_REQUIRED

    @abstractmethod
    async def apply(self, cx: ItemContext, params: P, current: S, target: S, diff: StateDiff) -> S:
        """Bring ``current`` to ``target``, which is the goal or the clean state, and return the state as it is now."""

    async def apply_dry(self, cx: ItemContext, params: P, current: S, target: S, diff: StateDiff) -> S:
        """Return what apply would return, without writing."""
        return target

    def identity(self, params: P) -> object:
        """Return which thing this is, as JSON-able data: a path, a bucket and a key; None where that cannot be said.

        Where it changes, the item stands for another thing: the new one is made, and the old one is left over.
        """
        return None

    async def adopt(self, cx: ItemContext, params: P) -> S | None:
        """Return what exists already, for ``irenic state adopt``; None where there is nothing to adopt.

        An item that finds itself by an id that only irenic remembers looks it up here by another property.
        """
        return await self.state_current(cx, params)

    def upgrade_state(self, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Return a stored state of an older ``state_version`` as data of the present one.

        :raises NotImplementedError: where there is no way; irenic then refuses to go on, and nothing is lost.
        """
        raise NotImplementedError

    def interactions(self, params: P) -> list[ItemInteraction]:
        """Return where the item acts, for drawing it."""
        return []


def field_diff(current: BaseModel, target: BaseModel) -> StateDiff:
    """Return the diff of two states of one class, field by field."""
    changed = changed_fields(current, target)
    if not changed:
        return _NO_CHANGES
    changes = {
        name: trusted(FieldChange, {"before": getattr(current, name), "after": getattr(target, name)})
        for name in changed
    }
    return trusted(StateDiff, {"changes": changes})


_NO_CHANGES = StateDiff()


def code_hash(item: Item[Any, Any]) -> str:
    """Return a digest that changes when the code of an item's class does.

    It is taken of the source where that can be read, else of the class's name and ``version`` attribute.
    """
    cls = type(item)
    known: str | None = cls.__dict__.get("_code_hash")  # not a base's
    if known is None:
        known = cls._code_hash = _hash_class(cls)
    return known


def _hash_class(cls: type) -> str:
    digest = hashlib.sha256()
    for base in cls.__mro__:
        if base in (Item, ABC, Generic, object):
            continue
        name = f"{base.__module__}.{base.__qualname__}"
        packaged = base.__module__.partition(".")[0] == "irenic"
        try:
            text = f"{name}@{getattr(base, 'version', 1)}" if packaged else inspect.getsource(base)
        except (OSError, TypeError):
            text = f"{name}@{getattr(base, 'version', 1)}"
        digest.update(text.encode())
    return digest.hexdigest()[:16]
