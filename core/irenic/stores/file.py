"""A store in a folder on the disk, which survives ``kill -9`` at any moment."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

from irenic.engine.store import Lease, LeaseLost, RemoteInterrupt
from irenic.items.disk import make_directories, write_file_durably
from irenic.items.threads import in_thread
from irenic.model.errors import CorruptStoreError
from irenic.model.events import JournalEvent
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionPage, ExecutionRecord
from irenic.model.states import FlowStates
from irenic.model.timestamps import timestamp
from irenic.stores.file_appender import Appender, on_disk
from irenic.stores.file_catalogue import Catalogue
from irenic.stores.file_journal import FileJournal
from irenic.stores.file_layout import Layout, mutex
from irenic.stores.file_lease import FileLease, LeaseRecord, ProfileLease
from irenic.stores.file_states import StatesFile
from irenic.stores.file_writer import WriterThread

A = TypeVarTuple("A")
T = TypeVar("T")


class FileStore:
    """Keeps everything below one folder; see :class:`irenic.engine.store.Store`.

    Several processes may use it at once. A profile is held by a lock that goes with its process. Whatever
    ``Journal.durable`` has acknowledged is on the disk.

    :param path: the folder; it is made when it is first written to.
    """

    def __init__(self, path: str | Path) -> None:
        self._layout = Layout(Path(path).absolute())
        self._catalogue = Catalogue(self._layout)
        self._writer = WriterThread()
        self._leases: set[FileLease] = set()
        self._journals: dict[str, tuple[ExecutionRecord, FileJournal]] = {}

    async def lease(
        self,
        flow: str,
        profile: str,
        *,
        execution_id: str,
        holder: str,
        take_over: bool = False,
        on_lost: LeaseLost | None = None,
        on_interrupt: RemoteInterrupt | None = None,
    ) -> FileLease:
        """See :meth:`irenic.engine.store.Store.lease`."""
        files = ProfileLease(self._layout.profile(flow, profile))
        taken: list[tuple[LeaseRecord, int]] = []

        def take() -> None:
            self._layout.prepare()
            taken.append(files.take(execution_id, holder, take_over=take_over))

        try:
            await self._on_disk(take)
        except asyncio.CancelledError:
            for record, handle in taken:
                files.release(record, handle)
            raise
        self._leases = {lease for lease in self._leases if not lease.is_released}
        lease = FileLease(files, *taken[0], on_lost, on_interrupt)
        self._leases.add(lease)
        return lease

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> FileJournal:
        """See :meth:`irenic.engine.store.Store.create`."""
        record = record.drawn().model_copy(update={"created_at": timestamp()})
        held = lease if isinstance(lease, FileLease) else None
        made: list[tuple[Appender, FlowStates | None]] = []
        try:
            await self._on_disk(lambda: made.append(self._create(record, held)))
        except asyncio.CancelledError:
            for appender, _ in made:
                appender.close()
            raise
        journal = FileJournal(record.id, made[0][0], self._writer, held, made[0][1])
        self._journals = {id: entry for id, entry in self._journals.items() if not entry[1].is_closed}
        self._journals[record.id] = (record, journal)
        return journal

    async def states(self, flow: str, profile: str) -> FlowStates:
        """See :meth:`irenic.engine.store.Store.states`."""
        for record, journal in self._journals.values():
            if (record.flow, record.profile) == (flow, profile) and not journal.is_closed:
                states = journal.states_now()
                if states is not None:
                    return states
        return await self._on_disk(self._states, flow, profile)

    async def profiles(self, flow: str) -> list[str]:
        """See :meth:`irenic.engine.store.Store.profiles`."""
        return await self._on_disk(lambda: [profile for _, profile in self._layout.profiles(flow)])

    async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
        """See :meth:`irenic.engine.store.Store.inputs`."""
        return await self._on_disk(self._inputs, flow, profile)

    async def save_inputs(self, flow: str, profile: str, inputs: Mapping[str, Any]) -> None:
        """See :meth:`irenic.engine.store.Store.save_inputs`."""
        await self._on_disk(self._save_inputs, flow, profile, dict(inputs))

    async def execution(self, execution_id: str) -> ExecutionRecord | None:
        """See :meth:`irenic.engine.store.Store.execution`."""

        def read() -> ExecutionRecord | None:
            journal = self._catalogue.find(execution_id)
            return None if journal is None else self._catalogue.record(journal)

        return await self._on_disk(read)

    async def executions(
        self,
        *,
        flow: str | None = None,
        profile: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """See :meth:`irenic.engine.store.Store.executions`."""
        return await self._on_disk(self._catalogue.page, flow, profile, status, limit, cursor)

    async def events(self, execution_id: str, *, after: int = -1, limit: int = 1000) -> list[JournalEvent]:
        """See :meth:`irenic.engine.store.Store.events`."""
        return await self._on_disk(self._catalogue.events, execution_id, after, limit)

    async def outcome(self, execution_id: str) -> CmdOutcome | None:
        """See :meth:`irenic.engine.store.Store.outcome`."""

        def read() -> CmdOutcome | None:
            journal = self._catalogue.find(execution_id)
            return None if journal is None else journal.outcome()

        return await self._on_disk(read)

    async def interrupt(self, execution_id: str, signal: InterruptSignal) -> InterruptReply:
        """See :meth:`irenic.engine.store.Store.interrupt`; the holder looks four times a second."""

        def ask() -> InterruptReply:
            journal = self._catalogue.find(execution_id)
            if journal is None:
                return InterruptReply.NOTHING_TO_INTERRUPT
            return ProfileLease(journal.path.parents[2]).ask_to_stop(execution_id, signal)

        return await self._on_disk(ask)

    async def compact(self, *, keep: int = 100) -> int:
        """Compress the journals of all but the newest executions of each profile.

        Nothing is lost; an old execution's events are only slower to read.

        :return: how many journals were compressed.
        """
        return await self._on_disk(self._catalogue.compact, keep)

    async def prune(self, *, keep: int) -> int:
        """Remove all but the newest executions of each profile; their states stay.

        :return: how many executions were removed.
        """
        return await self._on_disk(self._catalogue.prune, keep)

    async def close(self) -> None:
        """See :meth:`irenic.engine.store.Store.close`."""
        for _, journal in self._journals.values():
            await journal.close()
        self._journals.clear()
        await in_thread(self._writer.close)
        for lease in self._leases:
            await lease.release()
        self._leases.clear()

    async def _on_disk(self, function: Callable[[Unpack[A]], T], *args: *A) -> T:
        """Call what blocks in a thread.

        :raises StoreError: if the disk refuses it.
        """
        with on_disk(self._layout.root):
            return await in_thread(function, *args)

    def _create(self, record: ExecutionRecord, lease: FileLease | None) -> tuple[Appender, FlowStates | None]:
        self._layout.prepare()
        place = self._catalogue.new_place(record)
        flow_info = self._catalogue.keep_flow_info(record.flow_info)
        appender = Appender.create(place, record.model_copy(update={"flow_info": None}), flow_info)
        if lease is None:
            return appender, None
        return appender, StatesFile(lease.files.profile).up_to(None).states

    def _states(self, flow: str, profile: str) -> FlowStates:
        folder = self._layout.profile(flow, profile)
        if not self._layout.look():
            return FlowStates(flow=flow, profile=profile)
        return StatesFile(folder).up_to(ProfileLease(folder).read().execution_id).states

    def _inputs(self, flow: str, profile: str) -> dict[str, Any]:
        path = self._layout.profile(flow, profile) / "inputs.json"
        if not self._layout.look() or not path.exists():
            return {}
        try:
            inputs: dict[str, Any] = dict(json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise CorruptStoreError(f"{path} is not a JSON object: fix or remove it. Nothing was changed.") from error
        return inputs

    def _save_inputs(self, flow: str, profile: str, inputs: dict[str, Any]) -> None:
        self._layout.prepare()
        folder = self._layout.profile(flow, profile)
        make_directories(folder)
        with mutex(folder):
            write_file_durably(folder / "inputs.json", json.dumps(inputs, indent=1).encode() + b"\n")
