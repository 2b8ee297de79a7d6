"""What a commit changed, told to those who follow it: in this process, and in others of the same database."""

import secrets
from typing import NamedTuple


class EventsAppended(NamedTuple):
    """Events were appended; ``bodies`` are their JSON texts, the first of which has number ``first_seq``."""

    execution_id: str
    first_seq: int
    bodies: tuple[str, ...]


class ExecutionChanged(NamedTuple):
    """An execution was made, interrupted or ended; how is read from the database."""

    execution_id: str


Notice = EventsAppended | ExecutionChanged

CHANNEL = "irenic"
"""The channel of LISTEN and NOTIFY."""


class News:
    """What servers of one database tell each other; what happened is read from the database."""

    def __init__(self) -> None:
        self._origin = secrets.token_hex(6)

    def write(self, execution_id: str, *, listed: bool) -> str:
        """Return what others are told of a change, and whether the execution's place in the list changed with it."""
        return f"{self._origin} {execution_id} {'list' if listed else 'journal'}"

    def read(self, text: str) -> tuple[str, bool] | None:
        """Return what another server has said; None for what this one has said itself, and for what no server says."""
        words = text.split(" ")
        # Anybody who may use the database may say something on the channel.
        if len(words) != 3 or words[0] == self._origin:
            return None
        return words[1], words[2] == "list"
