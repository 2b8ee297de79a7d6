"""What there is much of: it stays in JavaScript, in ``held.mjs``, and these are its parts as the page asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui.browser import BASE, import_module, to_js, to_python, window

if TYPE_CHECKING:
    from collections.abc import Iterable


class Members:
    """The members of a JavaScript object by name, each turned into Python when it is asked for."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, name: str) -> Any:
        """Return a member, or None where there is none of this name."""
        return to_python(self._value[name]) if window.Object.hasOwn(self._value, name) else None

    def keys(self) -> list[str]:
        """Return the names of all members."""
        return list(to_python(window.Object.keys(self._value)))


class Stored(Members):
    """What is stored of a flow's items in one profile, a JavaScript object, as seen from this browser."""

    def __init__(self, value: Any, here: str | None) -> None:
        super().__init__(value)
        self.here = here
        """The id of this browser as a place; None where it has none yet."""

    def elsewhere(self) -> list[str]:
        """Return the ids of those items that are stored of other places alone."""
        return list(json.loads(str(reader.module.elsewhere(self._value, self.here))))


class Picture:
    """The picture of a flow, a JavaScript object."""

    def __init__(self, picture: Any) -> None:
        self._picture = picture
        self.id = str(picture.id)
        self.ids: list[str] = json.loads(str(picture.ids()))
        self.moves: dict[str, str] = json.loads(str(picture.moves()))

    def item(self, number: int) -> dict[str, Any]:
        """Return what is known of an item beforehand."""
        return dict(json.loads(str(self._picture.item(number))))

    def fields(self, number: int) -> list[str]:
        """Return the names of the fields of an item's state in the order of their definition."""
        return list(json.loads(str(self._picture.fields(number))))


class Journal:
    """The journal of an execution as far as it has been read."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    @property
    def next_seq(self) -> int:
        """The number of the event that comes next."""
        return int(self._journal.nextSeq)

    def add(self, events: Any) -> None:
        """Take the next events, a JavaScript array."""
        self._journal.add(events)

    def of(self, item: str) -> list[dict[str, Any]]:
        """Return the events that say something of an item, in order."""
        return list(json.loads(str(self._journal.of(item))))

    def common(self) -> list[dict[str, Any]]:
        """Return the events that say something of the execution and of every item, in order."""
        return list(json.loads(str(self._journal.common())))

    def begun(self) -> list[str]:
        """Return the ids of the items that have begun."""
        return list(json.loads(str(self._journal.begun())))

    def open(self) -> list[str]:
        """Return the ids of the items of which an end is not the last that was said."""
        return list(json.loads(str(self._journal.open())))

    def outcome(self) -> dict[str, Any] | None:
        """Return the outcome that the journal ends with; None where it has no end."""
        ended = self._journal.ended
        return outcome(ended.outcome) if ended is not None else None

    def tail(self) -> list[dict[str, Any]]:
        """Return the last events and the last of the major ones, in order."""
        return list(json.loads(str(self._journal.tail())))


class Reader:
    """Reads messages of streams; before the page holds anything there are none."""

    module: Any = None

    def read(self, message: Any) -> Any:
        """Return what a message says as a JavaScript object, its long values cut to what is shown."""
        return self.module.read(message)


reader = Reader()


async def stored(items: Any) -> Stored:
    """Hold what is stored of a flow's items; this browser's place is only looked for where places matter."""
    module = (await holding()).module
    return Stored(items, (await module.place()) if module.placed(items) else None)


class Holding:
    """Makes what is held."""

    def __init__(self, module: Any) -> None:
        self.module = reader.module = module

    def picture(self, info: Any) -> Picture:
        """Hold the picture of a flow, given as a JavaScript object."""
        return Picture(self.module.Picture.new(info))

    def journal(self, majors: Iterable[str], most: int) -> Journal:
        """Hold a journal that is about to be read, and of its last events so many, of all and of these kinds."""
        return Journal(self.module.Journal.new(to_js(list(majors)), most))


async def holding() -> Holding:
    """Load what holds things."""
    return Holding(await import_module(f"{BASE}ui/held.mjs"))


def outcome(value: Any) -> dict[str, Any]:
    """Turn an outcome, a JavaScript object of nobody else's, into Python; the states in it stay where they are.

    ``unfound`` names the items of which it has no current state.
    """
    states = getattr(value, "states", None)
    if states is None:
        states = window.Object.new()
    window.Reflect.deleteProperty(value, "states")
    unfound = json.loads(str(reader.module.unfound(states)))
    return dict(to_python(value), states=Members(states), unfound=unfound)
