"""Where the items of a flow stand in its drawing: columns by rank, rows by order of insertion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.item import Item


class Node:
    """An item's box in the drawing, in user units."""

    def __init__(self, id: str, column: int, row: int, x: float, y: float) -> None:
        self.id = id
        self.column = column
        self.row = row
        self.x = x
        self.y = y


class Drawing:
    """Boxes, the curves between them as SVG paths, and how large the whole is."""

    def __init__(self, nodes: list[Node], edges: list[tuple[str, str, str]], width: float, height: float) -> None:
        self.nodes = nodes
        self.edges = edges
        self.width = width
        self.height = height


BOX_WIDTH = 150.0
BOX_HEIGHT = 34.0
_GAP_X = 46.0
_GAP_Y = 14.0
_MARGIN = 2.0


def ranks(items: list[Item]) -> dict[str, int]:
    """Return each item's rank: the length of the longest path that leads to it."""
    found: dict[str, int] = {}
    by_id = {item.id: item for item in items}
    left = [item.id for item in items]
    while left:
        still = []
        for id in left:
            before = by_id[id].predecessors
            if all(other in found for other in before):
                found[id] = max([found[other] + 1 for other in before], default=0)
            else:
                still.append(id)
        if len(still) == len(left):
            raise ValueError("a flow's graph has no cycle, but this one has")
        left = still
    return found


def drawing(items: list[Item]) -> Drawing:
    """Lay a flow out from left to right."""
    rank = ranks(items)
    filled: dict[int, int] = {}
    nodes: dict[str, Node] = {}
    for item in items:
        column = rank[item.id]
        row = filled.get(column, 0)
        filled[column] = row + 1
        x = _MARGIN + column * (BOX_WIDTH + _GAP_X)
        y = _MARGIN + row * (BOX_HEIGHT + _GAP_Y)
        nodes[item.id] = Node(item.id, column, row, x, y)
    edges = [(before, item.id, _curve(nodes[before], nodes[item.id])) for item in items for before in item.predecessors]
    columns = max(filled, default=-1) + 1
    rows = max(filled.values(), default=0)
    return Drawing(
        [nodes[item.id] for item in items],
        edges,
        2 * _MARGIN + columns * BOX_WIDTH + max(columns - 1, 0) * _GAP_X,
        2 * _MARGIN + rows * BOX_HEIGHT + max(rows - 1, 0) * _GAP_Y,
    )


def _curve(start: Node, end: Node) -> str:
    x1, y1 = start.x + BOX_WIDTH, start.y + BOX_HEIGHT / 2
    x2, y2 = end.x, end.y + BOX_HEIGHT / 2
    middle = (x1 + x2) / 2
    return f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
