"""Executions: made, read, listed and interrupted."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from irenic.model.interrupt import InterruptLevel, InterruptReply, InterruptSignal
from irenic.model.timestamps import timestamp
from irenic_server.answers import ANSWER_BYTES, STREAM_BYTES, within
from irenic_server.clock import as_text, now_ms
from irenic_server.envelopes import same_json
from irenic_server.journal import RUNNING, unknown_execution
from irenic_server.notices import ExecutionChanged
from irenic_server.problems import Problem
from irenic_server.profiles import ensure_profile
from irenic_server.requests import ExecutionCreate, InterruptRequest
from irenic_server.revisions import next_revision
from irenic_server.strict_json import readable
from irenic_server.tables import execution_details, executions, flow_infos, profiles
from irenic_server.transaction import Transaction

_columns = (
    executions.c.key,
    executions.c.id,
    profiles.c.flow,
    profiles.c.profile,
    executions.c.cmds,
    executions.c.dry_run,
    executions.c.status,
    executions.c.holder,
    executions.c.fencing,
    executions.c.created_ms,
    executions.c.started_at,
    executions.c.ended_at,
    executions.c.next_seq,
    execution_details.c.inputs,
    execution_details.c.request,
    executions.c.interrupt,
    executions.c.revision,
)

ROWS_AT_ONCE = 20
"""Rows that are fetched together from PostgreSQL; each may hold inputs and a picture of some megabytes."""


def _records(*, with_flow_info: bool) -> Select[Any]:
    query = (
        select(*_columns, *((flow_infos.c.body.label("flow_info"),) if with_flow_info else ()))
        .join(profiles, profiles.c.key == executions.c.profile_key)
        .join(execution_details, execution_details.c.execution_key == executions.c.key)
    )
    if with_flow_info:
        query = query.join(flow_infos, flow_infos.c.hash == executions.c.flow_info, isouter=True)
    return query


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """An execution as it is stored; ``body`` is its record as JSON text."""

    key: int
    status: str
    revision: int
    interrupt: str | None
    body: str


def _stored(row: Row[Any]) -> StoredExecution:
    record = {
        "id": row.id,
        "flow": row.flow,
        "profile": row.profile,
        "cmds": from_json(row.cmds),
        "dry_run": row.dry_run,
        "status": row.status,
        "holder": row.holder,
        "fencing": row.fencing,
        "created_at": as_text(row.created_ms),
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "next_seq": row.next_seq,
    }
    flow_info = readable(row._mapping.get("flow_info") or "null")
    # Texts that came as JSON go out as they are: parsing a large picture of a flow only to write it again takes time.
    body = (
        f'{to_json(record).decode()[:-1]},"inputs":{readable(row.inputs)},"interrupt":{row.interrupt or "null"},'
        f'"request":{row.request or "null"},"flow_info":{flow_info}}}'
    )
    return StoredExecution(row.key, row.status, row.revision, row.interrupt, body)


def create_execution(transaction: Transaction, execution_id: str, request: ExecutionCreate) -> tuple[bool, str]:
    """Make an execution, or find the same one made before.

    :return: whether it is new, and its record as JSON text.
    :raises Problem: if another execution has the id.
    """
    connection = transaction.connection
    found = _find(connection, execution_id)
    if found is not None:
        _check_same(connection, found, execution_id, request)
        return False, found.body
    profile = ensure_profile(transaction, request.flow, request.profile)
    at = now_ms()
    fencing = request.fencing
    if fencing is None and profile.lease_execution == execution_id:
        fencing = profile.fencing
    key = connection.execute(
        insert(executions)
        .values(
            id=execution_id,
            profile_key=profile.key,
            cmds=to_json(request.cmds).decode(),
            dry_run=request.dry_run,
            status=RUNNING,
            holder=request.holder,
            fencing=fencing,
            next_seq=0,
            created_ms=at,
            active_ms=at,
            started_at=request.started_at or as_text(at),
            flow_info=_store_flow_info(connection, request.flow_info),
            revision=next_revision(transaction),
        )
        .returning(executions.c.key)
    ).scalar_one()
    asked = None if request.request is None else request.request.model_dump_json()
    inputs = to_json(request.inputs).decode()
    connection.execute(insert(execution_details).values(execution_key=key, inputs=inputs, request=asked))
    transaction.notices.append(ExecutionChanged(execution_id))
    made = _find(connection, execution_id)
    assert made is not None
    return True, made.body


def _find(connection: Connection, execution_id: str) -> StoredExecution | None:
    row = connection.execute(_records(with_flow_info=True).where(executions.c.id == execution_id)).one_or_none()
    return None if row is None else _stored(row)


def _check_same(connection: Connection, found: StoredExecution, execution_id: str, request: ExecutionCreate) -> None:
    stored = from_json(found.body)
    asked = from_json(request.model_dump_json())
    members = ("flow", "profile", "cmds", "dry_run", "inputs")
    differ = [name for name in members if not same_json(to_json(stored[name]).decode(), to_json(asked[name]).decode())]
    if differ:
        raise Problem(
            "conflicting-execution",
            f"Execution {execution_id} exists and differs in {', '.join(differ)}. Nothing was changed. A new execution "
            "needs a new id.",
            differ=differ,
        )


def _store_flow_info(connection: Connection, flow_info: dict[str, Any] | None) -> str | None:
    if flow_info is None:
        return None
    body = to_json(flow_info).decode()
    digest = hashlib.sha256(body.encode()).hexdigest()
    if connection.execute(select(flow_infos.c.hash).where(flow_infos.c.hash == digest)).one_or_none() is None:
        connection.execute(insert(flow_infos).values(hash=digest, body=body))
    return digest


def read_execution(connection: Connection, execution_id: str) -> StoredExecution:
    """Return an execution.

    :raises Problem: if there is none of that id.
    """
    found = _find(connection, execution_id)
    if found is None:
        raise unknown_execution(execution_id)
    return found


def list_executions(
    connection: Connection,
    *,
    flow: str | None,
    profile: str | None,
    status: str | None,
    limit: int,
    cursor: str | None,
    flow_info: bool,
) -> str:
    """Return a page of executions, newest first, as JSON text.

    :raises Problem: if the cursor is not one that this server gave.
    """
    conditions: list[ColumnElement[bool]] = []
    if flow is not None:
        conditions.append(profiles.c.flow == flow)
    if profile is not None:
        conditions.append(profiles.c.profile == profile)
    if status is not None:
        conditions.append(executions.c.status == status)
    if cursor is not None:
        conditions.append(executions.c.key < _key_of(cursor))
    query = _records(with_flow_info=flow_info).where(*conditions).order_by(executions.c.key.desc()).limit(limit + 1)
    found = _within_answer(connection, query, ANSWER_BYTES)
    more = len(found) > limit or (bool(found) and _is_more(connection, conditions, found[-1].key))
    next_cursor = to_json(_cursor_of(found[:limit][-1].key) if more else None).decode()
    bodies = ",".join(execution.body for execution in found[:limit])
    return f'{{"items":[{bodies}],"next_cursor":{next_cursor}}}'


def changed_executions(connection: Connection, after: int, limit: int) -> list[StoredExecution]:
    """Return executions in the order of their last change, from the one after revision ``after`` on."""
    query = (
        _records(with_flow_info=False).where(executions.c.revision > after).order_by(executions.c.revision).limit(limit)
    )
    return _within_answer(connection, query, STREAM_BYTES)


def _within_answer(connection: Connection, query: Select[Any], most_bytes: int) -> list[StoredExecution]:
    """Return the first executions of a query, until their texts come to a number of bytes."""
    # PostgreSQL would send all rows at once.
    few = query.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE, yield_per=ROWS_AT_ONCE)
    with connection.execute(query if connection.dialect.name == "sqlite" else few) as rows:
        stored = (_stored(row) for row in rows)
        return within(((len(found.body), found) for found in stored), most_bytes)


def _is_more(connection: Connection, conditions: Sequence[ColumnElement[bool]], key: int) -> bool:
    query = select(executions.c.key).join(profiles, profiles.c.key == executions.c.profile_key)
    return connection.execute(query.where(*conditions, executions.c.key < key).limit(1)).first() is not None


def _cursor_of(key: int) -> str:
    return base64.urlsafe_b64encode(f"k{key}".encode()).decode().rstrip("=")


def _key_of(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if len(text) > 20 or text[:1] != "k" or not (text[1:].isascii() and text[1:].isdecimal()):
        raise Problem("invalid-cursor", "The cursor is not one that this server gave. Start without a cursor.")
    return int(text[1:])


def interrupt_execution(transaction: Transaction, execution_id: str, request: InterruptRequest) -> InterruptReply:
    """Keep a request to stop with its execution, and pass it on to whoever runs it.

    A second request raises the level by one.

    :raises Problem: if there is no execution of that id.
    """
    row = transaction.connection.execute(
        select(executions.c.key, executions.c.status, executions.c.interrupt)
        .where(executions.c.id == execution_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise unknown_execution(execution_id)
    if row.status != RUNNING:
        return InterruptReply.NOTHING_TO_INTERRUPT
    _interrupt(transaction, row.key, execution_id, row.interrupt, request)
    return InterruptReply.REQUESTED


def interrupt_all(transaction: Transaction, request: InterruptRequest, heard: Sequence[str]) -> InterruptReply:
    """Interrupt every execution that runs, but those that have heard of it already."""
    rows = transaction.connection.execute(
        select(executions.c.key, executions.c.id, executions.c.interrupt)
        .where(executions.c.status == RUNNING, executions.c.id.not_in(heard))
        .order_by(executions.c.key)
        .with_for_update()
    ).all()
    for row in rows:
        _interrupt(transaction, row.key, row.id, row.interrupt, request)
    return InterruptReply.REQUESTED if rows else InterruptReply.NOTHING_TO_INTERRUPT


def interrupt_undisturbed(transaction: Transaction, request: InterruptRequest) -> None:
    """Interrupt every execution that runs and was not asked to stop yet."""
    rows = transaction.connection.execute(
        select(executions.c.key, executions.c.id)
        .where(executions.c.status == RUNNING, executions.c.interrupt.is_(None))
        .order_by(executions.c.key)
        .with_for_update()
    ).all()
    for row in rows:
        _interrupt(transaction, row.key, row.id, None, request)


def _interrupt(
    transaction: Transaction, key: int, execution_id: str, earlier: str | None, request: InterruptRequest
) -> None:
    level = request.level
    if earlier is not None:
        # Whoever runs it may hear only of the last request, so that one has to say how far the level has risen.
        risen = (InterruptSignal.model_validate_json(earlier).level or InterruptLevel.FINISH).next
        level = risen if level is None else max(level, risen)
    signal = InterruptSignal(source=request.source, reason=request.reason, level=level, at=timestamp())
    transaction.connection.execute(
        update(executions)
        .where(executions.c.key == key)
        .values(interrupt=signal.model_dump_json(), revision=next_revision(transaction))
    )
    transaction.notices.append(ExecutionChanged(execution_id))


@dataclass(frozen=True, slots=True)
class ExecutionStatus:
    """Whether an execution has ended, and the last request to stop it, as JSON text."""

    key: int
    ended: bool
    interrupt: str | None
    next_seq: int


def read_status(connection: Connection, execution_id: str) -> ExecutionStatus:
    """Return what is asked for most often of an execution.

    :raises Problem: if there is no execution of that id.
    """
    row = connection.execute(
        select(executions.c.key, executions.c.status, executions.c.interrupt, executions.c.next_seq).where(
            executions.c.id == execution_id
        )
    ).one_or_none()
    if row is None:
        raise unknown_execution(execution_id)
    return ExecutionStatus(row.key, row.status != RUNNING, row.interrupt, row.next_seq)


def execution_exists(connection: Connection, execution_id: str) -> bool:
    """Tell whether there is an execution of an id."""
    return connection.execute(select(executions.c.key).where(executions.c.id == execution_id)).first() is not None
