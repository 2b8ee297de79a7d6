"""Takes executions that were exported into a store's folder. Blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from irenic.flow.params import explain
from irenic.items.disk import sync_directory
from irenic.model.errors import IrenicError, StoreError
from irenic.model.events import ExecutionEnded, JournalEvent, encoded, journal_event
from irenic.model.outcome import CmdOutcome, cmd_outcome
from irenic.model.record import ExecutionRecord
from irenic.stores.file_appender import Appender, on_disk, settle
from irenic.stores.file_catalogue import Catalogue
from irenic.stores.file_layout import Layout
from irenic.stores.file_lines import encode_lines
from irenic.stores.file_record import Trailer, trailer_line

_line: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(slots=True)
class Imported:
    """What an import did; ``known`` counts executions that were there already."""

    executions: int = 0
    known: int = 0
    events: int = 0


@dataclass(slots=True)
class _Exported:
    """An execution as its lines say."""

    record: ExecutionRecord
    events: list[JournalEvent] = field(default_factory=list)
    outcome: CmdOutcome | None = None


def import_executions(root: Path, lines: Iterable[str]) -> Imported:
    """Take executions in as JSON Lines; one that is there already stays as it is, so that an import may be repeated.

    An execution appears whole or not at all. One without an outcome is recorded as lost. The stored states of a profile
    that has none yet are those that its journals tell.

    :raises StoreError: if a line cannot be taken in; executions before it were.
    """
    layout = Layout(root.absolute())
    catalogue = Catalogue(layout)
    imported = Imported()
    with on_disk(layout.root):
        layout.prepare()
        for exported in _executions(lines):
            _take_in(catalogue, exported, imported)
    return imported


def _executions(lines: Iterable[str]) -> Iterator[_Exported]:
    exported: _Exported | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _line.validate_json(line)
            if "execution" in value:
                record = ExecutionRecord.model_validate(value["execution"])
                if exported is not None:
                    yield exported
                exported = _Exported(record)
                continue
            if exported is None:
                raise StoreError("it belongs to no execution.")
            if "event" in value:
                _add(exported, journal_event.validate_python(value["event"]))
            elif "outcome" in value:
                exported.outcome = cmd_outcome.validate_python(value["outcome"])
            else:
                raise StoreError("it holds none of execution, event and outcome.")
        except (ValidationError, StoreError) as error:
            why = explain(error, "it is not valid") if isinstance(error, ValidationError) else error
            raise StoreError(
                f"line {number} cannot be taken in: {why} Executions before it were; correct it and import the whole "
                "again."
            ) from error
    if exported is not None:
        yield exported


def _add(exported: _Exported, event: JournalEvent) -> None:
    if (event.execution_id, event.seq) != (exported.record.id, len(exported.events)):
        raise StoreError(f"it is not event {len(exported.events)} of execution {exported.record.id}.")
    exported.events.append(event)


def _take_in(catalogue: Catalogue, exported: _Exported, imported: Imported) -> None:
    record = exported.record
    last = exported.events[-1] if exported.events else None
    if exported.outcome is None and isinstance(last, ExecutionEnded):
        exported.outcome = last.outcome
    try:
        place = catalogue.new_place(record)
    except IrenicError as error:
        raise StoreError(f"execution {record.id} cannot be taken in: {error}") from error
    if catalogue.find(record.id) is not None:
        imported.known += 1
        return
    beside = place.with_name(f"{record.id}.importing")
    beside.unlink(missing_ok=True)
    flow_info = catalogue.keep_flow_info(record.flow_info)
    appender = Appender.create(beside, record.model_copy(update={"flow_info": None}), flow_info)
    try:
        appender.write(encode_lines([encoded(event) for event in exported.events]))
        if exported.outcome is not None:
            appender.write(trailer_line(_trailer(exported.events, exported.outcome)))
        appender.sync()
    finally:
        appender.close()
    settle(beside)
    beside.rename(place)
    sync_directory(place.parent)
    imported.executions += 1
    imported.events += len(exported.events)


def _trailer(events: Sequence[JournalEvent], outcome: CmdOutcome) -> Trailer:
    in_journal = bool(events) and isinstance(events[-1], ExecutionEnded)
    return Trailer(
        status=outcome.kind,
        ended_at=outcome.ended_at,
        next_seq=len(events),
        outcome=None if in_journal else outcome,
    )
