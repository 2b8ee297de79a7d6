"""Where journals, states, inputs and history live."""

from typing import TYPE_CHECKING, Any

from irenic.stores.history import StateChange, state_history
from irenic.stores.memory import MemoryStore

if TYPE_CHECKING:
    from irenic.stores.file import FileStore
    from irenic.stores.http import HttpStore

__all__ = ["FileStore", "HttpStore", "MemoryStore", "StateChange", "state_history"]


def __getattr__(name: str) -> Any:
    """Load a store when it is first asked for: the one on the disk needs what a tab does not have."""
    if name == "FileStore":
        from irenic.stores.file import FileStore

        return FileStore
    if name == "HttpStore":
        from irenic.stores.http import HttpStore

        return HttpStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
