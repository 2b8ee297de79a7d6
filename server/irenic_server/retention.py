"""Deleting what is older than it is to be kept, a little at a time, so that appends hardly notice."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, not_, select

from irenic_server.journal import RUNNING
from irenic_server.tables import events, execution_details, executions, flow_infos, profiles, telemetry
from irenic_server.transaction import Transaction

EVENTS_AT_ONCE = 5_000
EXECUTIONS_AT_ONCE = 50
PAGES_AT_ONCE = 1_000


def delete_executions(transaction: Transaction, before_ms: int, pins: Sequence[str]) -> int:
    """Delete executions that ended before a time, oldest first, until their events come to a few thousand.

    Stored states stay: they say what is there now, whenever it was made.

    :param pins: ``FLOW/PROFILE`` pairs whose executions are kept.
    :return: how many were deleted, or 1 for a part of one that is very long; 0 when there are no more.
    """
    connection = transaction.connection
    pinned = [
        and_(profiles.c.flow == flow, profiles.c.profile == profile)
        for flow, _, profile in (pin.partition("/") for pin in pins)
    ]
    old = connection.execute(
        select(executions.c.key, executions.c.id, executions.c.next_seq)
        .join(profiles, profiles.c.key == executions.c.profile_key)
        .where(executions.c.status != RUNNING, executions.c.ended_ms < before_ms, *(not_(pin) for pin in pinned))
        .order_by(executions.c.key)
        .limit(EXECUTIONS_AT_ONCE)
    ).all()
    chosen: list[Row[Any, Any, Any]] = []
    left = EVENTS_AT_ONCE
    for row in old:
        if row.next_seq > left:
            if not chosen and not _delete_events(connection, row.key):
                chosen.append(row)
            break
        chosen.append(row)
        left -= row.next_seq
    if not chosen:
        return 1 if old else 0
    keys = [row.key for row in chosen]
    connection.execute(delete(telemetry).where(telemetry.c.execution_id.in_([row.id for row in chosen])))
    connection.execute(delete(events).where(events.c.execution_key.in_(keys)))
    connection.execute(delete(execution_details).where(execution_details.c.execution_key.in_(keys)))
    connection.execute(delete(executions).where(executions.c.key.in_(keys)))
    used = select(executions.c.flow_info).where(executions.c.flow_info == flow_infos.c.hash).exists()
    connection.execute(delete(flow_infos).where(~used))
    return len(chosen)


def _delete_events(connection: Connection, key: int) -> bool:
    """Delete the newest events of a journal, and say whether some are left."""
    newest = (
        select(events.c.seq).where(events.c.execution_key == key).order_by(events.c.seq.desc()).limit(EVENTS_AT_ONCE)
    )
    first = connection.execute(select(func.min(newest.subquery().c.seq))).scalar_one()
    if first is None:
        return False
    connection.execute(delete(events).where(events.c.execution_key == key, events.c.seq >= first))
    return bool(first > 0)


def delete_telemetry(transaction: Transaction, before_ms: int) -> int:
    """Delete telemetry that came before a time, a limited number of records; return how many."""
    oldest = (
        select(telemetry.c.key)
        .where(telemetry.c.received_ms < before_ms)
        .order_by(telemetry.c.received_ms)
        .limit(EVENTS_AT_ONCE)
    )
    return transaction.connection.execute(delete(telemetry).where(telemetry.c.key.in_(oldest))).rowcount


def give_room_back(transaction: Transaction) -> int:
    """Give some pages that have become free back to the disk, and return how many; PostgreSQL does so by itself."""
    if not transaction.is_sqlite:
        return 0
    before = _free_pages(transaction)
    raw = transaction.connection.connection.dbapi_connection
    assert raw is not None
    # One page is given back at each step of its cursor, which has no rows that SQLAlchemy would fetch.
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
    cursor.fetchall()
    cursor.close()
    return before - _free_pages(transaction)


def _free_pages(transaction: Transaction) -> int:
    return int(transaction.connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
