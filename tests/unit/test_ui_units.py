"""Sizes, spans and points in time, as the page writes them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui import units


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_940, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_a_size_has_two_digits_at_least_and_a_decimal_unit(count: int, text: str) -> None:
    """Also at the edges between units."""
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_860, "2 h 11 min"),
    ],
)
def test_a_span_of_time_has_two_units_at_most(seconds: float, text: str) -> None:
    """Also at the edges between units."""
    assert units.span(seconds) == text


def test_a_span_that_is_growing_has_whole_seconds() -> None:
    """So that it does not flicker."""
    assert [units.whole_span(seconds) for seconds in (-0.5, 0.9, 3.2, 75.0)] == ["0 s", "0 s", "3 s", "1 min 15 s"]


@pytest.mark.parametrize(
    ("position", "limit", "text"),
    [
        (3, None, ""),
        (1500, {"unit": "bytes", "total": 6000}, "1.5 kB of 6.0 kB"),
        (1500, {"unit": "bytes", "total": None}, "1.5 kB"),
        (3, {"unit": "steps", "total": 7}, "3 of 7"),
        (3, {"unit": "steps", "total": None}, "3"),
        (3, {"unit": "unknown", "total": None}, ""),
    ],
)
def test_progress_is_written_in_its_own_unit(position: int, limit: dict[str, object] | None, text: str) -> None:
    """And not at all where there is nothing to say."""
    assert units.progress(position, limit) == text


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))
def test_a_timestamp_is_read_as_the_standard_library_reads_it(at: datetime) -> None:
    """Every day of the calendar, leap years too."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert units.epoch(text) == pytest.approx(at.timestamp(), abs=1e-4)


def test_seconds_between_needs_both_ends() -> None:
    """An execution that has not ended took no time yet."""
    start, end = "2026-02-28T23:59:59.500Z", "2026-03-01T00:00:01.000Z"
    assert (units.seconds_between(start, end), units.seconds_between(start, None)) == (1.5, None)
