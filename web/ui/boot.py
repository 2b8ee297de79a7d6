"""The boot panel: how long each step took until Python was awake, and the word about it in the head."""

from __future__ import annotations

from typing import Any

from ui.browser import by_id, clear, make, set_icon

STARTING = ("busy", "arc", "Python starting")


class BootPanel:
    """Draws the marks of the start as they come."""

    def __init__(self) -> None:
        self._list = by_id("boot")
        self._summary = by_id("boot-summary")
        self._chip = by_id("python")
        self._word = by_id("python-word")
        self._marks: list[tuple[str, float]] = []
        self._versions = ""

    def clear(self) -> None:
        """Forget the marks: the core starts anew."""
        self._marks = []
        self._versions = ""
        clear(self._list)
        self._summary.textContent = ""
        self._say(STARTING)

    def mark(self, name: str, at_ms: float) -> None:
        """Add a mark; the time counts from when the page asked for the worker."""
        self._marks.append((name, at_ms))
        self._draw()

    def ready(self, versions: dict[str, Any]) -> None:
        """Say that the core is awake."""
        self._say(("good", "check", "Python ready"))
        self._versions = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
        self._draw()

    def looking_on(self) -> None:
        """Say that this tab runs nothing."""
        self._say(("idle", "circle", "Looking on"))

    def failed(self) -> None:
        """Say that the core did not start."""
        self._say(("bad", "cross", "Python did not start"))

    def _last(self) -> float:
        return max([at for _, at in self._marks], default=0.0)

    def _draw(self) -> None:
        clear(self._list)
        whole = self._last()
        before = 0.0
        for name, at in self._marks:
            row = make("li")
            row.appendChild(make("span", name))
            row.appendChild(make("span", f"{at:.0f} ms", "at"))
            bar = make("progress", aria_label=f"{name}: {at - before:.0f} ms")
            bar.max = max(whole, 1.0)
            bar.value = max(at - before, 0.0)
            row.appendChild(bar)
            self._list.appendChild(row)
            before = at
        if self._versions:
            self._summary.textContent = f"Awake after {before:.0f} ms: {self._versions}."

    def _say(self, told: tuple[str, str, str]) -> None:
        tone, icon, word = told
        self._chip.dataset.tone = tone
        set_icon(self._chip.firstElementChild, icon)
        self._word.textContent = word
