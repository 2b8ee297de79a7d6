"""Idempotency keys: a request that is sent again with its key starts nothing a second time.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import re

from sqlalchemy import delete, insert, select

from irenic_server.clock import now_ms
from irenic_server.problems import Problem
from irenic_server.settings import DAY_MS
from irenic_server.tables import idempotency_keys
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


def claim_key(transaction: Transaction, caller: str, key: str, fingerprint: str, execution_id: str) -> str:
    """Return the execution that a key stands for, which is the given one where the key is new.

    :param fingerprint: what tells this request from others.
    :raises Problem: if the key stands for another request.
    """
    connection = transaction.connection
    table = idempotency_keys
    found = connection.execute(
        select(table.c.fingerprint, table.c.execution_id).where(table.c.caller == caller, table.c.key == key)
    ).one_or_none()
    if found is None:
        connection.execute(
            insert(table).values(
                caller=caller, key=key, fingerprint=fingerprint, execution_id=execution_id, created_ms=now_ms()
            )
        )
        return execution_id
    if found.fingerprint != fingerprint:
        raise Problem(
            "key-reused",
            f"The key {key!r} was used for another request within the last day. Nothing was started. A new request "
            "needs a new key.",
        )
    return str(found.execution_id)


def forget_keys(transaction: Transaction) -> None:
    """Delete the keys that are too old to be sent again."""
    old = idempotency_keys.c.created_ms < now_ms() - KEPT_MS
    transaction.connection.execute(delete(idempotency_keys).where(old))
