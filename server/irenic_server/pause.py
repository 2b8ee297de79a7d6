"""The switch that stops everything: kept in the database, and read by executions that have it as their failsafe."""

from sqlalchemy import Connection, delete, insert, select, update

from irenic.model.interrupt import InterruptLevel
from irenic_server.clock import as_text, now_ms
from irenic_server.executions import interrupt_undisturbed
from irenic_server.requests import InterruptRequest, Pause, PauseRequest
from irenic_server.tables import pauses
from irenic_server.transaction import Transaction

SOURCE = "pause"
"""Who stopped an execution, as its outcome tells it."""

_ALL = "all"


def read_pause(connection: Connection) -> Pause:
    """Return whether everything is paused, why and since when."""
    query = select(pauses.c.reason, pauses.c.since_ms).where(pauses.c.name == _ALL)
    row = connection.execute(query).one_or_none()
    return Pause(paused=False) if row is None else Pause(paused=True, reason=row.reason, since=as_text(row.since_ms))


def set_pause(transaction: Transaction, request: PauseRequest) -> Pause:
    """Turn the switch on or off, and return how it stands.

    Turning it on asks every execution that runs to stop, but those that were asked to already. Where it is on, only the
    reason is replaced.
    """
    connection = transaction.connection
    was_on = read_pause(connection).paused
    if not request.paused:
        connection.execute(delete(pauses).where(pauses.c.name == _ALL))
    elif was_on:
        connection.execute(update(pauses).where(pauses.c.name == _ALL).values(reason=request.reason))
    else:
        connection.execute(insert(pauses).values(name=_ALL, reason=request.reason, since_ms=now_ms()))
        interrupt_undisturbed(
            transaction, InterruptRequest(source=SOURCE, reason=request.reason, level=InterruptLevel.FINISH)
        )
    return read_pause(connection)
