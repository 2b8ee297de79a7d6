"""A server's database that holds something before the server starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from irenic_server.database import Database
from irenic_server.schema import prepare_schema
from irenic_server.transaction import Transaction


@contextmanager
def filled_database(path: Path) -> Iterator[Transaction]:
    """Make a database of what is written in the block; nothing is kept where the block fails."""
    database = Database(str(path))
    prepare_schema(database)
    database.writer.dispose()
    with database.writer.begin() as connection:
        yield Transaction(connection, database.is_sqlite)
    database.close()
