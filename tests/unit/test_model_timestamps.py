"""Times as text."""

import re
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irenic.model.timestamps import TIMESTAMP_PATTERN, seconds_between, timestamp


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1.001, "1970-01-01T00:00:01.001Z"),
        (1769847300.123, "2026-01-31T08:15:00.123Z"),
        (0.9996, "1970-01-01T00:00:01.000Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc_with_milliseconds(seconds: float, text: str) -> None:
    """Times are rounded to the millisecond."""
    assert timestamp(seconds) == text


def test_without_a_time_it_is_now() -> None:
    """The clock is the system's."""
    before = int(time.time())
    now = datetime.fromisoformat(timestamp()).timestamp()
    assert before <= now <= time.time() + 0.001
    assert re.match(TIMESTAMP_PATTERN, timestamp())


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 10_000_000))
def test_the_seconds_between_two_times_are_exact(at_ms: int, later_ms: int) -> None:
    """To the millisecond."""
    between = seconds_between(timestamp(at_ms / 1000), timestamp((at_ms + later_ms) / 1000))
    assert between == pytest.approx(later_ms / 1000)


def test_a_time_before_is_no_time_between() -> None:
    """A clock that was set back gives 0, never less."""
    assert seconds_between(timestamp(10), timestamp(5)) == 0.0
