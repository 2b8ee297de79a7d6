"""The one thread of a store that writes journals."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


class WriterThread:
    """Runs jobs that block, one after the other, and tells the event loop when each is done.

    The thread is started with the first job.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        """Queue some work; ``done`` is called in the running event loop, with the error where there was one."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="irenic store", daemon=True)
            self._thread.start()
        self._jobs.put(_Job(work, done, asyncio.get_running_loop()))

    def close(self) -> None:
        """Wait for the jobs that were queued, and end the thread; blocks."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            error: BaseException | None = None
            try:
                job.work()
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                job.loop.call_soon_threadsafe(job.done, error)


class _Job:
    __slots__ = ("done", "loop", "work")

    def __init__(
        self,
        work: Callable[[], None],
        done: Callable[[BaseException | None], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.work = work
        self.done = done
        self.loop = loop
