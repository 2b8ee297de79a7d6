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


def outcome_sentence(
    outcome: dict[str, Any],
    begun: Iterable[str] = (),
    *,
    abandoned: bool = False,
    forgotten: Iterable[str] = (),
    removed: Iterable[str] = (),
    left: Iterable[str] | None = None,
    here: str | None = None,
) -> str:
    """Say how an execution ended: what is done, what is not, what is unknown.

    :param begun: items that had begun when the execution was stopped; those not done are told apart from those that
        were never started.
    :param abandoned: whether it was left where it stood.
    :param forgotten: what irenic was to forget.
    :param removed: what is none of the flow's items, and was left over.
    :param left: what is left over now; where omitted, what the outcome says.
    :param here: the id of this browser as a place.
    """
    kind = outcome.get("kind", "")
    items = outcome.get("items") or {}
    done, not_done, unknown = items.get("done", []), items.get("not_done", []), items.get("unknown", [])
    if kind == "complete":
        if left is None:
            left = [leftover["item"] for leftover in outcome.get("leftovers") or []]
        return _complete(outcome, done, list(forgotten), removed, list(left))
    if kind == "refused":
        return "Refused: nothing was changed. " + _refusals(outcome, here)
    if kind == "failed":
        return "Failed: " + (outcome.get("message") or "the execution could not go on.")
    if kind == "item_error":
        return _item_error(outcome, done, not_done, unknown)
    told = _standing(done, not_done, unknown, set(begun))
    if kind in INTERRUPTED_KINDS:
        return f"Interrupted: {told}."
    if abandoned:
        return f"Abandoned: what ran was left where it stood; {told}."
    if outcome.get("interrupt"):
        return f"Lost while it was being stopped; {told}."
    return f"Lost: what ran this ended, or was taken over, before it was done; {told}."


def _complete(
    outcome: dict[str, Any], done: list[str], forgotten: list[str], removed: Iterable[str], left: list[str]
) -> str:
    cmds = (outcome.get("cmds") or {}).get("done", [])
    last = cmds[-1] if cmds else ""
    if outcome.get("dry_run"):
        return "Dry run done: nothing was changed."
    if last == "clean":
        return _cleaned(outcome, done)
    if last == "ensure":
        return _ensured(outcome, done, set(removed), left)
    if last == "discover":
        return _discovered(outcome, done)
    if last == "state" and forgotten:
        return f"Forgotten: irenic no longer knows of {listing(forgotten)}. What is there was left as it is."
    return "Done."


def _ensured(outcome: dict[str, Any], done: list[str], removed: set[str], left: list[str]) -> str:
    gone = [item for item in done if item in removed]
    at_goal = [item for item in done if item not in gone and item not in left]
    told = [f"Done: {_are(at_goal, 'is at its goal', 'are at their goal')}." if at_goal else "Done."]
    repaired = _noted(outcome, "repair", done)
    if repaired:
        told.append(f"{_are(repaired, 'was', 'were')} changed outside irenic and brought back.")
    if gone:
        told.append(f"{_are(gone, 'was', 'were')} left over and removed.")
    if left:
        told.append(f"Left over: {listing(left)}.")
    return " ".join(told)


def _cleaned(outcome: dict[str, Any], done: list[str]) -> str:
    left = _noted(outcome, "leave_alone", done)
    gone = [item for item in done if item not in left]
    told = [f"Cleaned: {_are(gone, 'is', 'are')} gone." if gone else "Cleaned: there was nothing to clean."]
    if left:
        told.append(f"{_are(left, 'was', 'were')} left alone, because irenic did not make {_them(left)}.")
    return " ".join(told)


def _discovered(outcome: dict[str, Any], done: list[str]) -> str:
    unfound = set(_unfound(outcome))
    found = [item for item in done if item not in unfound]
    later = [item for item in done if item in unfound]
    told = [f"Discovered the state of {listing(found)}." if found else "Discovered."]
    if later:
        told.append(f"{_are(later, 'is', 'are')} known once what {'it depends' if len(later) == 1 else 'they depend'}")
        told[-1] += " on has been applied."
    return " ".join(told)


def _unfound(outcome: dict[str, Any]) -> list[str]:
    """Return the items of which an outcome has no current state."""
    if "unfound" in outcome:
        return list(outcome["unfound"])
    states = outcome.get("states") or {}
    return [item for item in states if not (states[item] or {}).get("current")]


def _noted(outcome: dict[str, Any], verdict: str, items: list[str]) -> list[str]:
    notes = outcome.get("notes") or {}
    return [item for item in items if (notes.get(item) or {}).get("verdict") == verdict]


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def drift_sentence(items: list[str]) -> str:
    """Say that items were changed outside irenic, and what can be done."""
    return (
        f"{_are(items, 'was', 'were')} changed outside irenic. Repair brings {_them(items)} back to "
        f"{'its goal' if len(items) == 1 else 'their goals'}; Accept what is there keeps {_them(items)} so."
    )


def elsewhere_sentence(items: list[str], labels: list[str]) -> str:
    """Say that items were made in other places and are not in this browser."""
    return (
        f"{_are(items, 'is', 'are')} not here yet: irenic made {_them(items)} in {listing(labels)}. "
        f"Ensure makes {_them(items)} here too, and leaves what is there untouched."
    )


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
        words = ("was stopped half-way and has to be looked at", "were stopped half-way and have to be looked at")
        parts.append(_are(stopped, words[0], words[1]))
    if unknown:
        parts.append(_are(unknown, "is unknown", "are unknown"))
    if never:
        parts.append(_are(never, "was not started", "were not started"))
    return "; ".join(parts)


def _refusals(outcome: dict[str, Any], here: str | None) -> str:
    refusals = outcome.get("refusals") or {}
    drifted = [item for item in sorted(refusals) if refusals[item].get("reason") == "drift"]
    drifts = outcome.get("drift") or {}
    ours = [item for item in drifted if (drifts.get(item) or {}).get("place") in (None, here)]
    if ours:
        return drift_sentence(ours)
    if drifted:
        return f"{_are(drifted, 'was', 'were')} changed outside irenic in the place where this was run, not here."
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
