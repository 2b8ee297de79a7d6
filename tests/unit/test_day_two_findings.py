"""What people ran into on day two, each as small as it can be."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.items import Thing, ThingParams, ThingState, World, things
from tests.running import run

from irenic import Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.engine.classes import find_class
from irenic.engine.leftovers import leftover_run
from irenic.engine.moves import pending_moves
from irenic.flow.params import digest
from irenic.items.place_disk import DiskPlace
from irenic.model.cmd import Block
from irenic.model.errors import FlowError
from irenic.model.events import BlockEnded, ItemAbout
from irenic.model.outcome import Refusal
from irenic.model.states import FlowStates, ItemStates
from irenic.stores import FileStore, MemoryStore

pytestmark = pytest.mark.virtual_clock


class BoxParams(BaseModel):
    """Where the box stands, and what lies in it."""

    at: str
    holds: int = 1


class BoxState(BaseModel):
    """What lies in it; None where there is no box."""

    holds: int | None = None


class Box(Item[BoxParams, BoxState]):
    """A box, known by where it stands."""

    boxes: dict[str, int] = {}  # noqa: RUF012 - the world of these tests

    def identity(self, params: BoxParams) -> Any:
        """Return where it stands."""
        return params.at

    async def state_current(self, cx: ItemContext, params: BoxParams) -> BoxState:
        """Look."""
        return BoxState(holds=self.boxes.get(params.at))

    async def state_goal(self, cx: ItemContext, params: BoxParams) -> BoxState:
        """Return what belongs there."""
        return BoxState(holds=params.holds)

    def state_clean(self, params_partial: PartialParams[BoxParams]) -> BoxState:
        """Return no box."""
        return BoxState()

    async def apply(
        self, cx: ItemContext, params: BoxParams, current: BoxState, target: BoxState, diff: StateDiff
    ) -> BoxState:
        """Put it there, or take it away."""
        if target.holds is None:
            self.boxes.pop(params.at, None)
        else:
            self.boxes[params.at] = target.holds
        return target


class Crate(Box):
    """Another class for the same kind of thing."""


class UnsaidBox(Box):
    """A box whose identity is no data."""

    def identity(self, params: BoxParams) -> Any:
        """Return what no other process can compare."""
        return object()


class SetBox(Box):
    """A box whose identity is a set."""

    def identity(self, params: BoxParams) -> Any:
        """Return letters in no order."""
        return set("bananarepublic")


@pytest.fixture(autouse=True)
def _no_boxes() -> None:
    Box.boxes.clear()


def boxes(*items: Box, at: str = "hall", **params: Any) -> Flow:
    """Return a flow of boxes at one place."""
    flow = Flow("boxes")
    for item in items:
        flow.add(item, at=at, **params)
    return flow


async def test_a_thing_that_another_item_stands_for_by_its_identity_is_not_pruned() -> None:
    """Renamed, of another class, and edited in one go: it is one thing all the same."""
    store = MemoryStore()
    await run(store, boxes(Box("a")), "ensure")
    outcome = await run(store, boxes(Crate("b"), holds=7), "ensure", prune=True)
    assert (outcome.kind, Box.boxes) == ("complete", {"hall": 7})


async def test_things_with_other_identities_are_others_even_where_they_look_the_same() -> None:
    """The leftover goes, and what is named stays."""
    store = MemoryStore()
    await run(store, boxes(Box("a")), "ensure")
    outcome = await run(store, boxes(Box("b"), at="cellar"), "ensure", prune=True)
    assert (outcome.kind, Box.boxes) == ("complete", {"cellar": 1})


async def test_an_identity_that_is_no_data_is_an_error_of_the_item() -> None:
    """It would be another one in the next process, and the thing be taken for a leftover."""
    outcome = await run(MemoryStore(), boxes(UnsaidBox("a")), "ensure")
    assert outcome.kind == "item_error"
    assert "UnsaidBox.identity returned object, which is no JSON-able data" in outcome.errors["a"].message


async def test_a_set_is_the_same_identity_in_every_order() -> None:
    """It is stored sorted."""
    store = MemoryStore()
    await run(store, boxes(SetBox("a")), "ensure")
    about = (await store.states("boxes", "default")).items["a"].about
    assert about is not None
    assert about.identity == sorted(set("bananarepublic"))


@pytest.mark.parametrize(
    ("cls", "said"), [(Box, "identity was 'attic' when it was made, and is 'hall' now"), (UnsaidBox, "cannot be said")]
)
def test_a_leftover_whose_class_finds_another_thing_now_is_not_cleaned(cls: type[Box], said: str) -> None:
    """Its identity is not the one that it was made with."""
    about = ItemAbout(type=f"{__name__}:{cls.__name__}", params={"at": "hall"}, identity="attic")
    with pytest.raises(FlowError, match=said):
        leftover_run(Flow("boxes"), "a", ItemStates(item="a", about=about, current={"holds": 1}), None, {})


def test_two_things_cannot_move_to_one_item() -> None:
    """The first one does, and the other is left over."""
    flow = Flow("f")
    flow.add(Thing("c", World()))
    flow.moved("a", "c")
    flow.moved("b", "c")
    stored = FlowStates(flow="f", profile="default", items={name: ItemStates(item=name) for name in ("a", "b")})
    assert pending_moves(flow, stored) == {"a": "c"}


# A create whose result is not known, and that nothing was kept of.


class Ticket(Thing):
    """A thing that finds itself by what is stored of it, and by nothing else."""

    async def state_current(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Look for the stored one."""
        stored = cx.stored
        is_known = stored is not None and stored.stamp is not None
        return await super().state_current(cx, params) if is_known else ThingState()


async def begun_only(world: World, store: MemoryStore) -> Flow:
    """Return a flow whose create failed after it was sent."""
    flow = Flow("f")
    flow.add(Ticket("a", world))

    async def breaks(*args: Any) -> Any:
        raise ConnectionError("the line went dead")

    failing = Flow("f")
    failing.add(Ticket("a", world, apply=breaks))
    assert (await run(store, failing, "ensure")).kind == "item_error"
    return flow


async def test_clean_does_not_say_that_nothing_is_there_where_it_cannot_know() -> None:
    """What the ensure may have made cannot be found."""
    world, store = World(), MemoryStore()
    flow = await begun_only(world, store)
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "item_error"
    assert "run `irenic ensure` again" in outcome.errors["a"].message
    assert (await run(store, flow, "ensure")).kind == "complete"
    assert (await run(store, flow, "clean")).kind == "complete"
    assert world.values == {}


async def test_prune_does_not_forget_what_it_cannot_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to go on, and the way leads on."""
    world, store = World(), MemoryStore()
    monkeypatch.setattr(Thing, "__init__", _of_world(world))
    await begun_only(world, store)
    outcome = await run(store, Flow("f"), "ensure", prune=True)
    assert outcome.kind == "item_error"
    assert "look for it by hand, then `irenic state forget` a" in outcome.errors["a"].message
    assert (await run(store, Flow("f"), "state", forget=["a"])).kind == "complete"
    assert (await run(store, Flow("f"), "ensure", prune=True)).kind == "complete"


def _of_world(world: World) -> Any:
    plain = Thing.__init__

    def init(self: Thing, item_id: str, its: World = world, **more: Any) -> None:
        plain(self, item_id, its, **more)

    return init


# Drift.


async def test_what_is_missing_is_said_to_be_missing() -> None:
    """It was not changed: it is gone."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a"), "ensure")
    del world.values["a"]
    refused = await run(store, things(world, "a"), "ensure", on_drift="refuse")
    assert next_commands(refused, CommandLine("f.py"))[-1].startswith("irenic discover f.py")
    repaired = await run(store, things(world, "a"), "ensure")
    assert repaired.drift["a"].is_gone


# Stores and places.


def test_journals_of_earlier_versions_are_read() -> None:
    """Their sync check, and why it refused."""
    ended = {"v": 1, "execution_id": "01J", "seq": 1, "at": "2026-01-01T00:00:00.000Z", "cmd": "ensure"}
    assert BlockEnded.model_validate({**ended, "block": "sync_check"}).block is Block.SYNC_CHECK
    for reason in ("only_stored", "only_discovered", "differ", "not_discovered"):
        assert Refusal.model_validate({"reason": reason, "message": "", "which": "current"}).reason == reason


async def test_a_store_of_the_first_format_that_cannot_be_written_to_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read as it is."""
    store = FileStore(tmp_path)
    await run(store, boxes(Box("a")), "ensure")
    await store.close()
    (tmp_path / "format.json").write_text(json.dumps({"format": 1}))

    def read_only(*args: Any) -> Any:
        raise PermissionError("read-only file system")

    monkeypatch.setattr("irenic.stores.file_layout.mutex", read_only)
    states = await FileStore(tmp_path).states("boxes", "default")
    assert states.items["a"].current == {"holds": 1}


@pytest.mark.parametrize("content", [b"[]", b"\xff\xfe", b'{"id": "", "path": "x", "host": "y"}', b"{"])
async def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """A new one is made in its place."""
    (tmp_path / ".irenic").mkdir()
    (tmp_path / ".irenic" / "place.json").write_bytes(content)
    assert await DiskPlace(tmp_path).read() is None
    made = await DiskPlace(tmp_path).create()
    assert made is not None
    assert await DiskPlace(tmp_path).read() == made


async def test_a_folder_that_cannot_be_marked_is_the_same_place_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known by where it is."""

    def full(*args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("irenic.items.place_disk.write_file_durably", full)
    first, second = await DiskPlace(tmp_path).create(), await DiskPlace(tmp_path).create()
    assert first is not None
    assert first == second


def test_a_module_that_ends_the_process_when_it_is_imported_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class that it held cannot be found, and irenic goes on."""
    (tmp_path / "a_script_of_day_one.py").write_text("raise SystemExit(1)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_class(Flow("f"), "a_script_of_day_one:Box") is None


def test_a_digest_is_the_same_for_equal_sets() -> None:
    """Whatever their order."""
    assert digest({"a": {1, 2, 3}}) == digest({"a": {3, 2, 1}})
