"""Items for tests, and the world that they manage."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from irenic import ApplyCheck, Flow, Generated, Item, ItemContext, PartialParams, StateDiff

HALF_DONE = -1
"""What the world holds of an item in the middle of an apply."""


class World:
    """What is really there, by item id, and a log of what was done to it."""

    def __init__(self, **values: int) -> None:
        self.values: dict[str, int] = dict(values)
        self.stamps: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.log: list[tuple[str, str]] = []

    def copy(self) -> "World":
        """Return the world as it is now, with an empty log, for the next process to find."""
        other = World(**self.values)
        other.stamps = self.stamps.copy()
        other.failures = self.failures.copy()
        return other

    def did(self, what: str) -> list[str]:
        """Return the items to which something was done, in order: ``begin``, ``apply`` (its end), ``current``, ..."""
        return [item for happened, item in self.log if happened == what]


class ThingParams(BaseModel):
    """What a thing should be worth: its own value, and that of the thing it stands upon."""

    value: int = 1
    below: int = 0


class ThingState(BaseModel):
    """What a thing is worth; None where there is nothing. The world stamps each thing that is made."""

    value: int | None = None
    stamp: Generated[int] = None


class Thing(Item[ThingParams, ThingState]):
    """A value in a :class:`World`.

    :param replaced: functions of the item to be replaced, by name; they are called without ``self``.
    """

    def __init__(self, id: str, world: World, **replaced: Callable[..., Any]) -> None:
        super().__init__(id)
        self.world = world
        self.replace(**replaced)

    def replace(self, **functions: Callable[..., Any]) -> None:
        """Replace functions of the item."""
        for name, function in functions.items():
            if not hasattr(self, name):
                raise TypeError(f"an item has no function {name}")
            setattr(self, name, function)

    async def state_current(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Look into the world."""
        self.world.log.append(("current", self.id))
        return self.look()

    async def state_goal(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Add up."""
        self.world.log.append(("goal", self.id))
        return ThingState(value=params.value + params.below)

    def state_clean(self, params_partial: PartialParams[ThingParams]) -> ThingState:
        """Say what nothing is."""
        return ThingState()

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Change the world in one step."""
        self.begin()
        return self.put(target.value)

    def look(self) -> ThingState:
        """Return what is in the world."""
        value = self.world.values.get(self.id)
        return ThingState(value=value, stamp=self.world.stamps[self.id] if value is not None else None)

    def begin(self) -> None:
        """Note that an apply began."""
        self.world.log.append(("begin", self.id))

    def put(self, value: int | None) -> ThingState:
        """Change the world, and note that an apply ended."""
        if value is None:
            self.world.values.pop(self.id, None)
        else:
            self.world.values[self.id] = value
            self.world.stamps[self.id] += 1
        self.world.log.append(("apply", self.id))
        return self.look()


class SetUpThing(Thing):
    """A thing with a setup of its own, which ``on_setup`` does."""

    def __init__(self, id: str, world: World, on_setup: Callable[[ItemContext], Any], **replaced: Any) -> None:
        super().__init__(id, world, **replaced)
        self.on_setup = on_setup

    async def setup(self, cx: ItemContext) -> None:
        """Do what the test wants."""
        self.world.log.append(("setup", self.id))
        await self.on_setup(cx)


class CopyParams(BaseModel):
    """What to copy, and the name of the place to copy it to."""

    source: list[int]
    target: str


class CopyState(BaseModel):
    """A list of small numbers."""

    data: list[int] = []


class CopyDiff(StateDiff):
    """The parts in which two lists differ, one to a line."""

    parts: list[str] = Field(default_factory=list)


class CopyItem(Item[CopyParams, CopyState]):
    """Copies one list of numbers to another place in memory."""

    def __init__(self, id: str, places: dict[str, list[int]]) -> None:
        super().__init__(id)
        self.places = places
        self.applied = 0

    async def state_current(self, cx: ItemContext, params: CopyParams) -> CopyState:
        """Return what is at the target."""
        return CopyState(data=self.places.get(params.target, []))

    async def state_goal(self, cx: ItemContext, params: CopyParams) -> CopyState:
        """Return the source."""
        return CopyState(data=params.source)

    def state_clean(self, params_partial: PartialParams[CopyParams]) -> CopyState:
        """Return an empty list."""
        return CopyState()

    def state_diff(self, current: CopyState, target: CopyState) -> CopyDiff:
        """Return the parts that were removed, altered and inserted."""
        before, after = current.data, target.data
        common = min(len(before), len(after))
        parts = [f"{i}: {before[i]} -> {after[i]}" for i in range(common) if before[i] != after[i]]
        parts += [f"{i}: -{before[i]}" for i in range(common, len(before))]
        parts += [f"{i}: +{after[i]}" for i in range(common, len(after))]
        return CopyDiff(parts=parts)

    def apply_check(self, params: CopyParams, current: CopyState, target: CopyState, diff: StateDiff) -> ApplyCheck:
        """Apply where the lists differ."""
        return ApplyCheck(required=current != target)

    async def apply(
        self, cx: ItemContext, params: CopyParams, current: CopyState, target: CopyState, diff: StateDiff
    ) -> CopyState:
        """Copy."""
        self.applied += 1
        self.places[params.target] = list(target.data)
        return target


def thing_of(flow: Flow, id: str) -> Thing:
    """Return a thing of a flow."""
    thing = flow.items[id]
    assert isinstance(thing, Thing)
    return thing


def things(world: World, *ids: str, flow: str = "things", **values: int) -> Flow:
    """Return a flow of things that do not depend on one another; ``a=5`` wants thing ``a`` to be worth 5."""
    made = Flow(flow)
    for id in ids:
        made.add(Thing(id, world), value=values.get(id, 1))
    return made


def tower(world: World, *ids: str, flow: str = "tower") -> Flow:
    """Return a flow of things of which each stands upon the one before it, and is worth one more."""
    made = Flow(flow)
    params: dict[str, Any] = {}
    for id in ids:
        params = {"below": made.add(Thing(id, world), **params).state.value}
    return made
