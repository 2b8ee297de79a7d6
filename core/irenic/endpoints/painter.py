"""Keeps a block of lines at the bottom of a terminal up to date, with what is said for good above it."""

from collections.abc import Callable, Sequence

BEGIN_UPDATE = "\x1b[?2026h"
END_UPDATE = "\x1b[?2026l"
"""Terminals that know synchronized updates show a frame as a whole; others ignore the two."""

SAVE_CURSOR = "\x1b7"
RESTORE_CURSOR = "\x1b8"
ERASE_LINE = "\x1b[K"
ERASE_BELOW = "\x1b[J"


class Painter:
    """Paints frames over one another; a line that did not change is not written again.

    The cursor rests below the block, or behind the block's last line while the user types there.

    :param write: takes what is to be sent to the terminal.
    :param cells: measures a line, without its control codes, in cells.
    """

    def __init__(self, write: Callable[[str], None], cells: Callable[[str], int]) -> None:
        self._write = write
        self._cells = cells
        self._lines: list[str] = []
        self._columns = 0
        self._typing = False

    @property
    def height(self) -> int:
        """How many lines the block has now."""
        return len(self._lines)

    def paint(self, lines: Sequence[str], columns: int, *, above: Sequence[str] = (), typing: bool = False) -> None:
        """Show ``lines``, each no wider than the terminal's ``columns``.

        :param above: lines that stay on the terminal, above the block.
        :param typing: whether the last line is a prompt behind which the user types; such a line, and the number of
            lines before it, stay as they are until the user has ended the line.
        """
        if self._typing and typing and not above:
            self._repaint_above_prompt(list(lines), columns)
            return
        wrapped = columns != self._columns
        if list(lines) == self._lines and not above and not wrapped and typing is self._typing:
            return
        parts = [BEGIN_UPDATE, self._to_top(columns)]
        if above:
            parts += [f"{line}{ERASE_LINE}\n" for line in above]
        old = [] if above or wrapped else self._lines
        for number, line in enumerate(lines):
            same = number < len(old) and old[number] == line
            last = typing and number == len(lines) - 1
            if last:
                parts.append(f"{line}{ERASE_LINE}")
            else:
                parts.append("\n" if same else f"{line}{ERASE_LINE}\n")
        parts += [ERASE_BELOW, END_UPDATE]
        self._lines = list(lines)
        self._columns = columns
        self._typing = typing
        self._write("".join(parts))

    def typed(self) -> None:
        """Say that the user has ended the prompt's line: the terminal has moved the cursor below it."""
        self._typing = False

    def clear(self) -> None:
        """Take the block off the terminal."""
        if self._lines:
            self._write(f"{self._to_top(self._columns)}{ERASE_BELOW}")
        self._lines = []
        self._typing = False

    def forget(self) -> None:
        """Leave the block where it is; the next frame begins below it."""
        if self._typing:
            self._write("\n")
        self._lines = []
        self._typing = False

    def _to_top(self, columns: int) -> str:
        rows = sum(self._rows_of(line, columns) for line in self._lines)
        if self._typing:
            rows -= 1
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _rows_of(self, line: str, columns: int) -> int:
        # A terminal that became narrower has wrapped the lines that were written before.
        return max(1, -(-self._cells(line) // columns)) if columns else 1

    def _repaint_above_prompt(self, lines: list[str], columns: int) -> None:
        shown = self._lines[:-1]
        fresh = [*lines[:-1], *[""] * len(shown)][: len(shown)]
        if fresh == shown or columns != self._columns:
            return
        parts = [BEGIN_UPDATE, SAVE_CURSOR, f"\r\x1b[{len(shown)}A"]
        parts += ["\n" if old == line else f"{line}{ERASE_LINE}\n" for old, line in zip(shown, fresh, strict=True)]
        parts += [RESTORE_CURSOR, END_UPDATE]
        self._lines[:-1] = fresh
        self._write("".join(parts))
