"""The sentences that the page says of an execution: what is done, what is not, what it waits for, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.status import INTERRUPTED_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES = 6
_LEVEL_WORDS = {
    "finish": "finish: what runs may end",
    "cancel": "cancel: what runs is cancelled",
    "abandon": "abandon: what runs is left where it stands",
}
REPLIES = {"requested": "interruption request received", "nothing_to_interrupt": "nothing to interrupt"}


def listing(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    """Join names as in a sentence, e.g. ``a, b and c``; those beyond ``most`` are counted."""
    shown = list(names)
    if len(shown) > most:
        rest = len(shown) - most + 1
        shown = shown[: most - 1]
        shown.append(f"{rest} more")
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]


def _are(names: list[str], one: str, many: str) -> str:
    return f"{listing(names)} {one if len(names) == 1 else many}"


def outcome_sentence(outcome: dict[str, Any], begun: Iterable[str] = ()) -> str:
    """Say how an execution ended: what is done, what is not, what is unknown.

    :param begun: items that had begun when the execution was stopped; those not done are told apart from those that
        were never started.
    """
    kind = outcome.get("kind", "")
    items = outcome.get("items") or {}
    done, not_done, unknown = items.get("done", []), items.get("not_done", []), items.get("unknown", [])
    if kind == "complete":
        return _complete(outcome, done)
    if kind == "refused":
        return "Refused: nothing was changed. " + _refusals(outcome)
    if kind == "failed":
        return "Failed: " + (outcome.get("message") or "the execution could not go on.")
    if kind == "item_error":
        return _item_error(outcome, done, not_done, unknown)
    head = "Interrupted" if kind in INTERRUPTED_KINDS else "Lost"
    told = _standing(done, not_done, unknown, set(begun))
    if kind == "lost":
        return f"Lost: whoever ran this went away before it ended; {told}."
    return f"{head}: {told}."


def _complete(outcome: dict[str, Any], done: list[str]) -> str:
    cmds = (outcome.get("cmds") or {}).get("done", [])
    last = cmds[-1] if cmds else ""
    if outcome.get("dry_run"):
        return "Dry run done: nothing was changed."
    if last == "clean":
        return f"Cleaned: {_are(done, 'is', 'are')} gone." if done else "Cleaned: there was nothing to clean."
    if last == "ensure":
        return f"Done: {_are(done, 'is at its goal', 'are at their goal')}." if done else "Done."
    if last == "discover":
        return f"Discovered the state of {listing(done)}." if done else "Discovered."
    return "Done."


def _item_error(outcome: dict[str, Any], done: list[str], not_done: list[str], unknown: list[str]) -> str:
    errors = outcome.get("errors") or {}
    failed = [item for item in not_done + unknown + done if item in errors] or sorted(errors)
    parts = []
    for item in failed[:2]:
        parts.append(f"{item} failed: {str(errors[item].get('message', '')).rstrip('.')}.")
    if len(failed) > 2:
        parts.append(f"{len(failed) - 2} more failed.")
    left = [item for item in not_done if item not in errors]
    rest = [item for item in unknown if item not in errors]
    told = _standing([], left, rest, set())
    if told:
        parts.append(told + ".")
    return " ".join(parts)


def _standing(done: list[str], not_done: list[str], unknown: list[str], begun: set[str]) -> str:
    parts = []
    if done:
        parts.append(_are(done, "is done", "are done"))
    stopped = [item for item in not_done if item in begun]
    never = [item for item in not_done if item not in begun]
    if stopped:
        parts.append(_are(stopped, "was stopped before it was done", "were stopped before they were done"))
    if unknown:
        parts.append(_are(unknown, "is unknown", "are unknown"))
    if never:
        parts.append(_are(never, "was not started", "were not started"))
    return "; ".join(parts)


def _refusals(outcome: dict[str, Any]) -> str:
    refusals = outcome.get("refusals") or {}
    told = [f"{item}: {refusals[item].get('message', '')}" for item in sorted(refusals)]
    if told:
        return " ".join(told[:2]) + (f" And {len(told) - 2} more." if len(told) > 2 else "")
    return outcome.get("message") or ""


def stop_sentence(level: str, waiting_for: list[str]) -> str:
    """Say that an execution is being stopped, how hard, and for which items it waits."""
    if level == "cancel":
        if not waiting_for:
            return "Stopping: what ran is cancelled, nothing new starts."
        return f"Stopping (cancel): {_are(waiting_for, 'is', 'are')} being cancelled, nothing new starts."
    if level == "abandon":
        return "Stopping (abandon): what runs is left where it stands."
    if not waiting_for:
        return "Stopping (finish): nothing new starts."
    return f"Stopping (finish): waits for {listing(waiting_for)} to finish, nothing new starts."


def rung(level: str | None, waiting_for: list[str]) -> str:
    """Name what the next press of the interrupt button does."""
    if level is None:
        return "Interrupt"
    if level == "finish":
        if not waiting_for:
            return "Cancel now"
        if len(waiting_for) > 2:
            return f"Cancel {len(waiting_for)} items now"
        return f"Cancel {listing(waiting_for)} now"
    return "Abandon"


def level_words(level: str) -> str:
    """Name a stop level and say what it does."""
    return _LEVEL_WORDS.get(level, level)


def origin(interrupt: dict[str, Any], own_sources: Iterable[str] = ("user",)) -> str:
    """Say who asked for a stop and why; empty where it was this page's own button and no reason was given."""
    source, reason = interrupt.get("source", ""), interrupt.get("reason")
    if source in own_sources:
        return f"Reason: {reason}" if reason else ""
    told = f"Asked for by {source}"
    return f"{told}: {reason}" if reason else told


def running_sentence(cmd: str, dry_run: bool, running: list[str]) -> str:
    """Say which command runs and which items are at work."""
    verb = {"ensure": "Ensuring", "clean": "Cleaning", "discover": "Discovering"}.get(cmd, "Running " + cmd)
    dry = " (dry run)" if dry_run else ""
    return f"{verb}{dry}: {listing(running)}." if running else f"{verb}{dry}."


def reply_text(reply: str) -> str:
    """Return what the sender of an interrupt is told."""
    return REPLIES.get(reply, reply)
