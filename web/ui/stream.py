"""An execution followed from afar: the server's stream of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import held
from ui.api import ROOT
from ui.browser import later, reporter, to_python, window

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSED = 2
_AGAIN_MS = 1000


class Stream:
    """Listens to an execution until its outcome is there or it is closed.

    The browser reconnects by itself where a connection breaks; where the server refused, for instance because it has
    not heard of the execution yet, the stream asks again after a second.
    """

    def __init__(
        self,
        execution_id: str,
        after: int = -1,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        on_interrupt: Callable[[dict[str, Any]], None] | None = None,
        on_outcome: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.execution_id = execution_id
        self._address = f"{ROOT}/executions/{execution_id}/stream?after={after}"
        self._on_event = on_event
        self._on_interrupt = on_interrupt
        self._on_outcome = on_outcome
        self._over = False
        self._source: Any = None
        self._open()

    def close(self) -> None:
        """Stop listening."""
        self._over = True
        if self._source is not None:
            self._source.close()
            # It holds this stream by its listeners: neither would ever be let go of.
            self._source = None

    def _open(self) -> None:
        if self._over:
            return
        self._source = window.EventSource.new(self._address)
        self._source.addEventListener("journal", lambda message: self._take(self._on_event, message))
        self._source.addEventListener("interrupt", lambda message: self._take(self._on_interrupt, message))
        self._source.addEventListener("outcome", self._ended)
        self._source.addEventListener("error", self._broken)

    def _take(
        self,
        handler: Callable[[dict[str, Any]], None] | None,
        message: Any,
        read: Callable[[Any], dict[str, Any]] = to_python,
    ) -> None:
        if handler is None or self._over:
            return
        try:
            handler(read(held.reader.read(message)))
        except Exception as error:
            reporter.report(error)

    def _ended(self, message: Any) -> None:
        self._take(self._on_outcome, message, held.outcome)
        self.close()

    def _broken(self, event: Any) -> None:
        if self._source is not None and int(self._source.readyState) == _CLOSED:
            later(_AGAIN_MS, self._open)
