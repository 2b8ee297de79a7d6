"""The one thread of a store that writes journals."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


class WriterThread:
    """Runs work that blocks, one piece after the other; the thread is started with the first."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], None]) -> None:
        """Do some work in the thread, in the order of the calls; a cancellation does not keep it from being done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="irenic store", daemon=True)
            self._thread.start()
        job = _Job(work)
        self._jobs.put(job)
        while not job.done.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(job.done)
        job.done.result()

    def close(self) -> None:
        """Wait for the work that was asked for, and end the thread; blocks."""
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
                job.loop.call_soon_threadsafe(job.settle, error)


class _Job:
    __slots__ = ("done", "loop", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()

    def settle(self, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
