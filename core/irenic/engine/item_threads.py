"""The threads in which an execution's items call what blocks."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from irenic.engine.limits import Limiter
from irenic.flow.limit import Limit

A = ParamSpec("A")
T = TypeVar("T")


class ItemThreads:
    """So many threads as items run at once, and no more: whoever has a place of :attr:`places` begins at once.

    They are the items' alone, so that nothing of irenic's own has to wait for a function that blocks.
    """

    def __init__(self, size: int) -> None:
        self.places = Limiter(Limit(concurrency=size))
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="irenic item")

    async def run(self, function: Callable[A, T], *args: A.args, **kwargs: A.kwargs) -> T:
        """Call a function in a thread; the caller has a place."""
        work = partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let the threads end; a function that was abandoned is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
