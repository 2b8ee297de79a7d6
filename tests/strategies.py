"""Hypothesis strategies, in one place."""

from hypothesis import strategies as st

from irenic.flow.graph import Graph

NAMES = "abcdefgh"


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
