"""Where items stand in the drawing of a flow."""

import pytest
from tests.pictures import page_of

from ui import graph
from ui.state import Page


def page(edges: str, items: str = "a b c d") -> Page:
    """Return a page with a flow whose edges are given as words like ``ab``."""
    return page_of(
        {
            "id": "f",
            "items": [{"id": id} for id in items.split()],
            "edges": [{"predecessor": edge[0], "successor": edge[1]} for edge in edges.split()],
        }
    )


@pytest.mark.parametrize(
    ("edges", "ranks"),
    [
        ("", {"a": 0, "b": 0, "c": 0, "d": 0}),
        ("ab bc cd", {"a": 0, "b": 1, "c": 2, "d": 3}),
        ("ab ac bd cd ad", {"a": 0, "b": 1, "c": 1, "d": 2}),
        ("db bc", {"a": 0, "b": 1, "c": 2, "d": 0}),
    ],
)
def test_an_items_rank_is_the_longest_path_to_it(edges: str, ranks: dict[str, int]) -> None:
    """Whatever the order of insertion."""
    assert graph.ranks(page(edges).rows()) == ranks


def test_a_cycle_is_told() -> None:
    """Rather than looked for without end."""
    with pytest.raises(ValueError, match="cycle"):
        graph.ranks(page("ab ba").rows())


def test_a_drawing_has_a_column_for_each_rank_and_no_two_boxes_in_one_place() -> None:
    """A diamond: one, two, one."""
    drawn = graph.drawing(page("ab ac bd cd").rows())
    assert [(node.id, node.column, node.row) for node in drawn.nodes] == [
        ("a", 0, 0),
        ("b", 1, 0),
        ("c", 1, 1),
        ("d", 2, 0),
    ]
    assert [(before, after) for before, after, _ in drawn.edges] == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert all(
        node.x + graph.BOX_WIDTH <= drawn.width and node.y + graph.BOX_HEIGHT <= drawn.height for node in drawn.nodes
    )


def test_a_flow_without_items_is_drawn_as_nothing() -> None:
    """And is no error."""
    drawn = graph.drawing([])
    assert (drawn.nodes, drawn.edges) == ([], [])
