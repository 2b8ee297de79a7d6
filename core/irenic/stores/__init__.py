"""Where journals, states, inputs and history live."""

from typing import TYPE_CHECKING, Any

from irenic.stores.memory import MemoryStore

if TYPE_CHECKING:
    from irenic.stores.file import FileStore

__all__ = ["FileStore", "MemoryStore"]


def __getattr__(name: str) -> Any:
    """Load a store when it is first asked for: the one on the disk needs what a tab does not have."""
    if name == "FileStore":
        from irenic.stores.file import FileStore

        return FileStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
