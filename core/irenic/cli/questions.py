"""Questions that a command puts to the person at the terminal."""

import os
import sys

from irenic.endpoints.terminal import is_terminal


def is_asked_here() -> bool:
    """Return whether there is a person to be asked: a terminal on both sides, and no CI."""
    on_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return is_terminal(sys.stdin) and is_terminal(sys.stderr) and not on_ci


def answered(question: str) -> str:
    """Put a question and return the answer in lower case; ``n`` where the input has ended."""
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    return line.strip().lower() if line else "n"


def agreed(question: str = "Go on? [Y/n] ") -> bool:
    """Return whether the person agrees; true where there is none."""
    return not is_asked_here() or answered(question) in ("", "y", "yes")
