"""The screen: every part of the page that draws, kept up to date at most once a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import address
from ui.boot import BootPanel
from ui.browser import Painter, by_id, later, ordered, reporter, show, timestamp, unveil
from ui.dialog import Dialog
from ui.drawing import GraphPanel
from ui.form import Form
from ui.head import Head
from ui.log import LogPanel
from ui.notices import Notices
from ui.state import Page
from ui.table import Table
from ui.tabs import Tabs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.state import Picture

_TICK_MS = 1000
COMMANDS = ("do-ensure", "do-preview", "do-dry", "do-discover", "do-clean")


class Screen:
    """Owns the parts; ``on_panel`` is called with the name of the panel that is brought up."""

    def __init__(self, on_panel: Callable[[str], None]) -> None:
        self.notices = Notices()
        reporter.report = self.report
        self.page: Page | None = None
        self.form: Form | None = None
        self.may_run = False
        self.server_is_away = False
        self._table: Table | None = None
        self._graph: GraphPanel | None = None
        self._buttons: dict[str, bool] = {}
        self._ticking = False
        self._painter = Painter(self._paint)
        self.on_frame: Callable[[], bool] = lambda: False  # what happens before each; whether it wants another
        self.on_act: Callable[[str, str], None] = lambda act, id: None  # what a button in an item's row does
        self.is_looking: Callable[[], bool] = lambda: False  # whether a command waits for a look at what there is
        self._head = Head()
        self.boot = BootPanel()
        self.log = LogPanel(self.request, self._ended_sentence)
        self.dialog = Dialog()
        self._on_panel = on_panel
        self.tabs = Tabs(self._panel_chosen)

    def show_flow(self, picture: Picture, inputs_schema: Any, profile: str) -> Page:
        """Put a flow on screen, of which nothing else is known yet.

        :param inputs_schema: the schema of its inputs, a JavaScript object; None where it takes none.
        """
        self.page = page = Page(picture, profile)
        self.form = Form(ordered(inputs_schema) if inputs_schema is not None else None)
        self._table = Table(page.items, page.order, self.choose_item, self.on_act)
        self._graph = GraphPanel(page.items, page.order, self.choose_item)
        self._head.draw_flow(page)
        self.choose_item(address.chosen("item"))
        self.tabs.choose(address.chosen("panel") or self.tabs.chosen)
        return page

    def choose_item(self, id: str | None) -> None:
        """Open an item's details, mark it in the graph, and keep the choice in the address."""
        if self.page is None or self._table is None or self._graph is None:
            return
        known = id if id in self.page.items else None
        self._table.choose(known)
        self._graph.choose(known)
        address.choose(item=known)

    def is_free(self) -> bool:
        """Whether an execution can begin here now."""
        return self.may_run and not self.server_is_away and self.page is not None and not self.page.is_live()

    def read_inputs(self) -> dict[str, Any] | None:
        """Return the inputs that stand in the form; None where one of them is wrong, which is then said beside it."""
        return self.form.read() if self.form is not None else None

    def request(self) -> None:
        """Have what has changed drawn in the next frame."""
        self._painter.request()

    def _ended_sentence(self, outcome: dict[str, Any]) -> str:
        return self.page.ended_sentence(outcome) if self.page is not None else ""

    def _panel_chosen(self, name: str) -> None:
        address.choose(panel=None if name == "graph" else name)
        self.request()
        self._on_panel(name)

    def _paint(self) -> None:
        more = self.on_frame()
        page = self.page
        if page is None or self._table is None or self._graph is None:
            return
        changed, items = page.drawn()
        self._table.draw_leftovers()
        if items:
            self._table.draw(items)
            self._graph.draw(items)
        if changed:
            self._head.draw(page)
            unveil()
        self._draw_buttons(page)
        if self.log.draw() or more:
            self.request()
        if page.is_live() and not self._ticking:
            self._ticking = True
            later(_TICK_MS, self._tick)

    def _tick(self) -> None:
        """Keep the clocks going while an execution runs."""
        self._ticking = False
        if self.page is not None and self.page.is_live():
            self._head.draw_facts(self.page)
            self._ticking = True
            later(_TICK_MS, self._tick)

    def _draw_buttons(self, page: Page) -> None:
        free = self.is_free() and not self.is_looking()
        if self._table is not None:
            self._table.offer_acts(free)
        for id in COMMANDS:
            self._button(id, "disabled", not free)
        self._button("do-resume", "disabled", not free)
        self._button("do-resume", "hidden", not page.can_resume())

    def _button(self, id: str, what: str, value: bool) -> None:
        key = f"{id} {what}"
        if self._buttons.get(key) == value:
            return
        self._buttons[key] = value
        if what == "hidden":
            show(by_id(id), not value)
        else:
            by_id(id).disabled = value

    def report(self, error: BaseException) -> None:
        """Tell an error that nothing expected, and what to do about it."""
        reporter.to_console(error)
        self.log.say(timestamp(), f"Page: {error!r}", "bad")
        self.notices.tell(
            "page",
            f"The page met an error that it did not expect: {error!r}",
            "What is stored is safe. Load the page again; if it comes back, the browser's console says more.",
            button="Load again",
            on_press=address.load_again,
        )
