"""Chooses how a run is shown: live bars in a terminal, lines elsewhere."""

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

from irenic.endpoints.terminal import is_terminal


class ProgressChoice(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    BARS = "bars"
    LINES = "lines"
    NONE = "none"


def chosen_progress(
    choice: ProgressChoice, stderr: TextIO | None = None, environment: Mapping[str, str] = os.environ
) -> ProgressChoice:
    """Return what *auto* stands for here; anything else stands for itself."""
    if choice is not ProgressChoice.AUTO:
        return choice
    on_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return ProgressChoice.BARS if is_terminal(stderr or sys.stderr) and not on_ci else ProgressChoice.LINES
