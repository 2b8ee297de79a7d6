"""The one channel through which an execution is told to stop."""

import asyncio
from typing import Any

import pytest

from irenic import InterruptLevel, InterruptSignal, InterruptStrategy
from irenic.engine.interrupts import Interrupts

pytestmark = pytest.mark.virtual_clock

FINISH, CANCEL, ABANDON = InterruptLevel


def interrupts(strategy: InterruptStrategy = InterruptStrategy.FinishCurrent, **options: Any) -> Interrupts:
    """Return a channel that remembers what was raised."""
    return Interrupts(strategy, **options)


def heard(channel: Interrupts) -> list[tuple[InterruptLevel | None, str]]:
    """Return the list that grows with each raised level and its source."""
    said: list[tuple[InterruptLevel | None, str]] = []
    channel.on_raised = lambda signal: said.append((signal.level, signal.source))
    return said


async def test_nothing_is_in_force_before_anybody_asks() -> None:
    """Scenario 131: everything may start and go on."""
    channel = interrupts()
    assert (channel.level, channel.asked) == (None, None)
    assert (channel.may_start(), channel.may_go_on()) == (True, True)


async def test_each_further_request_raises_the_level_by_one() -> None:
    """Up to the last; who asks is told at once, and nothing polls."""
    channel = interrupts()
    said = heard(channel)
    for source in ("user", "sigint", "remote", "user"):
        channel.request(InterruptSignal(source=source))
    assert said == [(FINISH, "user"), (CANCEL, "sigint"), (ABANDON, "remote")]
    assert (channel.may_start(), channel.may_go_on()) == (False, False)


async def test_a_request_may_name_its_level() -> None:
    """A level never falls, and naming the one in force raises nothing."""
    channel = interrupts()
    said = heard(channel)
    for level in (CANCEL, FINISH, CANCEL, ABANDON, FINISH):
        channel.request(InterruptSignal(level=level))
    assert [level for level, _ in said] == [CANCEL, ABANDON]


async def test_cancel_current_begins_with_cancel() -> None:
    """And goes on from there."""
    channel = interrupts(InterruptStrategy.CancelCurrent)
    said = heard(channel)
    channel.request(InterruptSignal())
    channel.request(InterruptSignal())
    assert [level for level, _ in said] == [CANCEL, ABANDON]


async def test_ignore_heeds_only_abandon() -> None:
    """Scenario 133: it is recorded that somebody asked."""
    channel = interrupts(InterruptStrategy.Ignore, escalate_after=1)
    said = heard(channel)
    channel.request(InterruptSignal())
    assert (channel.level, channel.asked, channel.may_start(), channel.may_go_on()) == (None, FINISH, True, True)
    channel.request(InterruptSignal())
    await asyncio.sleep(100)
    assert (channel.level, channel.asked) == (None, CANCEL)
    channel.request(InterruptSignal())
    assert (channel.level, channel.may_start()) == (ABANDON, False)
    assert [level for level, _ in said] == [FINISH, CANCEL, ABANDON]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6])
async def test_poll_next_n_lets_n_more_starts_through(count: int) -> None:
    """Scenarios 129, 130 and 135: the count goes on from one block to the next; what has started goes on."""
    channel = interrupts(InterruptStrategy.PollNextN(count))
    assert channel.may_start()
    channel.request(InterruptSignal())
    assert [channel.may_start() for _ in range(count + 2)] == [True] * count + [False] * 2
    assert channel.may_go_on()
    channel.request(InterruptSignal())
    assert (channel.may_start(), channel.may_go_on()) == (False, False)


async def test_a_stop_that_does_not_settle_is_raised_by_time() -> None:
    """Level by level, each with its own clock; the last one has none."""
    channel = interrupts(escalate_after=10)
    raised: list[tuple[float, InterruptLevel | None, str | None]] = []
    loop = asyncio.get_running_loop()
    channel.on_raised = lambda signal: raised.append((loop.time(), signal.level, signal.reason))
    await asyncio.sleep(5)
    channel.request(InterruptSignal(reason="lunch"))
    await asyncio.sleep(100)
    reason = "not settled after 10 s"
    assert raised == [(5, FINISH, "lunch"), (15, CANCEL, reason), (25, ABANDON, reason)]


async def test_a_request_starts_the_clock_anew_and_settling_stops_it() -> None:
    """The time counts from the last level."""
    channel = interrupts(escalate_after=10)
    said = heard(channel)
    channel.request(InterruptSignal())
    await asyncio.sleep(9)
    channel.request(InterruptSignal())
    await asyncio.sleep(9)
    channel.settle()
    await asyncio.sleep(100)
    channel.settle()
    assert [level for level, _ in said] == [FINISH, CANCEL]


async def test_a_channel_that_nobody_listens_to_is_still_in_force() -> None:
    """The level can be looked at."""
    channel = interrupts()
    channel.request(InterruptSignal())
    assert channel.level is FINISH
