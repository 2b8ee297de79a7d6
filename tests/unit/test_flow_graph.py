"""The graph of a flow."""

from itertools import pairwise

import pytest
from hypothesis import given
from tests.strategies import graphs

from irenic.flow.graph import Graph
from irenic.model.errors import FlowError


def graph(text: str) -> Graph:
    """Return the graph of edges like ``a>b a>c d``; nodes come in the order in which they are named first."""
    made = Graph()
    edges = [word.split(">") for word in text.split()]
    for node in dict.fromkeys(node for edge in edges for node in edge):
        made.add(node)
    for edge in edges:
        for before, after in pairwise(edge):
            made.edge(before, after)
    return made


def test_edges_are_in_the_graph_each_once() -> None:
    """Scenario 117: one edge, many edges, the same edge twice."""
    made = graph("a>b a>c a>b b>d")
    assert made.edges == [("a", "b"), ("a", "c"), ("b", "d")]
    assert (list(made.successors("a")), list(made.predecessors("d"))) == (["b", "c"], ["b"])
    assert made.predecessor_counts() == {"a": 0, "b": 1, "c": 1, "d": 1}
    assert (len(made), "a" in made, "z" in made) == (4, True, False)


def test_an_edge_that_would_close_a_cycle_is_an_error_that_names_it() -> None:
    """Scenario 117: and the graph stays as it was."""
    made = graph("a>b>c x>c")
    with pytest.raises(FlowError, match="the edge c -> a closes a cycle: c -> a -> b -> c"):
        made.edge("c", "a")
    with pytest.raises(FlowError, match="closes a cycle: a -> a"):
        made.edge("a", "a")
    assert made.edges == [("a", "b"), ("b", "c"), ("x", "c")]


def test_an_edge_between_branches_that_do_not_meet_is_fine() -> None:
    """The search for a cycle comes to its end, also where two ways lead to the same node."""
    made = graph("a>b a>c b>d c>d x>y")
    made.edge("x", "d")
    made.edge("y", "a")
    assert ("y", "a") in made.edges


def test_unknown_and_doubled_nodes_are_errors() -> None:
    """They are named."""
    made = graph("a>b")
    with pytest.raises(FlowError, match="there is no item 'z'"):
        made.edge("a", "z")
    with pytest.raises(FlowError, match="two items have the id 'a'"):
        made.add("a")


def test_the_rank_of_a_node_is_its_longest_way_from_a_root() -> None:
    """Scenario 119."""
    assert graph("a>b>c a>c d").ranks() == {"a": 0, "b": 1, "c": 2, "d": 0}


def test_topological_order_follows_insertion_among_equals() -> None:
    """Scenario 105: insertion order and topological order are two things."""
    made = graph("c a>c b>c")
    assert made.nodes == ["c", "a", "b"]
    assert made.topological() == ["a", "b", "c"]


def test_the_reversed_graph_has_every_edge_turned_round() -> None:
    """Scenario 120."""
    turned = graph("a>b>c").reversed()
    assert turned.topological() == ["c", "b", "a"]
    assert turned.nodes == ["a", "b", "c"]


def test_what_an_item_depends_on_and_what_depends_on_it() -> None:
    """Itself included."""
    made = graph("a>b>c b>d x")
    assert made.ancestors(["c"]) == {"a", "b", "c"}
    assert made.descendants(["b"]) == {"b", "c", "d"}


def test_a_part_of_a_graph_keeps_the_order_that_led_through_what_is_left_out() -> None:
    """Also where several ways do."""
    part = graph("a>b>c>d a>x>c y>d").subgraph(["a", "d", "y"])
    assert part.nodes == ["a", "d", "y"]
    assert part.edges == [("a", "d"), ("y", "d")]


@given(graphs())
def test_a_part_orders_two_nodes_as_the_whole_does(whole: Graph) -> None:
    """Whichever nodes are chosen."""
    chosen = whole.nodes[::2]
    part = whole.subgraph(chosen)
    for node in chosen:
        assert part.ancestors([node]) == whole.ancestors([node]) & set(chosen)


@given(graphs())
def test_every_order_respects_every_edge(whole: Graph) -> None:
    """Forwards, and backwards in the reversed graph."""
    place = {node: number for number, node in enumerate(whole.topological())}
    turned = {node: number for number, node in enumerate(whole.reversed().topological())}
    assert len(place) == len(turned) == len(whole)
    for before, after in whole.edges:
        assert place[before] < place[after]
        assert turned[after] < turned[before]
        assert whole.ranks()[before] < whole.ranks()[after]
