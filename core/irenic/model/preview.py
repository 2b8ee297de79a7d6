"""What a command would do to each item, and why."""

from enum import StrEnum

from pydantic import BaseModel


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
    DRIFT = "drift"
    UNKNOWN_RESULT = "unknown_result"
    NOT_AT_GOAL = "not_at_goal"
    PARAMS_NOT_KNOWN = "params_not_known"
    PREDECESSOR_RUNS = "predecessor_runs"
    CANNOT_DISCOVER = "cannot_discover"


class PreviewItem(BaseModel):
    """What would happen to one item; ``message`` is a sentence for a person."""

    item: str
    action: PreviewAction
    reasons: list[PreviewReason]
    message: str


class Preview(BaseModel):
    """What a command would do, item by item in insertion order."""

    flow: str
    profile: str
    items: list[PreviewItem]
