"""The number of a change to executions; it grows by one with each, across all servers of a database."""

from sqlalchemy import Connection, select, update

from irenic_server.tables import counters
from irenic_server.transaction import Transaction

_next = (
    update(counters).where(counters.c.name == "revision").values(value=counters.c.value + 1).returning(counters.c.value)
)


def next_revision(transaction: Transaction) -> int:
    """Return a new number.

    The row stays locked until the transaction ends, so numbers become visible in their order: whoever has seen one has
    seen, or can read, all before it.
    """
    return int(transaction.connection.execute(_next).scalar_one())


def last_revision(connection: Connection) -> int:
    """Return the newest number."""
    query = select(counters.c.value).where(counters.c.name == "revision")
    return int(connection.execute(query).scalar_one())


def touch(transaction: Transaction) -> None:
    """Write something that changes nothing, to find out whether that is possible."""
    transaction.connection.execute(update(counters).where(counters.c.name == "revision").values(value=counters.c.value))
