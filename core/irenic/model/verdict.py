"""What a command is going to do to an item, and what it leaves alone."""

from typing import Any, Literal

from pydantic import BaseModel

from irenic.model.timestamps import Timestamp
from irenic.model.word import Word


class VerdictKind(Word):
    """What will happen to an item."""

    NOTHING = "nothing"
    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    REPAIR = "repair"
    MAKE_HERE = "make_here"
    KNOWN_AFTER_APPLY = "known_after_apply"
    CHECK_AGAIN = "check_again"
    REMOVE = "remove"
    LEAVE_ALONE = "leave_alone"
    CANNOT_DISCOVER = "cannot_discover"

    @property
    def is_final(self) -> bool:
        """Whether the item stays as it is, so that what depends on it can be judged too."""
        return self in (VerdictKind.NOTHING, VerdictKind.LEAVE_ALONE)


class Drift(BaseModel):
    """An item that was changed outside irenic; ``goal`` is None where it is not known.

    ``is_gone`` says that nothing is there any more, whatever the found state looks like. ``profile`` is the profile of
    the same flow that has stored what was found as its own, ``place`` the id of the place where it was found, for an
    item that lives in files.
    """

    stored: dict[str, Any] | None = None
    found: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None
    is_gone: bool = False
    stored_at: Timestamp | None = None
    profile: str | None = None
    place: str | None = None


def changed_by(drift: Drift) -> str:
    """Return what has changed a thing: something outside irenic, or another profile of its flow."""
    return "changed outside irenic" if drift.profile is None else f"changed by profile {drift.profile}"


class Elsewhere(BaseModel):
    """An entry of an item in another place."""

    place: str
    label: str
    at: Timestamp | None = None


class Leftover(BaseModel):
    """A stored thing that the flow no longer names.

    ``item`` is the id under which it is stored, ``reason`` says whether its item was removed from the flow or now
    stands for another thing. ``place`` names where its files are, if that is not here; ``problem`` says why it cannot
    be cleaned from here.
    """

    item: str
    reason: Literal["removed", "replaced"]
    name: str = ""
    state: dict[str, Any] | None = None
    made_at: Timestamp | None = None
    place: str | None = None
    problem: str | None = None


class ItemNote(BaseModel):
    """A verdict that its reader should know of beside the item's status, as one sentence."""

    verdict: VerdictKind
    message: str
