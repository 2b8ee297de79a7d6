"""JSON that every reader understands: nothing else is let in, and what an older server let in is given back as JSON."""

import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json, to_json

_may_overflow = re.compile(rb"(?:\A|[:\[,])\s*-?(?:\d[\d.]*[eE]\+?\d\d|\d{300})")
"""What numbers look like that may be too large: an exponent of two digits, or very many digits."""


def read_json(raw: bytes | str) -> Any:
    """Return the value of a JSON text.

    :raises ValueError: if it is not JSON in UTF-8, nests too deeply, or holds a number that is too large for JSON's
        readers, which would read it as infinite.
    """
    value = from_json(raw, allow_inf_nan=False)
    encoded = raw.encode() if isinstance(raw, str) else raw
    if _may_overflow.search(encoded) and any(not math.isfinite(number) for number in _floats(value)):
        raise ValueError("a number is too large")
    return value


def _floats(value: Any) -> Iterator[float]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, float):
            yield found
        elif isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def readable(text: str) -> str:
    """Return stored JSON as it is, or with null for each number that is none."""
    if "Infinity" not in text and "NaN" not in text:
        return text
    # Most often these are words of a text.
    return to_json(from_json(text), inf_nan_mode="null").decode()
