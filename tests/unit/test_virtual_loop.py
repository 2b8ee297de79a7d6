"""The event loop that the engine's tests run on."""

import asyncio
import threading
import time

import pytest
from tests.virtual_loop import VirtualClockLoop, run_virtually

pytestmark = pytest.mark.virtual_clock


async def test_a_sleep_of_a_day_is_over_at_once() -> None:
    """The clock jumps to the next timer."""
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    await asyncio.sleep(86_400.0 * 3)
    assert loop.time() == pytest.approx(86_400.0 * 3)
    assert time.monotonic() - began < 5


async def test_sleeps_end_in_the_order_of_their_times() -> None:
    """Timers fire in order, and exactly at their time."""
    ended: list[tuple[float, float]] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append((seconds, asyncio.get_running_loop().time()))

    await asyncio.gather(*(sleep(seconds) for seconds in (0.3, 0.1, 0.2)))
    assert ended == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]


async def test_the_clock_stands_still_while_a_thread_works() -> None:
    """A timer does not overtake work in a thread."""
    release = threading.Event()

    async def tick() -> None:
        await asyncio.sleep(0)
        release.set()

    async with asyncio.timeout(0.001), asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(release.wait))
        group.create_task(tick())
    assert asyncio.get_running_loop().time() < 0.001


async def test_steps_are_counted() -> None:
    """A hook is called before every callback."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    seen: list[int] = []
    loop.on_step = seen.append
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.on_step = None
    assert len(seen) == 2


def test_a_wait_for_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock ends the test at once, with a message."""
    monkeypatch.setattr("tests.virtual_loop.IDLE_SECONDS", 0.01)

    async def wait_for_nothing() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nobody is going to do"):
        run_virtually(wait_for_nothing())
