"""The automation core in its worker, as the page's Python sees it: messages there and back, as plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui import api, held
from ui.browser import BASE, document, import_module, reporter, to_js, to_python, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOLDER_KEY = "irenic.holder"
_SHARE_MS = 6.0
"""So much of a frame may go by on reading messages, and until the part of one is read that was begun."""
_MANY = ("events", "progress", "outcome")
"""Messages that may be many or long: they wait for a frame, and everything else behind them."""

_AS_OBJECTS = ("file", "flow_loaded", "preview")
"""Messages that are handed over as JavaScript objects."""


class Core:
    """Starts the core of a flow and talks to it; ``on_message`` is called with each of its messages, in order.

    What comes in floods is read some at a time: ``on_flood`` is called to have ``deliver`` called in the next frame.
    Of what is long, ``on_message`` returns an iterator, which takes a part of it at each step.
    A message that carries a file is handed over as the JavaScript object that it is, and so are the picture of a flow,
    which the page has by itself, and a preview, of which most need not be read.
    """

    def __init__(self, on_message: Callable[[str, Any], Iterator[None] | None], on_flood: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_flood = on_flood
        self._waiting: list[tuple[str, Any, Any]] = []
        self._begun: Iterator[None] | None = None
        self._core: Any = None
        self.ready = False

    @property
    def started(self) -> bool:
        """Whether there is a worker, awake or not."""
        return self._core is not None

    async def start(self, flow: str, source: str, wheels: list[str], holder: str) -> None:
        """Start a worker and have it load a flow."""
        window.sessionStorage.setItem(HOLDER_KEY, holder)
        module = await import_module(f"{BASE}boot/core.mjs")
        options = to_js({"flow": flow} if api.server.is_there else {"flow": flow, "server": None})
        options.onMessage = self._take
        self._core = module.startCore(options)
        self.post({"type": "load_flow", "name": f"{flow}.py", "source": source, "wheels": wheels})

    def post(self, message: dict[str, Any]) -> None:
        """Send a message; it waits until the core is awake."""
        self._core.post(to_js(message))

    def interrupt(self, level: str, execution_id: str, source: str = "user", reason: str | None = None) -> None:
        """Ask an execution to stop; ``abandon`` ends the worker and starts another."""
        if level == "abandon":
            self.ready = False
        self._core.interrupt(level, to_js({"execution_id": execution_id, "source": source, "reason": reason}))

    def _take(self, message: Any, text: Any = None) -> None:
        kind = str(message.type)
        if document.hidden:  # there are no frames, and nothing to hold up
            self.deliver()
            self._begun = self._read(kind, message, text)
            self.deliver()
        elif self._begun is not None or self._waiting or kind in _MANY:
            self._waiting.append((kind, message, text))
            self._on_flood()
        else:
            self._read(kind, message, text)

    def deliver(self) -> bool:
        """Read what waits, as much as a frame has room for, and return whether there is more."""
        began = window.performance.now()
        at = 0
        while document.hidden or window.performance.now() - began < _SHARE_MS:
            if self._begun is not None:
                self._go_on(self._begun)
            elif at < len(self._waiting):
                self._begun = self._read(*self._waiting[at])
                at += 1
            else:
                break
        self._waiting = self._waiting[at:]
        return self._begun is not None or len(self._waiting) > 0

    def _go_on(self, begun: Iterator[None]) -> None:
        try:
            next(begun)
        except StopIteration:
            self._begun = None
        except Exception as error:
            self._begun = None
            reporter.report(error)

    def _read(self, kind: str, message: Any, text: Any) -> Iterator[None] | None:
        try:
            if kind in _AS_OBJECTS:
                return self._on_message(kind, message)
            if kind == "outcome":
                return self._on_message(kind, {"outcome": held.outcome(message.outcome)})
            return self._on_message(kind, json.loads(str(text)) if text is not None else to_python(message))
        except Exception as error:
            reporter.report(error)
            return None
