"""The journal of one execution as a file: a header, the events, and at its end a trailer.

The header holds the execution's record, the trailer how it ended. A journal that has no trailer is being written, which
shows in that its writer holds a lock on it, or was left by a crash. An old journal may be compressed, header, events
and trailer each as a gzip member of its own, so that both ends can be read without the middle.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, TypeVar, cast

from pydantic import BaseModel, ValidationError

from irenic.model.errors import CorruptStoreError, StoreError
from irenic.model.events import ExecutionEnded, JournalEvent, journal_event
from irenic.model.fold import ExecutionFold
from irenic.model.outcome import CmdOutcome, Lost
from irenic.model.record import ExecutionRecord
from irenic.model.timestamps import Timestamp, timestamp
from irenic.stores.file_layout import is_locked, packed
from irenic.stores.file_lines import Line, corrupt, decode_line, encode_line, last_line, read_lines

GZIP_MAGIC = b"\x1f\x8b\x08"

LOST = "lost"

M = TypeVar("M", bound=BaseModel)

Position = tuple[int, int]
"""The ``seq`` of an event, and where its line begins."""


class Header(BaseModel):
    """The first line of a journal; the flow's picture stands elsewhere, by its digest."""

    kind: Literal["journal"] = "journal"
    record: ExecutionRecord
    flow_info: str | None = None


class Trailer(BaseModel):
    """The last line of a journal that has ended; ``outcome`` is there where no event before holds it."""

    kind: Literal["journal_end"] = "journal_end"
    status: str
    ended_at: Timestamp
    next_seq: int
    outcome: CmdOutcome | None = None


class JournalFile:
    """Reads a journal, whoever writes it meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether there is such a journal, compressed or not."""
        return self.path.exists() or packed(self.path).exists()

    def header(self) -> Header:
        """Return the first line."""
        with self._opened() as file:
            for line in read_lines(file, self.path):
                return self._parsed(Header, line.payload, 1)
        raise corrupt(self.path, 1)

    def trailer(self) -> Trailer | None:
        """Return how the execution ended, or None where that is not recorded."""
        payload = self._last_payload()
        if payload.startswith(b'{"kind":"journal_end"'):
            return self._parsed(Trailer, payload)
        head = Line(payload, 0, 0).head()
        if head is None or head[1] != b"execution_ended":
            return None
        outcome = self._parsed(ExecutionEnded, payload).outcome
        return Trailer(status=outcome.kind, ended_at=outcome.ended_at, next_seq=head[0] + 1, outcome=outcome)

    def record(self) -> ExecutionRecord:
        """Return the execution's record as it stands now; one that nobody writes any more is lost."""
        record = self.header().record
        trailer = self.trailer()
        if trailer is not None:
            ended = {"status": trailer.status, "ended_at": trailer.ended_at, "next_seq": trailer.next_seq}
            return record.model_copy(update=ended)
        last = self._last_event()
        next_seq = 0 if last is None else last.seq + 1
        if self.is_being_written():
            return record.model_copy(update={"next_seq": next_seq})
        ended_at = record.created_at if last is None else last.at
        return record.model_copy(update={"status": LOST, "ended_at": ended_at, "next_seq": next_seq})

    def outcome(self) -> CmdOutcome | None:
        """Return the outcome, or None while there is none; that of one that nobody writes any more is derived."""
        trailer = self.trailer()
        if trailer is None:
            return None if self.is_being_written() else self.lost()
        if trailer.outcome is not None:
            return trailer.outcome
        last = self._last_event()
        return last.outcome if isinstance(last, ExecutionEnded) else None

    def lost(self) -> Lost:
        """Return the outcome of an execution whose writer is gone, as its journal tells it."""
        events = list(self.events())
        if events:
            return ExecutionFold.of(events).lost(at=events[-1].at)
        record = self.header().record
        at = record.created_at or timestamp()
        return Lost(
            execution_id=record.id,
            flow=record.flow,
            profile=record.profile,
            dry_run=record.dry_run,
            message="Whoever ran this execution went away before it began.",
            started_at=record.started_at or at,
            ended_at=at,
        )

    def events(self) -> Iterator[JournalEvent]:
        """Yield all events."""
        with self._opened() as file:
            for line in self._event_lines(file, None):
                yield self._parsed_event(line)

    def events_of_kinds(self, kinds: frozenset[bytes], *, from_seq: int = 0) -> Iterator[JournalEvent]:
        """Yield the events of some kinds, with ``seq`` of at least ``from_seq``; others are not even parsed."""
        with self._opened() as file:
            for line in self._event_lines(file, None):
                head = line.head()
                if head is None or (head[0] >= from_seq and head[1] in kinds):
                    yield self._parsed_event(line)

    def page(self, after: int, limit: int, near: Position | None) -> tuple[list[JournalEvent], Position | None]:
        """Return events with ``seq`` greater than ``after``, and where the next page begins.

        :param near: a position at or before that of the first event wanted, from an earlier page.
        """
        found: list[JournalEvent] = []
        at: Position | None = None
        with self._opened() as file:
            for line in self._event_lines(file, near):
                head = line.head()
                if head is None or head[0] > after:
                    found.append(self._parsed_event(line))
                    at = (found[-1].seq + 1, line.end)
                    if len(found) == limit:
                        break
        return found, at

    def is_being_written(self) -> bool:
        """Return whether somebody holds the lock of a journal's writer."""
        return is_locked(self.path)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            file: IO[bytes] = self.path.open("rb")
        except FileNotFoundError:
            file = cast(IO[bytes], gzip.GzipFile(packed(self.path), "rb"))
        try:
            with file:
                yield file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise StoreError(f"{packed(self.path)} is damaged ({error}): restore it from a backup.") from error

    def _event_lines(self, file: IO[bytes], near: Position | None) -> Iterator[Line]:
        seq = 0
        if near is not None and not isinstance(file, gzip.GzipFile):
            seq = near[0]
            file.seek(near[1])
        for line in read_lines(file, self.path, number=1 if file.tell() == 0 else seq + 2):
            if line.number == 1:
                continue
            head = line.head()
            if head is None and line.payload.startswith(b'{"kind":"journal_end"'):
                return
            if head is not None and head[0] != seq:
                raise corrupt(self.path, line.number)
            seq += 1
            yield line

    def _last_payload(self) -> bytes:
        if not self.path.exists():
            return self._packed_trailer()
        with self.path.open("rb") as file:
            last = last_line(file)
        if last is None:
            raise corrupt(self.path, 1)
        return last[0]

    def _packed_trailer(self) -> bytes:
        data = packed(self.path).read_bytes()
        at = data.rfind(GZIP_MAGIC)
        while at > 0:
            try:
                payload = decode_line(gzip.decompress(data[at:]))
            except (OSError, EOFError, zlib.error):
                payload = None
            if payload is not None:
                return payload
            at = data.rfind(GZIP_MAGIC, 0, at)
        raise corrupt(packed(self.path), 1)

    def _last_event(self) -> JournalEvent | None:
        if not self.path.exists():
            *_, last = self.events()
            return last
        with self.path.open("rb") as file:
            found = last_line(file)
            if found is not None and found[0].startswith(b'{"kind":"journal_end"'):
                found = last_line(file, before=found[1])
        if found is None or found[0].startswith(b'{"kind":"journal"'):
            return None
        return self._parsed_event(Line(found[0], 0, 0))

    def _parsed_event(self, line: Line) -> JournalEvent:
        try:
            return journal_event.validate_json(line.payload)
        except ValidationError as error:
            raise self._strange(error, line.number) from error

    def _parsed(self, model: type[M], payload: bytes, number: int | None = None) -> M:
        try:
            return model.model_validate_json(payload)
        except ValidationError as error:
            raise self._strange(error, number) from error

    def _strange(self, error: ValidationError, number: int | None) -> CorruptStoreError:
        where = f", line {number}" if number else ""
        return CorruptStoreError(
            f"{self.path}{where}: this line is whole, but not what this irenic writes ({error.error_count()} problems; "
            f"first: {error.errors(include_url=False)[0]['msg']}). Was it written by a newer one? Nothing was changed."
        )


def header_line(record: ExecutionRecord, flow_info: str | None) -> bytes:
    """Return the first line of a journal."""
    return encode_line(Header(record=record, flow_info=flow_info).model_dump_json().encode())


def trailer_line(trailer: Trailer) -> bytes:
    """Return the last line of a journal."""
    return encode_line(trailer.model_dump_json().encode())
