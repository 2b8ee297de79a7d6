"""All executions of this process, by id."""

import asyncio
import getpass
import logging
import os
import platform as host
import sys
import threading
from collections.abc import Iterable
from types import TracebackType

from irenic.engine.abandoned_work import AbandonedWork
from irenic.engine.endpoint import Endpoint, InputEndpoint, check_endpoint
from irenic.engine.execution import CmdExecution
from irenic.engine.limits import LimitPool
from irenic.engine.platform import Platform
from irenic.engine.preview import make_plan, preview
from irenic.engine.request import CmdExecRequest
from irenic.engine.store import Store
from irenic.flow.flow import Flow
from irenic.model.interrupt import InterruptLevel, InterruptReply
from irenic.model.plan import Plan
from irenic.model.preview import Preview
from irenic.model.record import ExecutionPage

_log = logging.getLogger(__name__)


class CmdExecutionMap:
    """Accepts requests, gives executions back, and routes interrupts to them.

    Ended executions leave the map: their record is in the store. Use it as ``async with`` block, or call :meth:`close`.

    :param store: where journals, states, inputs and history live.
    :param endpoints: where interrupts come from, and where progress and outcomes go; each may serve several executions.
    :param holder: who holds a profile while an execution writes to it, in words for a person.
    :param platform: files and requests for items; the platform's own where omitted.
    :raises IrenicError: if an endpoint is none.
    """

    def __init__(
        self,
        store: Store,
        endpoints: Iterable[Endpoint] = (),
        *,
        holder: str | None = None,
        platform: Platform | None = None,
    ) -> None:
        self.store = store
        self.endpoints = tuple(endpoints)
        for endpoint in self.endpoints:
            check_endpoint(endpoint)
        self.holder = holder or default_holder()
        self._platform = platform
        self._executions: dict[str, CmdExecution] = {}
        self._fingerprints: dict[str, str] = {}
        self._limits: dict[str, LimitPool] = {}
        self._listeners: list[asyncio.Task[None]] = []
        self._settling: set[asyncio.Task[None]] = set()
        self._abandoned: set[asyncio.Task[None]] = set()
        self._abandoned_work = AbandonedWork()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    async def __aenter__(self) -> "CmdExecutionMap":
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def submit(self, request: CmdExecRequest) -> CmdExecution:
        """Begin an execution and return it at once; call from a running event loop.

        A request that asks for the same as one that is running gives the running one back.
        """
        self._listen()
        fingerprint = request.fingerprint()
        for running in self.running:
            if request.id == running.id or self._fingerprints[running.id] == fingerprint:
                return running
        limits = self._limits_of(request.flow)
        execution = CmdExecution(
            request, self.store, self.endpoints, limits, self.holder, self._platform, self._abandoned_work
        )
        self._executions[execution.id] = execution
        self._fingerprints[execution.id] = fingerprint
        settling = asyncio.get_running_loop().create_task(self._settle(execution))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        return execution

    def get(self, execution_id: str) -> CmdExecution | None:
        """Return a running execution, or None."""
        return self._executions.get(execution_id)

    @property
    def running(self) -> list[CmdExecution]:
        """The executions that have no outcome yet, oldest first."""
        return [execution for execution in self._executions.values() if not execution.done]

    @property
    def level(self) -> InterruptLevel | None:
        """The highest level that a running execution was asked to stop at, or None."""
        return max((e.interrupts.asked for e in self.running if e.interrupts.asked is not None), default=None)

    async def history(self, *, flow: str | None = None, profile: str | None = None, limit: int = 50) -> ExecutionPage:
        """Return executions from the store, running and ended, newest first."""
        return await self.store.executions(flow=flow, profile=profile, limit=limit)

    def interrupt(
        self,
        execution_id: str,
        *,
        source: str = "user",
        reason: str | None = None,
        level: str | InterruptLevel | None = None,
    ) -> InterruptReply:
        """Ask one execution to stop; see :meth:`irenic.CmdExecution.interrupt`."""
        execution = self._executions.get(execution_id)
        if execution is None:
            return InterruptReply.NOTHING_TO_INTERRUPT
        return execution.interrupt(source=source, reason=reason, level=level)

    def interrupt_all(
        self, *, source: str = "user", reason: str | None = None, level: str | InterruptLevel | None = None
    ) -> InterruptReply:
        """Ask every execution of this process to stop."""
        replies = [e.interrupt(source=source, reason=reason, level=level) for e in list(self._executions.values())]
        return next((r for r in replies if r is InterruptReply.REQUESTED), InterruptReply.NOTHING_TO_INTERRUPT)

    def interrupt_running_code(self, *, source: str, reason: str | None = None, level: str | InterruptLevel) -> bool:
        """Ask every execution to stop, from a signal handler that interrupted running Python code.

        :return: whether the handler should raise :class:`asyncio.CancelledError`, because the code that it interrupted
            belongs to an item that may be cancelled now.
        """
        if self._loop is None:
            return False
        self._loop.call_soon_threadsafe(lambda: self.interrupt_all(source=source, reason=reason, level=level))
        cancels = InterruptLevel.CANCEL in (level, getattr(InterruptLevel, str(level).upper(), None))
        in_loop = threading.get_ident() == self._thread and asyncio.current_task(self._loop) is not None
        return cancels and in_loop and any(e.interrupts_sync_code() for e in self._executions.values())

    async def preview(self, request: CmdExecRequest) -> Preview:
        """Return what a request would do to each item, and why; nothing is written."""
        return await preview(request, self.store, self._platform)

    async def plan(self, request: CmdExecRequest) -> tuple[Preview, Plan]:
        """Return what a request would do, and a plan that holds it to that; nothing is written."""
        return await make_plan(request, self.store, self._platform)

    async def close(self) -> None:
        """Wait for every execution to end and for the endpoints to be served, then stop listening.

        Running executions are not interrupted by this. Items that were abandoned are not waited for.
        """
        while self._settling:
            await asyncio.wait(self._settling)
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        self._listeners.clear()

    def _limits_of(self, flow: Flow) -> LimitPool:
        pool = self._limits.get(flow.id)
        if pool is None or pool.limits != flow.limits:
            pool = self._limits[flow.id] = LimitPool(flow.id, flow.limits)
        return pool

    def _listen(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.get_ident()
            self._listeners = [
                self._loop.create_task(self._listen_to(endpoint))
                for endpoint in self.endpoints
                if isinstance(endpoint, InputEndpoint)
            ]

    async def _listen_to(self, endpoint: InputEndpoint) -> None:
        """Listen to an endpoint; one that fails passes no interrupts on any more, which must not go unsaid."""
        try:
            await endpoint.listen(self)
        except Exception as error:
            name, reason = type(endpoint).__name__, f"stopped listening: {type(error).__name__}: {error}"
            _log.error("%s %s", name, reason)
            for execution in self.running:
                execution.endpoint_cut(name, reason)

    async def _settle(self, execution: CmdExecution) -> None:
        await execution
        self._executions.pop(execution.id, None)
        self._fingerprints.pop(execution.id, None)
        for task in execution.abandoned:
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
        await execution.settled()


def default_holder() -> str:
    """Return who and where this process is, for a person: ``ada@laptop (pid 4711)``."""
    return "a browser tab" if sys.platform == "emscripten" else f"{user_and_host()} (pid {os.getpid()})"


def user_and_host() -> str:
    """Return who runs this process and on which machine: ``ada@laptop``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{host.node()}"
