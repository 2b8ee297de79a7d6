"""The log panel: the journal as lines, made and drawn only while it is on screen, the last few hundred of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import journal
from ui.browser import by_id, clear, document, listen, local_time, make, show

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LINES = 400
_AT_ONCE = 50
"""So many lines are drawn in a frame; the others follow in the next ones."""


class Tail:
    """The last few of many things, and how many there have been."""

    def __init__(self) -> None:
        self._last: list[Any] = []
        self.count = 0

    def add(self, thing: Any) -> None:
        """Add a thing, and let go of the oldest where there are many."""
        self._last.append(thing)
        self.count += 1
        if len(self._last) >= 2 * MOST_LINES:
            self._last = self._last[-MOST_LINES:]

    def after(self, count: int) -> list[Any]:
        """Return what has come after the first ``count``, of those that are kept."""
        return self._last[-min(self.count - count, MOST_LINES) :] if self.count > count else []


class LogPanel:
    """Keeps the last events and draws what is new, some of it in each frame.

    :param on_more: called to get a frame.
    :param sentence: says how the execution on screen has ended, of its outcome.
    """

    def __init__(self, on_more: Callable[[], None], sentence: Callable[[dict[str, Any]], str]) -> None:
        self._on_more = on_more
        self._sentence = sentence
        self._list = by_id("log")
        self._panel = by_id("panel-log")
        self._all = by_id("log-all")
        self._every, self._major = Tail(), Tail()
        self._drawn = 0
        self._seen: tuple[str, int] = ("", -1)
        listen(self._all, "change", lambda event: self._again())

    def clear(self) -> None:
        """Forget everything: another execution is on screen."""
        self._every, self._major = Tail(), Tail()
        self._seen = ("", -1)
        self._again()

    def take(self, events: list[dict[str, Any]]) -> None:
        """Take events in order; those already taken are left out."""
        for event in events:
            id, seq = self._seen
            if event["execution_id"] == id and event["seq"] <= seq:
                continue
            self._seen = (event["execution_id"], event["seq"])
            self._every.add(event)
            if not journal.is_minor(event):
                self._major.add(event)

    def say(self, at: str, text: str, tone: str = "idle") -> None:
        """Add a line that is no event of a journal."""
        line = journal.Line(at, text, tone)
        self._every.add(line)
        self._major.add(line)

    def draw(self) -> bool:
        """Bring the panel nearer to how things stand, if it is on screen, and return whether more is to be drawn."""
        lines = self._every if self._all.checked else self._major
        if self._panel.hidden or self._drawn == lines.count:
            return False
        fresh = lines.after(self._drawn)
        self._drawn = lines.count - len(fresh[_AT_ONCE:])
        following = self._list.scrollTop + self._list.clientHeight >= self._list.scrollHeight - 4
        block = document.createDocumentFragment()
        for each in fresh[:_AT_ONCE]:
            line = each if isinstance(each, journal.Line) else journal.line(each, self._sentence)
            row = make("li", data_tone=line.tone)
            row.appendChild(make("time", local_time(line.at), datetime=line.at))
            row.appendChild(make("span", line.text))
            block.appendChild(row)
        self._list.appendChild(block)
        while self._list.childElementCount > MOST_LINES:
            self._list.firstElementChild.remove()
        if following:
            self._list.scrollTop = self._list.scrollHeight
        show(by_id("log-empty"), self._list.childElementCount == 0)
        return self._drawn < lines.count

    def _again(self) -> None:
        clear(self._list)
        self._drawn = 0
        show(by_id("log-empty"), True)
        self._on_more()
