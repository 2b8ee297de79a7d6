"""Work that no item can keep waiting: in an event loop of its own, in a thread of its own."""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class SideLoop:
    """Runs coroutines in a thread of its own, from :meth:`open` to :meth:`close`; several users may share one.

    A tab has no threads: there they run in the loop of the items, and the page does beside it what must not wait.

    :param at_end: called in the thread before it ends.
    """

    def __init__(self, name: str, at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name = name
        self._at_end = at_end
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self) -> None:
        """Have a thread; each call asks for one call of :meth:`close`."""
        self._users += 1
        if self._users > 1 or sys.platform == "emscripten":
            return
        loop = self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True).start()

    def close(self) -> None:
        """Let the thread end where nobody else uses it; what still runs in it is cancelled."""
        self._users -= 1
        if self._users == 0 and self._loop is not None:
            loop, self._loop = self._loop, None
            loop.call_soon_threadsafe(loop.stop)

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T] | asyncio.Task[T]":
        """Start a coroutine; what is returned can be cancelled."""
        if self._loop is not None:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return what it returns; the caller's own loop goes on meanwhile."""
        started = self.start(work)
        return await (asyncio.wrap_future(started) if isinstance(started, Future) else started)

    def call_blocking(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine and block until it has returned; natively only.

        :raises TimeoutError: if that takes longer than ``timeout`` seconds.
        """
        assert self._loop is not None
        started = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return started.result(timeout)
        except TimeoutError:
            started.cancel()
            raise

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            for task in asyncio.all_tasks(loop):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    loop.run_until_complete(task)
            loop.run_until_complete(self._at_end())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
