"""Building a flow."""

from typing import Any

import pytest
from pydantic import BaseModel, Field
from tests.items import Thing, World, tower

from irenic import Flow, Limit
from irenic.model.errors import FlowError, InvalidIdError, ParamsError


class Inputs(BaseModel):
    """Inputs of a flow."""

    url: str
    count: int = 3
    note: str | None = None
    header: str = Field("", alias="X-Header")


def flow_with_inputs() -> Flow:
    """Return a flow that asks for something."""
    return Flow("f", inputs=Inputs)


def test_items_are_kept_in_the_order_in_which_they_were_added() -> None:
    """Scenario 105: whatever the edges say."""
    world = World()
    flow = Flow("f", limits={"api": Limit(concurrency=1)})
    for id in "cab":
        flow.add(Thing(id, world))
    flow.edge("b", "a")
    assert list(flow.items) == ["c", "a", "b"]
    assert flow.graph.topological() == ["c", "b", "a"]
    assert flow.limits == {"api": Limit(concurrency=1)}


def test_a_reference_makes_the_edge() -> None:
    """Scenario 116: and an edge may be added by handle or by id."""
    flow = Flow("f")
    a = flow.add(Thing("a", World()))
    b = flow.add(Thing("b", World()), below=a.state.value)
    c = flow.add(Thing("c", World()))
    flow.edge(b, c)
    flow.edge("a", "c")
    assert flow.graph.edges == [("a", "b"), ("a", "c"), ("b", "c")]
    assert repr(a) == "ItemHandle('a')"


def test_nothing_is_added_where_something_does_not_fit() -> None:
    """Scenario 74: an unknown item, a taken id, a wrong param."""
    flow, other = Flow("f"), Flow("g")
    stranger = other.add(Thing("x", World()))
    flow.add(Thing("a", World()))
    with pytest.raises(FlowError, match="b refers to x, which is not in this flow: add it first"):
        flow.add(Thing("b", World()), below=stranger.state.value)
    with pytest.raises(FlowError, match="two items have the id 'a'"):
        flow.add(Thing("a", World()))
    with pytest.raises(FlowError, match="has no param colour"):
        flow.add(Thing("b", World()), colour="red")
    assert list(flow.items) == list(flow.specs) == flow.graph.nodes == ["a"]


def test_an_edge_that_closes_a_cycle_is_named() -> None:
    """Scenario 117."""
    flow = tower(World(), "a", "b", "c")
    with pytest.raises(FlowError, match="c -> a -> b -> c"):
        flow.edge("c", "a")


def test_a_flows_id_is_an_identifier() -> None:
    """Scenario 106."""
    with pytest.raises(InvalidIdError, match="'a flow' is not a valid flow id"):
        Flow("a flow")


def test_some_of_the_items_are_selected_with_or_without_what_they_depend_on() -> None:
    """In insertion order; an unknown id is named with those that there are."""
    flow = tower(World(), "a", "b", "c")
    assert flow.select(["c", "b"]) == ["b", "c"]
    assert flow.select(["b"], with_dependencies=True) == ["a", "b"]
    with pytest.raises(FlowError, match="there is no item x, y in tower; it has: a, b, c"):
        flow.select(["y", "a", "x"])


class Optional(BaseModel):
    """Inputs that may be None, whatever is their default."""

    name: str | None = "default"
    really: bool | None = None
    anything: Any = 1
    count: int = 3


@pytest.mark.parametrize("name", ["name", "really", "anything"])
def test_none_is_the_value_where_the_field_takes_it(name: str) -> None:
    """Neither the stored value nor the default comes in its place; where it does not, the default does."""
    stored = {"name": "stored", "really": True, "anything": 2, "count": 5}
    inputs = Flow("optional", inputs=Optional).merge_inputs(stored, {name: None, "count": None})
    assert inputs is not None
    assert inputs.model_dump() == {**stored, name: None, "count": 3}


def merged(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs that come of stored and given ones."""
    inputs = flow_with_inputs().merge_inputs(stored, given)
    assert inputs is not None
    return inputs.model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    ("stored", "given", "expected"),
    [
        ({}, {"url": "u"}, {"url": "u"}),
        ({"url": "u", "count": 5}, {}, {"url": "u", "count": 5}),
        ({"url": "u"}, {"url": "v"}, {"url": "v"}),
        ({"url": "u", "count": 5}, {"count": None}, {"url": "u"}),
        ({"url": "u", "gone": 1}, {}, {"url": "u"}),
        ({"url": "u"}, {"X-Header": "h"}, {"url": "u", "header": "h"}),
        ({"url": "u", "header": "g"}, {"header": "h"}, {"url": "u", "header": "h"}),
        ({"url": "u", "header": "g"}, {"X-Header": None}, {"url": "u"}),
    ],
)
def test_given_inputs_are_merged_over_the_stored_ones(
    stored: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Scenarios 70, 71, 72, 75, 81 and 90: given wins, absent keeps, None takes away, what is no more is left out."""
    assert merged(stored, given) == expected


@pytest.mark.parametrize(
    ("stored", "given", "message"),
    [
        ({}, {}, "the inputs of f are not valid: url: Field required"),
        ({"url": "u"}, {"url": None}, "url: Field required"),
        ({"url": "u"}, {"count": "many"}, "count: Input should be a valid integer"),
        ({}, {"uri": "u", "x": 1}, "f has no input uri, x; it has: url, count, note, header"),
    ],
)
def test_inputs_that_are_not_valid_are_named(stored: dict[str, Any], given: dict[str, Any], message: str) -> None:
    """Scenarios 73, 74, 76 and 91: each of them, without its value."""
    with pytest.raises(ParamsError, match=message) as caught:
        merged(stored, given)
    assert "many" not in str(caught.value)


def test_a_flow_without_inputs_takes_none() -> None:
    """And has none."""
    flow = Flow("f")
    assert flow.merge_inputs({"old": 1}, {}) is None
    with pytest.raises(ParamsError, match="f takes no inputs, but was given: url"):
        flow.merge_inputs({}, {"url": "u"})
