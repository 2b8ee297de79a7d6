"""Hypothesis strategies, in one place."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from irenic.flow.graph import Graph

NAMES = "abcdefgh"

T = TypeVar("T")


@st.composite
def graphs(draw: st.DrawFn, max_nodes: int = 7) -> Graph:
    """Graphs of a few nodes, whose insertion order is not always a topological one."""
    count = draw(st.integers(0, max_nodes))
    names = draw(st.permutations(NAMES[:count]))
    graph = Graph()
    for name in names:
        graph.add(name)
    pairs = [(NAMES[i], NAMES[j]) for i in range(count) for j in range(i + 1, count)]
    for before, after in pairs:
        if draw(st.booleans()):
            graph.edge(before, after)
    return graph


@st.composite
def plans(draw: st.DrawFn, plan: Callable[..., T], item_plan: Callable[..., Any]) -> T:
    """Flows of a few items that take their time, shield, fail, or do not heed a cancellation."""
    graph = draw(graphs(max_nodes=5).filter(len))
    names = graph.topological()
    seconds = st.sampled_from([0.0, 0.0, 1.0, 2.0])
    items = {}
    for name in names:
        deaf = draw(st.integers(0, 4)) == 0
        items[name] = item_plan(
            look=draw(seconds),
            apply=draw(seconds),
            shielded=draw(st.integers(0, 3)) == 0,
            deaf=deaf,
            failures=0 if deaf else draw(st.sampled_from([0, 0, 0, 1])),
        )
    latency = draw(st.sampled_from([0.0, 0.0, 0.5]))
    return plan(edges=graph.edges, items=items, latency=latency, concurrency=draw(st.sampled_from([1, 2, 64])))
