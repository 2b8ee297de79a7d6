"""What a commit changed, told to those who follow it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventsAppended:
    """Events were appended; ``bodies`` are their JSON texts, the first of which has number ``first_seq``."""

    execution_id: str
    first_seq: int
    bodies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutionChanged:
    """An execution was made, interrupted or ended; how is read from the database."""

    execution_id: str


Notice = EventsAppended | ExecutionChanged
