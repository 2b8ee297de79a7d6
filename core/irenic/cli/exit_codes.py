"""The exit codes of the command line."""

from enum import IntEnum

from irenic.model.outcome import CmdOutcome


class ExitCode(IntEnum):
    """What a shell is told; 130 is what it expects of a program that was interrupted."""

    COMPLETE = 0
    ITEM_ERROR = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    DIFFERENCES = 5
    INTERRUPTED = 130


_CODES = {
    "complete": ExitCode.COMPLETE,
    "block_interrupted": ExitCode.INTERRUPTED,
    "execution_interrupted": ExitCode.INTERRUPTED,
    "item_error": ExitCode.ITEM_ERROR,
    "refused": ExitCode.REFUSED,
    "failed": ExitCode.FAILED,
    "lost": ExitCode.FAILED,
}


def has_differences(outcome: CmdOutcome) -> bool:
    """Return whether a diff has found anything that ensure would change, or that is left over."""
    changes = (states.diff or {} for states in outcome.states.values())
    known = all(states.diff is not None for states in outcome.states.values())
    return not known or bool(outcome.leftovers) or any(change.get("changes", change) for change in changes)


def exit_code_of(outcome: CmdOutcome) -> ExitCode:
    """Return the exit code for an outcome."""
    return _CODES[outcome.kind]
