"""The writer: which writes share a commit, and that none waits for others that do not come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from irenic_server.database import Database
from irenic_server.metrics import Metrics
from irenic_server.notices import News
from irenic_server.schema import prepare_schema
from irenic_server.transaction import Transaction
from irenic_server.writer import MAX_BATCH, Writer


class Commits(Metrics):
    """Keeps how many writes each commit had."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def committed(self, writes: int, seconds: float) -> None:
        """Note a commit."""
        self.sizes.append(writes)


@asynccontextmanager
async def running_writer(address: str) -> AsyncIterator[tuple[Writer, list[int]]]:
    """Run a writer on a new database until the block ends, and give the sizes of its commits with it."""
    database, commits = Database(address), Commits()
    prepare_schema(database)
    writer = Writer(database, news=News(), publish=lambda notices: None, metrics=commits, max_pending=10_000)
    try:
        yield writer, commits.sizes
    finally:
        await writer.close()
        database.close()


def nothing(transaction: Transaction) -> None:
    """Write nothing, which is a commit all the same."""


async def test_writes_that_come_during_a_commit_share_the_next_one(sqlite_address: str) -> None:
    """All of them, up to the limit of one commit."""
    async with running_writer(sqlite_address) as (writer, sizes):
        await asyncio.gather(*(writer.write(nothing) for _ in range(10)))
        assert sizes == [1, 9]
        await asyncio.gather(*(writer.write(nothing) for _ in range(MAX_BATCH + 20)))
        assert max(sizes) == MAX_BATCH
        assert sum(sizes) == 10 + MAX_BATCH + 20
        assert len(sizes) <= 5


async def test_clients_that_come_back_are_waited_for(sqlite_address: str) -> None:
    """Also where a disk is so quick that each of them would have a commit of its own."""
    async with running_writer(sqlite_address) as (writer, sizes):

        async def client() -> None:
            for _ in range(20):
                await writer.write(nothing)

        await asyncio.gather(*(client() for _ in range(16)))
        assert sum(sizes) == 16 * 20
        assert len(sizes) < 16 * 20 / 4


async def test_a_write_that_is_alone_is_committed_soon(sqlite_address: str) -> None:
    """However many there were before."""
    async with running_writer(sqlite_address) as (writer, sizes):
        await asyncio.gather(*(writer.write(nothing) for _ in range(10)))
        async with asyncio.timeout(30):
            for _ in range(3):
                await writer.write(nothing)
        assert sizes == [1, 9, 1, 1, 1]


async def test_what_waits_when_the_writer_is_closed_is_carried_out(sqlite_address: str) -> None:
    """Nothing is dropped, and closing does not wait for ever."""
    async with running_writer(sqlite_address) as (writer, _):
        futures = [writer.write(nothing) for _ in range(10)]
    assert all(future.done() for future in futures)
