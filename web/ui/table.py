"""The table of items: one row each, of which only the cells that have changed are touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui import difference, sentences, units
from ui.browser import by_id, clear, listen, make, make_icon, set_icon, show, to_js
from ui.status import item_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.state import Item


class Table:
    """Draws the items; ``on_choose`` is called with the id of an item that is opened, or None when it is closed."""

    def __init__(self, items: list[Item], on_choose: Callable[[str | None], None]) -> None:
        self._on_choose = on_choose
        self.chosen: str | None = None
        body = by_id("item-rows")
        clear(body)
        self._rows = {item.id: Row(item, body) for item in items}
        listen(body, "click", self._clicked)

    def draw(self, items: list[Item]) -> None:
        """Bring these items' rows up to date."""
        for item in items:
            self._rows[item.id].draw(item, item.id == self.chosen)

    def choose(self, items: dict[str, Item], id: str | None) -> None:
        """Open an item's details and close those that were open."""
        before, self.chosen = self.chosen, id if id in self._rows else None
        for each in (before, self.chosen):
            if each is not None:
                self._rows[each].draw(items[each], each == self.chosen)

    def reveal(self, id: str) -> None:
        """Bring an item's row into view."""
        self._rows[id].reveal()

    def _clicked(self, event: Any) -> None:
        button = event.target.closest("button[data-item]")
        if button is not None:
            id = str(button.dataset.item)
            self._on_choose(None if id == self.chosen else id)


class Row:
    """One item's row, and the row of its details below it."""

    def __init__(self, item: Item, body: Any) -> None:
        self._row = make("tr", role="row")
        self._drawn: dict[str, Any] = {}
        name = make("th", cls="name", scope="row", role="rowheader")
        self._button = make("button", cls="plain", type="button", data_item=item.id, aria_expanded="false")
        self._button.appendChild(make_icon("chevron"))
        self._button.appendChild(make("span", item.id))
        name.appendChild(self._button)
        if item.predecessors:
            name.appendChild(make("p", "after: " + sentences.listing(item.predecessors), "after quiet"))
        cell = make("td", role="cell")
        self._status = make("span", cls="status")
        self._icon = make_icon("circle")
        self._word = make("span")
        self._status.appendChild(self._icon)
        self._status.appendChild(self._word)
        cell.appendChild(self._status)
        progress = make("td", role="cell")
        self._bar = make("progress", aria_label=f"Progress of {item.id}")
        self._amount = make("p", cls="amount")
        self._message = make("p", cls="message")
        for part in (self._bar, self._amount, self._message):
            show(part, False)
            progress.appendChild(part)
        self._difference = make("td", cls="difference", role="cell")
        for part in (name, cell, progress, self._difference):
            self._row.appendChild(part)
        self._below = make("tr", cls="details", role="row")
        self._details = make("td", colspan="4", role="cell")
        self._below.appendChild(self._details)
        show(self._below, False)
        body.appendChild(self._row)
        body.appendChild(self._below)

    def draw(self, item: Item, chosen: bool) -> None:
        """Show what is known of the item now."""
        status = item.shown_status()
        shown = item_status(status)
        if self._is_new("status", status):
            self._row.dataset.tone = shown.tone
            self._status.dataset.tone = shown.tone
            set_icon(self._icon, shown.icon)
            self._word.textContent = shown.word
        self._draw_progress(item)
        message = item.message or (item.waiting_for and f"waits for {item.waiting_for}") or ""
        if self._is_new("message", message):
            self._message.textContent = message
            show(self._message, bool(message))
        told = item.difference_text()
        if self._is_new("difference", told):
            self._difference.textContent = told
        if self._is_new("chosen", chosen):
            self._button.setAttribute("aria-expanded", "true" if chosen else "false")
            show(self._below, chosen)
        if chosen:
            self._draw_details(item)

    def reveal(self) -> None:
        """Bring the row into view and put the focus on it."""
        self._row.scrollIntoView(to_js({"block": "nearest"}))
        self._button.focus()

    def _draw_progress(self, item: Item) -> None:
        total = (item.limit or {}).get("total")
        moving = item.is_running()
        if self._is_new("bar shown", moving or (total is not None and item.status == "interrupted")):
            show(self._bar, self._drawn["bar shown"])
        if self._drawn["bar shown"] and self._is_new("bar", (item.position, total)):
            if total:
                self._bar.max = total
                self._bar.value = min(item.position, total)
            else:
                self._bar.removeAttribute("value")
        amount = units.progress(item.position, item.limit)
        if moving and item.eta is not None and item.eta >= 1:
            amount += f" · about {units.whole_span(item.eta)} left"
        if self._is_new("amount", amount):
            self._amount.textContent = amount
            show(self._amount, bool(amount))

    def _draw_details(self, item: Item) -> None:
        seen = json.dumps([item.current, item.goal, item.error, item.unknown_reason])
        if not self._is_new("details", seen):
            return
        clear(self._details)
        self._details.appendChild(_details(item))

    def _is_new(self, key: str, value: Any) -> bool:
        if key in self._drawn and self._drawn[key] == value:
            return False
        self._drawn[key] = value
        return True


def _details(item: Item) -> Any:
    box = make("div", cls="detail")
    about = f"{item.type}. {item.summary}" if item.summary else item.type
    box.appendChild(make("p", about))
    if item.error is not None:
        box.appendChild(make("p", _error_text(item.error), "error"))
        for cause in item.error.get("causes") or []:
            box.appendChild(make("p", f"Because: {cause}", "error"))
    if item.unknown_reason is not None:
        box.appendChild(make("p", f"Unknown: {item.unknown_reason}. Resume looks before it does anything."))
    if item.successors:
        box.appendChild(make("p", "Before: " + sentences.listing(item.successors)))
    fields = difference.fields(item.current, item.goal, item.field_order)
    if not fields:
        box.appendChild(make("p", "Neither its current state nor its goal is known yet.", "quiet"))
        return box
    table = make("table")
    head = table.createTHead().insertRow()
    for word in ("Field", "Current", "Goal"):
        head.appendChild(make("th", word, scope="col"))
    rows = table.createTBody()
    for field in fields:
        row = rows.insertRow()
        if field.differs:
            row.className = "differs"
        row.appendChild(make("th", field.name, scope="row"))
        row.appendChild(make("td", _value(item.current, field.name, field.current)))
        row.appendChild(make("td", _value(item.goal, field.name, field.goal)))
    box.appendChild(table)
    return box


def _value(state: dict[str, Any] | None, name: str, value: Any) -> str:
    return "not known" if state is None else difference.value_text(name, value, 200)


def _error_text(error: dict[str, Any]) -> str:
    phase = error.get("phase")
    where = f" while in {phase}" if phase else ""
    return f"{error.get('type', 'Error')}{where}: {error.get('message', '')}"
