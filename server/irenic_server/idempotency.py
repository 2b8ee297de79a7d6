"""Idempotency keys: a request that is sent again with its key starts nothing a second time.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from irenic_server.clock import now_ms
from irenic_server.problems import Problem
from irenic_server.settings import DAY_MS
from irenic_server.tables import idempotency_keys as _table
from irenic_server.transaction import Transaction

KEPT_MS = DAY_MS
"""How long a key is known."""

_quoted = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"')


def read_key(header: str) -> str:
    """Return the key of an Idempotency-Key header.

    :raises Problem: if it is not a string in double quotes.
    """
    match = _quoted.fullmatch(header.strip())
    if match is None:
        raise Problem(
            "invalid-request",
            'Idempotency-Key has to be a string of up to 255 characters in double quotes, like "8e03978e". Nothing was '
            "started.",
        )
    return match[1]


@dataclass(frozen=True, slots=True)
class Claim:
    """The execution that a key stands for; ``is_new`` where the caller has to begin it."""

    execution_id: str
    is_new: bool
    since_ms: int


def claim_key(transaction: Transaction, caller: str, key: str, fingerprint: str, execution_id: str) -> Claim:
    """Return the execution that a key stands for, which is the given one where the key is new.

    :param fingerprint: what tells this request from others.
    :raises Problem: if the key stands for another request.
    """
    at = now_ms()
    found = _find(transaction, caller, key)
    if found is None:
        row = {"caller": caller, "key": key, "fingerprint": fingerprint, "execution_id": execution_id, "created_ms": at}
        try:
            with transaction.connection.begin_nested():
                transaction.connection.execute(insert(_table).values(**row))
        except IntegrityError:
            # Another server got the same request in this moment.
            found = _find(transaction, caller, key)
        else:
            return Claim(execution_id, True, at)
    assert found is not None
    if found.fingerprint != fingerprint:
        raise Problem(
            "key-reused",
            f"The key {key!r} was used for another request within the last day. Nothing was started. A new request "
            "needs a new key.",
        )
    return Claim(str(found.execution_id), False, int(found.created_ms))


def _find(transaction: Transaction, caller: str, key: str) -> Row[Any, Any, Any] | None:
    query = select(_table.c.fingerprint, _table.c.execution_id, _table.c.created_ms)
    return transaction.connection.execute(query.where(_table.c.caller == caller, _table.c.key == key)).one_or_none()


def take_claim(transaction: Transaction, caller: str, key: str, since_ms: int) -> bool:
    """Claim a key for which a server has begun nothing, and say whether no other has just done so."""
    ours = and_(_table.c.caller == caller, _table.c.key == key, _table.c.created_ms == since_ms)
    changed = transaction.connection.execute(update(_table).where(ours).values(created_ms=now_ms()))
    return changed.rowcount == 1


def point_key(transaction: Transaction, caller: str, key: str, execution_id: str) -> None:
    """Let a key stand for another execution: one that runs already and does the same."""
    ours = and_(_table.c.caller == caller, _table.c.key == key)
    transaction.connection.execute(update(_table).where(ours).values(execution_id=execution_id))


def release_key(transaction: Transaction, caller: str, key: str) -> None:
    """Forget a key for which nothing could be begun."""
    transaction.connection.execute(delete(_table).where(_table.c.caller == caller, _table.c.key == key))


def forget_keys(transaction: Transaction) -> None:
    """Delete the keys that are too old to be sent again."""
    old = _table.c.created_ms < now_ms() - KEPT_MS
    transaction.connection.execute(delete(_table).where(old))
