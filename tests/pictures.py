"""The page's view model with all that it may ask for in plain Python."""

import json
from typing import Any

from irenic import Flow
from ui import places
from ui.state import Page


def as_json(model: Any) -> dict[str, Any]:
    """Return a model as the page gets it."""
    found: dict[str, Any] = json.loads(model.model_dump_json())
    return found


class FlowPicture:
    """The picture of a flow, of a FlowInfo in plain data."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.id: str = info["id"]
        self.ids: list[str] = [item["id"] for item in info["items"]]
        self.moves: dict[str, str] = info.get("moves", {})
        self._info = info

    def item(self, number: int) -> dict[str, Any]:
        """Return what is known of an item beforehand."""
        info = self._info["items"][number]
        edges = self._info.get("edges", [])
        return {
            **info,
            "predecessors": [edge["predecessor"] for edge in edges if edge["successor"] == info["id"]],
            "successors": [edge["successor"] for edge in edges if edge["predecessor"] == info["id"]],
        }

    def fields(self, number: int) -> list[str]:
        """Return the names of the fields of an item's state."""
        return list(self._info["items"][number]["state_schema"]["properties"])


class StoredItems(dict[str, dict[str, Any]]):
    """What is stored of items, in plain data."""

    def __init__(self, items: dict[str, dict[str, Any]], here: str | None = None) -> None:
        super().__init__(items)
        self.here = here

    def elsewhere(self) -> list[str]:
        """Return the ids of the items that are stored of other places alone."""
        return [
            id
            for id, entry in self.items()
            if places.entry_here(entry, self.here) is None and places.entries_elsewhere(entry, self.here)
        ]


class ReadJournal:
    """A journal that has been read, of events in plain data."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._events = events
        self.next_seq = len(events)

    def of(self, item: str) -> list[dict[str, Any]]:
        """Return the events that say something of an item."""
        return [event for event in self._events if event.get("item") == item or event in self.common()]

    def common(self) -> list[dict[str, Any]]:
        """Return the events that say something of every item."""
        kinds = ("execution_started", "cmd_started", "block_started", "interrupt_requested", "leftovers_found")
        return [event for event in self._events if event["kind"] in kinds]

    def begun(self) -> list[str]:
        """Return which items have begun."""
        begun = [event["item"] for event in self._events if event["kind"] == "item_intent"]
        stopped = [
            event["item"] for event in self._events if event.get("result") == "cancelled" and event["state"] is not None
        ]
        return [item for item in begun if item not in stopped]

    def open(self) -> list[str]:
        """Return all items of which something was said: some of them have not ended."""
        return sorted({event["item"] for event in self._events if event.get("item")})

    def outcome(self) -> dict[str, Any] | None:
        """Return the outcome at its end."""
        last = self._events[-1] if self._events else {}
        return last["outcome"] if last.get("kind") == "execution_ended" else None


def page_of(flow: Flow | dict[str, Any]) -> Page:
    """Return the page of a flow."""
    return Page(FlowPicture(as_json(flow.info()) if isinstance(flow, Flow) else flow), "default")
