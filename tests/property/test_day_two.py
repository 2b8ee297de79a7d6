"""Whatever was done to the world, to the flow or to the place, and however it was stopped: there is no dead end.

A state machine changes a flow, the world behind irenic's back, and the place, runs commands, and stops or kills them
at any step of the loop. After every step it tries on a copy of everything that ensure completes (or names one command
after which it does), that a second ensure has nothing to do, and that clean removes all that irenic made and nothing
else.
"""

import asyncio
import os
import shlex
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.changing_world import KINDS, Slot, SlotItem, World
from tests.crashable_store import CrashableStore
from tests.virtual_loop import VirtualClockLoop

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow, InterruptLevel
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.engine.moves import moved_states
from irenic.engine.resumption import request_again
from irenic.model.cmd import Direction
from irenic.model.events import ItemIntent
from irenic.model.states import FlowStates, ItemStates
from irenic.model.verdict import VerdictKind

EXAMPLES = int(os.environ.get("IRENIC_DAY_TWO_EXAMPLES", "60"))
"""How many flows are tried; 60 take half a minute, and some thousand find what is rare."""

IDS = ["a", "b", "c", "d", "e", "f"]
LOCATIONS = ["north", "south", "east", "west", "up", "down"]
WILD = ["wild-1", "wild-2"]
"""Locations that no item ever has."""

STEP_AFTER_ALL = 10_000


@dataclass
class ItemSpec:
    """How one item of the flow is written; ``ref`` names the item that its params refer to, and what of it."""

    id: str
    kind: str
    location: str
    value: int
    ref: tuple[str, str] | None = None


@dataclass
class Source:
    """The flow's source, as its author has it now."""

    items: dict[str, ItemSpec] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)

    def flow(self) -> Flow:
        """Return the flow as it is when its file is loaded."""
        flow = Flow("days")
        handles: dict[str, Any] = {}

        def add(spec: ItemSpec) -> None:
            if spec.id in handles:
                return
            params: dict[str, Any] = {"location": spec.location, "value": spec.value}
            if spec.ref is not None:
                before, what = spec.ref
                add(self.items[before])
                state = handles[before].state
                params |= {"below": state.value} if what == "value" else {"on": state.number}
            handles[spec.id] = flow.add(KINDS[spec.kind](spec.id), **params)

        for spec in self.items.values():
            add(spec)
        for before, after in self.edges:
            flow.edge(before, after)
        for old, new in self.moved.items():
            flow.moved(old, new)
        return flow

    def ancestors(self, id: str) -> set[str]:
        """Return what an item depends on."""
        found: set[str] = set()
        waiting = [id]
        while waiting:
            after = waiting.pop()
            spec = self.items[after]
            before = [one for one, other in self.edges if other == after] + ([spec.ref[0]] if spec.ref else [])
            waiting += [one for one in before if one not in found]
            found.update(before)
        return found

    def remove(self, id: str) -> None:
        """Take an item out, with all that refers to it."""
        del self.items[id]
        self.edges = [edge for edge in self.edges if id not in edge]
        self.moved = {old: new for old, new in self.moved.items() if new != id}
        for spec in self.items.values():
            if spec.ref is not None and spec.ref[0] == id:
                spec.ref = None


@dataclass
class Situation:
    """The world, the store and the flow's source at one moment."""

    world: World
    store: CrashableStore
    source: Source

    def copy(self) -> "Situation":
        """Return the same situation, to try something in it."""
        return Situation(self.world.copy(), crashed(self.store), self.source)

    def run(
        self,
        request: CmdExecRequest,
        *,
        interrupt_at: int | None = None,
        level: InterruptLevel = InterruptLevel.FINISH,
        kill_at: int | None = None,
    ) -> CmdOutcome | None:
        """Run a request in a process of its own; None where it was killed."""
        SlotItem.world = self.world
        loop = VirtualClockLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(self._run(loop, request, interrupt_at, level, kill_at))

    async def _run(
        self,
        loop: VirtualClockLoop,
        request: CmdExecRequest,
        interrupt_at: int | None,
        level: InterruptLevel,
        kill_at: int | None,
    ) -> CmdOutcome | None:
        left: tuple[World, CrashableStore] | None = None
        async with CmdExecutionMap(self.store, platform=self.world.platform()) as executions:
            execution = executions.submit(request)
            began = loop.steps

            def act(step: int) -> None:
                nonlocal left
                if step - began == interrupt_at:
                    execution.interrupt(level=level)
                if step - began == kill_at and left is None:
                    left = (self.world.copy(), crashed(self.store))

            loop.on_step = act
            outcome = await execution
            loop.on_step = None
            if execution.abandoned:
                await asyncio.wait(execution.abandoned)
        if left is None:
            return outcome
        self.world, self.store = left
        SlotItem.world = self.world
        return None

    def ask(self, cmd: str, **options: Any) -> CmdExecRequest:
        """Return a request of the flow as it is written now."""
        return CmdExecRequest(flow=self.source.flow(), cmds=[cmd], **options)

    def stored(self) -> FlowStates:
        """Return what is stored, under the present ids."""
        return moved_states(self.source.flow(), asyncio.run(self.store.states("days", "default")))

    def entries(self) -> list[ItemStates]:
        """Return what is stored of all items, in all places."""
        entries = []
        for whole in self.stored().items.values():
            entries += [whole, *whole.elsewhere.values()]
        return entries

    def follow(self, outcome: CmdOutcome) -> CmdOutcome:
        """Do what an outcome says should be done next, and return what came of it."""
        commands = next_commands(outcome, CommandLine("days.py"))
        assert commands, outcome
        words = shlex.split(commands[0].partition("   (")[0])
        assert words.pop(0) == "irenic", outcome
        word = words.pop(0)
        if word == "resume":
            record = asyncio.run(self.store.execution(words[0]))
            assert record is not None
            done = self.run(request_again(self.source.flow(), record, outcome))
        elif word == "state":
            assert words.pop(0) == "forget", commands
            assert words.pop(0) == "days.py", commands
            done = self.run(self.ask("state", forget=words))
            self.disown()
        else:
            options: dict[str, Any] = {}
            assert words.pop(0) == "days.py", commands
            while words:
                option = words.pop(0)
                match option:
                    case "--on-drift":
                        options["on_drift"] = words.pop(0)
                    case "--prune":
                        options["prune"] = True
                    case "--with-dependents":
                        options["with_dependents"] = True
                    case "--item":
                        options["items"] = [*options.get("items", []), words.pop(0)]
                    case _:
                        raise AssertionError(commands)
            done = self.run(self.ask(word, **options))
        assert done is not None
        return done

    def disown(self) -> None:
        """Note that what irenic no longer knows of is not irenic's any more."""
        numbers = {entry.current["number"] for entry in self.entries() if entry.is_made and entry.current}
        keys = {entry.key for entry in self.entries() if entry.key}
        numbers |= {number for key, number in self.world.keys.items() if key in keys}
        for slot in self.world.service.values():
            slot.foreign = slot.foreign or slot.number not in numbers
        for place, slots in self.grounds():
            made = {
                entry.about.params["location"]
                for entry in self.entries()
                if entry.is_made
                and entry.about is not None
                and (entry.place.id if entry.place else None) == place
                and "Numbered" not in entry.about.type
            }
            for slot in slots.values():
                slot.foreign = slot.foreign or slot.location not in made

    def claim(self) -> None:
        """Note what irenic may have changed already, when it was killed, as irenic's."""
        for place, slots in self.grounds():
            for entry in self.entries():
                if entry.is_made and entry.unknown and (entry.place.id if entry.place else None) == place:
                    slot = None if entry.about is None else slots.get(entry.about.params["location"])
                    if slot is not None and slot.location not in WILD:
                        slot.foreign = False

    def give_up_unseen(self) -> None:
        """Note what a service was asked to create by a process that died before the number was known.

        Only another try with the same key leads to it; a clean, or the author who takes the item out, gives it up.
        """
        keys = {entry.key for entry in self.entries() if entry.unknown and not (entry.current or {}).get("number")}
        for key in self.world.keys.keys() & keys:
            slot = self.world.service.get(self.world.keys[key])
            if slot is not None:
                slot.foreign = True

    def grounds(self) -> list[tuple[str | None, dict[str, Slot]]]:
        """Return where slots lie by location, with the ids of the places."""
        return [(None, self.world.shared), *((site.mark, site.slots) for site in self.world.sites.values())]

    def at_goal(self) -> bool:
        """Return whether every item of the flow is what the flow wants it to be."""
        return all(self.is_at_goal(id) for id in self.source.items)

    def is_at_goal(self, id: str) -> bool:
        """Return whether an item, and all that it refers to, is what the flow wants it to be."""
        return self.slot_wanted(id) is not None

    def slot_wanted(self, id: str) -> Slot | None:
        """Return an item's slot, where it is what the flow wants it to be."""
        spec = self.source.items[id]
        slot = self.slot_of(spec)
        value, on = spec.value, None
        if spec.ref is not None:
            before = self.slot_wanted(spec.ref[0])
            if before is None:
                return None
            value, on = (value + before.value, None) if spec.ref[1] == "value" else (value, before.number)
        return slot if slot is not None and (slot.value, slot.on) == (value, on) else None

    def slot_of(self, spec: ItemSpec) -> Slot | None:
        """Return what an item stands for, as far as it is there."""
        if spec.kind == "local":
            return self.world.site.slots.get(spec.location)
        if spec.kind != "numbered":
            return self.world.shared.get(spec.location)
        entry = self.stored().items.get(spec.id)
        number = None if entry is None or entry.current is None else entry.current["number"]
        return None if number is None else self.world.service.get(number)

    def begun(self, outcome: CmdOutcome) -> list[ItemIntent]:
        """Return what an execution intended."""
        events = asyncio.run(self.store.events(outcome.execution_id, limit=STEP_AFTER_ALL))
        return [event for event in events if isinstance(event, ItemIntent)]


def crashed(store: CrashableStore) -> CrashableStore:
    """Return the store as the next process finds it."""
    after = CrashableStore(store.latency)
    after.__dict__.update(store.crashed().__dict__)
    return after


LEFT_ALONE = (VerdictKind.NOTHING, VerdictKind.LEAVE_ALONE)

steps = st.integers(1, 60)


class DayTwo(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        SlotItem.state_version = 1
        SlotItem.upgrades = True
        self.now = Situation(World(), CrashableStore(), Source())

    @property
    def source(self) -> Source:
        """The flow's source."""
        return self.now.source

    @property
    def world(self) -> World:
        """The world."""
        return self.now.world

    def teardown(self) -> None:
        """Leave the classes as they were."""
        SlotItem.state_version = 1
        SlotItem.upgrades = True

    # The flow.

    @initialize(data=st.data(), count=st.integers(1, 4))
    def write(self, data: st.DataObject, count: int) -> None:
        """Write a flow."""
        for number, wild in enumerate(WILD):
            self.world.shared[wild] = Slot(self.world.new_number(), wild, number, foreign=True)
            self.world.site.slots[wild] = Slot(self.world.new_number(), wild, number, foreign=True)
        for _ in range(count):
            self._add(data)

    def _add(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from([id for id in IDS if id not in self.source.items]))
        kind = data.draw(st.sampled_from(list(KINDS)))
        location = self._free_location(data)
        ref = None
        refers = data.draw(st.booleans())
        if self.source.items and refers:
            ref = (data.draw(st.sampled_from(list(self.source.items))), data.draw(st.sampled_from(["value", "number"])))
        self.source.items[id] = ItemSpec(id, kind, location, data.draw(st.integers(1, 3)), ref)
        self.source.moved.pop(id, None)

    def _free_location(self, data: st.DataObject) -> str:
        used = {spec.location for spec in self.source.items.values()}
        return data.draw(st.sampled_from([location for location in LOCATIONS if location not in used]))

    def _some_item(self, data: st.DataObject) -> ItemSpec:
        return self.source.items[data.draw(st.sampled_from(list(self.source.items)))]

    @precondition(lambda self: len(self.source.items) < 5)
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        """Add an item to the flow."""
        self._add(data)

    @precondition(lambda self: len(self.source.items) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Take an item out of the flow."""
        self.source.remove(self._some_item(data).id)

    @rule(data=st.data(), says_so=st.booleans())
    def rename(self, data: st.DataObject, says_so: bool) -> None:
        """Give an item another id; the author may say so or not."""
        spec, source = self._some_item(data), self.source
        old, new = spec.id, data.draw(st.sampled_from([id for id in IDS if id not in self.source.items]))
        source.items = {new if id == old else id: other for id, other in source.items.items()}
        spec.id = new
        source.edges = [(new if a == old else a, new if b == old else b) for a, b in source.edges]
        for other in source.items.values():
            if other.ref is not None and other.ref[0] == old:
                other.ref = (new, other.ref[1])
        source.moved = {before: new if after == old else after for before, after in source.moved.items()}
        source.moved.pop(new, None)
        if says_so:
            source.moved[old] = new

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        """Write the items in another order."""
        ids = data.draw(st.permutations(list(self.source.items)))
        self.source.items = {id: self.source.items[id] for id in ids}

    @precondition(lambda self: len(self.source.items) > 1)
    @rule(data=st.data())
    def change_edges(self, data: st.DataObject) -> None:
        """Draw an edge, or rub one out."""
        one, other = data.draw(st.permutations(list(self.source.items)))[:2]
        if (one, other) in self.source.edges:
            self.source.edges.remove((one, other))
        elif other not in self.source.ancestors(one):
            self.source.edges.append((one, other))

    @rule(data=st.data(), value=st.integers(1, 3))
    def change_params(self, data: st.DataObject, value: int) -> None:
        """Want another value."""
        self._some_item(data).value = value

    @rule(data=st.data())
    def change_identity(self, data: st.DataObject) -> None:
        """Write another location.

        Where the class does not say which thing an item is, nobody knows the former one once something else is there.
        """
        spec, location = self._some_item(data), self._free_location(data)
        if spec.kind != "bare" or location not in self.world.shared:
            spec.location = location

    @precondition(lambda self: len(self.source.items) > 1)
    @rule(data=st.data())
    def swap_identities(self, data: st.DataObject) -> None:
        """Have two items change their locations."""
        ids = data.draw(st.permutations(list(self.source.items)))[:2]
        one, other = (self.source.items[id] for id in ids)
        if "bare" in (one.kind, other.kind):
            return
        one.location, other.location = other.location, one.location

    @rule(has_upgrade=st.booleans())
    def raise_state_version(self, has_upgrade: bool) -> None:
        """Change the shape of the states, with a way to upgrade stored ones or without."""
        SlotItem.state_version += 1
        SlotItem.upgrades = has_upgrade

    # The world.

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete what an item stands for."""
        spec = self._some_item(data)
        slot = self.now.slot_of(spec)
        if slot is None:
            return
        for slots in (self.world.shared, self.world.site.slots):
            if slots.get(slot.location) is slot:
                del slots[slot.location]
        if self.world.service.get(slot.number) is slot:
            del self.world.service[slot.number]

    @rule(data=st.data(), value=st.integers(1, 5))
    def alter(self, data: st.DataObject, value: int) -> None:
        """Change what an item stands for, or put something there that irenic did not make."""
        spec = self._some_item(data)
        slot = self.now.slot_of(spec)
        if slot is not None:
            slot.value = value
        elif spec.kind not in ("numbered", "bare"):
            slots = self.world.site.slots if spec.kind == "local" else self.world.shared
            slots[spec.location] = Slot(self.world.new_number(), spec.location, value)
            self.now.disown()

    # The place.

    @rule()
    def go(self) -> None:
        """Go to the other place, or back."""
        self.world.here = "away" if self.world.here == "home" else "home"

    @rule()
    def lose_the_place(self) -> None:
        """Lose all files of this place, the mark among them."""
        self.world.site.slots.clear()
        self.world.site.mark = None

    # Commands.

    @rule(data=st.data(), prune=st.booleans(), on_drift=st.sampled_from(["repair", "refuse"]), part=st.booleans())
    def ensure(self, data: st.DataObject, prune: bool, on_drift: str, part: bool) -> None:
        """Ensure, perhaps some items only."""
        options: dict[str, Any] = {"prune": prune, "on_drift": on_drift}
        if part:
            options["items"] = [self._some_item(data).id]
            options["with_dependencies"] = True
        self._do("ensure", **options)

    @rule(prune=st.booleans())
    def ensure_dry(self, prune: bool) -> None:
        """Try an ensure."""
        before = self.world.copy()
        stored = self.now.stored().model_dump_json()
        self.now.run(self.now.ask("ensure", dry_run=True, prune=prune))
        assert (self.world.shared, self.world.service, self.world.sites) == (
            before.shared,
            before.service,
            before.sites,
        )
        assert self.now.stored().model_dump_json() == stored

    @rule(prune=st.booleans())
    def ensure_with_a_plan(self, prune: bool) -> None:
        """Save a plan and ensure it."""
        SlotItem.world = self.world
        request = self.now.ask("ensure", prune=prune)
        now = self.now

        async def plan() -> Any:
            async with CmdExecutionMap(now.store, platform=now.world.platform()) as executions:
                return await executions.plan(request)

        preview, saved = asyncio.run(plan())
        outcome = self._do("ensure", prune=prune, plan=saved)
        if all(item.verdict is not VerdictKind.CANNOT_DISCOVER for item in preview.items):
            assert outcome is not None
            assert outcome.kind == "complete", outcome

    @rule()
    def clean(self) -> None:
        """Clean."""
        self._do("clean")

    @rule()
    def discover(self) -> None:
        """Discover; after it, an ensure meets no drift."""
        outcome = self._do("discover")
        if outcome is not None and outcome.kind == "complete":
            tried = self.now.copy()
            after = tried.run(tried.ask("ensure", on_drift="refuse"))
            assert after is not None
            assert after.kind == "complete", after

    @rule(
        cmd=st.sampled_from(["ensure", "clean", "discover"]),
        step=steps,
        level=st.sampled_from(list(InterruptLevel)),
        prune=st.booleans(),
    )
    def interrupt(self, cmd: str, step: int, level: InterruptLevel, prune: bool) -> None:
        """Interrupt a command at some step."""
        self._do(cmd, prune=prune and cmd == "ensure", how={"interrupt_at": step, "level": level})

    @rule(cmd=st.sampled_from(["ensure", "clean", "discover"]), step=steps, prune=st.booleans())
    def kill(self, cmd: str, step: int, prune: bool) -> None:
        """Kill a command at some step."""
        self._do(cmd, prune=prune and cmd == "ensure", how={"kill_at": step})

    def _do(self, cmd: str, how: dict[str, Any] | None = None, **options: Any) -> CmdOutcome | None:
        if cmd == "clean" or options.get("prune"):
            self.now.give_up_unseen()
        foreign = self.world.foreign()
        finished = {id for id in self.source.items if self._is_finished(id)}
        outcome = self.now.run(self.now.ask(cmd, **options), **(how or {}))
        self.now.claim()
        if cmd != "ensure":
            assert set(foreign) >= set(self.world.foreign())
            assert self._untouched(foreign)
        elif outcome is not None:
            for intent in self.now.begun(outcome):
                if intent.direction is Direction.ENSURE:
                    assert intent.verdict not in LEFT_ALONE, intent
                    assert intent.item not in finished, intent
        return outcome

    def _is_finished(self, id: str) -> bool:
        """Return whether an item and all before it are at their goals and known to be."""
        ids = {id, *self.source.ancestors(id)}
        if not all(self.now.is_at_goal(one) for one in ids):
            return False
        stored = self.now.stored().items
        return all(one in stored and not stored[one].unknown for one in ids)

    def _untouched(self, foreign: list[tuple[int, int]]) -> bool:
        return {number for number, _ in foreign} <= {slot.number for slot in self.world.slots()}

    # What is always so.

    @invariant()
    def ensure_completes_or_names_the_way(self) -> None:
        """Ensure completes, or names one command after which it does; then it has nothing left to do."""
        if not self.source.items:
            return
        tried = self.now.copy()
        wild = [entry for entry in tried.world.slots() if entry.location in WILD]
        outcome = tried.run(tried.ask("ensure"))
        assert outcome is not None
        for _ in self._tries():
            if outcome.kind != "complete":
                tried.follow(outcome)
                outcome = tried.run(tried.ask("ensure"))
                assert outcome is not None
        assert outcome.kind == "complete", outcome
        assert tried.at_goal(), outcome
        self._nothing_left_to_do(tried)
        tried.give_up_unseen()
        pruned = tried.run(tried.ask("ensure", prune=True))
        assert pruned is not None
        assert pruned.kind == "complete", pruned
        assert tried.at_goal(), pruned
        self._nothing_left_to_do(tried)
        assert wild == [entry for entry in tried.world.slots() if entry.location in WILD]

    def _tries(self) -> range:
        """Return how many commands may be needed: one, and one more for each entry that waits for a forgotten id."""
        return range(1 + len(self.source.moved))

    def _nothing_left_to_do(self, tried: Situation) -> None:
        tried.world.applied = []
        again = tried.run(tried.ask("ensure", on_drift="refuse"))
        assert again is not None
        assert (again.kind, tried.world.applied) == ("complete", [])

    @invariant()
    def clean_leaves_nothing_but_what_is_not_irenics(self) -> None:
        """Clean removes all that irenic made in this place, leftovers included, and nothing else."""
        if not self.source.items:
            return
        tried = self.now.copy()
        tried.give_up_unseen()
        for _ in range(2):
            foreign = tried.world.foreign()
            outcome = tried.run(tried.ask("clean"))
            assert outcome is not None
            for _ in self._tries():
                if outcome.kind != "complete":
                    tried.follow(outcome)
                    foreign = tried.world.foreign()
                    outcome = tried.run(tried.ask("clean"))
                    assert outcome is not None
            assert outcome.kind == "complete", outcome
            for leftover in outcome.leftovers:
                if leftover.place is None:
                    tried.run(tried.ask("state", forget=[leftover.item]))
                    tried.disown()
                    foreign = sorted({*foreign, *tried.world.foreign()})
            assert tried.world.foreign() == foreign
            here = [*tried.world.shared.values(), *tried.world.service.values(), *tried.world.site.slots.values()]
            assert [slot for slot in here if not slot.foreign] == [], outcome
            tried.world.here = "away" if tried.world.here == "home" else "home"
        assert [slot for slot in tried.world.slots() if not slot.foreign] == []


TestDayTwo = DayTwo.TestCase
TestDayTwo.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=15,
    derandomize="IRENIC_DAY_TWO_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
