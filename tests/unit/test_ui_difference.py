"""What differs between a current and a goal state, as the page says it."""

from typing import Any

import pytest

from ui import difference


@pytest.mark.parametrize(
    ("current", "goal", "told"),
    [
        (None, None, ""),
        (None, {"a": 1}, "current state not known"),
        ({"a": 1}, None, "goal not known yet"),
        ({"a": 1}, {"a": 1}, "nothing"),
        ({"a": 1, "made_at": "now"}, {"a": 1, "made_at": None}, "nothing"),
        ({"size": 0}, {"size": 1_500_000}, "size: 0 bytes → 1.5 MB"),
        ({"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 3, "c": 4}, "b: 2 → 3; a: 1 → 2; 1 more"),
        ({"b": True}, {"b": False}, "b: yes → no"),
    ],
)
def test_the_difference_is_said_in_a_few_words(
    current: dict[str, Any] | None, goal: dict[str, Any] | None, told: str
) -> None:
    """Fields come in the order of their definition; what the goal leaves open does not differ."""
    assert difference.summary(current, goal, ["b", "a"]) == told


def test_fields_come_in_the_order_of_their_definition_and_others_after_them() -> None:
    """Fields that neither state has are left out."""
    found = difference.fields({"z": 1, "m": 2, "y": 0}, {"z": 1, "m": 3}, ["m", "gone"])
    assert [(field.name, field.current, field.goal, field.differs) for field in found] == [
        ("m", 2, 3, True),
        ("y", 0, None, False),
        ("z", 1, 1, False),
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("path", None, "none"),
        ("total_size", 2000, "2.0 kB"),
        ("count", 2000, "2000"),
        ("ratio", 0.5, "0.5"),
        ("files", [], "none"),
        ("files", ["a"], "a"),
        ("files", ["a", "b"], "2 entries"),
        ("meta", {}, "none"),
        ("meta", {"a": 1, "b": 2}, "2 entries"),
        ("text", "x" * 50, "x" * 26 + "…" + "x" * 13),
    ],
)
def test_a_value_is_written_for_a_narrow_place(name: str, value: Any, text: str) -> None:
    """Whatever JSON can hold."""
    assert difference.value_text(name, value) == text


def test_a_text_is_cut_in_the_middle() -> None:
    """Where paths and digests differ least; one that fits stays whole."""
    assert (difference.shortened("abcdefghij", 7), difference.shortened("abc", 3)) == ("abcd…ij", "abc")
