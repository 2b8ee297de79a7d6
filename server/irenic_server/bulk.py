"""Statements that touch many rows in one step.

Python's sqlite3 lets go of the interpreter lock at every row it steps over, and gets it back only when the event loop
lets go of it in turn: a statement per row, or a result of many rows, so costs the writer thread milliseconds where the
database needs microseconds. Hence one statement, and a result of one row, for all requests of a commit.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, text

ROWS_PER_STATEMENT = 2048
"""Eight values a row stay below what SQLite (32,766) and PostgreSQL (65,535) take in one statement."""

_HEADS_SQLITE = """
SELECT json_group_array(json_array(
    executions.id, executions.key, profile_key, next_seq, status, profiles.fencing, lease_holder IS NOT NULL
))
FROM executions JOIN profiles ON profiles.key = profile_key WHERE executions.id IN (SELECT value FROM json_each(?))
"""
_HEADS_POSTGRESQL = text("""
SELECT executions.id, executions.key, profile_key, next_seq, status, profiles.fencing, lease_holder IS NOT NULL
FROM executions JOIN profiles ON profiles.key = profile_key WHERE executions.id = ANY(:ids) ORDER BY executions.key
FOR UPDATE OF executions
""")

Head = tuple[str, int, int, int, str, int, bool]


def select_heads(connection: Connection, ids: Sequence[str]) -> Iterator[Head]:
    """Yield where the journals of executions stand, and lock them until the transaction ends.

    The id and the key of each execution, the key of its profile, the number of its next event, its status, the last
    fencing number of the profile, and whether somebody holds that.
    """
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(_HEADS_SQLITE, (to_json(ids).decode(),)).scalar_one()
        yield from from_json(found)
    else:
        for row in connection.execute(_HEADS_POSTGRESQL, {"ids": list(ids)}):
            yield tuple(row)


def insert_events(connection: Connection, rows: Sequence[tuple[int, int, str]]) -> None:
    """Insert events, given as execution key, number and JSON text."""
    for part in _parts(rows):
        values = _values(connection, len(part), 3)
        connection.exec_driver_sql(
            f"INSERT INTO events (execution_key, seq, body) VALUES {values}", tuple(chain.from_iterable(part))
        )


def insert_telemetry(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert telemetry, given as the columns after the key; what is stored already is left as it is."""
    for part in _parts(rows):
        connection.exec_driver_sql(
            "INSERT INTO telemetry (digest, signal, execution_id, at_ns, received_ms, resource, scope, body) "
            f"VALUES {_values(connection, len(part), 8)} ON CONFLICT (digest) DO NOTHING",
            tuple(chain.from_iterable(part)),
        )


def update_heads(connection: Connection, rows: Sequence[tuple[int, int]], active_ms: int) -> None:
    """Move journals on, given as execution key and number of the next event."""
    for part in _parts(rows):
        mark = _mark(connection)
        # Both databases call the columns of a list of values column1, column2.
        connection.exec_driver_sql(
            f"UPDATE executions SET next_seq = moved.column2, active_ms = {mark} "
            f"FROM (VALUES {_values(connection, len(part), 2)}) AS moved WHERE executions.key = moved.column1",
            (active_ms, *chain.from_iterable(part)),
        )


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Cut rows into parts whose sizes are powers of two, so that there are few different statements to prepare."""
    position = 0
    while position < len(rows):
        size = min(1 << ((len(rows) - position).bit_length() - 1), ROWS_PER_STATEMENT)
        yield rows[position : position + size]
        position += size


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _values(connection: Connection, rows: int, columns: int) -> str:
    mark = _mark(connection)
    return ",".join(["(" + ",".join([mark] * columns) + ")"] * rows)
