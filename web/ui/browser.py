"""The browser as the page's modules see it: the only module that imports ``js`` and ``pyscript``."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import js
import pyscript

from ui import units

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

window: Any = js
document: Any = js.document

BASE = str(window.URL.new(".", document.baseURI).pathname)
"""The path below which the site lies, with a slash at its end; ``/`` unless a proxy serves it below another."""

SVG = "http://www.w3.org/2000/svg"

_LEFT_WITHIN_MS = 10_000.0


class Reporter:
    """Where errors go that no handler expected; the page shows them in words."""

    def __init__(self) -> None:
        self.report: Callable[[BaseException], None] = self.to_console

    def to_console(self, error: BaseException) -> None:
        """Write an error to the browser's console, with where it came from."""
        trace = io.StringIO()
        sys.print_exception(error, trace)  # type: ignore[attr-defined]  # MicroPython's
        window.console.error(trace.getvalue())


reporter = Reporter()


# Elements.


def by_id(id: str) -> Any:
    """Return the element of the page with this id."""
    return document.getElementById(id)


def make(tag: str, text: str = "", cls: str = "", **attributes: str) -> Any:
    """Make an element; ``_`` in an attribute's name stands for ``-``."""
    element = document.createElement(tag)
    if text:
        element.textContent = text
    if cls:
        element.className = cls
    for name, value in attributes.items():
        element.setAttribute(name.rstrip("_").replace("_", "-"), value)
    return element


def make_svg(tag: str, **attributes: str) -> Any:
    """Make an SVG element; ``_`` in an attribute's name stands for ``-``."""
    element = document.createElementNS(SVG, tag)
    for name, value in attributes.items():
        element.setAttribute(name.rstrip("_").replace("_", "-"), value)
    return element


def make_icon(name: str) -> Any:
    """Make an icon out of the page's sprite; words stand beside it, so it is hidden from screen readers."""
    icon = make_svg("svg", class_="icon", aria_hidden="true", focusable="false")
    icon.appendChild(make_svg("use", href=f"#icon-{name}"))
    return icon


def set_icon(icon: Any, name: str) -> None:
    """Make an icon show another shape."""
    icon.firstElementChild.setAttribute("href", f"#icon-{name}")


def clear(element: Any) -> None:
    """Take all children away."""
    element.replaceChildren()


def unveil() -> None:
    """Show what would have moved while there was nothing yet to draw."""
    by_id("main").removeAttribute("aria-busy")


def show(element: Any, shown: bool) -> None:
    """Show or hide an element."""
    element.hidden = not shown


# Events and tasks.


def listen(element: Any, event: str, handler: Callable[[Any], None]) -> None:
    """Call a handler on an event; what it raises is reported."""

    def guarded(happened: Any) -> None:
        try:
            handler(happened)
        except Exception as error:
            reporter.report(error)

    element.addEventListener(event, guarded)


def spawn(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine beside the rest; what it raises is reported."""

    async def guarded() -> None:
        try:
            await coroutine
        except Exception as error:
            reporter.report(error)

    return asyncio.create_task(guarded())


async def together(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines side by side until all have ended; then raise what the first of those that failed has raised."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def later(milliseconds: int, callback: Callable[[], None]) -> Any:
    """Call something after a time; what it raises is reported."""

    def guarded() -> None:
        try:
            callback()
        except Exception as error:
            reporter.report(error)

    return window.setTimeout(guarded, milliseconds)


class Departure:
    """Tells whether this page is being left.

    Firefox then breaks off at once what was asked for, which looks as if the server were away, while the page stays on
    screen until the next one has come.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self.asks_first: Callable[[], bool] = lambda: False  # whether the browser asks before the page is left
        listen(window, "beforeunload", self._begun)

    def _begun(self, event: Any) -> None:
        self._until = window.performance.now() + _LEFT_WITHIN_MS
        if self.asks_first():
            event.preventDefault()

    async def over(self) -> None:
        """Return at once where nobody leaves; otherwise when the page is still there after a time."""
        await asyncio.sleep(max(0.0, self._until - window.performance.now()) / 1000)


class Painter:
    """Calls ``paint`` once in the next frame, however often it is asked to.

    A hidden tab gets no frames, but its title and icon still have to tell the status: there a timer stands in.
    """

    def __init__(self, paint: Callable[[], None]) -> None:
        self._paint = paint
        self._asked = False
        document.addEventListener("visibilitychange", self._seen_or_not)

    def request(self) -> None:
        """Ask for a paint."""
        if self._asked:
            return
        self._asked = True
        if document.hidden:
            window.setTimeout(self._now, 250)
        else:
            window.requestAnimationFrame(self._now)

    def _seen_or_not(self, event: Any) -> None:
        self._asked = False  # a frame that was asked for does not come while the tab is hidden
        self.request()

    def _now(self, time: float = 0.0) -> None:
        self._asked = False
        try:
            self._paint()
        except Exception as error:
            reporter.report(error)


# Values.


def to_js(value: Any) -> Any:
    """Turn plain Python data into plain JavaScript data."""
    return window.JSON.parse(json.dumps(value))


def to_python(value: Any) -> Any:
    """Turn plain JavaScript data into plain Python data; the order of keys is lost."""
    return json.loads(window.JSON.stringify(value))


def ordered(value: Any) -> Any:
    """Turn plain JavaScript data into plain Python data and keep the order of keys; slower than ``to_python``."""
    return _in_order(to_python(value), value)


def _in_order(plain: Any, value: Any) -> Any:
    """Put keys in the order they have in JavaScript.

    Everything else is taken from ``plain``: MicroPython cuts whole numbers to 32 bits where they come by themselves.
    """
    if isinstance(plain, list):
        return [_in_order(part, value[at]) for at, part in enumerate(plain)]
    if isinstance(plain, dict):
        return OrderedDict([(key, _in_order(plain[key], getattr(value, key))) for key in window.Object.keys(value)])
    return plain


def matches(pattern: str, text: str) -> bool:
    """Whether a regular expression, as JavaScript has them, is found in a text."""
    return bool(window.RegExp.new(pattern).test(text))


async def import_module(address: str) -> Any:
    """Import a JavaScript module."""
    (module,) = await pyscript.js_import(address)
    return module


async def shortened(value: Any) -> Any:
    """Cut the long values of states in a JavaScript object to what is shown, and return it."""
    return (await import_module(f"{BASE}ui/held.mjs")).shortened(value)


async def keep_site() -> bool:
    """Have the browser keep the site for visits without the server; return whether it does."""
    try:
        module = await import_module(f"{BASE}boot/offline.mjs")
        return bool(await module.keepSite())
    except Exception as error:
        window.console.info(f"the site is not kept for visits without the server: {error!r}")
        return False


# The clock, chance, memory.


def timestamp() -> str:
    """Return the time now as RFC 3339 text in UTC with milliseconds."""
    return str(window.Date.new().toISOString())


def now() -> float:
    """Return the Unix time now, in seconds."""
    return units.epoch(timestamp())


def local_time(at: str) -> str:
    """Write a timestamp as the time of day here, with the date where it is not today."""
    then, today = window.Date.new(at), window.Date.new()
    time = str(then.toLocaleTimeString())
    if str(then.toDateString()) == str(today.toDateString()):
        return time
    return f"{then.toLocaleDateString()} {time}"


def local_day(at: str) -> str:
    """Write a timestamp as a day and a time here, for a sentence: ``30 Nov 14:02``."""
    then = window.Date.new(at)
    day, month = int(then.getDate()), _MONTHS[int(then.getMonth())]
    return f"{day} {month} {int(then.getHours()):02d}:{int(then.getMinutes()):02d}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def random_bytes(count: int) -> bytes:
    """Return random bytes that nobody can foretell."""
    return bytes(list(window.crypto.getRandomValues(window.Uint8Array.new(count))))


def remembered(key: str) -> str | None:
    """Return what this browser remembers under a key; None where it remembers nothing or may not."""
    try:
        value = window.localStorage.getItem(key)
    except Exception:
        return None
    return None if value is None else str(value)


def remember(key: str, value: str) -> None:
    """Remember a value in this browser, where it lets us."""
    try:
        window.localStorage.setItem(key, value)
    except Exception as error:
        window.console.info(f"this browser remembers nothing: {error!r}")
