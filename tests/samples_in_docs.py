"""Command samples in docs/when-things-have-changed.md: made by running the commands.

``python -m tests.samples_in_docs`` runs them and writes what they print into the page, with times, ids and names of
machines that are always the same. Every section with samples starts in a folder of its own, in which the flow of the
README has just been ensured. A block after ``<!-- in a terminal: ANSWER -->`` runs in a terminal, where each question
gets that answer. Lines of progress are left out.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from irenic.engine.execution_map import user_and_host

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "when-things-have-changed.md"

_BLOCK = re.compile(r"(?P<mark><!-- in a terminal: (?P<answer>\w+) -->\n)?```console\n(?P<samples>.*?)```", re.DOTALL)
_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_PROGRESS = re.compile(r"^\d\d:\d\d:\d\d .*\n", re.MULTILINE)
_SAME_EVERY_TIME = [
    (_PROGRESS, ""),
    (_ID, "01J…"),
    (re.compile(r"\d{1,2} [A-Z][a-z]{2} \d\d:\d\d"), "30 Nov 14:02"),
    (re.compile(r" in \d+\.\d s"), " in 0.1 s"),
    (re.compile(r"\d+ seconds? ago"), "3 seconds ago"),
    (re.compile(r"sha256 [0-9a-f]{8}…"), "sha256 4f1c2a90…"),
    (re.compile(re.escape(user_and_host()) + r" \(pid \d+\)"), "ada@laptop (pid 4711)"),
    (re.compile(r"in \S*/(\w+) on [^\s,;]+"), r"in /home/ada/\1 on laptop"),
]


def with_output(text: str, folder: Path) -> str:
    """Return a section with what its commands print now.

    :param folder: a folder that is made, in which they run.
    """
    return _BLOCK.sub(_Session(folder).block, text) if "```console" in text else text


def sections(text: str) -> list[str]:
    """Return the sections of a page, each with its heading; all of them together are the page."""
    return re.split(r"(?m)^(?=## )", text)


class _Session:
    """A person at a prompt, in a folder with the README's flow."""

    def __init__(self, folder: Path) -> None:
        readme = (ROOT / "README.md").read_text()
        source = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
        commands = folder / "bin"
        commands.mkdir(parents=True)
        irenic = commands / "irenic"
        irenic.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m irenic "$@"\n')
        irenic.chmod(0o755)
        self._folder = folder / "hello"
        self._folder.mkdir()
        (self._folder / "hello.py").write_text(source)
        known = {name: value for name, value in os.environ.items() if not name.startswith("IRENIC_")}
        path = f"{commands}{os.pathsep}{os.environ.get('PATH', '')}"
        self._environment = {**known, "PATH": path, "NO_COLOR": "1", "LANG": "C.UTF-8", "TERM": "xterm", "CI": ""}
        self._last_id = ""
        self._run("irenic ensure hello.py --input name=Ada", None)

    def block(self, match: re.Match[str]) -> str:
        """Return a block of samples with what its commands print."""
        lines = [line for line in match["samples"].splitlines() if line.startswith("$ ")]
        done = "".join(f"{line}\n{self._run(line[2:], match['answer'])}" for line in lines)
        return f"{match['mark'] or ''}```console\n{done}```"

    def _run(self, command: str, answer: str | None) -> str:
        command = command.replace("01J…", self._last_id)
        if command.startswith("cd "):
            self._folder = (self._folder / command.removeprefix("cd ")).resolve()
            return ""
        in_terminal = answer is not None and command.startswith("irenic ")
        printed = self._printed_in_terminal(command, answer or "") if in_terminal else self._printed(command)
        self._last_id = next(iter(_ID.findall(printed)), self._last_id)
        for pattern, same in _SAME_EVERY_TIME:
            printed = pattern.sub(same, printed)
        return printed

    def _printed(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    def _printed_in_terminal(self, command: str, answer: str) -> str:
        side, terminal = pty.openpty()
        environment = {**self._environment, "COLUMNS": "120"}
        process = subprocess.Popen(
            ["sh", "-c", f"{command} --progress none"],
            cwd=self._folder,
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        written = b""
        while part := _read(side):
            written += part
            if written.endswith(b"] "):
                os.write(side, f"{answer}\n".encode())
        process.wait()
        os.close(side)
        return written.decode().replace("\r\n", "\n")


def _read(side: int) -> bytes:
    try:
        return os.read(side, 65536)
    except OSError:  # the other side of the terminal was closed
        return b""


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp())
    try:
        written = [with_output(part, place / str(n)) for n, part in enumerate(sections(PAGE.read_text()))]
        PAGE.write_text("".join(written))
    finally:
        shutil.rmtree(place)
