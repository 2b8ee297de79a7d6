"""Bringing items to their goal, or to the clean state: one function serves both directions.

visit
├─ prepare      current -> goal -> diff -> check, looking for an interrupt between every two
├─ (nothing to do)
├─ intent       durable before anything is touched
├─ apply        the only place where the world changes, and where a cancellation may arrive
└─ result       durable before a successor starts
"""

import asyncio
from typing import Any, Literal

from irenic.engine.cmd_run import CmdRun, error_of_cancel, is_interrupt
from irenic.engine.error_info import describe_error
from irenic.engine.item_run import ItemRun
from irenic.engine.verdict import ItemLeft, dump
from irenic.engine.verdict_text import profile_text
from irenic.flow.generated import changed_fields, states_equal
from irenic.flow.item import ApplyCheck, StateDiff
from irenic.model.cmd import Direction, StateKind
from irenic.model.errors import ItemFailure, StoreError
from irenic.model.events import ItemIntent, ItemResult, ItemState, ItemStatus, ItemVerdict, StateForgotten
from irenic.model.outcome import ErrorInfo
from irenic.model.preview import PreviewItem
from irenic.model.progress import ProgressStatus
from irenic.model.verdict import VerdictKind


class _Prepared:
    """What is found out about an item before it is applied; ``phase`` is which of its functions is being called."""

    __slots__ = ("check", "current", "diff", "params", "phase", "target")

    check: ApplyCheck
    current: Any
    diff: StateDiff
    params: Any
    target: Any

    def __init__(self) -> None:
        self.phase = "state_current"


class _NotKnownYet(Exception):
    """A dry run cannot tell: the params follow from what a predecessor would make."""


class _NothingToClean(Exception):
    """There is nothing that irenic made."""


class _InUse(Exception):
    """What is left over is what an item of the flow, named by the exception, stands for now."""


class _OtherProfile(Exception):
    """Another profile has made the same thing here; the exception says which."""


class Application:
    """Visits items to apply them.

    :param direction: towards the goal state or towards the clean state.
    """

    def __init__(self, cmd_run: CmdRun, direction: Direction) -> None:
        self._cmd_run = cmd_run
        self._direction = direction
        self._dry = cmd_run.request.dry_run
        self._interrupts = cmd_run.interrupts
        self._recorder = cmd_run.recorder
        self._loop = asyncio.get_running_loop()

    async def visit(self, run: ItemRun) -> bool:
        """Apply one item; returns whether its successors may start."""
        cmd_run = self._cmd_run
        prepared = _Prepared()
        try:
            await self._prepare(run, prepared)
        except ItemLeft:
            cmd_run.item_left(run, "stopped before it was applied")
            return False
        except _NothingToClean:
            self._nothing_to_clean(run)
            return True
        except _InUse as user:
            self._leave_to(run, str(user))
            return True
        except _OtherProfile as other:
            self._leave_to_profile(run, str(other))
            return True
        except _NotKnownYet as unknown:
            self._say_done(run, str(unknown))
            return True
        except BaseException as error:
            if is_interrupt(run, error):
                cmd_run.note_error_of_cancel(run, error, prepared.phase)
                cmd_run.item_left(run, "cancelled before it was applied")
            else:
                cmd_run.item_failed(run, error, prepared.phase)
                cmd_run.stop_starting()
            return False
        if not prepared.check.required:
            self._unchanged(run, prepared)
            return True
        if self._dry:
            return await self._apply_dry(run, prepared)
        return await self._apply(run, prepared)

    async def _prepare(self, run: ItemRun, prepared: _Prepared) -> None:
        cmd_run, item, interrupts = self._cmd_run, run.item, self._interrupts
        cmd_run.recorder.fold.items[run.item_id].status = ProgressStatus.RUNNING
        if self._direction is Direction.CLEAN:
            await self._prepare_clean(run, prepared)
            return
        partial = run.resolve(cmd_run.current, inputs=cmd_run.inputs)
        params = partial.whole()
        if params is None and self._dry:
            raise _NotKnownYet(f"cannot be told before the items it refers to are applied: {_names(partial.missing)}")
        if params is None:
            raise ItemFailure(
                f"its params are not known: {_names(partial.missing)} refer to what no predecessor provides."
            )
        prepared.params = params
        verdict = cmd_run.looker.verdicts.get(run.item_id)
        is_late = verdict is not None and verdict.verdict is VerdictKind.KNOWN_AFTER_APPLY
        if is_late:
            cmd_run.looker.find_by_identity(run, params)
        current = prepared.current = run.checked(await run.call(item.state_current, run.cx, params), "state_current")
        if is_late:
            await cmd_run.looker.find_by_evidence(run, params, current)
            cmd_run.leaves_late = cmd_run.leaves_late or bool(run.moves)
        if interrupts.asked is not None:
            self._look()
        if not self._dry and run.is_local:
            await cmd_run.mark_place()
        prepared.phase = "state_goal"
        goal = prepared.target = run.checked(await run.call(item.state_goal, run.cx, params), "state_goal")
        if interrupts.asked is not None:
            self._look()
        prepared.phase = "state_diff"
        diff = prepared.diff = item.state_diff(current, goal)
        prepared.phase = "apply_check"
        prepared.check = item.apply_check(params, current, goal, diff)
        cmd_run.goal[run.item_id] = goal

    async def _prepare_clean(self, run: ItemRun, prepared: _Prepared) -> None:
        cmd_run, item = self._cmd_run, run.item
        if run.stored is None or not run.stored.is_made:
            raise _NothingToClean
        params = run.resolve(cmd_run.current, cmd_run.goal, inputs=cmd_run.inputs).whole()
        target = cmd_run.target[run.item_id]
        if params is None:
            params = cmd_run.former_params(run)
            if params is None:
                raise _NothingToClean
            target = run.clean_state(params)
        prepared.params, prepared.target = params, target
        current = prepared.current = run.checked(await run.call(item.state_current, run.cx, params), "state_current")
        self._look()
        if run.may_be_lost and states_equal(current, target):
            raise ItemFailure(self._lost_text(run))
        user = cmd_run.user_of(run, current)
        if user is not None:
            raise _InUse(user)
        if not states_equal(current, target) and (other := await cmd_run.looker.find_profile(run, params)):
            raise _OtherProfile(profile_text(other))
        if not self._dry and run.is_local:
            await cmd_run.mark_place()
        prepared.phase = "state_diff"
        diff = prepared.diff = item.state_diff(current, target)
        prepared.phase = "apply_check"
        prepared.check = item.apply_check(params, current, target, diff)

    def _lost_text(self, run: ItemRun) -> str:
        what = "its ensure was begun, its result is not known, and nothing was stored to find what it may have made by"
        if run.item_id in self._cmd_run.leftovers:
            return f"{what}: look for it by hand, then `irenic state forget` {run.item_id}."
        return f"{what}: run `irenic ensure` again, which tries the same again with the same key, then clean."

    def _look(self) -> None:
        if not self._interrupts.may_go_on():
            raise ItemLeft

    def _unchanged(self, run: ItemRun, prepared: _Prepared) -> None:
        cmd_run = self._cmd_run
        cmd_run.note_swallowed(run)
        cmd_run.current[run.item_id] = prepared.current
        if self._dry:
            self._say_done(run, "nothing to do")
            return
        current = dump(prepared.current)
        if self._direction is Direction.CLEAN:
            self._emit_unchanged(run, current, about=run.about(prepared.params))
            self._forget_leftover(run)
            return
        cmd_run.record_moves(run)
        params_hash = run.params_hash(prepared.params)
        about = None if self._is_stored_so(run, params_hash) else run.about(prepared.params)
        self._emit_unchanged(
            run,
            current,
            goal=dump(prepared.target),
            params_hash=params_hash,
            code_hash=run.code_hash,
            about=about,
        )

    def _is_stored_so(self, run: ItemRun, params_hash: str) -> bool:
        """Return whether what is stored of an item beside its states is what it is now."""
        stored = run.stored
        if stored is None or stored.about is None or stored.params_hash != params_hash:
            return False
        return stored.code_hash == run.code_hash and run.after == stored.about.after

    def _nothing_to_clean(self, run: ItemRun) -> None:
        """Note the clean state of an item that never was; what irenic did not make is left alone."""
        cmd_run = self._cmd_run
        verdict = cmd_run.looker.verdicts.get(run.item_id)
        if verdict is not None and verdict.verdict is VerdictKind.LEAVE_ALONE:
            self._say_done(run, f"left alone: {_reasons_text(verdict)}")
            return
        if self._dry or (run.is_local and cmd_run.place is None):
            self._say_done(run, "nothing to do")
            return
        never_was = run.stored is None or (run.stored.current is None and not run.stored.unknown)
        self._emit_unchanged(run, dump(cmd_run.target[run.item_id]) if never_was else None)

    def _leave_to(self, run: ItemRun, user: str) -> None:
        """Leave a leftover to the item that stands for it now, and to that item's clean."""
        cmd_run = self._cmd_run
        owner = cmd_run.runs.get(user)
        if self._dry or owner is None:
            self._say_done(run, f"left alone: {user} stands for it")
            return
        self._recorder.emit(
            ItemVerdict, item=run.item_id, verdict=VerdictKind.LEAVE_ALONE, message=f"{user} stands for it now"
        )
        self._emit_unchanged(run, None)
        self._forget_leftover(run)
        self._recorder.emit(
            ItemState,
            item=user,
            which=StateKind.CURRENT,
            state=dump(cmd_run.current[user]),
            stored=True,
            adopted=True,
            place=cmd_run.place_of(owner),
        )

    def _leave_to_profile(self, run: ItemRun, why: str) -> None:
        """Leave a thing to another profile that has made it too; this profile's entry of it goes."""
        if self._dry:
            self._say_done(run, f"left alone: {why}")
            return
        self._recorder.emit(ItemVerdict, item=run.item_id, verdict=VerdictKind.LEAVE_ALONE, message=why)
        self._emit_unchanged(run, None)
        place = self._cmd_run.place_of(run)
        self._recorder.emit(StateForgotten, item=run.item_id, place=None if place is None else place.id)

    def _emit_unchanged(self, run: ItemRun, state: Any, **fields: Any) -> None:
        self._recorder.emit(
            ItemResult,
            item=run.item_id,
            direction=self._direction,
            result="unchanged",
            state=state,
            place=self._cmd_run.place_of(run),
            **fields,
        )

    def _forget_leftover(self, run: ItemRun) -> None:
        """Drop what is stored of a leftover that is gone."""
        cmd_run = self._cmd_run
        if run.item_id in cmd_run.leftovers:
            place = cmd_run.place_of(run)
            self._recorder.emit(StateForgotten, item=run.item_id, place=None if place is None else place.id)

    async def _apply_dry(self, run: ItemRun, prepared: _Prepared) -> bool:
        cmd_run = self._cmd_run
        try:
            self._look()
            state = await run.call(
                run.item.apply_dry, run.cx, prepared.params, prepared.current, prepared.target, prepared.diff
            )
            run.checked(state, "apply_dry")
        except ItemLeft:
            cmd_run.item_left(run, "stopped before it was tried")
            return False
        except BaseException as error:
            if is_interrupt(run, error):
                cmd_run.note_error_of_cancel(run, error, "apply_dry")
                cmd_run.item_left(run, "cancelled")
            else:
                cmd_run.item_failed(run, error, "apply_dry")
                cmd_run.stop_starting()
            return False
        cmd_run.note_swallowed(run)
        cmd_run.current[run.item_id] = state
        self._recorder.emit(ItemState, item=run.item_id, which=StateKind.CURRENT, state=dump(state))
        verdict = cmd_run.looker.verdicts.get(run.item_id)
        if verdict is not None and verdict.verdict is VerdictKind.KNOWN_AFTER_APPLY:
            self._say_done(run, _reasons_text(verdict))
        else:
            self._say_done(run, "would be applied")
        return True

    async def _apply(self, run: ItemRun, prepared: _Prepared) -> bool:
        try:
            self._look()
        except ItemLeft:
            self._cmd_run.item_left(run, "stopped before it was applied")
            return False
        cmd_run = self._cmd_run
        cmd_run.record_moves(run)
        hashes = {"params_hash": run.params_hash(prepared.params), "code_hash": run.code_hash}
        verdict = cmd_run.looker.verdicts.get(run.item_id)
        target = dump(prepared.target)
        run.key = self._key_of(run, target)
        run.kept = None
        await self._recorder.emit_durable(
            ItemIntent,
            item=run.item_id,
            direction=self._direction,
            current=dump(prepared.current),
            target=target,
            verdict=None if verdict is None else verdict.verdict,
            key=run.key,
            about=run.about(prepared.params),
            place=cmd_run.place_of(run),
            **hashes,
        )
        if not self._interrupts.may_go_on():
            await self._end(run, "cancelled", prepared.current)
            return False
        if prepared.check.limit is not None:
            run.cx.progress.limit(prepared.check.limit)
        run.last_alive = self._loop.time()
        data: Any = None
        try:
            state = await run.call(
                run.item.apply, run.cx, prepared.params, prepared.current, prepared.target, prepared.diff
            )
            cmd_run.note_swallowed(run)
            data = dump(run.checked(state, "apply"))
            if state is not prepared.target:
                self._compare(run, prepared, state)
        except BaseException as error:
            return await self._not_applied(run, error, data)
        cmd_run.current[run.item_id] = state
        await self._end(run, "applied", data, hashes=hashes)
        self._forget_leftover(run)
        return True

    def _key_of(self, run: ItemRun, target: Any) -> str:
        """Return the idempotency key of an intent: the same as before where the same was begun and has no result."""
        stored = run.stored
        if stored is not None and stored.unknown and stored.key is not None:
            before = stored.goal if self._direction is Direction.ENSURE else target
            if before == run.secrets.data(target):
                return stored.key
        return self._recorder.next_id()

    def _compare(self, run: ItemRun, prepared: _Prepared, state: Any) -> None:
        """Compare what apply returned with what it was to reach.

        :raises ItemFailure: if it would have to be applied again.
        """
        item, target = run.item, prepared.target
        diff = item.state_diff(state, target)
        if not item.apply_check(prepared.params, state, target, diff).required:
            return
        names = changed_fields(state, target)
        returned = ", ".join(f"{name}: {getattr(state, name)!r}" for name in names)
        wanted = ", ".join(f"{name}: {getattr(target, name)!r}" for name in names)
        raise ItemFailure(
            f"apply returned {returned or repr(state)}, which still differs in {', '.join(names) or 'its diff'}: "
            f"the {'goal' if self._direction is Direction.ENSURE else 'clean state'} is {wanted or repr(target)}."
        )

    async def _not_applied(self, run: ItemRun, error: BaseException, state: Any) -> bool:
        """Record that apply did not end well; ``state`` is what it returned, where it did return."""
        if isinstance(error, StoreError):
            raise error
        if is_interrupt(run, error):
            came_of_it = error_of_cancel(run, error)
            info = None if came_of_it is None else describe_error(came_of_it, "apply")
            await self._end(run, "cancelled", None, error=info)
            return False
        self._cmd_run.stop_starting()
        self._cmd_run.failed.add(run.item_id)
        await self._end(run, "failed", state, error=describe_error(error, "apply"))
        return False

    async def _end(
        self,
        run: ItemRun,
        result: Literal["applied", "failed", "cancelled"],
        state: Any,
        *,
        hashes: dict[str, str] | None = None,
        error: ErrorInfo | None = None,
    ) -> None:
        run.key = None
        if result == "cancelled":
            self._cmd_run.left_over.append(run.item_id)
            state = dump(state)
        if run.unrecorded:
            run.cx.progress.flush()
        if not self._recorder.is_durable:
            self._cmd_run.make_room(run)
        await self._recorder.emit_durable(
            ItemResult,
            item=run.item_id,
            direction=self._direction,
            result=result,
            state=state,
            error=error,
            place=self._cmd_run.place_of(run),
            **(hashes if hashes is not None and self._direction is Direction.ENSURE else {}),
        )

    def _say_done(self, run: ItemRun, message: str) -> None:
        self._recorder.emit(ItemStatus, item=run.item_id, status=ProgressStatus.COMPLETE_SUCCESS, message=message)


def _reasons_text(verdict: PreviewItem) -> str:
    """Return why an item has its verdict, without what is going to be done."""
    return verdict.message.partition(": ")[2]


def _names(missing: frozenset[str]) -> str:
    return ", ".join(sorted(missing))
