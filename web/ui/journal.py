"""How the events of a journal read as lines of a log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui import sentences

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG_TONES = {"warning": "warn", "error": "bad"}
_MINOR = {
    "cmd_started",
    "cmd_ended",
    "block_started",
    "block_ended",
    "item_state",
    "item_status",
    "item_position",
    "item_kept",
    "state_moved",
}


class Line:
    """One line of the log."""

    def __init__(self, at: str, text: str, tone: str = "idle") -> None:
        self.at = at
        self.text = text
        self.tone = tone


def is_minor(event: dict[str, Any]) -> bool:
    """Whether an event is shown only where every event is asked for."""
    kind = event["kind"]
    return kind not in MAJOR or (kind == "log" and event.get("level") == "debug")


def line(event: dict[str, Any], sentence: Callable[[dict[str, Any]], str] = sentences.outcome_sentence) -> Line:
    """Return the line that an event is.

    :param sentence: says how the execution has ended, of its outcome.
    """
    kind = event["kind"]
    if kind == "execution_ended":
        return Line(event["at"], sentence(event["outcome"]), _end_tone(event["outcome"]))
    told = _TELLERS.get(kind)
    if told is None:
        return Line(event["at"], f"{kind} {_rest(event)}".strip())
    text, tone = told(event)
    return Line(event["at"], text, tone)


def _rest(event: dict[str, Any]) -> str:
    left = {key: event[key] for key in event if key not in ("execution_id", "seq", "at", "kind")}
    text = json.dumps(left) if left else ""
    return text if len(text) <= 300 else text[:299] + "…"


def _started(event: dict[str, Any]) -> tuple[str, str]:
    dry = ", dry run" if event.get("dry_run") else ""
    return f"Started: {', '.join(event.get('cmds', []))}{dry}", "idle"


def _block(event: dict[str, Any]) -> tuple[str, str]:
    ended = " done" if event["kind"].endswith("_ended") else ""
    return f"{event.get('block') or event.get('cmd')}{ended}", "idle"


def _state(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: {event['which']} state {json.dumps(event.get('state'))}", "idle"


def _status(event: dict[str, Any]) -> tuple[str, str]:
    message = event.get("message")
    return f"{event['item']}: {event['status']}" + (f", {message}" if message else ""), "idle"


def _position(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: at {event['position']}", "idle"


def _intent(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: {event['direction']} begins", "idle"


def _result(event: dict[str, Any]) -> tuple[str, str]:
    item, result = event["item"], event["result"]
    if result == "applied":
        return f"{item}: {event['direction']} done", "good"
    if result == "unchanged":
        return f"{item}: nothing to do", "idle"
    if result == "cancelled" and event.get("state") is not None:
        return f"{item}: stopped before it was applied", "warn"
    if result == "cancelled":
        return f"{item}: cancelled half-way", "warn"
    return f"{item}: failed: {(event.get('error') or {}).get('message', '')}", "bad"


def _error(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: {event['error'].get('message', '')}", "bad"


def _interrupt(event: dict[str, Any]) -> tuple[str, str]:
    signal = event["signal"]
    reason = f": {signal['reason']}" if signal.get("reason") else ""
    return f"Stop ({signal.get('level') or 'finish'}) asked for by {signal.get('source')}{reason}", "warn"


def _swallowed(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: was cancelled and went on to its end all the same", "warn"


def _log(event: dict[str, Any]) -> tuple[str, str]:
    item = f"{event['item']}: " if event.get("item") else ""
    level = event.get("level", "info")
    return item + event["text"], _LOG_TONES.get(level, "idle")


def _child(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']} has started process {event['child']['pid']}", "idle"


def _ask(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']} asks: {event['prompt']}", "warn"


def _answered(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: answered", "idle"


def _cut(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['endpoint']} was cut off: {event['reason']}", "warn"


def _verdict(event: dict[str, Any]) -> tuple[str, str]:
    drift = event.get("drift") is not None
    return f"{event['item']}: {event['message']}", "warn" if drift else "idle"


def _kept(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: so far {json.dumps(event.get('state'))}", "idle"


def _leftovers(event: dict[str, Any]) -> tuple[str, str]:
    told = [f"{each['item']} ({_REASONS.get(each['reason'], each['reason'])})" for each in event["leftovers"]]
    return f"Left over: {sentences.listing(told)}", "warn"


_REASONS = {"removed": "the flow no longer has it", "replaced": "its item stands for another thing now"}


def _moved(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']} is stored as {event['to']} from here on", "idle"


def _forgotten(event: dict[str, Any]) -> tuple[str, str]:
    return f"{event['item']}: what was stored of it is dropped", "idle"


def _end_tone(outcome: dict[str, Any]) -> str:
    kind = outcome.get("kind")
    return "good" if kind == "complete" else "bad" if kind in ("item_error", "failed") else "warn"


_TELLERS = {
    "execution_started": _started,
    "cmd_started": _block,
    "cmd_ended": _block,
    "block_started": _block,
    "block_ended": _block,
    "item_state": _state,
    "item_status": _status,
    "item_position": _position,
    "item_verdict": _verdict,
    "item_intent": _intent,
    "item_kept": _kept,
    "item_result": _result,
    "item_error": _error,
    "interrupt_requested": _interrupt,
    "cancel_swallowed": _swallowed,
    "log": _log,
    "child_started": _child,
    "ask": _ask,
    "answered": _answered,
    "endpoint_cut": _cut,
    "leftovers_found": _leftovers,
    "state_moved": _moved,
    "state_forgotten": _forgotten,
}

MAJOR = [kind for kind in _TELLERS if kind not in _MINOR] + ["execution_ended"]
"""Kinds of events that are shown also where not every event is asked for."""
