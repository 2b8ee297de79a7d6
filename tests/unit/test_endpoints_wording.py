"""Numbers, times and values as a person reads them."""

from typing import Any

import pytest

from irenic.endpoints.wording import amount, count_of, duration, human_bytes, one_line, several, source_in_words
from irenic.model.progress import ProgressLimit


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_549, "1.5 kB"),
        (12_300_000, "12.3 MB"),
        (5 * 10**15, "5.0 PB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_bytes_are_told_in_the_largest_fitting_unit(count: int, text: str) -> None:
    """Decimal units, as disks and networks are sold."""
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("position", "limit", "text"),
    [
        (0, None, ""),
        (4, None, "4"),
        (0, ProgressLimit(), ""),
        (3, ProgressLimit.steps(7), "3/7"),
        (3, ProgressLimit(unit="steps"), "3"),
        (500, ProgressLimit.bytes(40_000_000), "0.0/40.0 MB"),
        (500, ProgressLimit.bytes(900), "500/900 B"),
        (1500, ProgressLimit.bytes(None), "1.5 kB"),
        (0, ProgressLimit.bytes(None), ""),
    ],
)
def test_amounts_are_told_in_the_unit_of_their_limit(position: int, limit: ProgressLimit | None, text: str) -> None:
    """So that the two numbers can be compared."""
    assert amount(position, limit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (0.49, "0.4 s"), (9.99, "9.9 s"), (12.9, "12 s"), (125, "2 min 05 s"), (11_220, "3 h 07 min")],
)
def test_durations_never_claim_more_than_has_passed(seconds: float, text: str) -> None:
    """They are cut, not rounded."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"path": "app.zip", "size": 12}, "path: app.zip, size: 12"),
        ({"text": "two\nlines", "empty": "", "none": None}, 'text: "two\\nlines", empty: "", none: null'),
        ({"padded": " x "}, 'padded: " x "'),
        ({"tags": ["a", "ä"], "on": True}, 'tags: ["a", "ä"], on: true'),
        ({}, "{}"),
        ([1, 2], "[1, 2]"),
        ("plain", "plain"),
    ],
)
def test_states_fit_on_a_line(value: Any, text: str) -> None:
    """Plain text stands as it is, all else as JSON."""
    assert one_line(value) == text


def test_lists_of_names_are_kept_short() -> None:
    """Ten thousand items cannot be named in a sentence."""
    assert several([]) == ""
    assert several(["a", "b", "c", "d"]) == "a, b, c, d"
    assert several(list("abcdefg")) == "a, b, c and 4 more"


def test_small_words() -> None:
    """Singular and plural, and who asked."""
    assert (count_of(1, "item"), count_of(0, "item")) == ("1 item", "0 items")
    assert (source_in_words("sigint"), source_in_words("failsafe")) == ("Ctrl-C", "failsafe")
