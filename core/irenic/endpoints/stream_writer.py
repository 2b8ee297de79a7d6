"""Writes to streams in a thread of its own, so that a terminal or a pipe that takes nothing holds nobody up."""

import contextlib
import os
import queue
import threading
from typing import NamedTuple, TextIO


class _Piece(NamedTuple):
    stream: TextIO
    text: str


class StreamWriter:
    """Writes pieces of text in the order in which they were given, to one or more streams.

    A stream that cannot be written to any more (the reader of a pipe has gone, the terminal has hung up) swallows what
    else is meant for it.
    """

    def __init__(self) -> None:
        self._pieces: queue.SimpleQueue[_Piece | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting = 0
        self._lock = threading.Lock()
        self._broken: set[int] = set()

    @property
    def is_idle(self) -> bool:
        """Whether everything is written."""
        return self._waiting == 0

    def write(self, stream: TextIO, text: str) -> None:
        """Have a text written; returns at once."""
        if not text:
            return
        with self._lock:
            self._waiting += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="irenic stream writer", daemon=True)
                self._thread.start()
        self._pieces.put(_Piece(stream, text))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything given so far is written; returns whether it is.

        :param timeout: seconds to wait at most.
        """
        if self._thread is None:
            return True
        reached = threading.Event()
        self._pieces.put(reached)
        return reached.wait(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Write what is left and end the thread; a later :meth:`write` starts another."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._pieces.put(None)
            thread.join(timeout)

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, threading.Event):
                piece.set()
                continue
            try:
                if id(piece.stream) not in self._broken:
                    _write(piece.stream, piece.text)
            except (OSError, ValueError):
                self._broken.add(id(piece.stream))
                _let_go(piece.stream)
            finally:
                with self._lock:
                    self._waiting -= 1


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "replace").decode(stream.encoding))
    stream.flush()


def _let_go(stream: TextIO) -> None:
    """Point a broken stream at nothing, so that the interpreter's last flush of it does not fail.

    Source: the note on SIGPIPE in the documentation of Python's signal module.
    """
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
