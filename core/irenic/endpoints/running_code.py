"""Finds out what the running Python code belongs to, for a signal handler that interrupted it."""

from types import FrameType
from typing import NamedTuple

PROTECTED = (
    *("irenic.engine.", "irenic.stores.", "irenic.endpoints.", "irenic.model."),
    *("asyncio.", "logging.", "pyodide.", "_pyodide."),
)
"""Packages whose code is not left half-way; an exception is thrown into what called it, a moment later."""


class Place(NamedTuple):
    """Where the running code is: inside one of an item's functions, and there in code that is not left half-way."""

    in_item: bool
    protected: bool


def place_of(frame: FrameType | None) -> Place:
    """Return where a frame is, by the frames that called it."""
    protected = False
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "irenic.engine.item_run" and frame.f_code.co_name == "call":
            return Place(True, protected)
        protected = protected or f"{module}.".startswith(PROTECTED)
        frame = frame.f_back
    return Place(False, protected)
