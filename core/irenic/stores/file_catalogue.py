"""The executions that a store's folder holds: finding, listing, compressing and removing them. Blocks."""

import hashlib
import heapq
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from irenic.items.disk import make_directories, write_file_durably
from irenic.model.errors import CorruptStoreError, StoreError
from irenic.model.events import JournalEvent
from irenic.model.flow_info import FlowInfo
from irenic.model.record import RUNNING, ExecutionPage, ExecutionRecord
from irenic.stores.file_appender import pack
from irenic.stores.file_layout import Layout, execution_ids, journal_path, packed
from irenic.stores.file_lease import ProfileLease
from irenic.stores.file_record import JournalFile, Position
from irenic.stores.remembered import Remembered

_log = logging.getLogger(__name__)

REMEMBERED = 512
"""Executions of which the record, the place and the reading position are kept in memory."""

_id = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Catalogue:
    """What is known of all executions, read from their journals when it is asked for."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._places: Remembered[Path] = Remembered(REMEMBERED)
        self._ended: Remembered[ExecutionRecord] = Remembered(REMEMBERED)
        self._positions: Remembered[Position] = Remembered(REMEMBERED)
        self._flow_infos: Remembered[FlowInfo] = Remembered(16)

    def new_place(self, record: ExecutionRecord) -> Path:
        """Return where the journal of a new execution belongs.

        :raises StoreError: if its id cannot be a file's name.
        """
        if not _id.fullmatch(record.id):
            raise StoreError(f"{record.id!r} cannot be the id of an execution: use a ULID.")
        return journal_path(self._layout.profile(record.flow, record.profile), record.id)

    def find(self, execution_id: str) -> JournalFile | None:
        """Return the journal of an execution, or None where there is none."""
        if not _id.fullmatch(execution_id) or not self._layout.look():
            return None
        known = self._places.get(execution_id)
        if known is not None and JournalFile(known).exists:
            return JournalFile(known)
        for flow, profile in self._layout.profiles():
            path = journal_path(self._layout.profile(flow, profile), execution_id)
            if JournalFile(path).exists:
                return JournalFile(self._places.keep(execution_id, path))
        return None

    def record(self, journal: JournalFile) -> ExecutionRecord:
        """Return an execution's record as it stands now."""
        execution_id = journal.path.name.partition(".")[0]
        known = self._ended.get(execution_id)
        if known is not None:
            return known
        record = journal.record()
        digest = journal.header().flow_info
        if digest is not None:
            record = record.model_copy(update={"flow_info": self._flow_info(record.flow, digest)})
        return record if record.status == RUNNING else self._ended.keep(execution_id, record)

    def page(
        self, flow: str | None, profile: str | None, status: str | None, limit: int, cursor: str | None
    ) -> ExecutionPage:
        """Return executions, newest first; one whose journal is damaged is left out, and logged."""
        found: list[ExecutionRecord] = []
        for journal in self._newest_first(flow, profile, cursor):
            try:
                record = self.record(journal)
            except CorruptStoreError as error:
                _log.warning("an execution is not listed: %s", error)
                continue
            if status is None or record.status == status:
                found.append(record)
                if len(found) > limit:
                    break
        items = found[:limit]
        return ExecutionPage(items=items, next_cursor=items[-1].id if len(found) > limit else None)

    def events(self, execution_id: str, after: int, limit: int) -> list[JournalEvent]:
        """Return events with ``seq`` greater than ``after``, in order."""
        journal = self.find(execution_id)
        if journal is None:
            return []
        near = self._positions.get(execution_id)
        events, position = journal.page(after, limit, near if near is not None and near[0] <= after + 1 else None)
        if position is not None:
            self._positions.keep(execution_id, position)
        return events

    def keep_flow_info(self, info: FlowInfo | None) -> str | None:
        """Store a flow's picture where it is not stored yet, and return its digest."""
        if info is None:
            return None
        content = info.model_dump_json().encode()
        digest = hashlib.sha256(content).hexdigest()[:32]
        path = self._layout.flow_info(info.id, digest)
        if not path.exists():
            make_directories(path.parent)
            write_file_durably(path, content)
        return digest

    def compact(self, keep: int) -> int:
        """Compress all but the newest journals of each profile; return how many were."""
        count = 0
        for journal in self._old(keep):
            if journal.path.exists():
                pack(journal.path)
                count += 1
        return count

    def prune(self, keep: int) -> int:
        """Remove all but the newest executions of each profile; return how many were."""
        count = 0
        for journal in self._old(keep):
            journal.path.unlink(missing_ok=True)
            packed(journal.path).unlink(missing_ok=True)
            self._ended.forget(journal.path.name.partition(".")[0])
            with suppress(OSError):
                journal.path.parent.rmdir()
            count += 1
        return count

    def _old(self, keep: int) -> Iterator[JournalFile]:
        """Yield journals beyond the newest, but none that still tells something that the states do not."""
        for flow, profile in self._layout.profiles():
            folder = self._layout.profile(flow, profile)
            last = ProfileLease(folder).read().execution_id
            for execution_id in list(execution_ids(folder))[keep:]:
                journal = JournalFile(journal_path(folder, execution_id))
                if execution_id != last and journal.trailer() is not None:
                    yield journal

    def _newest_first(self, flow: str | None, profile: str | None, cursor: str | None) -> Iterator[JournalFile]:
        if not self._layout.look():
            return
        folders = [
            self._layout.profile(*names)
            for names in self._layout.profiles(flow)
            if profile is None or names[1] == profile
        ]
        lists = [_ids_in(folder, cursor) for folder in folders]
        for execution_id, folder in heapq.merge(*lists, reverse=True):
            yield JournalFile(journal_path(folder, execution_id))

    def _flow_info(self, flow: str, digest: str) -> FlowInfo | None:
        known = self._flow_infos.get(digest)
        if known is not None:
            return known
        try:
            content = self._layout.flow_info(flow, digest).read_bytes()
        except FileNotFoundError:
            return None
        return self._flow_infos.keep(digest, FlowInfo.model_validate_json(content))


def _ids_in(folder: Path, cursor: str | None) -> Iterator[tuple[str, Path]]:
    for execution_id in execution_ids(folder, cursor):
        yield execution_id, folder
