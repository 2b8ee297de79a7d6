"""A dict that forgets what was not asked for lately."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Remembered(Generic[V]):
    """Keeps the values that were used last, up to a bound."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        """Return a value, or None where it is not known or was forgotten."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: str, value: V) -> V:
        """Keep a value and return it."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._bound:
            self._values.popitem(last=False)
        return value

    def forget(self, key: str) -> None:
        """Forget a value."""
        self._values.pop(key, None)
