"""Presses of the interrupt button: which of them count."""

import pytest

from ui.presses import Presses


@pytest.mark.parametrize(
    ("times", "counted"),
    [
        ([0], 1),
        ([0, 150], 1),
        ([0, 200, 400], 1),
        ([0, 500, 1000], 1),
        ([0, 501, 1002], 3),
        ([0, 100, 601, 700, 1300], 3),
    ],
)
def test_presses_within_half_a_second_of_each_other_count_once(times: list[int], counted: int) -> None:
    """However many there are."""
    presses = Presses()
    assert sum(presses.counts(at) for at in times) == counted


def test_a_press_counts_again_when_the_button_is_at_rest() -> None:
    """Which it is at first."""
    presses = Presses()
    assert presses.is_at_rest(0)
    presses.counts(100)
    assert not presses.is_at_rest(600)
    assert presses.is_at_rest(601)
