"""A verdict in words: one sentence for preview, question, journal and page."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from irenic.engine.other_profiles import OtherEntry
from irenic.model.preview import PreviewAction, PreviewItem, PreviewReason
from irenic.model.states import ItemStates
from irenic.model.timestamps import day_and_time
from irenic.model.trusted import trusted
from irenic.model.verdict import Drift, Elsewhere, VerdictKind, changed_by

_WORDS = {
    PreviewReason.AT_GOAL: "it is at its goal",
    PreviewReason.NEVER_RUN: "it was never run",
    PreviewReason.PARAMS_CHANGED: "its params have changed since it was applied",
    PreviewReason.CODE_CHANGED: "its code has changed since it was applied",
    PreviewReason.IDENTITY_CHANGED: "it stands for another thing now, and the former one is left over",
    PreviewReason.DRIFT: "it was changed outside irenic",
    PreviewReason.UNKNOWN_RESULT: "the result of its last apply is not known",
    PreviewReason.NOT_AT_GOAL: "it is not at its goal",
    PreviewReason.PARAMS_NOT_KNOWN: "its params follow from an item that runs first",
    PreviewReason.PREDECESSOR_RUNS: "an item before it runs",
    PreviewReason.CANNOT_DISCOVER: "its state cannot be discovered",
    PreviewReason.STATE_SHAPE: "its stored state cannot be read",
    PreviewReason.IS_THERE: "it is there",
    PreviewReason.OTHER_PROFILE: "another profile has made it",
    PreviewReason.IS_GONE: "nothing is there any more",
    PreviewReason.NOT_MADE: "it is there, and irenic did not make it: `irenic state adopt` makes it irenic's",
}

_ACTION_WORDS = {
    PreviewAction.SKIP: "skip",
    PreviewAction.CHECK_AGAIN: "check again",
    PreviewAction.RUN: "run",
    PreviewAction.UNKNOWN: "unknown",
}

_ACTIONS = {
    VerdictKind.NOTHING: PreviewAction.SKIP,
    VerdictKind.LEAVE_ALONE: PreviewAction.SKIP,
    VerdictKind.CREATE: PreviewAction.RUN,
    VerdictKind.CHANGE: PreviewAction.RUN,
    VerdictKind.REPLACE: PreviewAction.RUN,
    VerdictKind.REPAIR: PreviewAction.RUN,
    VerdictKind.MAKE_HERE: PreviewAction.RUN,
    VerdictKind.REMOVE: PreviewAction.RUN,
    VerdictKind.KNOWN_AFTER_APPLY: PreviewAction.CHECK_AGAIN,
    VerdictKind.CHECK_AGAIN: PreviewAction.UNKNOWN,
    VerdictKind.CANNOT_DISCOVER: PreviewAction.UNKNOWN,
}

_UNCHANGED = frozenset({PreviewReason.AT_GOAL, PreviewReason.ELSEWHERE, PreviewReason.IS_GONE})


def verdict_item(
    run: Any,
    kind: VerdictKind,
    reasons: list[PreviewReason],
    current: Any,
    goal: Any,
    *,
    diff: dict[str, Any] | None = None,
    drift: Drift | None = None,
    others: Sequence[ItemStates] = (),
    after: Sequence[str] = (),
    detail: str = "",
) -> PreviewItem:
    """Return a verdict with its sentence.

    :param others: what is stored of the item in other places, the latest first.
    :param detail: stands for the words of the first reason.
    """
    is_unknown = PreviewReason.UNKNOWN_RESULT in reasons
    if detail or drift is not None or others or after or is_unknown:
        words = [_reason_text(reason, drift, others, after, run.stored) for reason in reasons]
        if detail and words:
            words[0] = detail
        action = _action(kind, reasons)
        message = f"{_ACTION_WORDS[action]}: {'; '.join(word for word in words if word)}"
    else:
        action, message = _plain(kind, tuple(reasons))
    return trusted(
        PreviewItem,
        {
            "item": run.item_id,
            "action": action,
            "reasons": reasons,
            "message": message,
            "verdict": kind,
            "found": _dump(current),
            "goal": _dump(goal),
            "diff": diff,
            "drift": drift,
            "elsewhere": [
                Elsewhere(place=entry.place.id, label=entry.place.label, at=entry.current_at)
                for entry in others
                if entry.place is not None
            ],
            "after": list(after),
        },
    )


def identity_text(about: Any) -> str:
    """Return what a stored thing is called: its identity, else its params."""
    if about is None:
        return ""
    value = about.params if about.identity is None else about.identity
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {part if isinstance(part, str) else json.dumps(part)}" for name, part in value.items()
        )
    if isinstance(value, list) and all(isinstance(part, (str, int)) for part in value):
        return "/".join(str(part) for part in value)
    return json.dumps(value)


def place_text(entry: ItemStates) -> str:
    """Return where and when something was last recorded: ``in Chrome on laptop, 30 Nov 14:02``."""
    label = entry.place.label if entry.place is not None and entry.place.label else "another place"
    at = entry.applied_at or entry.current_at
    return f"in {label}" + (f", {day_and_time(at)}" if at else "")


def drift_text(drift: Drift) -> str:
    """Return what has changed a thing, and since when: ``changed outside irenic since 30 Nov 14:02``."""
    since = f" since {day_and_time(drift.stored_at)}" if drift.stored_at is not None else ""
    return f"{changed_by(drift)}{since}"


def changed_text(drifts: Mapping[str, Drift]) -> str:
    """Return which items were changed, and by what: ``changed outside irenic: a, b; changed by profile dev: c``."""
    groups: dict[str, list[str]] = {}
    for item, drift in drifts.items():
        groups.setdefault(changed_by(drift), []).append(item)
    return "; ".join(f"{what}: {', '.join(items)}" for what, items in groups.items())


def profile_text(other: OtherEntry) -> str:
    """Return whose thing it is too: ``profile prod has made it, 30 Nov 14:02``."""
    at = other.stored.applied_at or other.stored.current_at
    return f"profile {other.profile} has made it" + (f", {day_and_time(at)}" if at else "")


@lru_cache(maxsize=256)
def _plain(kind: VerdictKind, reasons: tuple[PreviewReason, ...]) -> tuple[PreviewAction, str]:
    """Return the action and the sentence of a verdict that says nothing of its own: one of a few."""
    action = _action(kind, reasons)
    return action, f"{_ACTION_WORDS[action]}: {'; '.join(_WORDS[reason] for reason in reasons)}"


def _action(kind: VerdictKind, reasons: Sequence[PreviewReason]) -> PreviewAction:
    action = _ACTIONS[kind]
    if kind is VerdictKind.KNOWN_AFTER_APPLY:
        if PreviewReason.UNKNOWN_RESULT in reasons:
            return PreviewAction.UNKNOWN
        runs = (PreviewReason.PARAMS_NOT_KNOWN, PreviewReason.NEVER_RUN)
        return PreviewAction.RUN if any(reason in runs for reason in reasons) else action
    if kind is VerdictKind.NOTHING and not _UNCHANGED.issuperset(reasons):
        return PreviewAction.CHECK_AGAIN
    return action


def _reason_text(
    reason: PreviewReason,
    drift: Drift | None,
    others: Sequence[ItemStates],
    after: Sequence[str],
    stored: ItemStates | None,
) -> str:
    if reason is PreviewReason.UNKNOWN_RESULT and stored is not None and stored.unknown_reason:
        return f"{stored.unknown_reason}, so that its state is not known"
    if reason is PreviewReason.DRIFT and drift is not None:
        return f"it was {drift_text(drift)}"
    if reason is PreviewReason.ELSEWHERE or (reason is PreviewReason.NEVER_RUN and others):
        return f"it is not here yet; made {place_text(others[0])}" if others else ""
    if reason is PreviewReason.CANNOT_DISCOVER and after:
        return ""
    if reason is PreviewReason.PREDECESSOR_RUNS and after:
        return f"known after {' and '.join(after)} {'is' if len(after) == 1 else 'are'} applied"
    return _WORDS[reason]


def _dump(state: Any) -> dict[str, Any] | None:
    return None if state is None else state.__pydantic_serializer__.to_python(state, mode="json")
