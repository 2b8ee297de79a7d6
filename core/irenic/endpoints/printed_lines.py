"""Takes what a program prints while a terminal shows bars, line by line."""

import io
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

from irenic.flow.secret_mask import MaskedStream, RecentSecrets, SecretMask
from irenic.model.text import visible

S = TypeVar("S")

_COLOURS = re.compile("(\x1b\\[[0-9;:]*m)")


def coloured(line: str) -> str:
    """Return a printed line with its colours, and what else a terminal would obey as escapes."""
    parts = _COLOURS.split(line)
    parts[::2] = map(visible, parts[::2])
    return "".join([*parts, "\x1b[0m"] if len(parts) > 1 else parts)


class PrintedLines(io.TextIOBase):
    """A stream that hands on whole lines; may be written to from any thread.

    :param stream: the stream that it stands for.
    :param take: given each line, without its end.
    """

    def __init__(self, stream: TextIO, take: Callable[[str], None]) -> None:
        self._stream = stream
        self._take = take
        self._begun = ""
        self._lock = threading.Lock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there, of which only the getter is of use
        """The encoding of the stream that it stands for."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Always true."""
        return True

    def isatty(self) -> bool:
        """Whether the stream that it stands for is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream that it stands for."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Take text; a line is handed on when it is whole."""
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._take(line.rpartition("\r")[2].replace("\t", "    "))
        return len(text)

    def finish(self) -> None:
        """Hand on what is left of a line without an end."""
        with self._lock:
            rest, self._begun = self._begun, ""
        if rest:
            self._take(rest)


@contextmanager
def replaced_streams(names: Iterable[str], replace: Callable[[Any], S]) -> Iterator[list[S]]:
    """Have other streams in the place of some of ``sys`` until the block ends, and yield them.

    One that something else has replaced meanwhile stays as it is.
    """
    found = {name: getattr(sys, name) for name in names}
    proxies = {name: replace(stream) for name, stream in found.items()}
    for name, proxy in proxies.items():
        setattr(sys, name, proxy)
    try:
        yield [*proxies.values()]
    finally:
        for name, proxy in proxies.items():
            if getattr(sys, name) is proxy:
                setattr(sys, name, found[name])


@contextmanager
def printed_lines(take: Callable[[str], None], *, stdout: bool) -> Iterator[None]:
    """Hand lines printed to standard error, and if so asked to standard output, to ``take`` instead."""
    names = ["stderr", "stdout"] if stdout else ["stderr"]
    with replaced_streams(names, lambda stream: PrintedLines(stream, take)) as proxies:
        try:
            yield
        finally:
            for proxy in proxies:
                proxy.finish()


@contextmanager
def masked_output(secrets: SecretMask | RecentSecrets) -> Iterator[None]:
    """Mask secrets in what is printed to standard output and standard error until the block ends.

    What a child process writes there does not pass through here.
    """
    with replaced_streams(("stdout", "stderr"), lambda stream: MaskedStream(stream, secrets)):
        yield
