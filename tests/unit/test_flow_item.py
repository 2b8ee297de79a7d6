"""An item's own functions and their defaults."""

import gc
import weakref
from typing import Any

import pytest
from pydantic import BaseModel
from tests.items import Thing, ThingParams, ThingState, World

from irenic import ApplyCheck, Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.flow.item import FieldChange, code_hash, field_diff
from irenic.items import TextFile
from irenic.model.errors import FlowError, InvalidIdError

CX: Any = None


def partial(**given: Any) -> PartialParams[ThingParams]:
    """Return params, whole or not."""
    missing = frozenset(name for name, value in given.items() if value is None)
    return PartialParams(ThingParams, {n: v for n, v in given.items() if n not in missing}, missing)


async def test_an_item_tries_when_its_params_are_whole() -> None:
    """And says that it does not know while they are not."""
    thing = Thing("a", World(a=5))
    assert await thing.try_state_current(CX, partial(value=3)) == ThingState(value=5, stamp=0)
    assert await thing.try_state_goal(CX, partial(value=3)) == ThingState(value=3)
    assert await thing.try_state_current(CX, partial(below=None)) is None
    assert await thing.try_state_goal(CX, partial(below=None)) is None


async def test_what_an_item_leaves_out_has_a_sensible_default() -> None:
    """A diff by fields, an apply where something differs, a dry run that promises the target, no interactions."""
    thing = Thing("a", World())
    now, goal = ThingState(), ThingState(value=3)
    diff = thing.state_diff(now, goal)
    params = ThingParams()
    assert diff.changes == {"value": FieldChange(before=None, after=3)}
    assert not diff.is_empty
    assert thing.apply_check(params, now, goal, diff) == ApplyCheck(required=True)
    assert thing.apply_check(params, goal, ThingState(value=3, stamp=1), diff) is ApplyCheck.not_required()
    assert await thing.apply_dry(CX, params, now, goal, diff) == goal
    assert thing.interactions(params) == []
    await thing.setup(CX)


def test_equal_states_do_not_differ() -> None:
    """Nor those that differ in what is generated and not known."""
    assert field_diff(ThingState(value=1), ThingState(value=1, stamp=4)).is_empty


def test_an_items_models_are_read_from_its_bases() -> None:
    """Also in a subclass, and where the class names them itself."""

    class Deeper(Thing):
        """A subclass."""

    class Named(Thing):
        """A subclass with a state of its own."""

        class State(ThingState):
            """More than a thing."""

            colour: str = "red"

    assert (Deeper.Params, Deeper.State) == (ThingParams, ThingState)
    assert Named.State.model_fields.keys() == {"value", "stamp", "colour"}


def test_an_item_without_models_says_what_to_write() -> None:
    """When it is made."""

    class Bare(Item):  # type: ignore[type-arg]  # the mistake under test
        """An item that forgot."""

        async def state_current(self, cx: ItemContext, params: Any) -> Any:
            """Look."""

        async def state_goal(self, cx: ItemContext, params: Any) -> Any:
            """Wish."""

        def state_clean(self, params_partial: Any) -> Any:
            """Say what nothing is."""

        async def apply(self, cx: ItemContext, params: Any, current: Any, target: Any, diff: StateDiff) -> Any:
            """Do."""

    with pytest.raises(FlowError, match=r"Bare has no Params: write `class Bare\(Item\[BareParams, BareState\]\)`"):
        Bare("a")


def test_an_items_id_is_an_identifier() -> None:
    """Scenario 106."""
    with pytest.raises(InvalidIdError, match="'-a b' is not a valid item id"):
        Thing("-a b", World())


def make_class(body: str) -> type[Item[Any, Any]]:
    """Return an item class whose source cannot be read."""
    space: dict[str, Any] = {"Thing": Thing, "__name__": "nowhere"}
    exec(f"class Made(Thing):\n    {body}", space)
    made: type[Item[Any, Any]] = space["Made"]
    return made


def test_the_hash_of_an_items_code_follows_its_source() -> None:
    """Two classes with the same source have the same, a subclass has another."""

    class One(Thing):
        """The one."""

    class Two(Thing):
        """The other."""

    first, again = Thing("a", World()), Thing("b", World())
    assert code_hash(first) == code_hash(again)
    assert len({code_hash(first), code_hash(One("a", World())), code_hash(Two("a", World()))}) == 3


def test_where_there_is_no_source_the_version_counts() -> None:
    """As it does for the items that come with irenic: a new release does not make every file look changed."""
    one, same, other = (make_class(f"version = {n}") for n in (1, 1, 2))
    hashes = [code_hash(cls("a", World())) for cls in (one, same, other)]  # type: ignore[call-arg]
    assert hashes[0] == hashes[1] != hashes[2]
    assert code_hash(TextFile("a")) == code_hash(TextFile("b"))


def test_a_class_that_is_no_longer_used_is_forgotten() -> None:
    """A page that loads a flow again and again does not grow."""
    cls = make_class("pass")
    code_hash(cls("a", World()))  # type: ignore[call-arg]
    alive = weakref.ref(cls)
    del cls
    gc.collect()
    assert alive() is None


def test_a_flow_is_described_as_data() -> None:
    """Scenario 116: nodes, edges, and whether a reference made them; a model that has no schema is drawn without."""

    class Odd(BaseModel):
        """A model with a field that JSON Schema cannot describe."""

        model_config = {"arbitrary_types_allowed": True}

        world: World = World()

    class OddItem(Thing):
        """An item with such params. Second sentence."""

        Params = Odd

    world = World()
    flow = Flow("f", inputs=ThingParams, summary="A flow.")
    a = flow.add(Thing("a", world), value=flow.inputs.value)
    flow.add(Thing("b", world), below=a.state.value)
    flow.add(OddItem("c", world))
    flow.edge("b", "c")
    info = flow.info()
    assert type(info).model_validate_json(info.model_dump_json()) == info
    assert [(edge.predecessor, edge.successor, edge.by_ref) for edge in info.edges] == [
        ("a", "b", True),
        ("b", "c", False),
    ]
    assert [(item.id, item.type, item.summary) for item in info.items] == [
        ("a", "Thing", "A value in a :class:`World`."),
        ("b", "Thing", "A value in a :class:`World`."),
        ("c", "OddItem", "An item with such params. Second sentence."),
    ]
    assert info.items[0].params_schema["properties"].keys() == {"value", "below"}
    assert info.items[2].params_schema == {}
    assert info.inputs_schema is not None
    assert info.code_hash == flow.code_hash()
    assert Flow("g").info().inputs_schema is None


def test_a_drawing_is_of_the_flow_as_it_was() -> None:
    """What is added later is not in it."""
    world = World()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    drawing, info = flow.drawing(), flow.info()
    flow.add(Thing("b", world), below=a.state.value)
    assert drawing() == info
    assert flow.info() != info


def test_the_hash_of_a_flow_follows_its_items_and_references() -> None:
    """Another item or another reference makes another flow."""

    def built(*ids: str, mapped: bool = False) -> Flow:
        flow = Flow("f", inputs=ThingParams)
        for id in ids:
            value = flow.inputs.value.map(abs_int) if mapped else flow.inputs.value
            flow.add(Thing(id, World()), value=value)
        return flow

    hashes = {built("a").code_hash(), built("a", "b").code_hash(), built("a", mapped=True).code_hash()}
    assert len(hashes) == 3
    assert built("a").code_hash() == built("a").code_hash()


def abs_int(value: int) -> int:
    """Map a reference."""
    return abs(value)
