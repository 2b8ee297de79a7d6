"""Named limits that items share: so many at once, so many starts in a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType

from irenic.flow.limit import Limit
from irenic.model.errors import FlowError


class Limiter:
    """Keeps one :class:`Limit`; places are given in the order in which they were asked for."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._holders = 0
        self._starts: deque[float] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def try_take(self) -> bool:
        """Take a place if one is free and nobody waits."""
        if self._waiting or not self._is_free():
            return False
        self._taken()
        return True

    async def take(self) -> None:
        """Wait for a place and take it."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._hand_out()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place back."""
        self._holders -= 1
        self._hand_out()

    def _is_free(self) -> bool:
        limit = self._limit
        if limit.concurrency is not None and self._holders >= limit.concurrency:
            return False
        if limit.rate is None:
            return True
        now = asyncio.get_running_loop().time()
        while self._starts and self._starts[0] + limit.per <= now:
            self._starts.popleft()
        return len(self._starts) < limit.rate

    def _taken(self) -> None:
        self._holders += 1
        if self._limit.rate is not None:
            self._starts.append(asyncio.get_running_loop().time())

    def _hand_out(self) -> None:
        while self._waiting:
            if self._waiting[0].done():
                del self._waiting[0]  # cancelled, and not yet told
            elif self._is_free():
                self._taken()
                self._waiting.popleft().set_result(None)
            else:
                break
        if self._waiting and self._starts and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._starts[0] + self._limit.per, self._window_moved)

    def _window_moved(self) -> None:
        self._timer = None
        self._hand_out()


class LimitPool:
    """The limiters of a flow, shared by all its executions in this process."""

    def __init__(self, flow: str, limits: Mapping[str, Limit]) -> None:
        self._flow = flow
        self.limits = dict(limits)
        self._limiters = {name: Limiter(limit) for name, limit in limits.items()}

    def named(self, name: str) -> Limiter:
        """Return a limiter.

        :raises FlowError: if the flow has none of that name.
        """
        limiter = self._limiters.get(name)
        if limiter is None:
            known = ", ".join(self._limiters) or "none"
            raise FlowError(f"{self._flow} has no limit {name!r}; it has: {known}. Give it to Flow(limits=...).")
        return limiter


class LimitHold:
    """``async with`` block that holds one place of a limiter.

    :param on_wait: called where the place is not free; ``on_waited`` when that wait is over, however it ended.
    :param on_taken: called with the place taken, and with whether it was waited for.
    """

    def __init__(
        self,
        limiter: Limiter,
        on_wait: Callable[[], None],
        on_waited: Callable[[], None],
        on_taken: Callable[[bool], None],
    ) -> None:
        self._limiter = limiter
        self._on_wait = on_wait
        self._on_waited = on_waited
        self._on_taken = on_taken

    async def __aenter__(self) -> None:
        if self._limiter.try_take():
            self._on_taken(False)
            return
        self._on_wait()
        try:
            await self._limiter.take()
        finally:
            self._on_waited()
        self._on_taken(True)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limiter.give_back()
