"""The automation core in its worker, as the page's Python sees it: messages there and back, as plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui.browser import import_module, reporter, to_js, to_python, window

if TYPE_CHECKING:
    from collections.abc import Callable

HOLDER_KEY = "irenic.holder"


class Core:
    """Starts the core of a flow and talks to it; ``on_message`` is called with each of its messages.

    A message that carries a file is handed over as the JavaScript object that it is, and so is the picture of a flow,
    which the page has by itself.
    """

    def __init__(self, on_message: Callable[[str, Any], None]) -> None:
        self._on_message = on_message
        self._core: Any = None
        self.ready = False

    @property
    def started(self) -> bool:
        """Whether there is a worker, awake or not."""
        return self._core is not None

    async def start(self, flow: str, source: str, wheels: list[str], holder: str) -> None:
        """Start a worker and have it load a flow."""
        window.sessionStorage.setItem(HOLDER_KEY, holder)
        module = await import_module("/boot/core.mjs")
        options = to_js({"flow": flow})
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
        try:
            kind = str(message.type)
            if kind in ("file", "flow_loaded"):
                self._on_message(kind, message)
                return
            value = json.loads(str(text)) if text is not None else to_python(message)
            self._on_message(kind, value)
        except Exception as error:
            reporter.report(error)
