"""Ids: identifiers of items, flows and profiles, and ULIDs of executions."""

import os
import re
import time
from typing import Annotated

from pydantic import StringConstraints

from irenic.model.errors import InvalidIdError

IDENTIFIER_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
STORED_ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(#[1-9][0-9]{0,8})?$"
ULID_PATTERN = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN, max_length=128)]
ExecutionId = Annotated[str, StringConstraints(pattern=ULID_PATTERN)]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
_identifier = re.compile(IDENTIFIER_PATTERN)
_stored_id = re.compile(STORED_ID_PATTERN)


def check_identifier(text: str, what: str) -> str:
    """Return ``text`` unchanged if it is a valid identifier.

    :param what: what the text names ("item id", "profile"), for the message.
    :raises InvalidIdError: if it is not; the message holds the offending text.
    """
    if len(text) <= 128 and _identifier.match(text) and not text.endswith("\n"):
        return text
    raise InvalidIdError(
        f"{text!r} is not a valid {what}: "
        "use letters, digits, underscores, hyphens and dots, and begin with none of the last two (128 at most)."
    )


def check_stored_id(text: str) -> str:
    """Return ``text`` unchanged if an item can be stored under it: an item's id, or the ``ID#2`` of a leftover.

    :raises InvalidIdError: if it is neither.
    """
    if len(text) <= 138 and _stored_id.match(text) and not text.endswith("\n"):
        return text
    raise InvalidIdError(f"{text!r} is neither an item's id nor that of a leftover (ID#1).")


class UlidSource:
    """Makes ULIDs that sort by the order in which they were made, also within one millisecond.

    Source: the ULID specification (48 bits of Unix time in ms, 80 bits of randomness, Crockford's base 32).
    """

    def __init__(self) -> None:
        self._last_ms = -1
        self._last_random = 0

    def new(self) -> str:
        """Return a new ULID of 26 characters."""
        now_ms = time.time_ns() // 1_000_000
        if now_ms <= self._last_ms:
            now_ms = self._last_ms
            self._last_random += 1
            if self._last_random >> 80:
                now_ms += 1
                self._last_random = 0
        else:
            self._last_random = int.from_bytes(os.urandom(10), "big") >> 1
        self._last_ms = now_ms
        value = (now_ms << 80) | self._last_random
        return "".join(_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10))


new_execution_id = UlidSource().new
