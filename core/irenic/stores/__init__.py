"""Where journals, states, inputs and history live."""

from irenic.stores.memory import MemoryStore

__all__ = ["MemoryStore"]
