"""Notices above everything: what went wrong, what is safe, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.browser import by_id, listen, make, make_icon, unveil

if TYPE_CHECKING:
    from collections.abc import Callable

_ICONS = {"bad": "cross", "warn": "hand", "busy": "dots"}


class Notices:
    """Keeps at most one notice of each kind on screen."""

    def __init__(self) -> None:
        self._box = by_id("notices")
        self._shown: dict[str, Any] = {}

    def tell(
        self,
        kind: str,
        text: str,
        next_step: str = "",
        tone: str = "bad",
        button: str = "",
        on_press: Callable[[], None] | None = None,
    ) -> None:
        """Show a notice, in place of an earlier one of its kind."""
        notice = make("div", cls="notice", data_tone=tone)
        notice.appendChild(make_icon(_ICONS.get(tone, "hand")))
        notice.appendChild(make("p", text))
        if button and on_press is not None:
            press = on_press
            control = make("button", button, type="button")
            listen(control, "click", lambda event: press())
            notice.appendChild(control)
        if next_step:
            notice.appendChild(make("p", next_step, "next"))
        self._put(kind, notice)

    def ask(self, kind: str, text: str, on_answer: Callable[[str], None]) -> None:
        """Show a question of an item, with a field for the answer."""
        form = make("form", cls="notice", data_tone="warn")
        form.appendChild(make_icon("hand"))
        label = make("label", text)
        answer = make("input", type="text", autocomplete="off")
        label.appendChild(answer)
        form.appendChild(label)
        form.appendChild(make("button", "Answer", type="submit"))

        def answered(event: Any) -> None:
            event.preventDefault()
            self.withdraw(kind)
            on_answer(str(answer.value))

        listen(form, "submit", answered)
        self._put(kind, form)

    def withdraw(self, kind: str) -> None:
        """Take a notice away."""
        if kind in self._shown:
            self._shown.pop(kind).remove()

    def _put(self, kind: str, notice: Any) -> None:
        self.withdraw(kind)
        self._shown[kind] = notice
        self._box.appendChild(notice)
        unveil()
