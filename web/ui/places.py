"""What is stored of an item and where: here, in other places, or for all places alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Entries(Protocol):
        """What is stored, by id."""

        def get(self, name: str) -> dict[str, Any] | None:
            """Return what is stored under an id; None where nothing is."""


def entry_here(entry: dict[str, Any] | None, place: str | None) -> dict[str, Any] | None:
    """Return what is stored of an item for a place; that of an item which lives in no files is the same for all."""
    if entry is None:
        return None
    where = entry.get("place")
    if where is None or where["id"] == place:
        return entry
    found: dict[str, Any] | None = (entry.get("elsewhere") or {}).get(place) if place is not None else None
    return found


def entries_elsewhere(entry: dict[str, Any] | None, place: str | None) -> list[dict[str, Any]]:
    """Return the other places where irenic made an item, the latest first, each with its ``label`` and ``at``."""
    if entry is None:
        return []
    entries = list((entry.get("elsewhere") or {}).values())
    entries.append(entry)
    others = []
    for other in entries:
        where = other.get("place")
        if where is not None and where["id"] != place and is_made(other):
            at = other.get("applied_at") or other.get("current_at") or ""
            others.append({"label": where.get("label") or "another place", "at": at})
    return sorted(others, key=lambda other: str(other["at"]), reverse=True)


def is_made(entry: dict[str, Any]) -> bool:
    """Whether irenic made or adopted what is there; an entry of an earlier version says so by its times."""
    made = entry.get("made")
    return bool(made) if made is not None else entry.get("begun_at") is not None


def stored_leftovers(
    stored: Entries, ids: Iterable[str], place: str | None, in_flow: Iterable[str]
) -> list[dict[str, Any]]:
    """Return what irenic made and the flow no longer names, of entries stored under these ids.

    The core knows more of them, such as why one cannot be cleaned; this is what there is to show before it is awake.
    """
    present = set(in_flow)
    found = []
    for id in ids:
        entry = stored.get(id)
        here = entry_here(entry, place)
        others = entries_elsewhere(entry, place)
        leftover: dict[str, Any] = {"item": id, "reason": "replaced" if id.split("#")[0] in present else "removed"}
        if here is not None and (is_made(here) or here.get("unknown")):
            leftover["state"] = here.get("current")
            leftover["made_at"] = here.get("made_at") or here.get("applied_at") or here.get("begun_at")
            leftover["name"] = thing_name(here.get("about"))
        elif here is None and others:
            label, at = others[0]["label"], others[0]["at"]
            leftover["place"], leftover["made_at"] = label, at
            leftover["problem"] = f"it is in {label}, and has to be cleaned there"
        else:
            continue
        found.append(leftover)
    return found


def thing_name(about: dict[str, Any] | None) -> str:
    """Return what a stored thing is called, where its identity is a text or parts of one."""
    identity = (about or {}).get("identity")
    if isinstance(identity, str):
        return identity
    if isinstance(identity, list):
        return "/".join(str(part) for part in identity)
    return ""
