"""Where journals, states, inputs and history live."""

from typing import TYPE_CHECKING, Any

from irenic.stores.memory import MemoryStore

if TYPE_CHECKING:
    from irenic.stores.http import HttpStore

__all__ = ["HttpStore", "MemoryStore"]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: each brings what only its own platform needs.
    if name == "HttpStore":
        from irenic.stores.http import HttpStore

        return HttpStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
