"""Automation that can be stopped at any moment and picked up again.

Each name is loaded when it is first asked for, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irenic.engine.platform import set_default_platform

if TYPE_CHECKING:
    from irenic.engine.execution import CmdExecution
    from irenic.engine.execution_map import CmdExecutionMap
    from irenic.engine.platform import Platform
    from irenic.engine.request import CmdExecRequest
    from irenic.flow.context import ItemContext
    from irenic.flow.flow import Flow
    from irenic.flow.generated import Generated
    from irenic.flow.item import ApplyCheck, Item, ItemInteraction, StateDiff
    from irenic.flow.limit import Limit
    from irenic.flow.params import PartialParams
    from irenic.flow.ref import Ref
    from irenic.model.cmd import Cmd
    from irenic.model.errors import IrenicError, ItemFailure
    from irenic.model.interrupt import InterruptLevel, InterruptReply, InterruptSignal, InterruptStrategy
    from irenic.model.outcome import (
        BlockInterrupted,
        CmdOutcome,
        Complete,
        ExecutionInterrupted,
        Failed,
        ItemErrorOutcome,
        Lost,
        Refused,
    )
    from irenic.model.progress import ProgressLimit, ProgressStatus

__version__ = "0.1.0"

__all__ = [
    "ApplyCheck",
    "BlockInterrupted",
    "Cmd",
    "CmdExecRequest",
    "CmdExecution",
    "CmdExecutionMap",
    "CmdOutcome",
    "Complete",
    "ExecutionInterrupted",
    "Failed",
    "Flow",
    "Generated",
    "InterruptLevel",
    "InterruptReply",
    "InterruptSignal",
    "InterruptStrategy",
    "IrenicError",
    "Item",
    "ItemContext",
    "ItemErrorOutcome",
    "ItemFailure",
    "ItemInteraction",
    "Limit",
    "Lost",
    "PartialParams",
    "ProgressLimit",
    "ProgressStatus",
    "Ref",
    "Refused",
    "StateDiff",
]

_ROOMS = {
    "ApplyCheck": "flow.item",
    "BlockInterrupted": "model.outcome",
    "Cmd": "model.cmd",
    "CmdExecRequest": "engine.request",
    "CmdExecution": "engine.execution",
    "CmdExecutionMap": "engine.execution_map",
    "CmdOutcome": "model.outcome",
    "Complete": "model.outcome",
    "ExecutionInterrupted": "model.outcome",
    "Failed": "model.outcome",
    "Flow": "flow.flow",
    "Generated": "flow.generated",
    "InterruptLevel": "model.interrupt",
    "InterruptReply": "model.interrupt",
    "InterruptSignal": "model.interrupt",
    "InterruptStrategy": "model.interrupt",
    "IrenicError": "model.errors",
    "Item": "flow.item",
    "ItemContext": "flow.context",
    "ItemErrorOutcome": "model.outcome",
    "ItemFailure": "model.errors",
    "ItemInteraction": "flow.item",
    "Limit": "flow.limit",
    "Lost": "model.outcome",
    "PartialParams": "flow.params",
    "ProgressLimit": "model.progress",
    "ProgressStatus": "model.progress",
    "Ref": "flow.ref",
    "Refused": "model.outcome",
    "StateDiff": "flow.item",
}


def __getattr__(name: str) -> Any:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{room}"), name)
    return value


def _default_platform() -> "Platform":
    from irenic.items.platform import platform  # loaded when first needed: it brings the platform's own packages

    return platform()


set_default_platform(_default_platform)
