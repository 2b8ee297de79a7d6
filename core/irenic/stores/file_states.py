"""The stored states of a profile: a checkpoint, and what the journal says beyond it."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from irenic.items.disk import write_file_durably
from irenic.model.errors import CorruptStoreError
from irenic.model.states import STATE_KINDS, FlowStates
from irenic.stores.file_layout import execution_ids, journal_path
from irenic.stores.file_lines import decode_line, encode_line
from irenic.stores.file_record import JournalFile

FOLDED = frozenset(kind.encode() for kind in STATE_KINDS)
"""The kinds of events that change stored states."""


class Checkpoint(BaseModel):
    """The states as they are after all executions up to one, and of that one all events before ``next_seq``."""

    execution_id: str | None = None
    next_seq: int = 0
    states: FlowStates


class StatesFile:
    """The checkpoint of a profile; whoever saves it holds the profile's mutex."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._path = profile / "states.json"

    def up_to(self, execution_id: str | None) -> Checkpoint:
        """Return the states after an execution, as far as its journal goes.

        :param execution_id: the one that wrote last; None where there was none yet.
        :raises CorruptStoreError: if the checkpoint or a journal is damaged.
        """
        checkpoint = self._load()
        if checkpoint is None:
            checkpoint = self._rebuilt()
        if execution_id is None:
            return checkpoint
        journal = JournalFile(journal_path(self._profile, execution_id))
        if not journal.exists:
            return checkpoint
        seq = checkpoint.next_seq if checkpoint.execution_id == execution_id else 0
        return self._folded(checkpoint, execution_id, journal, seq)

    def bring_up_to_date(self, execution_id: str | None) -> None:
        """Fold what an execution has written beyond the checkpoint, and save it where that changes anything."""
        before = self._load()
        position = (None, 0) if before is None else (before.execution_id, before.next_seq)
        after = self.up_to(execution_id)
        if (after.execution_id, after.next_seq) != position:
            self.save(after)

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint, durably."""
        write_file_durably(self._path, encode_line(checkpoint.model_dump_json().encode()))

    def _load(self) -> Checkpoint | None:
        try:
            payload = decode_line(self._path.read_bytes())
        except FileNotFoundError:
            return None
        try:
            if payload is not None:
                return Checkpoint.model_validate_json(payload)
        except ValidationError:
            payload = None
        raise CorruptStoreError(
            f"{self._path} is damaged: its checksum does not fit. Nothing was changed; move the file away, and the "
            "states are made anew from the journals."
        )

    def _rebuilt(self) -> Checkpoint:
        """Fold every journal that there is, in the order in which they held the profile."""
        states = FlowStates(flow=self._profile.parent.name, profile=self._profile.name)
        checkpoint = Checkpoint(states=states)
        journals = [JournalFile(journal_path(self._profile, id)) for id in execution_ids(self._profile)]
        headers = [(journal.header().record, journal) for journal in journals]
        written = [(record.fencing, record.id, journal) for record, journal in headers if record.fencing is not None]
        for _, execution_id, journal in sorted(written, key=lambda entry: entry[:2]):
            checkpoint = self._folded(checkpoint, execution_id, journal, 0)
        return checkpoint

    def _folded(self, base: Checkpoint, execution_id: str, journal: JournalFile, from_seq: int) -> Checkpoint:
        trailer = journal.trailer()
        if trailer is not None and trailer.next_seq <= from_seq:
            return base
        next_seq = from_seq
        for event in journal.events_of_kinds(FOLDED, from_seq=from_seq):
            base.states.apply(event)
            next_seq = event.seq + 1
        return Checkpoint(execution_id=execution_id, next_seq=next_seq, states=base.states)
