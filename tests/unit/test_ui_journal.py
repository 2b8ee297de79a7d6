"""The journal as lines of a log."""

from typing import Any

import pytest

from ui import journal


def line(kind: str, **fields: Any) -> tuple[str, str, bool]:
    """Return an event's line: text, tone, and whether it is minor."""
    event = {"execution_id": "x", "seq": 0, "at": "2026-01-01T00:00:00.000Z", "kind": kind, **fields}
    told = journal.line(event)
    return told.text, told.tone, journal.is_minor(event)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            {"kind": "execution_started", "cmds": ["ensure"], "dry_run": True},
            ("Started: ensure, dry run", "idle", False),
        ),
        ({"kind": "cmd_started", "cmd": "ensure"}, ("ensure", "idle", True)),
        ({"kind": "block_ended", "cmd": "ensure", "block": "apply"}, ("apply done", "idle", True)),
        (
            {"kind": "item_state", "item": "a", "which": "goal", "state": {"n": 1}},
            ('a: goal state {"n": 1}', "idle", True),
        ),
        ({"kind": "item_status", "item": "a", "status": "waiting", "message": "m"}, ("a: waiting, m", "idle", True)),
        ({"kind": "item_position", "item": "a", "position": 7}, ("a: at 7", "idle", True)),
        ({"kind": "item_intent", "item": "a", "direction": "clean"}, ("a: clean begins", "idle", False)),
        (
            {"kind": "item_result", "item": "a", "direction": "ensure", "result": "applied"},
            ("a: ensure done", "good", False),
        ),
        (
            {"kind": "item_result", "item": "a", "direction": "ensure", "result": "unchanged"},
            ("a: nothing to do", "idle", False),
        ),
        (
            {"kind": "item_result", "item": "a", "direction": "ensure", "result": "cancelled"},
            ("a: cancelled half-way", "warn", False),
        ),
        (
            {"kind": "item_result", "item": "a", "direction": "ensure", "result": "failed", "error": {"message": "no"}},
            ("a: failed: no", "bad", False),
        ),
        ({"kind": "item_error", "item": "a", "error": {"message": "no"}}, ("a: no", "bad", False)),
        (
            {"kind": "interrupt_requested", "signal": {"source": "web", "reason": "lunch", "level": "cancel"}},
            ("Stop (cancel) asked for by web: lunch", "warn", False),
        ),
        ({"kind": "log", "item": "a", "level": "error", "text": "oh"}, ("a: oh", "bad", False)),
        ({"kind": "log", "item": None, "level": "debug", "text": "oh"}, ("oh", "idle", True)),
        ({"kind": "ask", "item": "a", "prompt": "sure?"}, ("a asks: sure?", "warn", False)),
        ({"kind": "answered", "item": "a"}, ("a: answered", "idle", False)),
        (
            {"kind": "child_started", "item": "a", "child": {"pid": 7}},
            ("a has started process 7", "idle", False),
        ),
        ({"kind": "endpoint_cut", "endpoint": "tab", "reason": "slow"}, ("tab was cut off: slow", "warn", False)),
        ({"kind": "execution_ended", "outcome": {"kind": "failed", "message": "disk"}}, ("Failed: disk", "bad", False)),
    ],
)
def test_an_event_reads_as_a_line(event: dict[str, Any], told: tuple[str, str, bool]) -> None:
    """Those of the engine room are minor."""
    assert line(**event) == told


def test_an_event_that_is_not_known_is_shown_as_it_is() -> None:
    """Shortened, and as a minor one."""
    text, _, minor = line("new_thing", a="b" * 400)
    assert (text.startswith('new_thing {"a": "bbb'), len(text), minor) == (True, len("new_thing ") + 300, True)
