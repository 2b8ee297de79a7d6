"""Streams and terminals: what they can show, and writing to them from a thread."""

import io
import os
import pty
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest
from tests.screen import control_codes

import irenic.endpoints
from irenic.endpoints.printed_lines import PrintedLines, printed_lines
from irenic.endpoints.stream_writer import StreamWriter
from irenic.endpoints.terminal import Choice, Ink, QuietControlKeys, has_icons, is_terminal, size_of, wants_colour


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Always true."""
        return True


@pytest.fixture(autouse=True)
def _term(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("choice", "stream", "environment", "wanted"),
    [
        (Choice.AUTO, Terminal(), {}, True),
        (Choice.AUTO, io.StringIO(), {}, False),
        (Choice.AUTO, Terminal(), {"NO_COLOR": "1"}, False),
        (Choice.AUTO, Terminal(), {"NO_COLOR": ""}, True),
        (Choice.ALWAYS, io.StringIO(), {"NO_COLOR": "1"}, True),
        (Choice.NEVER, Terminal(), {}, False),
    ],
)
def test_colours_follow_the_choice_the_stream_and_no_color(
    choice: Choice, stream: io.StringIO, environment: dict[str, str], wanted: bool
) -> None:
    """An explicit choice counts for more than the environment."""
    assert wants_colour(choice, stream, environment) is wanted


def test_a_dumb_terminal_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot move its cursor."""
    assert is_terminal(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)


def test_icons_need_utf_8_and_a_font() -> None:
    """The console of Linux has no such glyphs."""
    utf8 = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    ascii = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert has_icons(utf8, {})
    assert not has_icons(utf8, {"TERM": "linux"})
    assert not has_icons(ascii, {})
    assert not has_icons(io.StringIO(), {})


def test_ink_that_is_off_leaves_text_as_it_is() -> None:
    """And one that is on leaves what has no colour."""
    assert Ink(False)("text", "red") == "text"
    assert Ink(True)("text", "") == "text"
    assert Ink(True)("text", "red") == "\x1b[31mtext\x1b[0m"


def test_size_falls_back_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stream is no terminal."""
    monkeypatch.setenv("COLUMNS", "33")
    monkeypatch.setenv("LINES", "7")
    assert size_of(io.StringIO()) == (33, 7)


class TestQuietControlKeys:
    """``^C`` is not echoed."""

    @staticmethod
    def echoes(descriptor: int) -> bool:
        """Return whether a terminal echoes control keys."""
        local: int = termios.tcgetattr(descriptor)[3]
        return bool(local & termios.ECHOCTL)

    def test_the_echo_is_off_inside_and_back_afterwards(self) -> None:
        """And back between, while the process is suspended."""
        ours, theirs = pty.openpty()
        with os.fdopen(theirs, "w") as stream:
            assert self.echoes(theirs)
            with QuietControlKeys(stream) as keys:
                assert not self.echoes(theirs)
                keys.restore()
                assert self.echoes(theirs)
                keys.quiet()
                assert not self.echoes(theirs)
            assert self.echoes(theirs)
        os.close(ours)

    def test_other_streams_are_left_alone(self) -> None:
        """There is nothing to be quiet about."""
        with QuietControlKeys(io.StringIO()), Path(os.devnull).open("w") as nothing, QuietControlKeys(nothing):
            pass

    def test_a_terminal_that_is_gone_takes_its_settings_with_it(self) -> None:
        """Nothing is raised at the very end of a program."""
        ours, theirs = pty.openpty()
        stream = os.fdopen(theirs, "w")
        with QuietControlKeys(stream):
            os.close(ours)
            stream.close()


class TestStreamWriter:
    """Writing in a thread."""

    def test_pieces_are_written_in_order_across_streams(self) -> None:
        """An outcome on one comes after the bars on the other are gone."""
        written: list[str] = []

        class Noting(io.StringIO):
            def write(self, text: str) -> int:
                written.append(text)
                return len(text)

        one, other = Noting(), Noting()
        writer = StreamWriter()
        for number in range(10):
            writer.write(one if number % 2 else other, str(number))
        writer.write(one, "")
        assert writer.flush(5)
        assert writer.is_idle
        writer.close()
        assert written == [str(number) for number in range(10)]

    def test_a_stream_that_takes_nothing_holds_nobody_up(self) -> None:
        """A pipe that nobody reads from, a terminal stopped by Ctrl-S."""
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as stream:
            writer = StreamWriter()
            writer.write(stream, "x" * 1_000_000)
            assert not writer.is_idle
            assert not writer.flush(0.01)
            with os.fdopen(reading) as other_end:
                received = threading.Thread(target=lambda: other_end.read(1_000_000))
                received.start()
                assert writer.flush(5)
                received.join()
            writer.close()

    def test_a_reader_that_has_gone_is_taken_calmly(self) -> None:
        """As with `irenic ... | head -1`; also the interpreter's own last flush finds nothing to complain about."""
        reading, writing = os.pipe()
        os.close(reading)
        writer = StreamWriter()
        with os.fdopen(writing, "w") as stream:
            writer.write(stream, "to nobody")
            writer.write(stream, "nor this")
            assert writer.flush(5)
            writer.close()
            stream.write("at the end")
            stream.flush()

    def test_what_an_encoding_lacks_is_replaced(self) -> None:
        """Rather than lost with all that follows."""
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        writer = StreamWriter()
        writer.write(stream, "näive\n")
        writer.write(stream, "end\n")
        writer.close()
        assert raw.getvalue() == b"n?ive\nend\n"

    def test_it_can_be_closed_twice_and_used_again(self) -> None:
        """A map may be closed and an endpoint be given to another."""
        stream = io.StringIO()
        writer = StreamWriter()
        writer.close()
        assert writer.flush()
        writer.write(stream, "a")
        writer.close()
        writer.close()
        writer.write(stream, "b")
        writer.close()
        assert stream.getvalue() == "ab"


class TestPrintedLines:
    """What a program prints while bars are shown."""

    def test_lines_are_handed_on_when_they_are_whole(self) -> None:
        """A carriage return begins a line anew, as on a terminal."""
        lines: list[str] = []
        stream = PrintedLines(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), lines.append)
        assert stream.write("one\ntw") == 6
        assert stream.writable()
        stream.write("o\n50 %\r100 %\n\ta\n")
        stream.finish()
        stream.finish()
        assert lines == ["one", "two", "100 %", "    a"]
        assert stream.encoding == "utf-8"
        assert not stream.isatty()

    def test_streams_are_put_back_unless_somebody_else_has_replaced_them(self) -> None:
        """Nobody's stream is taken away."""
        lines: list[str] = []
        stdout, stderr = sys.stdout, sys.stderr
        other = io.StringIO()
        with printed_lines(lines.append, stdout=True):
            assert sys.stdout.fileno() == stdout.fileno()
            sys.stderr.write("rest")
            sys.stdout = other
        assert sys.stdout is other
        sys.stdout = stdout
        assert sys.stderr is stderr
        assert lines == ["rest"]

    def test_standard_output_is_left_alone_where_it_is_not_the_terminal(self) -> None:
        """It may go to a file."""
        stdout = sys.stdout
        with printed_lines(lambda line: None, stdout=False):
            assert sys.stdout is stdout


def test_importing_endpoints_loads_nothing_that_a_tab_has_not() -> None:
    """Terminals are loaded when one is asked for."""
    script = (
        "import sys, irenic, irenic.endpoints, irenic.guards\n"
        "print([name for name in ('rich', 'typer', 'irenic.endpoints.cli') if name in sys.modules])\n"
        "print(irenic.endpoints.CliEndpoint.__name__, irenic.endpoints.CiEndpoint.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nCliEndpoint CiEndpoint\n"


def test_a_name_that_no_endpoint_has_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'FaxEndpoint'"):
        irenic.endpoints.FaxEndpoint  # noqa: B018 - the look-up is what is tested


def test_control_codes_are_recognised() -> None:
    """The helper that other tests rely on finds what it must."""
    assert list(control_codes("a\x1b[31mb\x1b[0m\x1b7\rc\n")) == ["\x1b[31m", "\x1b[0m", "\x1b7", "\r"]
