"""Ids: identifiers of items, flows and profiles, and ULIDs of executions."""

import os
import re
import time
from typing import Annotated

from pydantic import StringConstraints

from irenic.model.errors import InvalidIdError

IDENTIFIER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
ULID_PATTERN = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN, max_length=128)]
ExecutionId = Annotated[str, StringConstraints(pattern=ULID_PATTERN)]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
_identifier = re.compile(IDENTIFIER_PATTERN)


def check_identifier(text: str, what: str) -> str:
    """Return ``text`` unchanged if it is a valid identifier.

    :param what: what the text names ("item id", "profile"), for the message.
    :raises InvalidIdError: if it is not; the message holds the offending text.
    """
    if len(text) <= 128 and _identifier.match(text) and not text.endswith("\n"):
        return text
    raise InvalidIdError(
        f"{text!r} is not a valid {what}: "
        "use a letter or underscore, then letters, digits and underscores (128 at most)."
    )


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
