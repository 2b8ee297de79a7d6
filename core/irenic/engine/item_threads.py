"""The threads in which an execution's items call what blocks."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack

from irenic.engine.limits import Limiter
from irenic.flow.limit import Limit

A = TypeVarTuple("A")
T = TypeVar("T")


class ItemThreads:
    """So many threads as items run at once, and no more: whoever has a place of :attr:`places` begins at once.

    They are the items' alone, so that nothing of irenic's own has to wait for a function that blocks.
    """

    def __init__(self, size: int) -> None:
        self.places = Limiter(Limit(concurrency=size))
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="irenic item")
        self.running: dict[Future[Any], str] = {}
        """The functions that were begun and have not ended, with the ids of their items."""

    async def run(self, item_id: str, function: Callable[[Unpack[A]], T], *args: *A) -> T:
        """Call a function of an item in a thread; the caller has a place."""
        work = self._pool.submit(partial(contextvars.copy_context().run, function, *args))
        self.running[work] = item_id
        work.add_done_callback(self._ended)
        return await asyncio.wrap_future(work)

    def _ended(self, work: Future[Any]) -> None:
        self.running.pop(work, None)

    def close(self) -> None:
        """Let the threads end; a function that was abandoned is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
