"""The core inside a browser tab: what the worker's script starts, and what the page talks to.

start                   an interpreter made fit, signals tested, a session that takes messages
TabSession.receive      one message of the page, checked, acted on by a task of its own
TabEndpoint             what is told back
"""

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from pydantic import VERSION as PYDANTIC_VERSION
from pydantic import ValidationError

import irenic
from irenic.endpoints import tab_messages as m
from irenic.endpoints.tab_endpoint import TabEndpoint
from irenic.endpoints.tab_interpreter import LibraryGate, renew
from irenic.endpoints.tab_signals import SignalSource, TabSignals
from irenic.endpoints.telemetry import TelemetryEndpoint
from irenic.engine.endpoint import Endpoint
from irenic.engine.execution import CmdExecution
from irenic.engine.execution_map import CmdExecutionMap
from irenic.engine.platform import default_platform
from irenic.engine.request import CmdExecRequest
from irenic.engine.resumption import request_again
from irenic.engine.store import Store
from irenic.flow.context import FileSystem
from irenic.flow.flow import Flow
from irenic.flow.params import explain
from irenic.flow.script import load_flow
from irenic.flow.secret_mask import MaskedStream, SecretMask, holds_secrets
from irenic.guards import restored_guards
from irenic.model.errors import FlowError, IrenicError
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptLevel, InterruptReply, InterruptSignal
from irenic.model.plan import Plan
from irenic.model.record import RUNNING
from irenic.stores import MemoryStore
from irenic.stores.http import HttpStore
from irenic.stores.http_lease import HttpLease


class Signals(SignalSource, Protocol):
    """Signals, and the executions that they are listened for."""

    def watch(self, execution_id: str) -> None:
        """Listen for an execution's signals."""

    def unwatch(self, execution_id: str) -> None:
        """Listen no more."""


class Bridge(Protocol):
    """What the worker's script provides (``web/boot/worker.mjs``).

    ``server`` is the address of the server that keeps journals and states; None where nothing is kept. ``telemetry``
    says whether it may be told how runs go, which the browser's user may forbid.
    """

    signals: Signals
    rung: str
    holder: str
    server: str | None
    telemetry: bool

    def post(self, text: str) -> None:
        """Send the page a message, as JSON."""

    def post_file(self, path: str, content: Any) -> None:
        """Send the page a file."""

    def require_library(self) -> None:
        """Have the standard library's file, before this returns."""

    def library_arrived(self) -> Awaitable[None]:
        """Wait for the standard library's file."""


class TabSession:
    """Does what the page asks for, with one flow at a time.

    :param bridge: the way to the page.
    :param store: where journals, states, inputs and history live.
    """

    def __init__(self, bridge: Bridge, store: Store) -> None:
        self._bridge = bridge
        self._flow: Flow | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        endpoints: list[Endpoint] = [TabEndpoint(self._post)]
        if bridge.server is not None and bridge.telemetry:
            endpoints.append(TelemetryEndpoint(bridge.server))
        self._executions = CmdExecutionMap(store, endpoints, holder=bridge.holder)
        self._signals = TabSignals(bridge.signals, self._heard_signal)
        self._loop = asyncio.get_event_loop()
        self.secrets = SecretMask()
        """The secrets that the page has sent so far."""

    def begin(self) -> None:
        """Tell the page that messages are taken."""
        versions = {
            "irenic": irenic.__version__,
            "python": sys.version.partition(" ")[0],
            "pydantic": PYDANTIC_VERSION,
        }
        self._post(
            m.Ready.model_validate({"versions": versions, "rung": self._bridge.rung, "signals": self._signals.kind()})
        )

    def receive(self, text: str) -> None:
        """Take a message of the page; what comes of it is told by messages."""
        try:
            message = m.to_core.validate_json(text)
        except ValidationError as error:
            self._post(m.Failed(message=explain(error, "the page sent a message that the core does not know")))
            return
        if isinstance(message, m.Interrupt):
            self._interrupt(message)
            return
        task = self._loop.create_task(self._act(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _act(self, message: Any) -> None:
        try:
            match message:
                case m.LoadFlow():
                    await self._load_flow(message)
                case m.Submit():
                    await self._submit(message)
                case m.PreviewRequest():
                    await self._preview(message)
                case m.Answer():
                    self._answer(message)
                case m.Files():
                    await self._list_files(message.profile)
                case m.FileRead():
                    await self._read_file(message.path, message.profile)
                case m.Abandoned():
                    await self._settle_abandoned(message)
        except IrenicError as error:
            self._post(m.Failed(message=str(error), during=message.type))
        except Exception as error:
            self._post(m.Failed(message=f"{type(error).__name__}: {error}", during=message.type))

    def _post(self, message: m.Message) -> None:
        self._bridge.post(message.model_dump_json())

    # The flow.

    async def _load_flow(self, message: m.LoadFlow) -> None:
        if message.wheels:
            await self._bridge.library_arrived()
            await _install(message.wheels)
        self._flow = load_flow(message.source, message.name)
        self._post(m.FlowLoaded(flow=self._flow.info()))

    def _loaded(self) -> Flow:
        if self._flow is None:
            raise FlowError("no flow is loaded: load one first.")
        return self._flow

    async def _learn_secrets(self, profile: str, inputs: dict[str, Any]) -> None:
        """Mask the secrets among inputs in whatever is printed from now on."""
        flow = self._loaded()
        if flow.inputs_model is None or not holds_secrets(flow.inputs_model):
            return
        with suppress(IrenicError):  # inputs that are wrong are refused by what takes them
            stored = await self._executions.store.inputs(flow.id, profile)
            self.secrets.learn(flow.merge_inputs(stored, inputs))

    async def _preview(self, message: m.PreviewRequest) -> None:
        await self._learn_secrets(message.profile, message.inputs)
        if message.resumes is not None:
            request = await self._again(message.resumes, message.inputs)
        else:
            request = CmdExecRequest(
                flow=self._loaded(),
                profile=message.profile,
                inputs=message.inputs,
                cmds=[message.cmd],
                items=message.items,
                prune=message.prune,
            )
        preview, plan = await self._executions.plan(request)
        self._post(
            m.Previewed(
                number=message.number,
                noteworthy=preview.is_noteworthy,
                items=preview.items,
                leftovers=preview.leftovers,
                plan=plan.text(),
            )
        )

    # Executions.

    async def _submit(self, message: m.Submit) -> None:
        try:
            await self._learn_secrets(message.profile, message.inputs)
            if message.resumes is not None:
                more = {"id": message.execution_id, "take_over": message.take_over}
                request = await self._again(message.resumes, message.inputs, **more)
            else:
                request = self._asked(message)
            execution = self._executions.submit(request)
        except (IrenicError, ValidationError) as error:
            refused = explain(error, "this cannot be run") if isinstance(error, ValidationError) else str(error)
            self._post(m.Submitted(execution_id=message.execution_id, refused=refused))
            return
        running = execution.id if execution.id != message.execution_id else None
        self._post(m.Submitted(execution_id=message.execution_id, running=running))
        if running is None:
            await self._watch(execution)

    def _asked(self, message: m.Submit) -> CmdExecRequest:
        """Return the request that a message asks for.

        :raises PlanError: if its plan cannot be used.
        """
        flow, asked = self._loaded(), message.model_dump(exclude={"type", "execution_id", "resumes", "plan"})
        if message.plan is not None:
            plan = Plan.read(message.plan.encode())
            plan.check_meant_for(flow.id, message.profile)
            asked |= {"plan": plan, "items": plan.chosen, "prune": plan.prune}
        return CmdExecRequest(flow=flow, id=message.execution_id, **asked)

    async def _again(self, execution_id: str, inputs: dict[str, Any], **more: Any) -> CmdExecRequest:
        """Return the request of an execution again."""
        store = self._executions.store
        record = await store.execution(execution_id)
        if record is None:
            raise IrenicError(f"there is no execution {execution_id} to resume: press Ensure.")
        described = [] if record.request is None else record.request.guards
        guards, _ = restored_guards(described)
        outcome = await store.outcome(execution_id)
        return request_again(self._loaded(), record, outcome, inputs=inputs, guards=guards, **more)

    async def _watch(self, execution: CmdExecution) -> None:
        self._bridge.signals.watch(execution.id)
        try:
            await execution
        finally:
            self._bridge.signals.unwatch(execution.id)

    def _answer(self, message: m.Answer) -> None:
        answered = any(execution.answer(message.ask_id, message.value) for execution in self._executions.running)
        if not answered:
            raise IrenicError("nobody waits for this answer any more; nothing was changed by it.")

    async def _settle_abandoned(self, message: m.Abandoned) -> None:
        """Have what the worker before this one ran stored as lost, and free the profile that it held."""
        store = self._executions.store
        for execution_id in message.execution_ids:
            record = await store.execution(execution_id)
            if record is not None and record.status == RUNNING:
                if message.source is not None:
                    signal = InterruptSignal(source=message.source, reason=message.reason, level=InterruptLevel.ABANDON)
                    await store.interrupt(execution_id, signal)
                lease = await store.lease(
                    record.flow,
                    record.profile,
                    execution_id=new_execution_id(),
                    holder=self._bridge.holder,
                    take_over=True,
                )
                await lease.release()
            outcome = await store.outcome(execution_id)
            if outcome is None:
                raise IrenicError(
                    f"execution {execution_id} was abandoned and has no record: discover, to see what there is now."
                )
            self._post(m.OutcomeReached(execution_id=execution_id, outcome=outcome))

    # Interrupts. They come as a message and, where code may be running that lets no message in, as a signal beside it.

    def _interrupt(self, message: m.Interrupt) -> None:
        if self._signals.is_new(message):
            self._reply(message, self._ask_to_stop(message))

    def _heard_signal(self, request: m.Interrupt, in_item: bool) -> bool:
        meant = self._meant(request)
        self._reply(request, InterruptReply.REQUESTED if meant else InterruptReply.NOTHING_TO_INTERRUPT)
        if not in_item:
            self._loop.call_soon(self._ask_to_stop, request)
            return False
        raises = request.level is InterruptLevel.CANCEL and any(e.interrupts_sync_code() for e in meant)
        self._ask_to_stop(request)
        return raises

    def _meant(self, request: m.Interrupt) -> list[CmdExecution]:
        running = self._executions.running
        return [e for e in running if request.execution_id in (None, e.id)]

    def _ask_to_stop(self, request: m.Interrupt) -> InterruptReply:
        replies = [
            execution.interrupt(source=request.source, reason=request.reason, level=request.level)
            for execution in self._meant(request)
        ]
        return InterruptReply.REQUESTED if replies else InterruptReply.NOTHING_TO_INTERRUPT

    def _reply(self, request: m.Interrupt, reply: InterruptReply) -> None:
        self._post(
            m.InterruptReplied(
                execution_id=request.execution_id, reply=reply, level=request.level, number=request.number
            )
        )

    # Files.

    def _files(self, profile: str) -> FileSystem:
        return default_platform().files_for(self._loaded().id, profile)

    async def _list_files(self, profile: str) -> None:
        files = await self._files(profile).list()
        self._post(m.FilesListed(files=[m.FileListed(path=file.path, size=file.size) for file in files]))

    async def _read_file(self, path: str, profile: str) -> None:
        self._bridge.post_file(path, await self._files(profile).read_bytes(path))


def start(bridge: Bridge) -> TabSession:
    """Make the interpreter fit, tell the page that the core is ready, and return what takes its messages."""
    renew()
    if bridge.rung == "snapshot":
        LibraryGate(bridge.require_library)
    # The page passes on what others ask of the server, and the signals do where no message is heard.
    if bridge.server is None:
        return _begin(bridge, MemoryStore())
    return _begin(bridge, HttpStore(bridge.server, hears_interrupts=False, on_lease=partial(_tell_lease, bridge)))


def _begin(bridge: Bridge, store: Store) -> TabSession:
    session = TabSession(bridge, store)
    sys.stdout, sys.stderr = (MaskedStream(stream, session.secrets) for stream in (sys.stdout, sys.stderr))
    session.begin()
    return session


def _tell_lease(bridge: Bridge, lease: HttpLease) -> None:
    message = m.LeaseChanged(
        address=lease.address,
        holder=lease.info.holder,
        fencing=lease.info.fencing,
        ttl=lease.ttl,
        held=not lease.is_released,
    )
    bridge.post(message.model_dump_json())


async def _install(wheels: list[str]) -> None:
    import js
    import pyodide_js

    await pyodide_js.loadPackage("micropip")
    import micropip

    addresses = [str(js.URL.new(wheel, js.location.href).href) for wheel in wheels]
    await micropip.install(addresses, deps=False)
