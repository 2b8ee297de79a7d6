"""What the address of the page says: which flow, profile, item, execution and panel are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.browser import document, listen, window

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("flow", "profile", "execution", "item", "panel")


def chosen(name: str) -> str | None:
    """Return what the address says of ``name``; None where it says nothing."""
    value = window.URLSearchParams.new(window.location.search).get(name)
    return None if value is None or str(value) == "" else str(value)


def choose(**values: str | None) -> None:
    """Write the choice into the address without leaving the page; None takes a name out of it."""
    address = _changed(values)
    if str(address) != str(window.location.href):
        window.history.replaceState(None, "", address)


def visit(**values: str | None) -> None:
    """Write the choice into the address as a step that the browser's Back takes back."""
    address = _changed(values)
    if str(address) != str(window.location.href):
        window.history.pushState(None, "", address)


def on_return(handler: Callable[[Any], None]) -> None:
    """Call a handler when the browser has gone back or forward to another step of :func:`visit`."""
    # Not `window`: its methods, once PyScript has replaced them, do not know whose they are.
    listen(document.defaultView, "popstate", handler)


def go(**values: str | None) -> None:
    """Load the page anew with another choice."""
    window.location.assign(_changed(values))


def load_again() -> None:
    """Load the page anew with the same choice."""
    window.location.reload()


def absolute(path: str) -> str:
    """Return the whole address of a file of the site."""
    return str(window.URL.new(path.lstrip("/"), document.baseURI).href)


def _changed(values: dict[str, str | None]) -> str:
    address = window.URL.new(window.location.href)
    for name, value in values.items():
        if value is None:
            address.searchParams.delete(name)
        else:
            address.searchParams.set(name, value)
    return str(address.href)
