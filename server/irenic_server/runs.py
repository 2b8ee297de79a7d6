"""The web API endpoint: executions that run in this server, in a thread and an event loop of their own.

An item that computes for long so never keeps the server from answering. Journals, leases and outcomes go to the
database as everybody else's do: through the store API.
"""

import asyncio
import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from irenic.endpoints.printed_lines import masked_output
from irenic.engine.execution import CmdExecution
from irenic.engine.execution_map import CmdExecutionMap, default_holder
from irenic.engine.request import CmdExecRequest
from irenic.flow.flow import Flow
from irenic.flow.script import load_flow
from irenic.flow.secret_mask import RecentSecrets
from irenic.model.errors import FlowError, IrenicError
from irenic.model.interrupt import InterruptReply
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress
from irenic.stores.http import HttpStore
from irenic_server.inner_client import InnerClient
from irenic_server.problems import Problem
from irenic_server.requests import InterruptRequest, RunRequest

T = TypeVar("T")

ENDED_KEPT = 256
"""Outcomes that are kept in memory, for executions that were refused before they got a record."""

_log = logging.getLogger("irenic.server")


def load_flows(paths: Iterable[Path]) -> dict[str, Flow]:
    """Return the flows of files, and of all files of folders, by id.

    :raises FlowError: if one of them defines no flow, or two define the same one.
    """
    flows: dict[str, Flow] = {}
    for path in paths:
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            try:
                source = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise FlowError(f"{file} cannot be read: {error}.") from None
            folder = str(file.resolve().parent)
            if folder not in sys.path:
                sys.path.insert(0, folder)
            flow = load_flow(source, str(file))
            if flow.id in flows:
                raise FlowError(f"{file} defines the flow {flow.id!r}, which another file defines already.")
            flows[flow.id] = flow
    if not flows:
        raise FlowError("There is no flow to run: name files, or a folder with some.")
    return flows


class Runs:
    """Every execution that this server runs."""

    def __init__(self, flows: dict[str, Flow], client: InnerClient, token: str) -> None:
        self._flows = flows
        self._client = client
        self._token = token
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="irenic-runs", daemon=True)
        self._ended: OrderedDict[str, CmdOutcome] = OrderedDict()
        self._map: CmdExecutionMap
        self._watching: set[asyncio.Task[None]] = set()
        self._secrets = RecentSecrets()
        self._printing = ExitStack()

    async def start(self) -> None:
        """Start the thread; what is printed from now on has no secrets of what runs here in it."""
        self._printing.enter_context(masked_output(self._secrets))
        self._thread.start()
        await self._there(self._open())

    async def close(self) -> None:
        """Wait until every execution has ended, and end the thread."""
        await self._there(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._printing.close()
        # A signal that ends the process afterwards would leave what is not written yet.
        sys.stdout.flush()

    async def ended(self) -> None:
        """Wait until nothing runs here; what is submitted meanwhile is waited for too."""
        await self._there(self._wait())

    async def submit(self, request: RunRequest, execution_id: str) -> str:
        """Begin an execution, and return its id, or the id of the running one that asks for the same.

        :raises Problem: if the flow is not known, or the request makes no sense.
        """
        flow = self._flows.get(request.flow)
        if flow is None:
            known = ", ".join(sorted(self._flows))
            raise Problem("not-found", f"This server does not run a flow {request.flow!r}; it runs {known}.")
        try:
            asked = CmdExecRequest(flow=flow, id=execution_id, **request.model_dump(exclude={"flow"}))
            asked.chosen_items()
            return await self._there(self._submit(asked))
        except (IrenicError, ValidationError) as error:
            raise Problem("invalid-request", f"{error} Nothing was started.") from None

    def progress(self, execution_id: str) -> ExecutionProgress | None:
        """Return the progress of an execution that runs here."""
        execution = self._map.get(execution_id)
        return None if execution is None else execution.progress

    def outcome(self, execution_id: str) -> CmdOutcome | None:
        """Return the outcome of an execution that ended here lately."""
        return self._ended.get(execution_id)

    def knows(self, execution_id: str) -> bool:
        """Tell whether an execution runs here, or ended here lately."""
        return self._map.get(execution_id) is not None or execution_id in self._ended

    def interrupt(self, execution_id: str, request: InterruptRequest) -> InterruptReply | None:
        """Ask an execution to stop, and return its reply; None if it does not run here."""
        execution = self._map.get(execution_id)
        if execution is None:
            return None
        return execution.interrupt(source=request.source, reason=request.reason, level=request.level)

    def interrupt_all(self, request: InterruptRequest) -> list[str]:
        """Ask every execution to stop, a second time harder, and return their ids; fit for a signal handler."""
        executions = self._map.running
        for execution in executions:
            execution.interrupt(source=request.source, reason=request.reason, level=request.level)
        return [execution.id for execution in executions]

    @property
    def running(self) -> bool:
        """Whether any execution has not ended."""
        return bool(self._map.running)

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # In the thread.

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self) -> None:
        store = HttpStore("", self._token, http=self._client)
        self._map = CmdExecutionMap(store, holder=f"server of {default_holder()}")

    async def _submit(self, request: CmdExecRequest) -> str:
        execution = self._map.submit(request)
        self._secrets.add(execution.secrets)
        if execution.id == request.id:
            watching = self._loop.create_task(self._watch(execution))
            self._watching.add(watching)
            watching.add_done_callback(self._watching.discard)
        return execution.id

    async def _watch(self, execution: CmdExecution) -> None:
        outcome = await execution
        self._ended[execution.id] = outcome
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        try:
            if await self._map.store.execution(execution.id) is None:
                # It was refused before it had a record; whoever asked for it finds the reason all the same.
                journal = await self._map.store.create(execution.record, None)
                await journal.finish(outcome)
        except IrenicError as error:
            _log.warning("an outcome could not be stored", extra={"execution": execution.id, "error": str(error)})

    async def _wait(self) -> None:
        while self._watching:
            await asyncio.wait(set(self._watching))

    async def _close(self) -> None:
        await self._map.close()
        if self._watching:
            await asyncio.wait(self._watching)
        await self._map.store.close()
