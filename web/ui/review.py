"""What a preview amounts to: groups with their totals, a summary, and a reason for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import difference, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GROUPS = (
    ("drift", "changed outside irenic"),
    ("repair", "to repair"),
    ("replace", "to replace"),
    ("remove", "to remove"),
    ("check_again", "to check again"),
    ("cannot_discover", "that cannot be looked at"),
    ("create", "to create"),
    ("make_here", "not here yet, to make"),
    ("change", "to change"),
    ("known_after_apply", "known after others are applied"),
    ("leave_alone", "to leave alone"),
    ("nothing", "unchanged"),
)
_QUIET = ("nothing",)
_FEW = 5
"""So many items with nothing to do are listed at once; of more, their number is."""


class Group:
    """Items of a preview that have the same coming to them."""

    def __init__(self, name: str, title: str, items: list[dict[str, Any]]) -> None:
        self.title = f"{len(items)} {title}"
        self.items = items
        self.is_open = name not in _QUIET or len(items) <= _FEW


def groups(items: Iterable[dict[str, Any]]) -> list[Group]:
    """Sort the items of a preview into groups, what a person should look at first."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in _GROUPS}
    for item in items:
        name = "drift" if item.get("drift") is not None else item.get("verdict", "nothing")
        found.setdefault(name, []).append(item)
    return [Group(name, title, found[name]) for name, title in _GROUPS if found[name]]


def has_drift(items: Iterable[dict[str, Any]]) -> bool:
    """Whether anything was changed outside irenic."""
    return any(item.get("drift") is not None for item in items)


def removable(leftovers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is left over and can be removed from here."""
    return [leftover for leftover in leftovers if not leftover.get("problem")]


def summary(items: Iterable[dict[str, Any]], cmd: str) -> str:
    """Say in a sentence what a command would do to the items of the flow."""
    counts: dict[str, int] = {}
    for item in items:
        verdict = item.get("verdict", "nothing")
        counts[verdict] = counts.get(verdict, 0) + 1

    def number(*verdicts: str) -> int:
        return sum(counts.get(verdict, 0) for verdict in verdicts)

    parts = []
    if number("repair"):
        whose = "its" if number("repair") == 1 else "their"
        parts.append(f"brings {_items(number('repair'))} back to {whose} goal")
    if number("replace"):
        things = "a new thing" if number("replace") == 1 else f"{number('replace')} new things"
        parts.append(f"makes {things} in place of the former")
    if number("create", "make_here"):
        parts.append(f"creates {_items(number('create', 'make_here'))}")
    if number("change"):
        parts.append(f"changes {_items(number('change'))}")
    if number("remove"):
        parts.append(f"removes {_items(number('remove'))}")
    if number("known_after_apply", "check_again"):
        parts.append(f"checks {_items(number('known_after_apply', 'check_again'))} again")
    verb = {"clean": "Clean", "discover": "Discover"}.get(cmd, "Ensure")
    if not parts:
        return f"{verb} changes no item of the flow."
    return f"{verb} {sentences.listing(parts)}."


def reason(item: dict[str, Any], local: Callable[[str], str]) -> str:
    """Return why an item has its verdict.

    :param local: writes a timestamp as a day and a time of this browser's.
    """
    drift, others = item.get("drift"), item.get("elsewhere") or []
    after = item.get("after") or []
    if drift is not None:
        since = drift.get("stored_at")
        told = difference.changed_by(drift) + (f" since {local(since)}" if since else "")
        return f"{told}; known after {sentences.listing(after)}" if after else told
    if item.get("verdict") == "make_here" and others:
        return f"made in {_place(others[0], local)}"
    message, action = str(item.get("message", "")), f"{item.get('action', '')}: ".replace("_", " ")
    message = message[len(action) :] if message.startswith(action) else message
    parts = message.split("; ")
    if len(parts) > 1 and parts[-1] == "it is not at its goal":
        parts = parts[:-1]
    return "; ".join(parts)


def places(others: Iterable[dict[str, Any]], local: Callable[[str], str]) -> str:
    """Name other places, each with when something was last recorded there."""
    return sentences.listing([_place(other, local) for other in others])


def leftover_reason(leftover: dict[str, Any]) -> str:
    """Say why something is left over."""
    if leftover.get("reason") == "replaced":
        return "Its item stands for another thing now."
    return "The flow no longer has it."


def leftover_origin(leftover: dict[str, Any], local: Callable[[str], str]) -> str:
    """Say what a leftover is called and when it was made, as far as that is known."""
    name, at = leftover.get("name") or "", leftover.get("made_at")
    where = f"made in {leftover['place']}" if leftover.get("place") else ""
    when = local(at) if at else ""
    if when and not where:
        when = f"made {when}"
    return ", ".join(part for part in (name, where, when) if part)


def leftover_fate(leftover: dict[str, Any], *, removed: bool) -> str:
    """Say what becomes of something that is left over."""
    problem = leftover.get("problem")
    if problem:
        return f"It stays: {problem}."
    return "It is removed." if removed else "It stays where it is."


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _place(other: dict[str, Any], local: Callable[[str], str]) -> str:
    label = other.get("label") or "another place"
    return f"{label}, {local(other['at'])}" if other.get("at") else str(label)
