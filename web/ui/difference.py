"""What differs between an item's current state and its goal state, field by field."""

from __future__ import annotations

import json
from typing import Any

from ui import units

_LONGEST = 40


class FieldDifference:
    """One field of a state: its two values, and whether they differ."""

    def __init__(self, name: str, current: Any, goal: Any, differs: bool) -> None:
        self.name = name
        self.current = current
        self.goal = goal
        self.differs = differs


def fields(current: dict[str, Any] | None, goal: dict[str, Any] | None, order: list[str]) -> list[FieldDifference]:
    """Compare two states field by field.

    A field that the goal leaves open (null, as generated fields are until they are applied) does not differ.

    :param order: names in the order of their definition; others follow in alphabetical order.
    """
    have, want = current or {}, goal or {}
    names = [name for name in order if name in have or name in want]
    names += sorted(name for name in set(have) | set(want) if name not in order)
    compared = current is not None and goal is not None
    found = []
    for name in names:
        before, after = have.get(name), want.get(name)
        found.append(FieldDifference(name, before, after, compared and after is not None and before != after))
    return found


def changed_by(drift: dict[str, Any]) -> str:
    """Return what has changed an item: something outside irenic, or another profile of its flow."""
    profile = drift.get("profile")
    return f"changed by profile {profile}" if profile else "changed outside irenic"


def changed(drift: dict[str, Any], order: list[str]) -> list[str]:
    """Return the fields of which what was stored, what was found and the goal are not all the same."""
    states = [drift.get("stored") or {}, drift.get("found") or {}]
    if drift.get("goal") is not None:
        states.append(drift["goal"])
    names: list[str] = [name for name in order if any(name in state for state in states)]
    for state in states:
        names += sorted(name for name in state if name not in names)
    return [name for name in names if any(state.get(name) != states[0].get(name) for state in states)]


def summary(current: dict[str, Any] | None, goal: dict[str, Any] | None, order: list[str]) -> str:
    """Say in a few words what differs."""
    if current is None and goal is None:
        return ""
    if current is None:
        return "current state not known"
    if goal is None:
        return "goal not known yet"
    if current == goal:
        return "nothing"
    different = [field for field in fields(current, goal, order) if field.differs]
    if not different:
        return "nothing"
    told = [_change(field) for field in different[:2]]
    if len(different) > 2:
        told.append(f"{len(different) - 2} more")
    return "; ".join(told)


def _change(field: FieldDifference) -> str:
    return f"{field.name}: {value_text(field.name, field.current)} → {value_text(field.name, field.goal)}"


def value_text(name: str, value: Any, longest: int = _LONGEST) -> str:
    """Write one value of a state for a narrow place."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return units.size(value) if name in ("size", "bytes") or name.endswith(("_size", "_bytes")) else str(value)
    if isinstance(value, str):
        return shortened(value, longest)
    if isinstance(value, list):
        if len(value) == 1:
            return shortened(value_text("", value[0]), longest)
        return f"{len(value)} entries" if value else "none"
    if isinstance(value, dict):
        return f"{len(value)} entries" if value else "none"
    return shortened(json.dumps(value), longest)


def shortened(text: str, longest: int) -> str:
    """Cut a long text in the middle, where paths and digests differ least."""
    if len(text) <= longest:
        return text
    head = (longest - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (longest - 1 - head) :]
