"""The graph panel: the flow as inline SVG, each box in the tone and with the icon of its item's status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import difference, graph
from ui.browser import by_id, clear, later, listen, make, make_svg, set_icon
from ui.status import item_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.item import Item
    from ui.state import Items

_MOST_ITEMS = 400
_FEW_ITEMS = 20
"""Of more, the graph stands far below the first picture, and is drawn after it."""
_SOON_MS = 30


class GraphPanel:
    """Draws the graph; ``on_choose`` is called with the id of a box that is pressed."""

    def __init__(self, items: Items, order: list[str], on_choose: Callable[[str | None], None]) -> None:
        self._on_choose = on_choose
        self._icons: dict[str, Any] = {}
        self._boxes: dict[str, Any] = {}
        self._drawn: dict[str, str] = {}
        self._chosen: str | None = None
        self._panel = panel = by_id("panel-graph")
        clear(panel)
        if len(order) > _MOST_ITEMS:
            panel.appendChild(make("p", f"{len(order)} items are too many to draw; the table has them all.", "quiet"))
        elif len(order) > _FEW_ITEMS:
            later(_SOON_MS, lambda: self._put([items[id] for id in order]))
        else:
            self._put([items[id] for id in order])
        listen(panel, "click", self._clicked)

    def _put(self, items: list[Item]) -> None:
        """Have the graph in the panel, as things stand now."""
        self._panel.appendChild(self._draw(items))
        self.draw(items)
        self.choose(self._chosen)

    def draw(self, items: list[Item]) -> None:
        """Bring these items' boxes up to date."""
        if not self._boxes:
            return
        for item in items:
            status = item.shown_status()
            if item.id in self._boxes and self._drawn.get(item.id) != status:
                self._drawn[item.id] = status
                shown = item_status(status)
                self._boxes[item.id].dataset.tone = shown.tone
                set_icon(self._icons[item.id], shown.icon)
                self._boxes[item.id].firstElementChild.textContent = f"{item.id}: {shown.word}"

    def choose(self, id: str | None) -> None:
        """Mark the box of the chosen item."""
        self._chosen = id
        for each, box in self._boxes.items():
            box.classList.toggle("chosen", each == id)

    def _draw(self, items: list[Item]) -> Any:
        plan = graph.drawing(items)
        label = "; ".join(_relation(item) for item in items)
        svg = make_svg(
            "svg",
            class_="graph",
            viewBox=f"0 0 {plan.width:g} {plan.height:g}",
            width=f"{plan.width:g}",
            height=f"{plan.height:g}",
            role="img",
            aria_label=f"Graph of the flow: {label}",
        )
        for _, _, path in plan.edges:
            svg.appendChild(make_svg("path", d=path))
        for node in plan.nodes:
            svg.appendChild(self._node(node))
        return svg

    def _node(self, node: graph.Node) -> Any:
        box = make_svg("g", class_="node", data_item=node.id, data_tone="idle")
        box.appendChild(make_svg("title"))
        box.appendChild(
            make_svg(
                "rect",
                x=f"{node.x:g}",
                y=f"{node.y:g}",
                width=f"{graph.BOX_WIDTH:g}",
                height=f"{graph.BOX_HEIGHT:g}",
                rx="7",
            )
        )
        icon = make_svg(
            "svg", class_="icon", x=f"{node.x + 9:g}", y=f"{node.y + 9:g}", width="16", height="16", aria_hidden="true"
        )
        icon.appendChild(make_svg("use", href="#icon-circle"))
        box.appendChild(icon)
        text = make_svg("text", x=f"{node.x + 32:g}", y=f"{node.y + 21.5:g}")
        text.textContent = difference.shortened(node.id, 16)
        box.appendChild(text)
        self._boxes[node.id] = box
        self._icons[node.id] = icon
        return box

    def _clicked(self, event: Any) -> None:
        box = event.target.closest("[data-item]")
        if box is not None:
            self._on_choose(str(box.dataset.item))


def _relation(item: Item) -> str:
    return f"{item.id} after {', '.join(item.predecessors)}" if item.predecessors else f"{item.id} first"
