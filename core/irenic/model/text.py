"""Text that goes into a journal, or to a person."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

T = TypeVar("T")

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What would move a terminal's cursor, change its colours or its settings, or the order of the text around it."""


def writable(text: str) -> str:
    r"""Return a text with what cannot be written as UTF-8 shown as an escape, such as ``\udc80``.

    Such halves of surrogate pairs are what Python makes of bytes in a file's name that are no UTF-8.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def visible(text: str) -> str:
    r"""Return a text with what a terminal would obey, rather than show, as an escape such as ``\x1b``; lines stay."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(match: re.Match[str]) -> str:
    return ascii(match.group())[1:-1]


def with_texts(value: T, change: Callable[[str], str]) -> T:
    """Return data, or a model, with every text in it changed; where none changes it is the same object."""
    changed: T = _with_texts(value, change)
    return changed


def _with_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        text = change(value)
        return value if text == value else text
    if isinstance(value, dict):
        entries = {_with_texts(key, change): _with_texts(element, change) for key, element in value.items()}
        same = all(map(_is, entries, value)) and all(map(_is, entries.values(), value.values()))
        return value if same and len(entries) == len(value) else entries
    if isinstance(value, (list, tuple)):
        elements = [_with_texts(element, change) for element in value]
        return value if all(map(_is, elements, value)) else type(value)(elements)
    if isinstance(value, BaseModel):
        fields = value.__dict__
        changed = {name: new for name, old in fields.items() if (new := _with_texts(old, change)) is not old}
        return value.model_copy(update=changed) if changed else value
    return value


def _is(one: Any, other: Any) -> bool:
    return one is other
