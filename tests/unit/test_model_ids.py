"""Identifiers, and the ids of executions."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irenic.model.errors import InvalidIdError
from irenic.model.ids import IDENTIFIER_PATTERN, ULID_PATTERN, UlidSource, check_identifier, new_execution_id


@pytest.mark.parametrize("text", ["a", "_", "_leading", "A9_z", "a" * 128])
def test_an_identifier_is_returned_unchanged(text: str) -> None:
    """Scenario 106: a leading underscore or digit is fine, hyphens and dots inside as well."""
    assert check_identifier(text, "item id") == text


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "é", "a\n", "a" * 129, "a#1", "../a", "a/b"])
def test_a_text_that_is_no_identifier_is_named_in_the_error(text: str) -> None:
    """Scenario 106: the error holds the offending text and says what it should have named."""
    with pytest.raises(InvalidIdError, match=re.escape(repr(text))) as caught:
        check_identifier(text, "profile")
    assert "profile" in str(caught.value)


@given(st.text(max_size=8))
def test_exactly_the_pattern_is_accepted(text: str) -> None:
    """The function accepts what the pattern says, and nothing else."""
    fits = re.fullmatch(IDENTIFIER_PATTERN[1:-1], text) is not None
    try:
        check_identifier(text, "id")
    except InvalidIdError:
        assert not fits
    else:
        assert fits


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    """Also within one millisecond."""
    made = [new_execution_id() for _ in range(2000)]
    assert sorted(made) == made
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(ULID_PATTERN[1:-1], id) for id in made)


def test_an_id_holds_the_time_of_its_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ten characters are the milliseconds since 1970 in Crockford's base 32."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_469_918_176_385 * 1_000_000)
    assert UlidSource().new()[:10] == "01ARYZ6S41"


def test_a_clock_that_goes_back_does_not_disturb_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last time that was seen is kept."""
    times = iter([2_000_000_000, 1_000_000_000, 1_500_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    source = UlidSource()
    made = [source.new() for _ in range(3)]
    assert sorted(made) == made


def test_a_millisecond_that_is_full_flows_over_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random part never wraps round to an id that sorts before."""
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    source = UlidSource()
    source.new()
    source._last_random = (1 << 80) - 2
    before, after = source.new(), source.new()
    assert before < after
    assert after[:10] > before[:10]
