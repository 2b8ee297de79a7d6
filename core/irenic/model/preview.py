"""What a command would do to each item, and why."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from irenic.model.verdict import Drift, Elsewhere, Leftover, VerdictKind


class PreviewAction(StrEnum):
    """What would happen to an item."""

    SKIP = "skip"
    CHECK_AGAIN = "check_again"
    RUN = "run"
    UNKNOWN = "unknown"


class PreviewReason(StrEnum):
    """Why it would happen."""

    AT_GOAL = "at_goal"
    NEVER_RUN = "never_run"
    PARAMS_CHANGED = "params_changed"
    CODE_CHANGED = "code_changed"
    IDENTITY_CHANGED = "identity_changed"
    DRIFT = "drift"
    ELSEWHERE = "elsewhere"
    UNKNOWN_RESULT = "unknown_result"
    NOT_AT_GOAL = "not_at_goal"
    PARAMS_NOT_KNOWN = "params_not_known"
    PREDECESSOR_RUNS = "predecessor_runs"
    CANNOT_DISCOVER = "cannot_discover"
    STATE_SHAPE = "state_shape"
    IS_THERE = "is_there"
    OTHER_PROFILE = "other_profile"
    IS_GONE = "is_gone"
    NOT_MADE = "not_made"


class PreviewItem(BaseModel):
    """What would happen to one item; ``message`` is a sentence for a person.

    ``found`` and ``goal`` are its states as far as they are known, ``diff`` what differs between them. ``elsewhere``
    lists the other places that have an entry of it, and ``after`` the items that have to be applied before it can be
    judged.
    """

    item: str
    action: PreviewAction
    reasons: list[PreviewReason]
    message: str
    verdict: VerdictKind = VerdictKind.NOTHING
    found: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None
    diff: dict[str, Any] | None = None
    drift: Drift | None = None
    elsewhere: list[Elsewhere] = []
    after: list[str] = []


class Preview(BaseModel):
    """What a command would do, item by item in insertion order, and what the flow no longer names."""

    flow: str
    profile: str
    items: list[PreviewItem]
    leftovers: list[Leftover] = []

    @property
    def is_noteworthy(self) -> bool:
        """Whether a person should see this before it happens: a drift, something left over, another thing."""
        asks = (VerdictKind.REPAIR, VerdictKind.REPLACE)
        return bool(self.leftovers) or any(item.verdict in asks or item.drift is not None for item in self.items)
