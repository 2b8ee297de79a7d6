"""The boot panel: how long each step took until Python was awake, and the word about it in the head."""

from __future__ import annotations

from typing import Any

from ui.browser import by_id, clear, make, set_icon

STARTING = ("busy", "arc", "Python starting")

WAYS = {
    "snapshot": "from the memory snapshot",
    "bundle": "from the bytecode bundle",
    "lockfile": "by the lock file",
}
"""How Python was started."""

HEARING = {
    "shared": "",
    "polled": " A loop that lets nothing else run hears of an interrupt from the server.",
    "none": " A loop that lets nothing else run hears of no interrupt: only abandoning ends it.",
}
"""What there is to know of how interrupts arrive."""


class BootPanel:
    """Draws the marks of the start as they come."""

    def __init__(self) -> None:
        self._list = by_id("boot")
        self._summary = by_id("boot-summary")
        self._chip = by_id("python")
        self._word = by_id("python-word")
        self._marks: list[tuple[str, float]] = []
        self._ready: dict[str, Any] | None = None

    def clear(self) -> None:
        """Forget the marks: the core starts anew."""
        self._marks = []
        self._ready = None
        clear(self._list)
        self._summary.textContent = ""
        self._say(STARTING)

    def mark(self, name: str, at_ms: float) -> None:
        """Add a mark; the time counts from when the page asked for the worker."""
        self._marks.append((name, at_ms))
        self._draw()

    def ready(self, told: dict[str, Any]) -> None:
        """Say that the core is awake, by which way, and what it says of itself."""
        self._ready = told
        self._draw()
        self.awake()

    def awake(self) -> None:
        """Say that the core takes commands."""
        self._say(("good", "check", "Python ready"))

    def looking_on(self) -> None:
        """Say that this tab runs nothing."""
        self._say(("idle", "circle", "Looking on"))

    def not_wanted(self) -> None:
        """Say that the core is not started, because it could not run the flow."""
        self._say(("idle", "circle", "Python not started"))

    def failed(self) -> None:
        """Say that the core did not start."""
        self._say(("bad", "cross", "Python did not start"))

    def stopped(self) -> None:
        """Say that the core runs no more."""
        self._say(("bad", "cross", "Python stopped"))

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
        if self._ready is not None:
            self._summary.textContent = f"Awake after {before:.0f} ms, {_summary(self._ready)}"

    def _say(self, told: tuple[str, str, str]) -> None:
        tone, icon, word = told
        self._chip.dataset.tone = tone
        set_icon(self._chip.firstElementChild, icon)
        self._word.textContent = word


def _summary(ready: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {ready['versions'][name]}" for name in sorted(ready["versions"]))
    return f"{WAYS[ready['rung']]}: {versions}.{HEARING[ready['signals']]}"
