"""Gathers what is to be kept into batches: many waiters share one write."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from irenic.model.errors import StoreError

GATHERING = 2
"""Turns of the event loop between two batches: whoever waited goes on in the first, and whom that lets start in the
second, and all may come along in the next batch."""

Write = Callable[[list[bytes], bool], Awaitable[None]]
"""Keeps some lines; the flag says whether they, and all before them, have to be durable when it returns.

Where it is cancelled it is called again with the same lines.
"""


class GroupCommit:
    """Keeps lines in order, one batch at a time.

    While a batch is being written, what comes gathers for the next one. Lines that nobody waits for are written after a
    while. Once a write has failed, everything fails with the same error: what came after it cannot be kept in order.

    A program that ends its event loop cancels all tasks, also the one that writes; it goes on until nobody waits.

    :param write: keeps a batch.
    :param quiet: seconds after which lines are written that nobody waits for.
    """

    def __init__(self, write: Write, *, quiet: float) -> None:
        self._write = write
        self._quiet = quiet
        self._loop = asyncio.get_running_loop()
        self._lines: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._is_unsynced = False
        self._is_writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: StoreError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether a write has failed."""
        return self._error is not None

    def append(self, line: bytes) -> None:
        """Take a line."""
        self._lines.append(line)
        if self._timer is None:
            self._write_later()

    async def durable(self) -> None:
        """Return once every line that was taken so far is durable.

        :raises StoreError: if a line could not be kept.
        """
        waiter = self.waiter()
        if waiter is not None:
            await waiter

    def waiter(self) -> asyncio.Future[None] | None:
        """Return what to await for every line that was taken so far to be durable; None where all are.

        :raises StoreError: if a line could not be kept.
        """
        if self._error is not None:
            raise self._error
        if not (self._lines or self._is_unsynced or self._is_writing):
            return None
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        if self._task is None:
            self._start()
        return waiter

    async def close(self) -> None:
        """Wait for the write that is under way; lines that nobody waited for may be lost."""
        self._stop_timer()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _write_later(self) -> None:
        self._timer = self._loop.call_later(self._quiet, self._quiet_is_over)

    def _quiet_is_over(self) -> None:
        self._timer = None
        self._start()

    def _start(self) -> None:
        if self._task is None and self._error is None:
            self._task = self._loop.create_task(self._run())
            self._task.add_done_callback(self._ended)

    async def _run(self) -> None:
        try:
            while True:
                await self._write_batch()
                for _ in range(GATHERING):
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0)
                if not self._waiters:
                    return
        except StoreError as error:
            self._error = error
        except Exception as error:
            self._error = StoreError(f"the journal could not be kept: {type(error).__name__}: {error}")
            self._error.__cause__ = error

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if self._error is not None:
            self._fail_waiters(self._error)
        elif self._waiters:  # it was cancelled before it began
            self._start()
        elif self._lines and self._timer is None:
            self._write_later()

    async def _write_batch(self) -> None:
        self._stop_timer()
        lines, self._lines = self._lines, []
        waiters = self._waiters.copy()
        if not lines and not waiters:
            return
        self._is_unsynced = not waiters
        self._is_writing = True
        while True:
            with suppress(asyncio.CancelledError):
                await self._write(lines, bool(waiters))
                break
        self._is_writing = False
        del self._waiters[: len(waiters)]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fail_waiters(self, error: StoreError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiters.clear()
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
