"""A program in a terminal, driven by a test as a person would."""

import codecs
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.screen import Screen

from irenic.endpoints.painter import BEGIN_UPDATE, END_UPDATE

PATIENCE = 30.0
"""Seconds after which what a test waits for is taken never to come."""

_LEFT_OUT = frozenset({"CI", "NO_COLOR", "COLUMNS", "LINES", "IRENIC_STORE", "IRENIC_TOKEN"})
_END = "\x1b[END"
_IN_TERMINAL = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"


class TerminalSession:
    """A program whose standard streams are a terminal of its own.

    :param arguments: the program and its arguments.
    :param folder: where it runs.
    :param stdout: a file that standard output goes to instead.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        stdout: Path | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        clean = {
            name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "COLUMNS", "LINES")
        }
        command = list(arguments)
        if stdout is not None:
            command = ["/bin/sh", "-c", 'exec "$0" "$@" > "$IN_TEST_STDOUT"', *command]
            clean["IN_TEST_STDOUT"] = str(stdout)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, str(theirs), *command],
            cwd=folder,
            pass_fds=[theirs],
            env={**clean, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(environment or {})},
        )
        # Ours stays open until the program has ended: its settings can be looked at, and the last output be read.
        self._theirs = theirs
        self.output = ""
        self.columns = columns
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "TerminalSession":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def lines(self) -> list[str]:
        """What is on the screen, with what has scrolled out of it; of a frame that is still being written, nothing."""
        output = self.output
        begun = output.rfind(BEGIN_UPDATE)
        if begun > output.rfind(END_UPDATE):
            output = output[:begun]
        return Screen(self.columns).feed(output).lines

    @property
    def echoes_control_keys(self) -> bool:
        """Whether the terminal would show ``^C``."""
        local: int = termios.tcgetattr(self._theirs)[3]
        return bool(local & termios.ECHOCTL)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self.columns = columns
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.type("\x03")

    def send(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def wait_for(self, text: str, *, since: int = 0) -> list[str]:
        """Wait until a text is on the screen, and return the screen's lines.

        :param since: characters of output that were seen before; the text has to have been written after them.
        """
        with self._changed:
            found = self._changed.wait_for(
                lambda: (not since or text in self.output[since:]) and any(text in line for line in self.lines),
                PATIENCE,
            )
        if not found:
            raise AssertionError(f"{text!r} did not appear; the screen shows:\n" + "\n".join(self.lines))
        return self.lines

    def wait(self) -> int:
        """Wait for the program to end, and return its exit code."""
        code = self._process.wait(PATIENCE)
        self._hang_up()
        return code

    def hang_up(self) -> None:
        """Close the terminal under the program."""
        os.close(self._theirs)
        self._theirs = -1
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        """End the program if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._hang_up()
        for descriptor in (self._theirs, self._ours):
            if descriptor >= 0:
                os.close(descriptor)
        self._theirs = self._ours = -1

    def _hang_up(self) -> None:
        """Have the reader see everything that was written before the end."""
        if self._reader.is_alive() and self._theirs >= 0:
            os.write(self._theirs, _END.encode())
            self._reader.join(PATIENCE)

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                return
            with self._changed:
                self.output += decoder.decode(data)
                is_end = not data or self.output.endswith(_END)
                self.output = self.output.removesuffix(_END)
                self._changed.notify_all()
            if is_end:
                return
