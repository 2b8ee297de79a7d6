"""The panels below the table, of which one is shown at a time: arrow keys, Home and End move between their tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.browser import by_id, listen, show

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("graph", "log", "history", "boot")


class Tabs:
    """Switches panels; ``on_choose`` is called with the name of the panel that is shown."""

    def __init__(self, on_choose: Callable[[str], None]) -> None:
        self._on_choose = on_choose
        self.chosen = NAMES[0]
        for name in NAMES:
            self._listen(name)

    def choose(self, name: str, focus: bool = False) -> None:
        """Show a panel."""
        if name not in NAMES:
            return
        self.chosen = name
        for each in NAMES:
            tab = by_id(f"tab-{each}")
            tab.setAttribute("aria-selected", "true" if each == name else "false")
            tab.tabIndex = 0 if each == name else -1
            show(by_id(f"panel-{each}"), each == name)
        if focus:
            by_id(f"tab-{name}").focus()
        self._on_choose(name)

    def _listen(self, name: str) -> None:
        tab = by_id(f"tab-{name}")
        listen(tab, "click", lambda event: self.choose(name))
        listen(tab, "keydown", self._key)

    def _key(self, event: Any) -> None:
        at = NAMES.index(self.chosen)
        to = {"ArrowRight": at + 1, "ArrowLeft": at - 1, "Home": 0, "End": len(NAMES) - 1}.get(str(event.key))
        if to is not None:
            event.preventDefault()
            self.choose(NAMES[to % len(NAMES)], focus=True)
