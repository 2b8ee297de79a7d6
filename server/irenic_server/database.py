"""The database: engines for reading and for writing, and the thread pool that reads run in."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from irenic.model.errors import StoreError
from irenic_server.failures import problem_of

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4

_PATIENCE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""How long a PostgreSQL that does not answer is waited for, where its address says nothing else."""

_log = logging.getLogger("irenic.server")


class UnsupportedDatabaseError(StoreError):
    """An address of a database that this server cannot use."""


def database_url(text: str) -> URL:
    """Return the SQLAlchemy URL that a path or an address means.

    :raises UnsupportedDatabaseError: if it is neither a path nor an address of SQLite or PostgreSQL.
    """
    if "://" not in text:
        return URL.create("sqlite+pysqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UnsupportedDatabaseError(f"The database address cannot be read: {error}.") from None
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url.set(drivername="sqlite+pysqlite", database=str(Path(url.database).absolute()))
    if url.drivername in ("postgresql+psycopg", "sqlite+pysqlite") and url.database:
        return url
    raise UnsupportedDatabaseError(
        f"A database of kind {url.drivername!r} is not supported: give a path for SQLite, or postgresql://…"
    )


class Database:
    """One database, written by one connection and read by a few."""

    def __init__(self, address: str) -> None:
        self.url = database_url(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.writer = self._sqlite_engine("BEGIN IMMEDIATE", pool_size=1)
            self.reader = self._sqlite_engine("BEGIN", pool_size=READERS)
        else:
            patience = {name: value for name, value in _PATIENCE.items() if name not in self.url.query}
            self.writer = create_engine(
                self.url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=patience
            )
            self.reader = create_engine(
                self.url,
                pool_size=READERS,
                max_overflow=0,
                pool_pre_ping=True,
                isolation_level="REPEATABLE READ",
                connect_args=patience,
            )
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="irenic-read")

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    def _sqlite_engine(self, begin: str, *, pool_size: int) -> Engine:
        engine = create_engine(self.url, pool_size=pool_size, max_overflow=0, connect_args={"timeout": 10})
        event.listen(engine, "connect", _prepare_sqlite)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def read_now(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a read in this thread, in one transaction.

        :raises Problem: if the database cannot be reached.
        """
        try:
            with self.reader.connect() as connection:
                return function(connection, *args, **kwargs)
        except SQLAlchemyError as error:
            problem = problem_of(error)
            if problem is None:
                raise
            _log.warning("a read failed", extra={"error": str(error).partition("\n")[0]})
            raise problem from error

    async def read(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a read in a thread, in one transaction."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self.read_now(function, *args, **kwargs))

    def close(self) -> None:
        """Wait for reads to end and close all connections."""
        self._threads.shutdown()
        self.reader.dispose()
        self.writer.dispose()


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # Transactions are begun by the engine's own event, so that a read in a write transaction is inside it too.
    connection.isolation_level = None
    if connection.execute("PRAGMA page_count").fetchone() == (0,):
        # Lets retention give room back. Only while the file is empty: later it is a write, and fails on a full disk.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL").close()
    for pragma in (
        "journal_mode = WAL",
        # What is acknowledged is on disk: each commit waits for the log to be synced.
        "synchronous = FULL",
        # On macOS a sync empties the disk's own cache only where it is asked to; elsewhere these do nothing.
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        # The log is carried over every 16 MB: seldom enough that fewer than one request in a hundred waits for it.
        "wal_autocheckpoint = 4000",
        "foreign_keys = ON",
        "cache_size = -16000",
        "temp_store = MEMORY",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
