"""A preview as text: what is going to happen to each item, and what a person should look at first."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from irenic.endpoints.terminal import Ink
from irenic.endpoints.wording import count_of, one_line
from irenic.model.preview import Preview, PreviewAction, PreviewItem
from irenic.model.text import visible, with_texts
from irenic.model.timestamps import day_and_time
from irenic.model.verdict import Leftover, VerdictKind

_LOOKS = {
    PreviewAction.SKIP: ("✅", "green"),
    PreviewAction.CHECK_AGAIN: ("🔍", "cyan"),
    PreviewAction.RUN: ("🔵", "blue"),
    PreviewAction.UNKNOWN: ("❓", "yellow"),
}

_COUNTED = {
    VerdictKind.CREATE: "to create",
    VerdictKind.MAKE_HERE: "to create",
    VerdictKind.CHANGE: "to change",
    VerdictKind.REPLACE: "to replace",
    VerdictKind.REPAIR: "to repair",
    VerdictKind.REMOVE: "to remove",
    VerdictKind.KNOWN_AFTER_APPLY: "known after apply",
    VerdictKind.CHECK_AGAIN: "to check again",
    VerdictKind.CANNOT_DISCOVER: "not to be discovered",
    VerdictKind.NOTHING: "unchanged",
    VerdictKind.LEAVE_ALONE: "left alone",
}

LEFTOVER_ICON = "🍂"


def preview_text(preview: Preview, ink: Ink, *, icons: bool) -> str:
    """Return a preview as text for a person, a line an item."""
    preview = with_texts(preview, visible)
    width = _width(preview.items, preview.leftovers)
    lines = []
    for item in preview.items:
        icon, colour = _LOOKS[item.action]
        action, _, why = item.message.partition(": ")
        if item.drift is not None or item.elsewhere or item.verdict is VerdictKind.REPLACE:
            why = note_text(why)
        mark = f"{icon} " if icons else ""
        lines.append(f"   {mark}{item.item.ljust(width)}  {ink(action.ljust(11), colour)}  {why}".rstrip())
        lines += [f"      {line}" for line in _drift_lines(item)]
    for leftover in preview.leftovers:
        mark = f"{LEFTOVER_ICON} " if icons else ""
        word = ink("left over".ljust(11), "yellow")
        lines.append(f"   {mark}{leftover.item.ljust(width)}  {word}  {leftover_text(leftover)}")
    return "".join(f"{line}\n" for line in lines)


def preview_counts(preview: Preview, *, prune: bool = False) -> str:
    """Return how many items would be created, changed, and so on: ``3 to create, 12 unchanged``."""
    counts = Counter(_COUNTED[item.verdict] for item in preview.items)
    parts = [f"{counts[word]} {word}" for word in dict.fromkeys(_COUNTED.values()) if counts[word]]
    if preview.leftovers:
        left = f"{len(preview.leftovers)} left over"
        parts.insert(len(parts) - bool(counts["unchanged"]), f"{left} to remove" if prune else left)
    return ", ".join(parts) or "nothing to do"


def question_text(preview: Preview, ink: Ink, *, prune: bool, cleans: bool) -> str:
    """Return what a person should see before a command goes on, without the question itself."""
    preview = with_texts(preview, visible)
    noteworthy = [item for item in preview.items if _is_noteworthy(item)]
    width = _width(noteworthy, preview.leftovers)
    lines = []
    for item in noteworthy:
        why = note_text(item.message.partition(": ")[2])
        lines.append(f"{ink(item.item.ljust(width), 'bold')}  {why}")
        lines += [f"{' ' * width}    {line}" for line in _drift_lines(item)]
    for leftover in preview.leftovers:
        removed = (prune or cleans) and leftover.problem is None
        after = "is removed" if removed else "stays; --prune removes it" if leftover.problem is None else "stays"
        lines.append(f"{ink(leftover.item.ljust(width), 'bold')}  {leftover_text(leftover)}; it {after}")
    lines += ["", f"{_summary(preview, cleans=cleans)}."]
    return "".join(f"{line}\n" for line in lines)


def leftover_text(leftover: Leftover) -> str:
    """Return what is left over, why, and since when."""
    owner = leftover.item.partition("#")[0]
    why = "the flow no longer has it" if leftover.reason == "removed" else f"{owner} no longer stands for it"
    made = f" (made {day_and_time(leftover.made_at)})" if leftover.made_at else ""
    name = f"{leftover.name}: " if leftover.name else ""
    problem = f"; {leftover.problem}" if leftover.problem else ""
    return f"{name}{why}{made}{problem}"


def _width(items: list[PreviewItem], leftovers: list[Leftover]) -> int:
    return max((len(name) for name in [*(i.item for i in items), *(left.item for left in leftovers)]), default=0)


def _is_noteworthy(item: PreviewItem) -> bool:
    known = (VerdictKind.REPAIR, VerdictKind.REPLACE, VerdictKind.KNOWN_AFTER_APPLY, VerdictKind.CANNOT_DISCOVER)
    return item.verdict in known or item.drift is not None


def note_text(why: str) -> str:
    """Return the reasons of a verdict as they stand after an item's name: ``not here yet; made in Chrome``."""
    for start in ("it was changed ", "it is not here yet"):
        if why.startswith(start):
            why = why.removeprefix("it was ").removeprefix("it is ")
    return why.removesuffix("; it is not at its goal")


def changed_names(one: dict[str, Any] | None, other: dict[str, Any] | None) -> list[str]:
    """Return the fields in which two states differ."""
    before, after = one or {}, other or {}
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def part_text(state: dict[str, Any] | None, names: list[str]) -> str:
    """Return some fields of a state on one line; ``nothing`` where none of them has a value."""
    values = {name: state[name] for name in names if name in state} if state is not None else {}
    if all(value is None for value in values.values()):
        return "nothing"
    return one_line(values)


def _drift_lines(item: PreviewItem) -> Iterator[str]:
    drift = item.drift
    if drift is None:
        return
    names = changed_names(drift.stored, drift.found)
    yield f"stored  {part_text(drift.stored, names)}"
    yield f"found   {'nothing' if drift.is_gone else part_text(drift.found, names)}"
    goal = part_text(drift.goal, names)
    if goal != "nothing":  # else it is not known yet
        yield f"goal    {goal}"


def _summary(preview: Preview, *, cleans: bool) -> str:
    verdicts = Counter(item.verdict for item in preview.items)
    parts = []
    if verdicts[VerdictKind.REPAIR]:
        parts.append(f"brings {count_of(verdicts[VerdictKind.REPAIR], 'item')} back to its goal")
    applied = sum(verdicts[kind] for kind in (VerdictKind.CREATE, VerdictKind.MAKE_HERE, VerdictKind.CHANGE))
    if applied:
        parts.append(f"applies {count_of(applied, 'item')}")
    if verdicts[VerdictKind.REPLACE]:
        parts.append(f"makes {count_of(verdicts[VerdictKind.REPLACE], 'new thing')}")
    if verdicts[VerdictKind.REMOVE]:
        parts.append(f"removes {count_of(verdicts[VerdictKind.REMOVE], 'item')}")
    again = verdicts[VerdictKind.KNOWN_AFTER_APPLY] + verdicts[VerdictKind.CHECK_AGAIN]
    if again:
        parts.append(f"checks {again} again")
    verb = "Clean" if cleans else "Ensure"
    return f"{verb} {' and '.join(parts)}" if parts else f"{verb} changes no item of the flow"
