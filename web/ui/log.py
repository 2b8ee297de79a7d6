"""The log panel: the journal as lines, drawn only while it is on screen, the last few hundred of them."""

from __future__ import annotations

from typing import Any

from ui import journal
from ui.browser import by_id, clear, document, listen, local_time, make, show

_MOST_LINES = 400


class LogPanel:
    """Collects lines and draws what is new once a frame."""

    def __init__(self) -> None:
        self._list = by_id("log")
        self._panel = by_id("panel-log")
        self._all = by_id("log-all")
        self._lines: list[journal.Line] = []
        self._drawn = 0
        self._seen: tuple[str, int] = ("", -1)
        listen(self._all, "change", lambda event: self._again())

    def clear(self) -> None:
        """Forget everything: another execution is on screen."""
        self._lines = []
        self._seen = ("", -1)
        self._again()

    def take(self, events: list[dict[str, Any]]) -> None:
        """Take events in order; those already taken are left out."""
        for event in events:
            id, seq = self._seen
            if event["execution_id"] == id and event["seq"] <= seq:
                continue
            self._seen = (event["execution_id"], event["seq"])
            self._lines.append(journal.line(event))

    def say(self, at: str, text: str, tone: str = "idle") -> None:
        """Add a line that is no event of a journal."""
        self._lines.append(journal.Line(at, text, tone))

    def draw(self) -> None:
        """Bring the panel up to date, if it is on screen."""
        if self._panel.hidden or self._drawn == len(self._lines):
            return
        every = bool(self._all.checked)
        fresh = [line for line in self._lines[self._drawn :] if every or not line.minor][-_MOST_LINES:]
        self._drawn = len(self._lines)
        following = self._list.scrollTop + self._list.clientHeight >= self._list.scrollHeight - 4
        block = document.createDocumentFragment()
        for line in fresh:
            row = make("li", data_tone=line.tone)
            row.appendChild(make("time", local_time(line.at), datetime=line.at))
            row.appendChild(make("span", line.text))
            block.appendChild(row)
        self._list.appendChild(block)
        while self._list.childElementCount > _MOST_LINES:
            self._list.firstElementChild.remove()
        if following:
            self._list.scrollTop = self._list.scrollHeight
        show(by_id("log-empty"), self._list.childElementCount == 0)

    def _again(self) -> None:
        clear(self._list)
        self._drawn = 0
        show(by_id("log-empty"), True)
        self.draw()
