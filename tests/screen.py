"""A small terminal, for tests: takes what a program writes and shows what a person would see."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

_TOKEN = re.compile(r"\x1b\[(?P<arguments>[?0-9;]*)(?P<command>[A-Za-z])|\x1b(?P<single>[78])|(?P<text>.)", re.DOTALL)


INVISIBLE = "\a\x03\x04\x1a"
"""The bell, and keys such as Ctrl-C where the terminal does not spell them out."""


class Screen:
    """What is on a terminal of some columns; what has scrolled out of sight counts too.

    It knows what the program under test uses, and raises over anything else, so that nothing is written by accident.
    """

    def __init__(self, columns: int = 80) -> None:
        self.columns = columns
        self.row = 0
        self.column = 0
        self.colours: list[str] = []
        self._cells: list[list[str]] = [[]]
        self._saved = (0, 0)

    def feed(self, text: str) -> "Screen":
        """Take what was written; a lone line feed also returns, as terminals are set."""
        for token in _TOKEN.finditer(text):
            if token["single"]:
                self._save_or_restore(token["single"])
            elif token["command"]:
                self._obey(token["command"], token["arguments"])
            else:
                self._put(token["text"])
        return self

    @property
    def lines(self) -> list[str]:
        """The lines from the top, without what is blank at their ends and at the end."""
        shown = ["".join(line).rstrip() for line in self._cells]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.column = 0
            self._go_to(self.row + 1)
        elif character >= " ":
            width = cell_len(character)
            if self.column + width > self.columns:
                self.column = 0
                self._go_to(self.row + 1)
            line = self._cells[self.row]
            line.extend(" " * (self.column + width - len(line)))
            if width:
                line[self.column : self.column + width] = [character, *[""] * (width - 1)]
            self.column += width
        elif character not in INVISIBLE:
            raise ValueError(f"{character!r} is not known to this terminal")

    def _obey(self, command: str, arguments: str) -> None:
        number = int(arguments) if arguments.isdigit() else 1
        match command:
            case "A":
                self.row = max(0, self.row - number)
            case "K" if arguments in ("", "0"):
                del self._cells[self.row][self.column :]
            case "J" if arguments in ("", "0"):
                del self._cells[self.row][self.column :]
                del self._cells[self.row + 1 :]
            case "m":
                self.colours.append(arguments)
            case "h" | "l" if arguments == "?2026":
                pass
            case _:
                raise ValueError(f"CSI {arguments}{command} is not known to this terminal")

    def _save_or_restore(self, command: str) -> None:
        if command == "7":
            self._saved = (self.row, self.column)
        else:
            self.row, self.column = self._saved

    def _go_to(self, row: int) -> None:
        self.row = row
        while len(self._cells) <= row:
            self._cells.append([])


def control_codes(text: str) -> Iterator[str]:
    """Yield the control codes in a text."""
    yield from re.findall(r"\x1b.?[0-9;?]*[A-Za-z]?|[\x00-\x09\x0b-\x1f]", text)
