"""Journals: appending to many of them in one transaction, and reading from one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from irenic_server.answers import ANSWER_BYTES, within
from irenic_server.bulk import insert_events, select_heads, update_heads
from irenic_server.clock import now_ms
from irenic_server.envelopes import Envelope, expected_sequence, same_json
from irenic_server.leased import fencing_needed, stale_fencing
from irenic_server.notices import EventsAppended
from irenic_server.problems import Problem
from irenic_server.states import StatesFolder
from irenic_server.strict_json import readable
from irenic_server.tables import events, tokens
from irenic_server.transaction import Transaction

RUNNING = "running"

MOST_COMPARED = 256 * 1024
"""Text of stored events that is compared by meaning, where it is not the same text, for one request."""

_add_stored = (
    update(tokens).where(tokens.c.key == bindparam("token_key")).values(stored=tokens.c.stored + bindparam("added"))
)


@dataclass(slots=True)
class Append:
    """Events to append to one journal; ``token_key`` is the named token they count against."""

    execution_id: str
    envelopes: list[Envelope]
    fencing: int | None = None
    token_key: int | None = None


@dataclass(slots=True)
class _Head:
    """Where a journal stands, and what this transaction adds to it."""

    key: int
    profile_key: int
    next_seq: int
    status: str
    fencing: int
    leased: bool
    first_new: int
    bodies: list[str]


def append_group(transaction: Transaction, group: Sequence[Append]) -> list[int | Problem]:
    """Append to the journals of all requests of a group.

    :return: for each request the number of the next event, or why nothing of it was stored.
    """
    connection = transaction.connection
    heads = _heads(connection, group)
    folder = StatesFolder(connection)
    added: dict[int, int] = {}
    results: list[int | Problem] = []
    for append in group:
        head = heads.get(append.execution_id)
        if head is None:
            results.append(unknown_execution(append.execution_id))
            continue
        refusal = _refusal(connection, append, head)
        if refusal is not None:
            results.append(refusal)
            continue
        for envelope in append.envelopes:
            if envelope.seq < head.next_seq:
                continue
            head.bodies.append(envelope.body)
            head.next_seq += 1
            if envelope.state_event is not None:
                folder.add(head.profile_key, envelope.state_event)
            if append.token_key is not None:
                added[append.token_key] = added.get(append.token_key, 0) + len(envelope.body)
        results.append(head.next_seq)
    _store(transaction, heads, added)
    folder.store()
    return results


def _heads(connection: Connection, group: Sequence[Append]) -> dict[str, _Head]:
    ids = list({append.execution_id for append in group})
    return {
        execution_id: _Head(key, profile_key, next_seq, status, fencing, leased, next_seq, [])
        for execution_id, key, profile_key, next_seq, status, fencing, leased in select_heads(connection, ids)
    }


def _refusal(connection: Connection, append: Append, head: _Head) -> Problem | None:
    envelopes = append.envelopes
    if append.fencing is not None and append.fencing != head.fencing:
        return stale_fencing(append.fencing, head.fencing)
    missing = expected_sequence(envelopes)
    if missing is None and envelopes[0].seq > head.next_seq:
        missing = head.next_seq
    if missing is not None:
        return Problem(
            "gap",
            f"Event {missing} was expected. Nothing of this request was stored; all events before {head.next_seq} are. "
            f"Send the events from {head.next_seq} on, in order.",
            expected_seq=head.next_seq,
        )
    conflict = _conflict(connection, head, envelopes) if envelopes[0].seq < head.next_seq else None
    if head.status != RUNNING and (conflict is not None or envelopes[-1].seq >= head.next_seq):
        return Problem(
            "execution-ended",
            f"The execution ended as {head.status}, so its journal takes no more events. Everything before is stored. "
            "Read the outcome, and submit the same request again to go on.",
            outcome=head.status,
        )
    # What is stored already may be sent again by whoever wrote it, also after its lease.
    if append.fencing is None and head.leased and envelopes[-1].seq >= head.next_seq:
        return fencing_needed()
    if conflict is not None:
        return Problem(
            "conflicting-event",
            f"Event {conflict} is stored already and says something else. Nothing of this request was stored. An "
            "execution has one writer: this one has to stop.",
            seq=conflict,
        )
    return None


def _conflict(connection: Connection, head: _Head, envelopes: Sequence[Envelope]) -> int | None:
    known = [envelope for envelope in envelopes if envelope.seq < head.next_seq]
    stored = {head.first_new + offset: body for offset, body in enumerate(head.bodies)}
    if known[0].seq < head.first_new:
        query = select(events.c.seq, events.c.body).where(
            events.c.execution_key == head.key, events.c.seq.between(known[0].seq, known[-1].seq)
        )
        stored.update((row.seq, row.body) for row in connection.execute(query))
    compared = 0
    for envelope in known:
        text = stored[envelope.seq]
        if text == envelope.body:
            continue
        # Whoever sends an event again sends it as before; parsing very many of them would keep other writers waiting.
        compared += len(text)
        if compared > MOST_COMPARED or not same_json(text, envelope.body):
            return envelope.seq
    return None


def _store(transaction: Transaction, heads: dict[str, _Head], added: dict[int, int]) -> None:
    rows: list[tuple[int, int, str]] = []
    moved: list[tuple[int, int]] = []
    for execution_id, head in heads.items():
        if head.bodies:
            rows += [(head.key, seq, body) for seq, body in enumerate(head.bodies, head.first_new)]
            moved.append((head.key, head.next_seq))
            transaction.notices.append(EventsAppended(execution_id, head.first_new, tuple(head.bodies)))
    if rows:
        insert_events(transaction.connection, rows)
        update_heads(transaction.connection, moved, now_ms())
    if added:
        transaction.connection.execute(_add_stored, [{"token_key": key, "added": size} for key, size in added.items()])


def unknown_execution(execution_id: str) -> Problem:
    """Return the problem of an id that no execution has."""
    return Problem(
        "unknown-execution",
        f"No execution has the id {execution_id}. Create it first: PUT /api/v1/executions/{execution_id}.",
    )


def read_events(
    connection: Connection, execution_key: int, after: int, limit: int, most_bytes: int = ANSWER_BYTES
) -> list[tuple[int, str]]:
    """Return events with numbers above ``after`` as pairs of number and JSON text.

    :param most_bytes: text after which no further event is returned; there is always one, where there are any.
    """
    query: Select[Any] = (
        select(events.c.seq, events.c.body)
        .where(events.c.execution_key == execution_key, events.c.seq > after)
        .order_by(events.c.seq)
        .limit(limit)
    )
    if connection.dialect.name != "sqlite":
        query = _bounded(query, most_bytes)
    # SQLite reads a row when it is asked for; what is beyond the bound is never read.
    with connection.execute(query) as rows:
        return within(((len(row.body), (row.seq, readable(row.body))) for row in rows), most_bytes)


def _bounded(query: Select[Any], most_bytes: int) -> Select[Any]:
    """Let PostgreSQL leave out what is beyond a bound: it sends all rows of a result at once, and knows all sizes."""
    page = query.subquery()
    size = func.octet_length(page.c.body)
    before = (func.sum(size).over(order_by=page.c.seq) - size).label("before")
    sized = select(page.c.seq, page.c.body, before).subquery()
    return select(sized.c.seq, sized.c.body).where(sized.c.before < most_bytes).order_by(sized.c.seq)
