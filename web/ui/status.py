"""How every status is shown: a word, a shape and a tone, so that none of them has to be told by colour alone."""

from __future__ import annotations


class Status:
    """One status: its word on screen, the id of its icon, and its tone (idle, busy, good, warn, bad)."""

    def __init__(self, word: str, icon: str, tone: str) -> None:
        self.word = word
        self.icon = icon
        self.tone = tone


ITEM_STATUSES: dict[str, Status] = {
    "initialized": Status("Not started", "circle", "idle"),
    "exec_pending": Status("Pending", "circle", "idle"),
    "queued": Status("Queued", "dots", "idle"),
    "waiting": Status("Waiting", "dots", "busy"),
    "running": Status("Running", "arc", "busy"),
    "running_stalled": Status("Stalled", "arc", "warn"),
    "user_pending": Status("Needs you", "hand", "warn"),
    "interrupted": Status("Interrupted", "bars", "warn"),
    "unknown": Status("Unknown", "question", "warn"),
    "complete_success": Status("Done", "check", "good"),
    "complete_fail": Status("Failed", "cross", "bad"),
    "cleaned": Status("Cleaned", "check", "good"),
    "repaired": Status("Repaired", "check", "good"),
    "replaced": Status("Replaced", "check", "good"),
    "left_alone": Status("Left alone", "circle", "idle"),
    "drifted": Status("Changed outside", "hand", "warn"),
    "refused": Status("Refused", "hand", "warn"),
    "left_over": Status("Left over", "leaf", "warn"),
    "removed": Status("Removed", "check", "good"),
    # What stored states tell of an item that no execution on screen speaks of.
    "not_seen": Status("Not seen", "circle", "idle"),
    "at_goal": Status("At goal", "check", "good"),
    "not_at_goal": Status("Differs", "delta", "idle"),
    "seen": Status("Seen", "circle", "idle"),
    "not_here": Status("Not here yet", "away", "idle"),
}

EXECUTION_STATUSES: dict[str, Status] = {
    "none": Status("Nothing run yet", "circle", "idle"),
    "starting": Status("Starting", "arc", "busy"),
    "running": Status("Running", "arc", "busy"),
    "stopping": Status("Stopping", "bars", "warn"),
    "complete": Status("Done", "check", "good"),
    "not_here": Status("Not here yet", "away", "idle"),
    "drifted": Status("Changed outside", "hand", "warn"),
    "block_interrupted": Status("Interrupted", "bars", "warn"),
    "execution_interrupted": Status("Interrupted", "bars", "warn"),
    "item_error": Status("Failed", "cross", "bad"),
    "failed": Status("Failed", "cross", "bad"),
    "refused": Status("Refused", "hand", "warn"),
    "lost": Status("Lost", "question", "warn"),
}

VERDICTS: dict[str, Status] = {
    "repair": Status("Repair", "hand", "warn"),
    "replace": Status("Replace", "hand", "warn"),
    "create": Status("Create", "plus", "busy"),
    "make_here": Status("Make here", "plus", "busy"),
    "change": Status("Change", "delta", "busy"),
    "remove": Status("Remove", "cross", "bad"),
    "known_after_apply": Status("Known later", "dots", "idle"),
    "check_again": Status("Check again", "question", "warn"),
    "cannot_discover": Status("Cannot look", "cross", "bad"),
    "nothing": Status("Nothing to do", "check", "good"),
    "leave_alone": Status("Leave alone", "circle", "idle"),
}
"""What a command is going to do to an item."""

INTERRUPTED_KINDS = ("block_interrupted", "execution_interrupted")
RESUMABLE_KINDS = ("block_interrupted", "execution_interrupted", "item_error", "failed", "lost")
RUNNING_STATUSES = ("running", "running_stalled", "user_pending", "waiting")

_UNHEARD_OF = Status("Unknown", "question", "warn")


def item_status(name: str) -> Status:
    """Return how an item's status is shown; a name that is not known is shown as unknown."""
    return ITEM_STATUSES.get(name, _UNHEARD_OF)


def execution_status(name: str) -> Status:
    """Return how an execution's status is shown; a name that is not known is shown as unknown."""
    return EXECUTION_STATUSES.get(name, _UNHEARD_OF)


def verdict(name: str) -> Status:
    """Return how a verdict is shown; a name that is not known is shown as unknown."""
    return VERDICTS.get(name, _UNHEARD_OF)
