"""The one thread that writes, and commits many requests at once.

While a commit waits for the disk, requests queue up; the next commit takes all of them. One sync of the disk so serves
as many requests as there are, and no request is answered before it is durable.

Where the disk is quick, it would be done before the second request is read, and each request would pay for a commit of
its own. So a commit waits for as many writes as the last one had, and those that came meanwhile; but not longer than a
moment in which none comes. A client that is alone never waits.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from irenic.model.errors import IrenicError
from irenic_server.database import Database
from irenic_server.failures import is_worth_a_second_try, problem_of
from irenic_server.metrics import Metrics
from irenic_server.notices import CHANNEL, ExecutionChanged, News, Notice
from irenic_server.problems import Problem
from irenic_server.transaction import Transaction

T = TypeVar("T")

Settle = Callable[[Any, BaseException | None], None]
"""Is called in the event loop with a write's result once it is durable, or with why nothing of it was stored."""

Result = tuple[Settle, Any, BaseException | None]

MAX_BATCH = 512

MOMENT = 0.001
"""Seconds without a further write after which a commit begins, however few there are."""

_log = logging.getLogger("irenic.server")


@dataclass(slots=True)
class Write(Generic[T]):
    """One write: a function of the database alone, so that it may be run again after a transaction was lost."""

    run: Callable[[Transaction], T]
    settle: Settle


@dataclass(slots=True)
class GroupedWrite:
    """A write that is carried out together with its neighbours of the same kind.

    ``run_group`` gets the requests of all of them, and gives back a result or a problem for each.
    """

    run_group: Callable[[Transaction, Sequence[Any]], Sequence[Any]]
    request: Any
    settle: Settle


class Writer:
    """Takes writes from the event loop and carries them out in a thread of its own."""

    def __init__(
        self,
        database: Database,
        *,
        news: News,
        publish: Callable[[Sequence[Notice]], None],
        metrics: Metrics,
        max_pending: int,
    ) -> None:
        self._database = database
        self._news = news
        self._publish = publish
        self._metrics = metrics
        self._max_pending = max_pending
        self._queue: queue.SimpleQueue[list[Write[Any] | GroupedWrite] | None] = queue.SimpleQueue()
        self._waiting: list[Write[Any] | GroupedWrite] = []
        self._expected = 1
        self._seen = 0
        self._timer: asyncio.TimerHandle | None = None
        self._committing = False
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.failing: Problem | None = None
        """Why the last commit failed, where that was for a reason of the database; None after one that did not."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="irenic-writer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def pending(self) -> int:
        """How many writes are not durable yet."""
        return self._pending

    def write(self, run: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Queue a write; the future is done when it is durable.

        :raises Problem: if too many writes wait.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._put(Write(run, partial(_settle, future)))
        return future

    def write_grouped(
        self, run_group: Callable[[Transaction, Sequence[Any]], Sequence[Any]], request: Any
    ) -> "asyncio.Future[Any]":
        """Queue a write that shares statements with its neighbours; the future is done when it is durable."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self.put_grouped(run_group, request, partial(_settle, future))
        return future

    def put_grouped(
        self, run_group: Callable[[Transaction, Sequence[Any]], Sequence[Any]], request: Any, settle: Settle
    ) -> None:
        """Do the same for a caller that is not a coroutine and is told the result by being called.

        :raises Problem: if too many writes wait.
        """
        self._put(GroupedWrite(run_group, request, settle))

    async def close(self) -> None:
        """Carry out what is queued and end the thread."""
        await self._idle.wait()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _put(self, write: Write[Any] | GroupedWrite) -> None:
        if self._pending >= self._max_pending:
            raise Problem(
                "unavailable",
                f"{self._pending} writes wait already. Nothing was stored. Send the same request again in a second.",
                headers={"Retry-After": "1"},
            )
        if self._pending == 0:
            self._idle.clear()
        self._pending += 1
        self._waiting.append(write)
        if not self._committing:
            self._gather()

    def _gather(self) -> None:
        """Hand over what waits if that is all that is to be expected."""
        if len(self._waiting) >= self._expected:
            self._hand_over()
        elif self._timer is None:
            self._seen = len(self._waiting)
            self._timer = self._loop.call_later(MOMENT, self._look)

    def _look(self) -> None:
        """Hand over what waits, unless more has come since the last look."""
        self._timer = None
        if len(self._waiting) > self._seen:
            self._gather()
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch = self._waiting[:MAX_BATCH]
        del self._waiting[:MAX_BATCH]
        self._committing = True
        self._expected = len(batch)
        self._queue.put(batch)

    # In the thread.

    def _run(self) -> None:
        while self._commit_next():
            pass

    def _commit_next(self) -> bool:
        """Carry out what is handed over next, and hold on to nothing of it: the loop, which made it, frees it."""
        batch = self._queue.get()
        if batch is None:
            return False
        # The loop is called once, at the very end: until then it could only wait for the interpreter.
        self._loop.call_soon_threadsafe(self._committed, *self._commit(batch))
        return True

    def _commit(self, batch: list[Write[Any] | GroupedWrite]) -> tuple[list[Result], list[Notice]]:
        started = time.perf_counter()
        try:
            results, notices = self._transact_or_retry(batch)
        except Exception as error:
            explained = _explained(error)
            away = isinstance(explained, Problem) and explained.name == "unavailable"
            if len(batch) > 1 and not away:
                # One write must not take the others down with it: each gets a transaction of its own.
                results, notices = [], []
                for write in batch:
                    its_results, its_notices = self._commit([write])
                    results += its_results
                    notices += its_notices
                return results, notices
            if isinstance(explained, Problem) and explained.status >= 500:
                self.failing = explained
            results, notices = [(write.settle, None, explained) for write in batch], []
        else:
            self.failing = None
        self._metrics.committed(len(batch), time.perf_counter() - started)
        return results, notices

    def _transact_or_retry(self, batch: list[Write[Any] | GroupedWrite]) -> tuple[list[Result], list[Notice]]:
        try:
            return self._transact(batch)
        except DBAPIError as error:
            if not is_worth_a_second_try(error):
                raise
            # Every write can be carried out twice.
            return self._transact(batch)

    def _transact(self, batch: list[Write[Any] | GroupedWrite]) -> tuple[list[Result], list[Notice]]:
        results: list[Result] = []
        with self._database.writer.begin() as connection:
            transaction = Transaction(connection, self._database.is_sqlite)
            position = 0
            while position < len(batch):
                write = batch[position]
                if isinstance(write, GroupedWrite):
                    group = _same_kind(batch, position)
                    outcomes = write.run_group(transaction, [member.request for member in group])
                    for member, outcome in zip(group, outcomes, strict=True):
                        failed = isinstance(outcome, BaseException)
                        results.append((member.settle, None, outcome) if failed else (member.settle, outcome, None))
                    position += len(group)
                else:
                    results.append(_run_alone(transaction, write))
                    position += 1
            if not self._database.is_sqlite and transaction.notices:
                _notify_others(connection, self._news, transaction.notices)
        return results, transaction.notices

    # Back in the event loop.

    def _committed(self, results: list[Result], notices: list[Notice]) -> None:
        self._committing = False
        self._pending -= len(results)
        self._expected = min(self._expected + len(self._waiting), MAX_BATCH)
        if notices:
            _call(self._publish, notices)
        for settle, value, error in results:
            _call(settle, value, error)
        if self._waiting:
            self._gather()
        elif self._pending == 0:
            self._idle.set()


def _call(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function; if it fails, others still hear of their writes."""
    try:
        function(*arguments)
    except Exception:
        _log.exception("what was stored could not be passed on")


def _settle(future: "asyncio.Future[T]", value: T, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


def _same_kind(batch: Sequence[Write[Any] | GroupedWrite], position: int) -> list[GroupedWrite]:
    first = batch[position]
    assert isinstance(first, GroupedWrite)
    group = [first]
    for write in batch[position + 1 :]:
        if not isinstance(write, GroupedWrite) or write.run_group is not first.run_group:
            break
        group.append(write)
    return group


def _run_alone(transaction: Transaction, write: Write[Any]) -> Result:
    notices = len(transaction.notices)
    savepoint = transaction.connection.begin_nested()
    try:
        value = write.run(transaction)
    except Problem as problem:
        savepoint.rollback()
        del transaction.notices[notices:]
        return write.settle, None, problem
    savepoint.commit()
    return write.settle, value, None


def _explained(error: Exception) -> Exception:
    if isinstance(error, IrenicError):
        return error
    problem = problem_of(error)
    if problem is not None:
        _log.warning("a write failed", extra={"error": str(error).partition("\n")[0]})
        return problem
    _log.error("a write failed", exc_info=error)
    return Problem("internal", "The server failed to store this, and its log says why. Send the same request again.")


def _notify_others(connection: Connection, news: News, notices: Sequence[Notice]) -> None:
    """Tell the other servers of this database; a notice holds only the id, they read the rest."""
    changed: dict[str, bool] = {}
    for notice in notices:
        is_change = isinstance(notice, ExecutionChanged)
        changed[notice.execution_id] = changed.get(notice.execution_id, False) or is_change
    for execution_id, is_change in changed.items():
        connection.execute(
            text("SELECT pg_notify(:channel, :payload)"),
            {"channel": CHANNEL, "payload": news.write(execution_id, listed=is_change)},
        )
