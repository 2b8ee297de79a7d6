"""The table of items: one row each, of which only the cells that have changed are touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui import difference, review, sentences, units
from ui.browser import (
    by_id,
    clear,
    document,
    later,
    listen,
    local_day,
    make,
    make_icon,
    reporter,
    set_icon,
    show,
    to_js,
    window,
)
from ui.drift import drift_table
from ui.status import item_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.item import Item
    from ui.state import Items


_WHOLE = 200
"""So many items are all in the document soon; of more, only those that are on screen or near it."""
_BLOCK = 20
_NEAR = "400px"
_SOON_MS = 30
"""A frame lies between one block and the next."""
_ROW_HEIGHT = 44.0


class Table:
    """Draws the items, and after them what is left over.

    :param on_choose: called with the id of an item that is opened, or None when it is closed.
    :param on_act: called with what a button in a row does, and the row's id.
    """

    def __init__(
        self,
        items: Items,
        order: list[str],
        on_choose: Callable[[str | None], None],
        on_act: Callable[[str, str], None],
    ) -> None:
        self._items = items
        self._on_choose = on_choose
        self._on_act = on_act
        self._left = make("tbody", cls="leftovers")
        self._left_rows: dict[str, Row] = {}
        self._offers_acts = False
        self.chosen: str | None = None
        self._table = table = by_id("item-rows")
        for body in list(table.tBodies):
            body.remove()
        self._blocks = [Block(items, at, order[at : at + _BLOCK]) for at in range(0, len(order), _BLOCK)]
        listen(table, "click", self._clicked)
        for block in self._blocks[:1]:
            block.fill(None)
            table.appendChild(block.body)
        if len(self._blocks) > 1:
            table.setAttribute("aria-rowcount", str(len(order) + 1))
            self._leave_gaps()
        table.appendChild(self._left)
        if len(order) > _WHOLE:
            observer = window.IntersectionObserver.new(self._moved, to_js({"rootMargin": _NEAR}))
            for block in self._blocks:
                observer.observe(block.body)
        else:
            self._fill_soon(1)

    def _leave_gaps(self) -> None:
        """Have all blocks but the first be gaps."""
        height = self._blocks[0].row_height()
        gaps = document.createDocumentFragment()
        for block in self._blocks[1:]:
            block.keep_place(height)
            gaps.appendChild(block.body)
        self._table.appendChild(gaps)

    def _fill_soon(self, number: int) -> None:
        """Fill one block after the other, when the first picture is there."""
        if number < len(self._blocks):
            later(_SOON_MS, lambda: self._fill(number))

    def _fill(self, number: int) -> None:
        self._blocks[number].fill(self.chosen)
        self._fill_soon(number + 1)

    def draw(self, items: list[Item]) -> None:
        """Bring these items' rows up to date."""
        if len(items) > _WHOLE:  # most of them are not in the document: what is there is gone through instead
            changed = {item.id for item in items}
            items = [self._items[id] for block in self._blocks for id in block.rows if id in changed]
            items += self._items.leftovers()
        for item in items:
            row = self._row_of(item)
            if row is not None:
                row.draw(item, item.id == self.chosen)

    def choose(self, id: str | None) -> None:
        """Open an item's details and close those that were open."""
        before, self.chosen = self.chosen, id if id in self._items else None
        for each in (before, self.chosen):
            item = self._items.get(each)
            if item is None:
                continue
            if item.leftover is None:
                self._blocks[item.number // _BLOCK].fill(self.chosen)
            self.draw([item])

    def draw_leftovers(self) -> None:
        """Have a row for each thing that is left over, and for no other."""
        left = self._items.leftovers()
        if [item.id for item in left] == list(self._left_ids()):
            return
        rows = document.createDocumentFragment()
        self._left_rows = {}
        for item in left:
            self._left_rows[item.id] = Row(item, rows, item.number + 2)
            self._left_rows[item.id].draw(item, item.id == self.chosen)
        self._left.replaceChildren(rows)

    def _left_ids(self) -> list[str]:
        return sorted(self._left_rows, key=lambda id: self._left_rows[id].number)

    def offer_acts(self, offered: bool) -> None:
        """Show the buttons in the rows, or hide them while nothing can be begun."""
        if offered != self._offers_acts:
            self._offers_acts = offered
            self._table.dataset.acts = "yes" if offered else "no"

    def _row_of(self, item: Item) -> Row | None:
        if item.leftover is not None:
            return self._left_rows.get(item.id)
        return self._blocks[item.number // _BLOCK].rows.get(item.id)

    def _moved(self, entries: Any, observer: Any) -> None:
        """Fill the blocks that have come near, and empty those that are far."""
        try:
            for entry in entries:
                block = self._blocks[int(entry.target.dataset.block) // _BLOCK]
                if entry.isIntersecting:
                    block.fill(self.chosen)
                elif block.rows and self.chosen not in block.rows and not block.body.contains(document.activeElement):
                    block.empty()
        except Exception as error:
            reporter.report(error)

    def _clicked(self, event: Any) -> None:
        act = event.target.closest("button[data-act]")
        if act is not None:
            self._on_act(str(act.dataset.act), str(act.dataset.of))
            return
        button = event.target.closest("button[data-item]")
        if button is not None:
            id = str(button.dataset.item)
            self._on_choose(None if id == self.chosen else id)


class Block:
    """Items that follow each other: their rows, or a gap of the same height where nobody looks."""

    def __init__(self, items: Items, first: int, ids: list[str]) -> None:
        self._items = items
        self._ids = ids
        self._first = first
        self.rows: dict[str, Row] = {}
        self.body = make("tbody", data_block=str(first))

    def fill(self, chosen: str | None) -> None:
        """Have the rows in the document, as things stand now."""
        if self.rows:
            return
        rows = document.createDocumentFragment()
        for at, id in enumerate(self._ids):
            item = self._items[id]
            # The first row of the table is its head, and rows are numbered from one.
            row = self.rows[id] = Row(item, rows, self._first + at + 2)
            row.draw(item, id == chosen)
        self.body.replaceChildren(rows)

    def empty(self) -> None:
        """Leave a gap in place of the rows."""
        if self.rows:
            height = self.row_height()
            self.rows = {}
            self.keep_place(height)

    def row_height(self) -> float:
        """Return how high a row is, in pixels."""
        return float(self.body.offsetHeight) / len(self._ids) or _ROW_HEIGHT

    def keep_place(self, height: float) -> None:
        """Leave a gap for rows of this height, where there are no rows."""
        if self.rows:
            return
        gap = make("tr", cls="gap", aria_hidden="true")
        cell = make("td", colspan="4")
        cell.style.height = f"{height * len(self._ids):.0f}px"
        gap.appendChild(cell)
        self.body.replaceChildren(gap)


class Row:
    """One item's row, and the row of its details below it."""

    def __init__(self, item: Item, place: Any, number: int) -> None:
        self.number = number
        self._row = make("tr", role="row", aria_rowindex=str(number))
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
        self._differs = make("p")
        self._acts = make("p", cls="acts")
        self._difference.appendChild(self._differs)
        self._difference.appendChild(self._acts)
        show(self._acts, False)
        for part in (name, cell, progress, self._difference):
            self._row.appendChild(part)
        self._below = make("tr", cls="details", role="row")
        self._details = make("td", colspan="4", role="cell")
        self._below.appendChild(self._details)
        show(self._below, False)
        place.appendChild(self._row)
        place.appendChild(self._below)

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
        message = _message(item, status)
        if self._is_new("message", message):
            self._message.textContent = message
            show(self._message, bool(message))
        told = item.difference_text()
        if item.leftover is not None and status == "left_over":
            told = review.leftover_reason(item.leftover)
        if self._is_new("difference", told):
            self._differs.textContent = told
            show(self._differs, bool(told))
        self._draw_acts(item, status)
        if self._is_new("chosen", chosen):
            self._button.setAttribute("aria-expanded", "true" if chosen else "false")
            show(self._below, chosen)
        if chosen:
            self._draw_details(item)

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

    def _draw_acts(self, item: Item, status: str) -> None:
        acts = _acts(item, status)
        if not self._is_new("acts", [act for act, _, _ in acts]):
            return
        clear(self._acts)
        for act, word, label in acts:
            self._acts.appendChild(make("button", word, type="button", data_act=act, data_of=item.id, aria_label=label))
        show(self._acts, bool(acts))

    def _draw_details(self, item: Item) -> None:
        told = (item.error, item.unknown_reason, item.drift, item.drifted, item.leftover, item.elsewhere, item.not_here)
        seen = json.dumps((item.current, item.goal, told))
        if not self._is_new("details", seen):
            return
        clear(self._details)
        self._details.appendChild(_details(item))

    def _is_new(self, key: str, value: Any) -> bool:
        if key in self._drawn and self._drawn[key] == value:
            return False
        self._drawn[key] = value
        return True


def _message(item: Item, status: str) -> str:
    """Return what is said beside the status."""
    if status == "not_here" and item.elsewhere:
        return f"made in {review.places(item.elsewhere[:1], local_day)}"
    if status == "left_over" and item.leftover is not None:
        return review.leftover_origin(item.leftover, local_day)
    if status == "drifted":
        since = (item.drift or {}).get("stored_at")
        return f"since {local_day(since)}" if since else "outside irenic"
    return item.message or (item.waiting_for and f"waits for {item.waiting_for}") or ""


def _acts(item: Item, status: str) -> list[tuple[str, str, str]]:
    """Return the buttons of a row: what each does, its word, and its name for whoever does not see the row."""
    if status == "drifted":
        return [
            ("repair", "Repair", f"Repair {item.id}"),
            ("accept", "Accept what is there", f"Accept what is there of {item.id}"),
        ]
    if status == "left_over" and item.leftover is not None:
        forget = ("forget", "Forget…", f"Forget {item.id}")
        return [forget] if item.leftover.get("problem") else [("remove", "Remove…", f"Remove {item.id}"), forget]
    if status == "refused":
        return [("forget", "Forget…", f"Forget {item.id}")]
    return []


def _details(item: Item) -> Any:
    box = make("div", cls="detail")
    about = f"{item.type}. {item.summary}" if item.summary else item.type
    if about:
        box.appendChild(make("p", about))
    if item.leftover is not None:
        _tell_leftover(box, item.leftover)
        return box
    _tell_places(box, item)
    if item.drift is not None:
        _tell_drift(box, item)
    if item.error is not None:
        box.appendChild(make("p", _error_text(item.error), "error"))
        for cause in item.error.get("causes") or []:
            box.appendChild(make("p", f"Because: {cause}", "error"))
    if item.unknown_reason is not None:
        box.appendChild(make("p", f"Unknown: {item.unknown_reason}. Resume looks before it does anything."))
    if item.successors:
        box.appendChild(make("p", "Before: " + sentences.listing(item.successors)))
    if item.drifted or item.not_here:
        return box
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


def _tell_leftover(box: Any, leftover: dict[str, Any]) -> None:
    box.appendChild(make("p", review.leftover_reason(leftover)))
    origin = review.leftover_origin(leftover, local_day)
    if origin:
        box.appendChild(make("p", origin[:1].upper() + origin[1:]))
    if leftover.get("problem"):
        box.appendChild(make("p", f"It cannot be removed from here: {leftover['problem']}."))
    state = leftover.get("state")
    if state:
        table = make("table")
        body = table.createTBody()
        for name in sorted(state):
            row = body.insertRow()
            row.appendChild(make("th", name, scope="row"))
            row.appendChild(make("td", _value(state, name, state[name])))
        box.appendChild(table)


def _tell_places(box: Any, item: Item) -> None:
    if not item.elsewhere:
        return
    others = review.places(item.elsewhere, local_day)
    if item.not_here:
        told = f"Not here yet: made in {others}. Ensure makes it here too, and leaves what is there untouched."
    else:
        told = f"Also in {others}."
    box.appendChild(make("p", told))


def _tell_drift(box: Any, item: Item) -> None:
    drift = item.drift or {}
    since = drift.get("stored_at")
    when = f" since {local_day(since)}" if since else ""
    who = difference.changed_by(drift)
    if item.drifted:
        told = (
            f"{who[:1].upper()}{who[1:]}{when}. Repair brings it to its goal; Accept what is there stores what was "
            "found, and the next Ensure treats it as a change like any other."
        )
    else:
        told = f"It had been {who}{when}. This is what was found then:"
    box.appendChild(make("p", told))
    box.appendChild(drift_table(drift, item.field_order))


def _value(state: dict[str, Any] | None, name: str, value: Any) -> str:
    return "not known" if state is None else difference.value_text(name, value, 200)


def _error_text(error: dict[str, Any]) -> str:
    phase = error.get("phase")
    where = f" while in {phase}" if phase else ""
    return f"{error.get('type', 'Error')}{where}: {error.get('message', '')}"
