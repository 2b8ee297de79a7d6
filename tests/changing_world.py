"""A world that changes behind irenic's back, and the items that manage it, for tests of what happens on day two."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel

from irenic import (
    CmdExecRequest,
    CmdExecutionMap,
    CmdOutcome,
    Flow,
    Generated,
    Item,
    ItemContext,
    PartialParams,
    StateDiff,
)
from irenic.engine.platform import Platform
from irenic.engine.store import Store
from irenic.model.place import PlaceInfo
from irenic.model.plan import Plan
from irenic.model.preview import Preview


@dataclass
class Slot:
    """One thing in the world; ``foreign`` says that it was put there by somebody else than irenic."""

    number: int
    location: str
    value: int
    on: int | None = None
    foreign: bool = False


@dataclass
class Site:
    """Where local slots lie, with the mark of the place."""

    slots: dict[str, Slot] = field(default_factory=dict)
    mark: str | None = None


@dataclass
class World:
    """What is really there: slots of the world by location, numbered ones of a service, and local ones by place.

    ``applied`` lists the ids of the items that were applied, with the direction, in order. ``keys`` are the
    idempotency keys that the service has seen, with the numbers of what it made for them.
    """

    shared: dict[str, Slot] = field(default_factory=dict)
    service: dict[int, Slot] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=lambda: {"home": Site(), "away": Site()})
    here: str = "home"
    count: int = 0
    applied: list[tuple[str, str]] = field(default_factory=list)

    def copy(self) -> "World":
        """Return the world as it is now, for the next process to find."""
        other = deepcopy(self)
        other.applied = []
        return other

    @property
    def site(self) -> Site:
        """This place."""
        return self.sites[self.here]

    def new_number(self) -> int:
        """Return a number that no slot has had."""
        self.count += 1
        return self.count

    def slots(self) -> list[Slot]:
        """Return all slots, wherever they are."""
        local = [slot for site in self.sites.values() for slot in site.slots.values()]
        return [*self.shared.values(), *self.service.values(), *local]

    def foreign(self) -> list[tuple[int, int]]:
        """Return the numbers and the values of what somebody else has put there."""
        return sorted((slot.number, slot.value) for slot in self.slots() if slot.foreign)

    def platform(self) -> Platform:
        """Return the platform of this place."""
        return Platform(files=None, http=None, place=SiteMark(self))  # type: ignore[arg-type]  # no item uses them


class SiteMark:
    """See :class:`irenic.engine.platform.PlaceMark`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._name = world.here

    async def read(self) -> PlaceInfo | None:
        """See the protocol."""
        mark = self._world.sites[self._name].mark
        return None if mark is None else PlaceInfo(id=mark, label=self._name)

    async def create(self) -> PlaceInfo | None:
        """See the protocol."""
        site = self._world.sites[self._name]
        if site.mark is None:
            site.mark = f"{self._name}-{self._world.new_number()}"
        return await self.read()


class SlotParams(BaseModel):
    """Where a slot is, what it is worth, and what it stands on."""

    location: str
    value: int = 1
    below: int = 0
    on: int | None = None


class SlotState(BaseModel):
    """What a slot holds; None where there is nothing. The world numbers each slot that is made."""

    value: int | None = None
    on: int | None = None
    number: Generated[int] = None


class SlotItem(Item[SlotParams, SlotState]):
    """A slot of some kind."""

    world: ClassVar[World]
    upgrades: ClassVar[bool] = True

    def slots(self) -> dict[str, Slot]:
        """Return where the item's slots lie."""
        return self.world.shared

    async def state_current(self, cx: ItemContext, params: SlotParams) -> SlotState:
        """Look into the world."""
        return _state(self.slots().get(params.location))

    async def state_goal(self, cx: ItemContext, params: SlotParams) -> SlotState:
        """Add up."""
        return SlotState(value=params.value + params.below, on=params.on)

    def state_clean(self, params_partial: PartialParams[SlotParams]) -> SlotState:
        """Return what nothing is."""
        return SlotState()

    async def apply(
        self, cx: ItemContext, params: SlotParams, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Change the world."""
        slots, location = self.slots(), params.location
        _note(self, target)
        await cx.checkpoint()
        if target.value is None:
            slots.pop(location, None)
            await cx.checkpoint()
            return SlotState()
        slot = slots.get(location)
        if slot is None:
            slot = slots[location] = Slot(self.world.new_number(), location, target.value, target.on)
        slot.value, slot.on, slot.foreign = target.value, target.on, False
        await cx.checkpoint()
        return _state(slot)

    def upgrade_state(self, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Return the state as it is, where the class has a way to upgrade it."""
        if not self.upgrades:
            raise NotImplementedError
        return data


class BareSlot(SlotItem):
    """A slot of the world; the class does not say which one it is."""


class SharedSlot(SlotItem):
    """A slot of the world, known by its location."""

    def identity(self, params: SlotParams) -> object:
        """Return the location."""
        return params.location


class LocalSlot(SlotItem):
    """A slot of this place."""

    is_local = True

    def identity(self, params: SlotParams) -> object:
        """Return the location."""
        return params.location

    def slots(self) -> dict[str, Slot]:
        """Return those of this place."""
        return self.world.site.slots


class NumberedSlot(SlotItem):
    """A slot of a service, known by the number that the service gives to it."""

    async def state_current(self, cx: ItemContext, params: SlotParams) -> SlotState:
        """Look it up by the number that is stored."""
        stored = cx.stored
        return _state(None if stored is None or stored.number is None else self.world.service.get(stored.number))

    async def apply(
        self, cx: ItemContext, params: SlotParams, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Create, change or remove it; a create that is tried again with its key makes nothing new."""
        _note(self, target)
        await cx.checkpoint()
        world = self.world
        if target.value is None:
            world.service.pop(current.number or 0, None)
            await cx.checkpoint()
            return SlotState()
        number = current.number
        if number is None:
            number = world.keys.get(cx.key)
            if number not in world.service:
                number = world.keys[cx.key] = world.new_number()
                world.service[number] = Slot(number, params.location, target.value, target.on)
            await cx.checkpoint()
            await cx.keep(SlotState(value=target.value, on=target.on, number=number))
        slot = world.service[number]
        slot.value, slot.on, slot.foreign = target.value, target.on, False
        await cx.checkpoint()
        return _state(slot)

    async def adopt(self, cx: ItemContext, params: SlotParams) -> SlotState | None:
        """Look it up by its location."""
        found = [slot for slot in self.world.service.values() if slot.location == params.location]
        return _state(found[0]) if found else None


KINDS: dict[str, type[SlotItem]] = {
    "shared": SharedSlot,
    "local": LocalSlot,
    "bare": BareSlot,
    "numbered": NumberedSlot,
}


def _state(slot: Slot | None) -> SlotState:
    return SlotState() if slot is None else SlotState(value=slot.value, on=slot.on, number=slot.number)


def _note(item: SlotItem, target: SlotState) -> None:
    item.world.applied.append((item.id, "clean" if target.value is None else "ensure"))


async def do(world: World, store: Store, flow: Flow, cmd: str, **options: Any) -> CmdOutcome:
    """Run a command on a flow of slots to its end, in the place where the world is, and return the outcome."""
    SlotItem.world = world
    async with CmdExecutionMap(store, platform=world.platform()) as executions:
        return await executions.submit(CmdExecRequest(flow=flow, cmds=[cmd], **options))


async def look(world: World, store: Store, flow: Flow, cmd: str = "ensure", **options: Any) -> Preview:
    """Return the preview of a command on a flow of slots."""
    return (await plan_of(world, store, flow, cmd, **options))[0]


async def plan_of(world: World, store: Store, flow: Flow, cmd: str = "ensure", **options: Any) -> tuple[Preview, Plan]:
    """Return the preview of a command on a flow of slots, and the plan that it amounts to."""
    SlotItem.world = world
    async with CmdExecutionMap(store, platform=world.platform()) as executions:
        return await executions.plan(CmdExecRequest(flow=flow, cmds=[cmd], **options))


def slots_flow(*items: SlotItem, **locations: Any) -> Flow:
    """Return a flow of items that do not depend on one another; each has its id as location where none is given."""
    flow = Flow("slots")
    for item in items:
        flow.add(item, **{"location": item.id, **locations.get(item.id, {})})
    return flow
