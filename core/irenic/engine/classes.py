"""Finding the class of an item again by the name under which it is stored."""

import importlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from irenic.engine.item_run import FLOW_FILE, type_name
from irenic.flow.flow import Flow
from irenic.flow.item import Item


def is_of_another_class(flow: Flow, stored_type: str, cls: type) -> bool:
    """Return whether what is stored is of a class that is still there and has nothing to do with ``cls``.

    One that is not there any more may have been renamed, and one that is related may be its successor.
    """
    if stored_type == type_name(cls):
        return False
    stored = find_class(flow, stored_type)
    return stored is not None and not issubclass(cls, stored) and not issubclass(stored, cls)


def find_class(flow: Flow, type_name: str) -> type[Item[Any, Any]] | None:
    """Return the class of an item by the name under which it is stored, or None where there is none."""
    module, _, name = type_name.partition(":")
    for root in _namespaces(flow, module):
        found: Any = root
        for step in name.split("."):
            found = found.get(step) if isinstance(found, Mapping) else getattr(found, step, None)
        if isinstance(found, type) and issubclass(found, Item):
            return found
    return None


def _namespaces(flow: Flow, module: str) -> Iterable[Any]:
    if module == FLOW_FILE:
        if flow.namespace is not None:
            yield flow.namespace
        modules = dict.fromkeys(type(item).__module__ for item in flow.items.values())
        for own in (*modules, "__main__"):
            if own in sys.modules:
                yield vars(sys.modules[own])
        return
    try:
        yield vars(importlib.import_module(module))
    except (Exception, SystemExit):  # the package is gone, or cannot be imported here
        return
