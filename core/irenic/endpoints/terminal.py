"""What a terminal can show, and how it is left as it was found."""

import atexit
import os
import shutil
import sys
from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import TextIO

if sys.platform != "win32":
    import termios


class Choice(StrEnum):
    """When something is done that not every output can take."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


class Ink:
    """Colours text, or leaves it as it is where colours are off."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, colour: str) -> str:
        """Return ``text`` in a colour; an empty colour changes nothing."""
        if not self.enabled or not colour or not text:
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") != "dumb"
    except ValueError:  # the stream was closed
        return False


def wants_colour(choice: Choice, stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether to write colours to a stream.

    Source: https://no-color.org (a ``NO_COLOR`` that is not empty turns colours off).
    """
    if choice is not Choice.AUTO:
        return choice is Choice.ALWAYS
    return is_terminal(stream) and not environment.get("NO_COLOR")


def has_icons(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream can show icons; the console of Linux has no glyphs for them."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return encoding.startswith("utf") and environment.get("TERM", "") != "linux"


def size_of(stream: TextIO) -> tuple[int, int]:
    """Return a terminal's columns and rows."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    return size.columns or 80, size.lines or 24


class QuietControlKeys:
    """While entered, ``^C`` is not echoed by the terminal; restored whatever ends the program, short of SIGKILL.

    :param stream: a terminal; nothing happens where it is none.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._found: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> "QuietControlKeys":
        self.quiet()
        atexit.register(self.restore)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.restore()
        atexit.unregister(self.restore)

    def quiet(self) -> None:
        """Stop the echo of control keys."""
        if sys.platform == "win32" or self._found is not None:
            return
        try:
            if not self._stream.isatty():
                return
            descriptor = self._stream.fileno()
            found = termios.tcgetattr(descriptor)
            changed = termios.tcgetattr(descriptor)
            changed[3] &= ~termios.ECHOCTL
            termios.tcsetattr(descriptor, termios.TCSANOW, changed)
            self._found = found
        except (OSError, ValueError, termios.error):
            return

    def restore(self) -> None:
        """Put the terminal's settings back; doing so twice is fine."""
        if sys.platform == "win32" or self._found is None:
            return
        found, self._found = self._found, None
        try:
            termios.tcsetattr(self._stream.fileno(), termios.TCSANOW, found)
        except (OSError, ValueError, termios.error):
            return  # the terminal is gone, and its settings with it
