"""Outcomes and progress for tests of what is shown of them, with times that are always the same."""

from typing import Any

from irenic.model.outcome import CmdOutcome, cmd_outcome
from irenic.model.progress import ExecutionProgress, ItemProgress, ProgressLimit, ProgressStatus
from irenic.model.record import ExecutionRecord

EXECUTION = "01M86MQWZGBVQB4PDMD7H5X27W"
BEGAN = "2026-11-24T12:00:00.000Z"
ENDED = "2026-11-24T12:00:17.250Z"

_PLAN = ["states_discover", "verdict", "apply"]


def outcome_of(kind: str, **fields: Any) -> CmdOutcome:
    """Return an outcome of an ensure of three items; fields replace those that it has by itself."""
    stopped = kind != "complete"
    cmds = fields.pop("cmd", "ensure")
    whole: dict[str, Any] = {
        "kind": kind,
        "execution_id": EXECUTION,
        "flow": "download",
        "profile": "dev",
        "cmds": {"done": [] if stopped else [cmds], "not_done": [cmds] if stopped else []},
        "blocks": {"done": _PLAN[:-1] if stopped else _PLAN, "not_done": ["apply"] if stopped else []},
        "items": {"done": ["archive", "site", "upload"]},
        "states": {
            "archive": {"current": {"path": "app.zip", "size": 12345}, "goal": {"path": "app.zip", "size": 12345}},
            "site": {"current": {"files": 3}, "goal": {"files": 3}},
            "upload": {"current": {"url": None}, "goal": {"url": "https://example.org/app"}},
        },
        "started_at": BEGAN,
        "ended_at": ENDED,
    }
    return cmd_outcome.validate_python({**whole, **fields})


def interrupted(**fields: Any) -> CmdOutcome:
    """Return the outcome of an execution that Ctrl-C stopped after its first item."""
    interrupt = {
        "source": "sigint",
        "reason": None,
        "level": "cancel",
        "requested_at": "2026-11-24T12:00:05.000Z",
        "settled_at": ENDED,
    }
    items = {"done": ["archive"], "not_done": ["upload"], "unknown": ["site"]}
    return outcome_of("block_interrupted", **{"items": items, "interrupt": interrupt, **fields})


def failed_item(**fields: Any) -> CmdOutcome:
    """Return the outcome of an execution one item of which failed."""
    error = {
        "type": "ItemFailure",
        "message": "the disk is full:\nmake room, then run this again.",
        "phase": "apply",
        "causes": ["OSError: [Errno 28] No space left on device"],
    }
    items = {"done": ["archive"], "not_done": ["site", "upload"]}
    return outcome_of("item_error", **{"items": items, "errors": {"site": error}, **fields})


def refused(**fields: Any) -> CmdOutcome:
    """Return the outcome of an execution that found another world than was stored."""
    refusal = {
        "reason": "drift",
        "message": "site was changed outside irenic.",
        "stored": {"files": 3},
        "discovered": {"files": 2},
        "goal": {"files": 3},
    }
    items = {"done": [], "not_done": ["archive", "site", "upload"]}
    blocks = {"done": _PLAN[:1], "not_done": _PLAN[1:]}
    told = {"message": "changed outside irenic: site. Nothing was applied.", "refusals": {"site": refusal}}
    return outcome_of("refused", **{"items": items, "blocks": blocks, **told, **fields})


def record_of(**fields: Any) -> ExecutionRecord:
    """Return the record of a running ensure."""
    whole = {"id": EXECUTION, "flow": "download", "profile": "dev", "cmds": ["ensure"], "started_at": BEGAN}
    return ExecutionRecord.model_validate({**whole, **fields})


def progress_of(*items: ItemProgress, **fields: Any) -> ExecutionProgress:
    """Return the progress of a running ensure, with the given items."""
    whole = {"execution_id": EXECUTION, "cmd": "ensure", "block": "apply", **fields}
    return ExecutionProgress(items={item.item: item for item in items}, **whole)


def item_of(item: str, status: str, **fields: Any) -> ItemProgress:
    """Return an item's progress; ``total`` bytes or ``steps`` are its limit."""
    limit = None
    if "total" in fields:
        limit = ProgressLimit.bytes(fields.pop("total"))
    elif "steps" in fields:
        limit = ProgressLimit.steps(fields.pop("steps"))
    return ItemProgress(item=item, status=ProgressStatus(status), limit=limit, **fields)
