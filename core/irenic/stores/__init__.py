"""Where journals, states, inputs and history live."""

from typing import TYPE_CHECKING, Any

from irenic.stores.memory import MemoryStore

if TYPE_CHECKING:
    from irenic.stores.file import FileStore
    from irenic.stores.history import StateChange, state_history
    from irenic.stores.http import HttpStore

__all__ = ["FileStore", "HttpStore", "MemoryStore", "StateChange", "state_history"]

_MODULES = {"FileStore": "file", "HttpStore": "http", "StateChange": "history", "state_history": "history"}


def __getattr__(name: str) -> Any:
    """Load a store when it is first asked for: the one on the disk needs what a tab does not have."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
