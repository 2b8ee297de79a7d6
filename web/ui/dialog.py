"""The dialog that asks before something is done, with what it would do to each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.browser import by_id, clear, listen, make, make_icon, show
from ui.status import preview_action

if TYPE_CHECKING:
    from collections.abc import Callable


class Dialog:
    """One dialog for all questions; the browser keeps the focus inside and gives it back."""

    def __init__(self) -> None:
        self._dialog = by_id("dialog")
        self._title = by_id("dialog-title")
        self._text = by_id("dialog-text")
        self._list = by_id("dialog-list")
        self._yes = by_id("dialog-yes")
        self._other = by_id("dialog-other")
        self._on_yes: Callable[[], None] | None = None
        self._on_other: Callable[[], None] | None = None
        listen(self._yes, "click", lambda event: self._answer(self._on_yes))
        listen(self._other, "click", lambda event: self._answer(self._on_other))
        listen(by_id("dialog-no"), "click", lambda event: self._dialog.close())

    @property
    def is_open(self) -> bool:
        """Whether it is on screen."""
        return bool(self._dialog.open)

    def ask(self, title: str, text: str, yes: str, on_yes: Callable[[], None]) -> None:
        """Ask a question with one way to go on."""
        self._title.textContent = title
        self._text.textContent = text
        self._yes.textContent = yes
        self._on_yes = on_yes
        self._on_other = None
        show(self._other, False)
        clear(self._list)
        self._dialog.showModal()

    def offer(self, other: str, on_other: Callable[[], None]) -> None:
        """Offer a second way to go on."""
        self._other.textContent = other
        self._on_other = on_other
        show(self._other, True)

    def say(self, text: str) -> None:
        """Say something else above the list."""
        self._text.textContent = text

    def preview(self, items: list[dict[str, Any]]) -> None:
        """List what would happen to each item, and why."""
        clear(self._list)
        for item in items:
            look = preview_action(item.get("action", "unknown"))
            row = make("li")
            status = make("span", cls="status", data_tone=look.tone)
            status.appendChild(make_icon(look.icon))
            status.appendChild(make("span", look.word))
            row.appendChild(status)
            row.appendChild(make("span", item["item"], "item"))
            row.appendChild(make("span", _why(item), "why"))
            self._list.appendChild(row)

    def _answer(self, callback: Callable[[], None] | None) -> None:
        self._dialog.close()
        if callback is not None:
            callback()


def _why(item: dict[str, Any]) -> str:
    """Return the reason; the action, which the core puts before it, stands beside it already."""
    message, action = str(item.get("message", "")), f"{item.get('action', '')}: ".replace("_", " ")
    return message[len(action) :] if message.startswith(action) else message
