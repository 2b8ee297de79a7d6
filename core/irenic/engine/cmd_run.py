"""One command of an execution while it runs: the states that its blocks hand to one another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from irenic.engine.error_info import describe_error
from irenic.engine.interrupts import Interrupts
from irenic.engine.item_run import ItemRun
from irenic.engine.other_profiles import OtherProfiles
from irenic.engine.platform import PlaceMark
from irenic.engine.recorder import Recorder
from irenic.engine.request import CmdExecRequest
from irenic.engine.verdict import Looker, dump, former_params
from irenic.engine.walk import Walk
from irenic.flow.generated import has_generated
from irenic.flow.graph import Graph
from irenic.flow.item import Item
from irenic.model.cmd import Cmd
from irenic.model.errors import StoreError
from irenic.model.events import CancelSwallowed, ItemAbout, ItemError, ItemStatus, StateMoved
from irenic.model.outcome import Refusal
from irenic.model.place import PlaceInfo
from irenic.model.progress import ProgressStatus
from irenic.model.states import FlowStates


class CmdRun:
    """What the blocks of a command share.

    ``current`` and ``goal`` hold states by item id, as discovered or as just applied, in a dry run as they would be;
    ``target`` holds the clean states in a clean. ``leftovers`` are runs of what the flow no longer names and this
    command cleans; ``leaves_late`` says whether an item turned out to stand for another thing when it was applied.

    :param place: this place, where it has a mark already; ``place_mark`` returns what leaves one.
    :param context_of: makes the context of a leftover's run.
    """

    def __init__(
        self,
        cmd: Cmd,
        request: CmdExecRequest,
        graph: Graph,
        runs: dict[str, ItemRun],
        tasks: dict[str, asyncio.Task[None]],
        inputs: Any,
        stored: FlowStates,
        recorder: Recorder,
        interrupts: Interrupts,
        place: PlaceInfo | None,
        place_mark: Callable[[], PlaceMark | None],
        profiles: OtherProfiles,
        context_of: Callable[[ItemRun], Any],
    ) -> None:
        self.cmd = cmd
        self.request = request
        self.graph = graph
        self.runs = runs
        self.tasks = tasks
        self.inputs = inputs
        self.stored = stored
        self.recorder = recorder
        self.interrupts = interrupts
        self.current: dict[str, Any] = {}
        self.goal: dict[str, Any] = {}
        self.target: dict[str, Any] = {}
        self.failed: set[str] = set()
        self.left_over: list[str] = []
        self.refusals: dict[str, Refusal] = {}
        self.leftovers: dict[str, ItemRun] = {}
        self.leaves_late = False
        self.walk: Walk | None = None
        self.place = place
        self._place_mark = place_mark
        self._marking = asyncio.Lock()
        self._context_of = context_of
        self._abouts: dict[str, ItemAbout | None] = {}
        here = None if place is None else place.id
        for item_id, run in runs.items():
            entry = stored.items.get(item_id)
            run.stored = None if entry is None else entry.at(here)
            if entry is not None and entry.place is not None:
                run.uses_place = True
            run.kept = None
            run.moves = ()
        self.looker = Looker(
            cmd,
            graph,
            stored,
            inputs,
            self.current,
            self.goal,
            here,
            flow=request.flow,
            profiles=profiles,
            may_go_on=interrupts.may_go_on,
            thorough=cmd is not Cmd.ENSURE or request.plan is not None,
        )

    @property
    def here(self) -> str | None:
        """The id of this place, where it has one."""
        return None if self.place is None else self.place.id

    @property
    def cleans(self) -> bool:
        """Whether the command is a clean."""
        return self.cmd is Cmd.CLEAN

    def run_of(self, item_id: str) -> ItemRun:
        """Return the run of an item, or of a leftover."""
        return self.runs[item_id] if item_id in self.runs else self.leftovers[item_id]

    async def mark_place(self) -> None:
        """Have a place for what is recorded of an item whose state lives in files."""
        async with self._marking:  # items that begin together are in one place
            mark = self._place_mark() if self.place is None else None
            self.place = self.place if mark is None else await mark.create()

    def place_of(self, run: ItemRun) -> PlaceInfo | None:
        """Return the place that what is recorded of an item is about; None for an item that lives in no files."""
        return self.place if run.is_local else None

    def about_now(self, run: ItemRun) -> ItemAbout | None:
        """Return what is stored of an item beside its states, as far as its params are known."""
        params = run.resolve(self.goal, self.current, inputs=self.inputs).whole()
        return None if params is None else run.about(params)

    def former_params(self, run: ItemRun) -> Any:
        """Return the params that what irenic made of an item was made with; None where there is none."""
        return None if run.stored is None else former_params(run.item.Params, run.stored, self.inputs)

    def record_moves(self, run: ItemRun) -> None:
        """Record that what is stored of an item is stored under another id, where it stands for another thing now."""
        for item_id, to in run.moves:
            place = None if self.stored.items[item_id].place is None else self.here
            self.recorder.emit(StateMoved, item=item_id, to=to, place=place)
            self.stored.move(item_id, to, place)
        run.moves = ()

    def user_of(self, run: ItemRun, current: Any) -> str | None:
        """Return the item of the flow that stands for the very thing that a leftover is; None where there is none."""
        about = None if run.stored is None else run.stored.about
        if run.item_id not in self.leftovers or about is None:
            return None
        state = dump(current)
        is_marked = has_generated(current)
        for item_id in self.request.flow.items:
            if self.cleans and item_id in self.runs:
                continue
            other = self._about_of(item_id)
            if other is not None and other.identity is not None and about.identity is not None:
                is_same = other.identity == about.identity
            else:
                is_same = dump(self.current.get(item_id)) == state and (is_marked or _look_alike(other, about))
            if is_same:
                return item_id
        return None

    def _about_of(self, item_id: str) -> ItemAbout | None:
        """Return what an item of the flow stands for, once the command is through with it."""
        if item_id not in self._abouts:
            run, whole = self.runs.get(item_id), self.stored.items.get(item_id)
            entry = None if whole is None else whole.at(self.here)
            stored = None if entry is None else entry.about
            self._abouts[item_id] = stored if run is None else self.about_now(run)
        return self._abouts[item_id]

    def keep_former(self, run: ItemRun) -> None:
        """Leave over what is stored of an item that stands for another thing now, before that is stored."""
        params = run.resolve(self.goal, self.current, inputs=self.inputs).whole()
        self.looker.find_by_identity(run, params)
        self.record_moves(run)

    def take_leftover(self, run: ItemRun) -> None:
        """Have a leftover cleaned by this command."""
        run.cx = self._context_of(run)
        self.leftovers[run.item_id] = run

    async def set_up(self) -> None:
        """Call the setup of every item that has one, along the graph; all errors are collected."""
        with_setup = [run.item_id for run in self.runs.values() if type(run.item).setup is not Item.setup]
        if with_setup:
            graph = self.graph.subgraph(with_setup)
            self.walk = self._walk(graph, self._set_up_item, self.interrupts.may_go_on)
            await self.walk.run()

    async def _set_up_item(self, run: ItemRun) -> bool:
        try:
            await run.call(run.item.setup, run.cx)
        except BaseException as error:
            if is_interrupt(run, error):
                self.note_error_of_cancel(run, error, "setup")
            else:
                self.item_failed(run, error, "setup")
        return True

    async def each(
        self, visit: Callable[[ItemRun], Awaitable[bool]], *, reverse: bool = False, graph: Graph | None = None
    ) -> None:
        """Visit every item along the graph; items that were not started are noted in ``left_over``."""
        graph = self.graph if graph is None else graph
        graph = graph.reversed() if reverse else graph
        self.walk = self._walk(graph, visit, self.interrupts.may_start)
        await self.walk.run()
        self.left_over.extend(self.walk.not_started)

    def _walk(self, graph: Graph, visit: Callable[[ItemRun], Awaitable[bool]], may_start: Callable[[], bool]) -> Walk:
        return Walk(
            graph,
            lambda item_id: visit(self.run_of(item_id)),
            may_start=may_start,
            max_concurrency=self.request.max_concurrency,
            running=self.tasks,
        )

    def stop_starting(self) -> None:
        """Start no more items in the walk that is on."""
        assert self.walk is not None
        self.walk.stop()

    def make_room(self, run: ItemRun) -> None:
        """Let another item start: nothing is left to do for this one but to wait until its result is durable."""
        assert self.walk is not None
        self.walk.make_room(run.item_id)

    def item_failed(self, run: ItemRun, error: BaseException, phase: str) -> None:
        """Record that a function of an item other than ``apply`` failed.

        :raises StoreError: if it is not the item's error but the store's.
        """
        if isinstance(error, StoreError):
            raise error
        self.failed.add(run.item_id)
        self.recorder.emit(ItemError, item=run.item_id, error=describe_error(error, phase))

    def item_left(self, run: ItemRun, message: str) -> None:
        """Record that an item was stopped before anything was done to it."""
        self.left_over.append(run.item_id)
        self.recorder.emit(ItemStatus, item=run.item_id, status=ProgressStatus.INTERRUPTED, message=message)

    def note_error_of_cancel(self, run: ItemRun, error: BaseException, phase: str) -> None:
        """Record an error that a function other than ``apply`` raised because it was cancelled."""
        if error_of_cancel(run, error) is not None:
            self.recorder.emit(ItemError, item=run.item_id, error=describe_error(error, phase))

    def note_swallowed(self, run: ItemRun) -> None:
        """Record it where an item was cancelled and went on to a normal end."""
        if run.cancel_delivered:
            self.recorder.emit(CancelSwallowed, item=run.item_id)


def is_interrupt(run: ItemRun, error: BaseException) -> bool:
    """Return whether an exception is a cancellation that the engine sent, or what the item made of it."""
    return run.was_cancelled if isinstance(error, asyncio.CancelledError) else error_of_cancel(run, error) is not None


def error_of_cancel(run: ItemRun, error: BaseException) -> BaseException | None:
    """Return an error that an item raised because it was cancelled; None where it is the cancellation itself."""
    came_of_it = run.cancel_delivered and not isinstance(error, (asyncio.CancelledError, StoreError))
    return error if came_of_it else None


def _look_alike(one: ItemAbout | None, other: ItemAbout) -> bool:
    return one is not None and (one.type, one.params) == (other.type, other.params)
