"""Named limits that items share."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from irenic import Limit
from irenic.engine.limits import Limiter, LimitHold, LimitPool
from irenic.model.errors import FlowError

pytestmark = pytest.mark.virtual_clock


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


def hold(limiter: Limiter, heard: list[str] | None = None) -> LimitHold:
    """Hold a place."""
    said = heard if heard is not None else []

    def taken(after_waiting: bool) -> None:
        if after_waiting:
            said.append("running")

    return LimitHold(limiter, lambda: said.append("waiting"), lambda: None, taken)


async def starts(limiter: Limiter, count: int, seconds: float = 0.0) -> list[float]:
    """Return the times at which so many holders get their places."""
    began: list[float] = []

    async def one() -> None:
        async with hold(limiter):
            began.append(now())
            await asyncio.sleep(seconds)

    await asyncio.gather(*(one() for _ in range(count)))
    return began


async def test_so_many_hold_a_place_at_once() -> None:
    """The next one starts when one gives its place back."""
    assert await starts(Limiter(Limit(concurrency=2)), 5, seconds=1.0) == [0, 0, 1, 1, 2]


async def test_so_many_start_in_a_time() -> None:
    """Whether or not the ones before have ended."""
    assert await starts(Limiter(Limit(rate=2, per=10)), 5, seconds=3.0) == [0, 0, 10, 10, 20]


async def test_times_that_do_not_add_up_exactly_do_not_hold_the_loop() -> None:
    """A window of 0.1 s moves on also where the sum of floating point numbers is a little off."""
    began = await starts(Limiter(Limit(rate=1, per=0.1)), 50)
    assert began == pytest.approx([n * 0.1 for n in range(50)])


async def test_a_limit_may_be_of_both_kinds() -> None:
    """Each has its say."""
    assert await starts(Limiter(Limit(concurrency=1, rate=2, per=10)), 4, seconds=1.0) == [0, 1, 10, 11]


async def test_a_limit_of_no_kind_holds_nobody() -> None:
    """Everybody starts at once."""
    assert await starts(Limiter(Limit()), 3, seconds=1.0) == [0, 0, 0]


async def test_places_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    """Nobody overtakes, not even one who asks when a place has just become free."""
    limiter = Limiter(Limit(concurrency=1))
    order: list[str] = []

    async def one(name: str) -> None:
        async with hold(limiter):
            order.append(name)
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(one(name))
        await asyncio.sleep(1)
        group.create_task(one("d"))
    assert order == ["a", "b", "c", "d"]


async def test_a_wait_is_told_and_so_is_its_end() -> None:
    """Where there is no wait nothing is told."""
    limiter = Limiter(Limit(concurrency=1))
    first: list[str] = []
    second: list[str] = []
    async with hold(limiter, first):
        waiting = asyncio.ensure_future(_enter(hold(limiter, second)))
        await asyncio.sleep(0)
        assert second == ["waiting"]
    await waiting
    assert (first, second) == ([], ["waiting", "running"])


async def _enter(place: LimitHold) -> None:
    async with place:
        pass


Interfere = Callable[[Limiter, "asyncio.Task[None]", LimitHold], Awaitable[None]]


async def _cancel_and_give_back(limiter: Limiter, waiting: "asyncio.Task[None]", held: LimitHold) -> None:
    waiting.cancel()
    await held.__aexit__(None, None, None)


async def _give_back_and_cancel(limiter: Limiter, waiting: "asyncio.Task[None]", held: LimitHold) -> None:
    await held.__aexit__(None, None, None)
    waiting.cancel()


async def _cancel_alone(limiter: Limiter, waiting: "asyncio.Task[None]", held: LimitHold) -> None:
    waiting.cancel()
    await asyncio.sleep(0)
    await held.__aexit__(None, None, None)


@pytest.mark.parametrize("interfere", [_cancel_and_give_back, _give_back_and_cancel, _cancel_alone])
async def test_a_waiter_that_is_cancelled_leaves_the_limit_as_it_was(interfere: Interfere) -> None:
    """In whichever order the cancellation and the free place arrive; the next one gets the place."""
    limiter = Limiter(Limit(concurrency=1))
    held = hold(limiter)
    await held.__aenter__()
    waiting = asyncio.ensure_future(_enter(hold(limiter)))
    after = asyncio.ensure_future(_enter(hold(limiter)))
    await asyncio.sleep(0)
    await interfere(limiter, waiting, held)
    async with asyncio.timeout(1):
        await after
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert limiter.try_take()


async def test_a_pool_knows_its_limits_by_name() -> None:
    """Another name is an error that lists them."""
    pool = LimitPool("f", {"api": Limit(concurrency=1), "disk": Limit()})
    assert pool.named("api") is pool.named("api")
    with pytest.raises(FlowError, match="f has no limit 'net'; it has: api, disk"):
        pool.named("net")
    with pytest.raises(FlowError, match="it has: none"):
        LimitPool("f", {}).named("net")
