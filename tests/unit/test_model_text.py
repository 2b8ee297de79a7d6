"""Texts of items are shown, never obeyed."""

import json

import pytest
from pydantic import BaseModel

from irenic.endpoints.formats import Format, format_data
from irenic.endpoints.printed_lines import coloured
from irenic.endpoints.wording import CUT, LONGEST, one_line
from irenic.model.text import visible, with_texts


class Model(BaseModel):
    """Something with texts in it."""

    text: str = "a"
    more: list[str] = []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\x07\x08", r"a\rb\x07\x08"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udc80", r"\udc80"),
        ("first\r\nsecond\tthird", "first\nsecond\tthird"),
        ("👩\u200d💻 naïve\u00a0", "👩\u200d💻 naïve\u00a0"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, shown: str) -> None:
    """Lines, tabs and what people write stay."""
    assert visible(text) == shown


def test_every_text_of_data_is_changed_and_what_has_none_is_the_same_object() -> None:
    """In models, lists and keys."""
    changed = with_texts({"k": [Model(text="a", more=["a"]), ("a", 1)]}, str.upper)
    assert changed == {"K": [Model(text="A", more=["A"]), ("A", 1)]}
    for same in ({"K": ["A", {"B": 1}]}, Model(text="A"), ("A",), None):
        assert with_texts(same, str.upper) is same


def test_json_on_a_terminal_means_the_same_and_moves_nothing() -> None:
    """JSON itself escapes only some of it."""
    data = {"a": "\x1b\x9b\u202e\udc80 ä"}
    text = format_data(data, Format.JSON)
    assert json.loads(text) == data
    assert text.isascii() is False
    assert visible(text) == text


def test_a_printed_line_keeps_its_colours() -> None:
    """They end with the line."""
    assert coloured("\x1b[31mred\x1b[2J") == "\x1b[31mred\\x1b[2J\x1b[0m"
    assert coloured("\x1b]0;title\x07") == "\\x1b]0;title\\x07"


def test_long_values_are_cut_and_can_be_told_apart() -> None:
    """With how long they are, and a digest."""
    one, other = one_line({"text": "x" * 3_000_000}), one_line({"text": "x" * 2_999_999 + "y"})
    assert one.startswith("text: " + "x" * CUT + "… (3,000,000 characters, sha256 ")
    assert one != other
    assert one_line("x" * LONGEST) == "x" * LONGEST
    for long in ("a\n" * 10_000, ["x"] * 10_000, {"a": {"b": "c" * 10_000}}):
        assert len(one_line(long)) < LONGEST
