"""The head of the page: status, sentence, facts, buttons, and what the tab's title and icon say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import sentences, units
from ui.browser import by_id, document, local_time, make, now, set_icon, show
from ui.status import Status, execution_status

if TYPE_CHECKING:
    from ui.state import Page

_FAVICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='8' fill='%23{fill}'/>"
    "<g fill='none' stroke='%23fff' stroke-width='3' stroke-linecap='round' stroke-linejoin='round'>{shape}</g></svg>"
)
_TONES = {"idle": "2f5d62", "busy": "1f5fae", "good": "1d6b3a", "warn": "8a5200", "bad": "ac2a23"}
_SHAPES = {
    "circle": "<circle cx='16' cy='16' r='7'/>",
    "dots": "<path d='M9 16h.1M16 16h.1M23 16h.1'/>",
    "arc": "<path d='M9 16a7 7 0 0 1 7-7M23 16a7 7 0 0 1-7 7'/>",
    "check": "<path d='M9 16.5l5 5 9-10'/>",
    "cross": "<path d='M10 10l12 12M22 10L10 22'/>",
    "bars": "<path d='M12 9v14M20 9v14'/>",
    "question": "<path d='M12 12a4 4 0 1 1 6 3.5c-1.500 1-2 1.500-2 3M16 23h.1'/>",
    "hand": "<path d='M16 8v10M16 23h.1'/>",
    "away": "<path d='M16 8v13M11 17l5 5 5-5'/>",
}


class Head:
    """Draws the head; remembers what is drawn, and touches only what has changed."""

    def __init__(self) -> None:
        self._card = by_id("standing")
        self._status = by_id("status")
        self._word = by_id("status-word")
        self._sentence = by_id("sentence")
        self._facts = by_id("facts")
        self._reply = by_id("reply")
        self._interrupt = by_id("do-interrupt")
        self._drawn: dict[str, str] = {}
        self._fact_nodes: dict[str, Any] = {}

    def draw_flow(self, page: Page) -> None:
        """Show which flow is on screen."""
        by_id("flow-title").textContent = page.flow_id

    def draw(self, page: Page) -> None:
        """Show how things stand."""
        shown = execution_status(page.status_name())
        if self._is_new("status", shown.word + shown.tone):
            self._card.dataset.tone = shown.tone
            self._status.dataset.tone = shown.tone
            set_icon(self._status.firstElementChild, shown.icon)
            self._word.textContent = shown.word
            document.title = f"{shown.word}: {page.flow_id} ({page.profile})"
            by_id("favicon").setAttribute("href", favicon(shown))
        self._text("sentence", self._sentence, page.sentence())
        self._text("reply", self._reply, page.reply)
        self.draw_facts(page)
        stop = page.execution.stop if page.execution is not None else None
        live = page.is_live()
        label = sentences.rung(stop.level if stop is not None and live else None, page.waiting_for())
        self._text("rung", self._interrupt, label)
        if self._is_new("armed", str(live)):
            self._interrupt.classList.toggle("armed", live)

    def draw_facts(self, page: Page) -> None:
        """Show the facts, among them the times, which move while an execution runs."""
        execution = page.execution
        facts: dict[str, str] = {}
        if execution is not None:
            only = f", {sentences.listing(execution.only)} only" if execution.only else ""
            facts["Command"] = ", ".join(execution.cmds) + only + (" (dry run)" if execution.dry_run else "")
            facts["Ran in" if execution.ended_at else "Runs in"] = page.elsewhere()
            if execution.started_at:
                facts["Started"] = local_time(execution.started_at)
                elapsed = (units.epoch(execution.ended_at) if execution.ended_at else now()) - units.epoch(
                    execution.started_at
                )
                if execution.ended_at:
                    facts["Took"] = units.span(elapsed)
                elif page.is_live():
                    facts["Elapsed"] = units.whole_span(elapsed)
            stop = execution.stop
            settled = (execution.outcome or {}).get("interrupt")
            if stop is not None:
                facts["Stop level"] = sentences.level_words(stop.level)
                if stop.requested_at:
                    facts["Stopping for"] = units.whole_span(now() - units.epoch(stop.requested_at))
                facts["Stopped by"] = sentences.origin({"source": stop.source, "reason": stop.reason})
            elif execution.abandoned:
                facts["Stop level"] = "abandon"
            elif settled is not None:
                facts["Stop level"] = settled["level"]
                facts["Stopped by"] = sentences.origin(settled)
            left = _remaining(page)
            if left is not None and left >= 1:
                facts["Time left"] = f"about {units.whole_span(left)}"
        for name in list(self._fact_nodes):
            if not facts.get(name):
                show(self._fact_nodes[name].parentNode, False)
        for name in _FACTS:
            if facts.get(name):
                self._fact(name, facts[name])

    def _fact(self, name: str, text: str) -> None:
        node = self._fact_nodes.get(name)
        if node is None:
            for each in _FACTS:
                row = make("div")
                row.appendChild(make("dt", each))
                value = make("dd")
                row.appendChild(value)
                show(row, False)
                self._facts.appendChild(row)
                self._fact_nodes[each] = value
            node = self._fact_nodes[name]
        show(node.parentNode, True)
        self._text("fact " + name, node, text)

    def _text(self, key: str, node: Any, text: str) -> None:
        if self._is_new(key, text):
            node.textContent = text

    def _is_new(self, key: str, value: str) -> bool:
        if self._drawn.get(key) == value:
            return False
        self._drawn[key] = value
        return True


_FACTS = (
    "Command",
    "Ran in",
    "Runs in",
    "Started",
    "Elapsed",
    "Took",
    "Time left",
    "Stop level",
    "Stopping for",
    "Stopped by",
)


def favicon(shown: Status) -> str:
    """Return the tab's icon for a status: its tone and its shape."""
    return _FAVICON.format(fill=_TONES.get(shown.tone, _TONES["idle"]), shape=_SHAPES.get(shown.icon, ""))


def _remaining(page: Page) -> float | None:
    """Return the seconds that the slowest running item is thought to need; None where nobody knows."""
    known = [item.eta for item in page.running() if item.eta is not None] if page.is_live() else []
    return max(known) if known else None
