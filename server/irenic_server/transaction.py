"""The transaction that a group of writes shares."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from irenic_server.notices import Notice


@dataclass(slots=True)
class Transaction:
    """A connection in a transaction, and the ``notices`` that are passed on once it is committed."""

    connection: Connection
    is_sqlite: bool
    notices: list[Notice] = field(default_factory=list)
