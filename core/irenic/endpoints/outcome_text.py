"""An outcome as calm, complete text: what is done, what is not, what nobody knows, and which command comes next."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from irenic.endpoints.preview_text import LEFTOVER_ICON, changed_names, leftover_text, note_text, part_text
from irenic.endpoints.terminal import Ink
from irenic.endpoints.wording import clock, count_of, duration, one_line, source_in_words
from irenic.model.cmd import Cmd
from irenic.model.outcome import CmdOutcome, ErrorInfo, ItemStatesOutcome
from irenic.model.progress import ExecutionProgress
from irenic.model.text import visible, with_texts
from irenic.model.timestamps import seconds_between
from irenic.model.verdict import VerdictKind

_READING = frozenset({Cmd.DISCOVER, Cmd.STATUS, Cmd.GOAL, Cmd.DIFF})

_UNRECORDED = _READING - {Cmd.DISCOVER}
"""Commands that leave no execution behind."""

_NOTED_WORDS = {
    VerdictKind.REPAIR: "repaired",
    VerdictKind.REPLACE: "replaced",
    VerdictKind.LEAVE_ALONE: "left alone",
    VerdictKind.REMOVE: "removed",
}
"""What became of an item that is done, where that is more than that it was applied."""

_DRY_WORDS = {VerdictKind.LEAVE_ALONE: "left alone", VerdictKind.KNOWN_AFTER_APPLY: "known later"}
"""What a dry run says of an item, where that is not that it would be done."""

_DONE_WORDS = {Cmd.CLEAN: "removed", Cmd.ADOPT: "adopted"}
"""What a command does to an item, where that is not to apply it."""

_EXPLAINED = frozenset({"drift", "state_shape"})
"""Refusals of an item that are explained one by one."""

_ICONS = {
    "complete": "✅",
    "block_interrupted": "🟡",
    "execution_interrupted": "🟡",
    "item_error": "❌",
    "refused": "⛔",
    "failed": "❌",
    "lost": "❓",
}
_VERBS = {
    "complete": "complete",
    "block_interrupted": "interrupted",
    "execution_interrupted": "interrupted",
    "item_error": "ended with an error",
    "refused": "refused",
    "failed": "could not go on",
    "lost": "lost",
}
_COLOURS = {"complete": "green", "block_interrupted": "yellow", "execution_interrupted": "yellow", "lost": "yellow"}


@dataclass(frozen=True)
class CommandLine:
    """What was typed, so that the next command can be named.

    :param flow: the flow's file, as it was given.
    :param options: what every next command needs too, e.g. ``--store PATH``.
    :param profile: the profile; an execution that is resumed knows its own.
    :param chosen: what limits the same command to some items, e.g. ``--item a``.
    :param plan: the file of the plan that was given.
    :param repeated: what the same command needs again, e.g. ``--prune``; None where it holds a secret.
    """

    flow: str
    options: str = ""
    profile: str = "default"
    chosen: str = ""
    plan: str = "plan.json"
    repeated: str | None = ""

    def of(self, command: str) -> str:
        """Return the command line of another command on the same flow and profile."""
        words = command.split(" ")
        length = 2 if words[0] == "state" else 1
        profile = "" if self.profile == "default" else f"--profile {self.profile}"
        parts = ("irenic", *words[:length], self.flow, *words[length:], profile, self.options)
        return " ".join(part for part in parts if part)

    def again(self, command: str) -> str:
        """Return the command line of a command on the same flow, profile and items."""
        return self.of(f"{command} {self.chosen}" if self.chosen else command)

    def resume(self, execution_id: str) -> str:
        """Return the command line that resumes an execution."""
        return " ".join(part for part in ("irenic resume", execution_id, self.flow, self.options) if part)


@dataclass(frozen=True)
class TextLook:
    """How outcome text is written; with ``traceback``, errors are shown with all their frames."""

    ink: Ink = field(default_factory=lambda: Ink(False))
    icons: bool = True
    traceback: bool = False


def outcome_text(
    outcome: CmdOutcome,
    *,
    look: TextLook,
    progress: ExecutionProgress | None = None,
    command_line: CommandLine | None = None,
) -> str:
    """Return an outcome as text for a person, ending in a line break.

    :param progress: the last progress, from which it is told which items had nothing to do.
    :param command_line: lets the text name the next command.
    """
    outcome = with_texts(outcome, visible)
    writer = _Writer(outcome, look, progress)
    lines = list(writer.lines())
    following = next_commands(outcome, command_line)
    if following:
        lines += ["", f"Next: {following[0]}", *(f"      {command}" for command in following[1:])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Writer:
    def __init__(self, outcome: CmdOutcome, look: TextLook, progress: ExecutionProgress | None) -> None:
        self._outcome = outcome
        self._ink = look.ink
        self._icons = look.icons
        self._whole = look.traceback
        self._progress = progress
        self._width = max((len(item) for item in self._all_items()), default=0)

    def lines(self) -> Iterator[str]:
        outcome = self._outcome
        yield self._headline()
        if outcome.message:
            yield f"   {outcome.message}"
        if Cmd.STATE in _commands(outcome):
            return
        if not _commands(outcome) <= _READING:
            yield from self._items()
        elif outcome.kind not in ("failed", "refused"):
            yield from self._found()
        for item, error in outcome.errors.items():
            yield from self._error(item, error)
        yield from self._refusals()
        yield from self._interrupt()
        yield from self._remarks()
        yield from self._leftovers()

    def _leftovers(self) -> Iterator[str]:
        leftovers = self._outcome.leftovers
        if leftovers:
            yield ""
        for leftover in leftovers:
            mark = f"{LEFTOVER_ICON} " if self._icons else ""
            yield f"   {mark}{leftover.item}  {self._ink('left over', 'yellow')}  {leftover_text(leftover)}"

    def _headline(self) -> str:
        outcome = self._outcome
        verb = headline_verb(outcome)
        icon = f"{headline_icon(outcome)} " if self._icons else ""
        took = duration(seconds_between(outcome.started_at, outcome.ended_at))
        coloured = self._ink(verb, _COLOURS.get(outcome.kind, "red"))
        counts = "" if Cmd.STATE in _commands(outcome) else f", {self._counts()}"
        return f"{icon}{coloured}: {outcome.flow}/{outcome.profile}{counts} in {took}"

    def _counts(self) -> str:
        items = self._outcome.items
        total = len(items.done) + len(items.not_done) + len(items.unknown)
        if len(items.done) == total:
            return count_of(total, "item")
        counts = [f"{len(items.done)} of {count_of(total, 'item')} done"]
        if items.unknown:
            counts.append(f"{len(items.unknown)} unknown")
        if self._outcome.errors and not self._outcome.is_interrupted:
            counts.append(f"{len(self._outcome.errors)} failed")
        return ", ".join(counts)

    def _all_items(self) -> list[str]:
        items = self._outcome.items
        known = [*items.done, *items.not_done, *items.unknown]
        order = list(self._outcome.states) or known
        return [item for item in order if item in set(known)] or known

    def _items(self) -> Iterator[str]:
        items, errors = self._outcome.items, self._outcome.errors
        done, unknown = set(items.done), set(items.unknown)
        refusals = [item for item, refusal in self._outcome.refusals.items() if refusal.reason in _EXPLAINED]
        for item in self._all_items():
            if item in errors and self._outcome.is_interrupted:  # an error that came of being cancelled
                yield self._row(item, "🟡", "cancelled", "yellow", f"and failed in {errors[item].phase}, see below")
            elif item in errors:
                yield self._row(item, "❌", "failed", "red", f"in {errors[item].phase or 'apply'}, see below")
            elif item in unknown:
                yield self._row(item, "❓", "unknown", "yellow", self._unknown())
            elif item in done:
                word = self._done_word(item)
                yield self._row(item, "✅", word, "green", self._note(item) or self._state(item))
            elif item in refusals:
                yield self._row(item, "⛔", "refused", "red", "see below")
            else:
                yield self._row(item, "⚪", "not done", "dim", self._message(item))

    def _state(self, item: str) -> str:
        """Return what an item is now; nothing where it was cleaned."""
        if Cmd.CLEAN in _commands(self._outcome):
            return ""
        return _told(self._outcome.states.get(item))

    def _note(self, item: str) -> str:
        """Return what its reader should know of an item that is done."""
        note = self._outcome.notes.get(item)
        if note is None:
            return ""
        drift = self._outcome.drift.get(item)
        if drift is not None and self._is_repaired(item):
            return "it was missing" if drift.is_gone else f"found {one_line(drift.found)}"
        if note.verdict is VerdictKind.MAKE_HERE:
            return note_text(note.message).replace("not here yet; made", "it was not here yet; also")
        return note_text(note.message)

    def _is_repaired(self, item: str) -> bool:
        """Return whether an item that was changed outside irenic was applied again."""
        applied = self._message(item) != "nothing to do" and Cmd.CLEAN not in _commands(self._outcome)
        return item in self._outcome.drift and applied and not self._outcome.dry_run

    def _done_word(self, item: str) -> str:
        note = self._outcome.notes.get(item)
        if self._is_repaired(item):
            return "repaired"
        if not self._outcome.dry_run and note is not None and note.verdict in _NOTED_WORDS:
            return _NOTED_WORDS[note.verdict]
        if self._message(item) == "nothing to do":
            return "nothing to do"
        if self._outcome.dry_run:
            return "would be done" if note is None else _DRY_WORDS.get(note.verdict, "would be done")
        return next((word for cmd, word in _DONE_WORDS.items() if cmd in _commands(self._outcome)), "done")

    def _row(self, item: str, icon: str, word: str, colour: str, told: str) -> str:
        mark = f"{icon} " if self._icons else ""
        return f"   {mark}{item.ljust(self._width)}  {self._ink(word, colour)}{' ' * (13 - len(word))}  {told}"

    def _unknown(self) -> str:
        return "its apply had begun and its end was not recorded; resume looks at it first"

    def _message(self, item: str) -> str:
        entry = self._progress.items.get(item) if self._progress is not None else None
        return visible(entry.message) if entry is not None else ""

    def _found(self) -> Iterator[str]:
        for item in self._all_items():
            if item in self._outcome.errors:
                continue
            yield ""
            states = self._outcome.states.get(item, ItemStatesOutcome())
            note = self._outcome.notes.get(item)
            is_elsewhere = note is not None and note.verdict is VerdictKind.MAKE_HERE and states == ItemStatesOutcome()
            why = note.message if note is not None and is_elsewhere else self._message(item)
            yield self._ink(item, "bold") + (f"  {why}" if why else "")
            if not is_elsewhere:
                yield from self._states(states)

    def _states(self, states: ItemStatesOutcome) -> Iterator[str]:
        commands = _commands(self._outcome)
        if Cmd.DIFF in commands:
            yield from self._diff(states)
        if Cmd.STATUS in commands:
            yield from _fields(states.current)
        if Cmd.GOAL in commands:
            yield from _fields(states.goal)
        if Cmd.DISCOVER in commands:
            for name, state in (("current", states.current), ("goal", states.goal)):
                if state is not None:
                    yield f"   {name}"
                    yield from _fields(state, "      ")
            if states.current is None and states.goal is None:
                yield "   not known yet"

    def _diff(self, states: ItemStatesOutcome) -> Iterator[str]:
        diff = states.diff
        if diff is None:
            yield f"   {self._unknown_diff(states)}"
            return
        changes = diff.get("changes", diff)
        told = {name: change for name, change in diff.items() if name != "changes" and change}
        if not changes and not told:
            yield f"   {self._ink('no difference', 'dim')}"
        for name, change in changes.items():
            if isinstance(change, dict) and set(change) == {"before", "after"}:
                before, after = one_line(change["before"]), one_line(change["after"])
                yield f"   {name}: {self._ink(before, 'red')} -> {self._ink(after, 'green')}"
            else:
                yield f"   {name}: {one_line(change)}"
        if "changes" in diff:
            yield from (f"   {name}: {one_line(change)}" for name, change in told.items())

    def _unknown_diff(self, states: ItemStatesOutcome) -> str:
        missing = [name for name in ("current", "goal") if getattr(states, name) is None]
        return f"its {' and '.join(missing)} {'state is' if len(missing) == 1 else 'states are'} not known yet"

    def _error(self, item: str, error: ErrorInfo) -> Iterator[str]:
        yield ""
        phase = f" in {error.phase}" if error.phase else ""
        yield f"{self._ink(item, 'bold')}{phase}: {self._ink(error.type, 'red')}"
        yield from (f"   {line}" for line in error.message.splitlines())
        yield from _frames(error)
        yield from (f"   because of {cause}" for cause in error.causes)
        for member in error.members:
            yield f"   {member.type}: {member.message}"
            yield from _frames(member)
        if self._whole and error.traceback:
            yield from (f"   {line}" for line in error.traceback.splitlines())

    def _refusals(self) -> Iterator[str]:
        for item, refusal in self._outcome.refusals.items():
            if refusal.reason in _EXPLAINED:
                yield ""
                why = refusal.message.removeprefix(f"{item} was ").removeprefix(f"{item}: ")
                yield f"{self._ink(item, 'bold')}: {why}"
            if refusal.reason == "drift":
                names = changed_names(refusal.stored, refusal.discovered)
                yield f"   stored  {part_text(refusal.stored, names)}"
                yield f"   found   {part_text(refusal.discovered, names)}"
                if refusal.goal is not None:
                    yield f"   goal    {part_text(refusal.goal, names)}"

    def _interrupt(self) -> Iterator[str]:
        interrupt = self._outcome.interrupt
        if interrupt is None:
            return
        reason = f": {interrupt.reason}" if interrupt.reason else ""
        settled = interrupt.settled_at or self._outcome.ended_at
        took = duration(seconds_between(interrupt.requested_at, settled))
        yield ""
        yield f"Stop asked by {source_in_words(interrupt.source)} at {clock(interrupt.requested_at)} UTC{reason}"
        yield f"   level {interrupt.level.word}, settled after {took}"

    def _remarks(self) -> Iterator[str]:
        outcome = self._outcome
        if outcome.swallowed_cancel:
            yield f"   went on although cancelled: {', '.join(outcome.swallowed_cancel)}"
        for endpoint, reason in outcome.endpoints_cut.items():
            yield f"   {endpoint} was cut off: it {reason}; the execution was not affected"


def _frames(error: ErrorInfo) -> Iterator[str]:
    """Yield where in the user's own code an error came from."""
    for frame in error.frames:
        yield f"     {frame.file}:{frame.line} in {frame.function}      {frame.source}".rstrip()


def _commands(outcome: CmdOutcome) -> set[str]:
    return {*outcome.cmds.done, *outcome.cmds.not_done}


def _told(states: ItemStatesOutcome | None) -> str:
    return one_line(states.current) if states is not None and states.current else ""


def _fields(state: dict[str, Any] | None, indent: str = "   ") -> Iterator[str]:
    if state is None:
        yield f"{indent}not known yet"
        return
    width = max((len(name) for name in state), default=0)
    for name, value in state.items():
        yield f"{indent}{name.ljust(width)}  {one_line(value)}"


def headline_icon(outcome: CmdOutcome) -> str:
    """Return the icon that stands for an outcome."""
    return _ICONS[outcome.kind]


def headline_verb(outcome: CmdOutcome) -> str:
    """Return what was asked for and what became of it: ``ensure interrupted``."""
    verb = f"{' and '.join([*outcome.cmds.done, *outcome.cmds.not_done])} {_VERBS[outcome.kind]}"
    return f"{verb} (dry run: nothing was changed)" if outcome.dry_run else verb


def next_command(outcome: CmdOutcome, command_line: CommandLine | None) -> str:
    """Return the command that its reader may want next; empty where there is none."""
    return next(iter(next_commands(outcome, command_line)), "")


def next_commands(outcome: CmdOutcome, command_line: CommandLine | None) -> list[str]:
    """Return the commands that its reader may want next, the likeliest first; each works as it stands."""
    if command_line is None:
        return []
    command = next(iter([*outcome.cmds.not_done, *outcome.cmds.done]), Cmd.ENSURE)
    if outcome.dry_run:
        if outcome.kind != "complete" or command_line.repeated is None:
            return []
        return [command_line.again(f"{command} {command_line.repeated}".strip())]
    match outcome.kind:
        case "complete" if command in (Cmd.ENSURE, Cmd.STATUS, Cmd.DIFF) and outcome.leftovers:
            return list(_ways_of_leftovers(outcome, command_line))
        case "complete" if command == Cmd.CLEAN and (alone := _left_alone(outcome)):
            adopt = command_line.of(f"state adopt {shlex.join(alone)}")
            return [f"{adopt}   (make it irenic's, so that clean removes it)"]
        case "complete" if command == Cmd.CLEAN and (left := [o.item for o in outcome.leftovers if o.place is None]):
            return [f"{command_line.of(f'state forget {shlex.join(left)}')}   (leave it where it is)"]
        case "block_interrupted" | "execution_interrupted" | "lost":
            return [command_line.resume(outcome.execution_id)]
        case "item_error":
            again = command_line.again(command) if command in _UNRECORDED else command_line.resume(outcome.execution_id)
            return [f"fix the error above, then {again}"]
        case "refused":
            return list(_ways_of_refused(outcome, command_line, command))
        case "failed" if "irenic discover" in outcome.message:
            return [command_line.again("discover")]
        case "failed" if "the same command again" in outcome.message and command_line.repeated is not None:
            return [command_line.again(f"{command} {command_line.repeated}".strip())]
    return []


def _left_alone(outcome: CmdOutcome) -> list[str]:
    """Return the items that clean found and irenic did not make."""
    notes = outcome.notes.items()
    return [item for item, note in notes if note.verdict is VerdictKind.LEAVE_ALONE and "did not make" in note.message]


def _ways_of_leftovers(outcome: CmdOutcome, command_line: CommandLine) -> Iterator[str]:
    if any(leftover.problem is None for leftover in outcome.leftovers):
        yield f"{command_line.again('ensure --prune')}   (remove what is left over)"
    named = shlex.join(leftover.item for leftover in outcome.leftovers)
    yield f"{command_line.of(f'state forget {named}')}   (leave it where it is)"


def _ways_of_refused(outcome: CmdOutcome, command_line: CommandLine, command: str) -> Iterator[str]:
    reasons = {refusal.reason for refusal in outcome.refusals.values()}
    if "held" in reasons:
        if {Cmd.STATE, Cmd.ADOPT} & set(_commands(outcome)):
            yield "wait for it, or interrupt it, then the same again"
        else:
            yield f"wait for it, interrupt it, or take over: {command_line.again(command)} --take-over"
    elif "drift" in reasons:
        yield f"{command_line.again('ensure --on-drift repair')}   (bring it back)"
        yield f"{command_line.again('discover')}   (accept what is there)"
    elif "stale_plan" in reasons:
        again = command_line.again(f"ensure --plan {command_line.plan}")
        yield f"{command_line.again(f'preview --save {command_line.plan}')}, then {again}"
    elif "state_shape" in reasons:
        forget = f"state forget {shlex.join(outcome.refusals)}"
        yield f"{command_line.of(forget)}   (irenic then no longer knows of it)"
    elif "dependents" in reasons:
        items = " ".join(f"--item {item}" for item in outcome.refusals)
        yield command_line.of(f"clean {items} --with-dependents")
