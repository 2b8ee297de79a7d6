"""What a fresh interpreter in the tab needs before it is used."""

import random
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def renew() -> None:
    """Undo what an interpreter restored from a snapshot shares with all others from the same one.

    The generator of :mod:`random` is seeded anew; :func:`os.urandom` and what builds on it ask the browser each time.
    """
    random.seed()
    sys.path[:] = dict.fromkeys(sys.path)


class LibraryGate(MetaPathFinder):
    """Has the standard library's file fetched when a module is imported that the snapshot does not hold.

    It finds nothing itself and is gone after the first time.
    """

    def __init__(self, require: Callable[[], None]) -> None:
        self._require = require
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See :class:`importlib.abc.MetaPathFinder`."""
        self.open()
        return None

    def open(self) -> None:
        """Have the file, and step aside."""
        self._require()
        if self in sys.meta_path:
            sys.meta_path.remove(self)
