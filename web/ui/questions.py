"""The questions that items wait to have answered: each has a notice of its own, until it is answered or over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Notices(Protocol):
        """Where questions are shown."""

        def ask(self, kind: str, text: str, on_answer: Callable[[str], None]) -> None:
            """Show a question."""

        def withdraw(self, kind: str) -> None:
            """Take a question away."""


_ENDS = ("item_result", "item_error")


class Questions:
    """Shows questions; ``on_answer`` is called with the id of one and its answer."""

    def __init__(self, notices: Notices, on_answer: Callable[[str, str], None]) -> None:
        self._notices = notices
        self._on_answer = on_answer
        self._items: dict[str, str] = {}

    def ask(self, id: str, item: str, prompt: str) -> None:
        """Show a question of an item beside those that are open."""
        self._items[id] = item
        self._notices.ask(_notice(id), f"{item} asks: {prompt}", lambda value: self._answered(id, value))

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event of the execution: it may say that a question is over."""
        if event["kind"] == "answered":
            self._withdraw(event["ask_id"])
        elif event["kind"] in _ENDS:
            for id in [id for id, item in self._items.items() if item == event["item"]]:
                self._withdraw(id)

    def clear(self) -> None:
        """Take all questions away: who asked them waits no more."""
        for id in list(self._items):
            self._withdraw(id)

    def _answered(self, id: str, value: str) -> None:
        self._withdraw(id)
        self._on_answer(id, value)

    def _withdraw(self, id: str) -> None:
        if self._items.pop(id, None) is not None:
            self._notices.withdraw(_notice(id))


def _notice(id: str) -> str:
    return f"ask {id}"
