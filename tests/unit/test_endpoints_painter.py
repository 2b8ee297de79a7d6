"""A block of lines at the bottom of a terminal, kept up to date."""

from tests.screen import Screen

from irenic.endpoints.bars import visible_cells
from irenic.endpoints.painter import Painter


class Painted:
    """A painter and the terminal that it paints on."""

    def __init__(self, columns: int = 40) -> None:
        self.screen = Screen(columns)
        self.writes: list[str] = []
        self.painter = Painter(self._write, visible_cells)

    def _write(self, text: str) -> None:
        self.writes.append(text)
        self.screen.feed(text)

    def paint(self, *lines: str, above: tuple[str, ...] = (), typing: bool = False) -> list[str]:
        """Paint a frame and return what is on the screen."""
        self.painter.paint(lines, self.screen.columns, above=above, typing=typing)
        return self.screen.lines


def test_a_frame_replaces_the_one_before_it() -> None:
    """Also where it is shorter."""
    painted = Painted()
    assert painted.paint("one", "two", "three") == ["one", "two", "three"]
    assert painted.paint("one", "2") == ["one", "2"]
    assert painted.paint("uno", "dos", "tres", "cuatro") == ["uno", "dos", "tres", "cuatro"]


def test_lines_that_did_not_change_are_not_written_again() -> None:
    """Over a slow line only what is new is sent."""
    painted = Painted()
    painted.paint("the same", "old")
    painted.paint("the same", "new")
    assert "the same" not in painted.writes[-1]
    assert "new" in painted.writes[-1]


def test_a_frame_that_did_not_change_writes_nothing() -> None:
    """Redraw on change."""
    painted = Painted()
    painted.paint("the same")
    painted.paint("the same")
    assert len(painted.writes) == 1


def test_each_frame_is_one_write_within_a_synchronized_update() -> None:
    """Nobody sees half a frame."""
    painted = Painted()
    painted.paint("a", "b")
    painted.paint("c", "d", above=("log",))
    assert all(text.startswith("\x1b[?2026h") and text.endswith("\x1b[?2026l") for text in painted.writes)


def test_lines_above_stay_for_good() -> None:
    """Bars move down, the log stays where it is."""
    painted = Painted()
    painted.paint("bar 1")
    painted.paint("bar 2", above=("log 1", "log 2"))
    assert painted.paint("bar 3", above=("log 3",)) == ["log 1", "log 2", "log 3", "bar 3"]


def test_a_cleared_block_leaves_what_was_above_it() -> None:
    """The outcome follows right below the log."""
    painted = Painted()
    painted.paint("bar", "bar", above=("log",))
    painted.painter.clear()
    painted.screen.feed("outcome\n")
    assert painted.screen.lines == ["log", "outcome"]


def test_clearing_nothing_writes_nothing() -> None:
    """A program that never drew leaves no codes behind."""
    painted = Painted()
    painted.painter.clear()
    assert painted.writes == []


def test_a_terminal_that_became_narrower_is_still_painted_right() -> None:
    """It has wrapped what was there, so that the block is higher than it was."""
    painted = Painted(columns=20)
    painted.paint("x" * 18, "y" * 18)
    narrow = Screen(10)
    narrow.feed("".join(painted.writes))
    painted.screen = narrow
    assert painted.paint("short", "lines") == ["short", "lines"]


def test_while_the_user_types_only_lines_above_the_prompt_are_repainted() -> None:
    """What was typed stays on the screen."""
    painted = Painted()
    painted.paint("bar 10 %", "site asks: ", typing=True)
    painted.screen.feed("hel")
    painted.paint("bar 20 %", "site asks: ", typing=True)
    painted.screen.feed("lo")
    assert painted.screen.lines == ["bar 20 %", "site asks: hello"]


def test_after_the_user_has_ended_the_line_the_prompt_goes() -> None:
    """The terminal itself has moved the cursor below it."""
    painted = Painted()
    painted.paint("bar", "site asks: ", typing=True)
    painted.screen.feed("hello\n")
    painted.painter.typed()
    assert painted.paint("bar", "more") == ["bar", "more"]


def test_a_question_that_is_withdrawn_goes_too() -> None:
    """The cursor is still behind the prompt then."""
    painted = Painted()
    painted.paint("bar", "site asks: ", typing=True)
    painted.screen.feed("hel")
    assert painted.paint("stopping") == ["stopping"]
    painted.paint("stopping", "site asks: ", typing=True)
    painted.painter.clear()
    assert painted.screen.lines == []


def test_a_line_of_log_while_the_user_types_goes_above_all() -> None:
    """The prompt is shown anew below."""
    painted = Painted()
    painted.paint("bar", "site asks: ", typing=True)
    assert painted.paint("bar", "site asks: ", above=("log",), typing=True) == ["log", "bar", "site asks:"]
