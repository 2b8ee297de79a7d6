"""Ids that the page makes."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic.types import StringConstraints

from irenic.model.ids import IDENTIFIER_PATTERN, ULID_PATTERN
from ui import identity

ulid_adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=ULID_PATTERN)])
identifier_adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN, max_length=128)])


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_ulid_is_one_that_the_core_accepts(now_ms: int, randomness: bytes) -> None:
    """26 characters of Crockford's base 32, and never more than 128 bits."""
    assert ulid_adapter.validate_python(identity.ulid(now_ms, randomness))


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_ulids_sort_by_time(now_ms: int, one: bytes, other: bytes) -> None:
    """Whatever their random part is."""
    assert identity.ulid(now_ms, one) < identity.ulid(now_ms + 1, other)


@given(st.text(max_size=130))
def test_a_profile_is_checked_as_the_core_checks_it(text: str) -> None:
    """So that nobody is sent away later."""
    try:
        identifier_adapter.validate_python(text)
        valid = not text.endswith("\n")
    except ValueError:
        valid = False
    assert identity.is_identifier(text) == valid


@pytest.mark.parametrize(
    ("holder", "own"), [("tab b1/t1", True), ("tab b2/t1", False), ("cli of ada", False), ("", False)]
)
def test_a_holder_is_known_to_be_a_tab_of_this_browser(holder: str, own: bool) -> None:
    """Only such a one may be settled by another tab."""
    assert identity.is_of_browser(holder, "b1") == own


def test_a_holder_names_browser_and_tab() -> None:
    """In this order."""
    assert identity.holder("b1", "t1") == "tab b1/t1"


def test_a_word_is_safe_in_an_id() -> None:
    """Letters and digits."""
    assert identity.word(bytes(range(32))).isalnum()
