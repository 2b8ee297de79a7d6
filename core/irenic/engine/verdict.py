"""The verdict on an item: what a command is going to do to it, and why.

Preview, ensure, diff and discover all look at an item here, so that they say the same.

Looker.look                predecessors first
├─ current, goal           whatever the item's code raises while a predecessor is not at its goal does not count
├─ which thing it is       the stored one, another one, or one that it stood for before
└─ kind and reasons        from the stored, the current and the goal state
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from irenic.engine.classes import is_of_another_class
from irenic.engine.item_run import ItemRun, type_name
from irenic.engine.other_profiles import OtherEntry, OtherProfiles
from irenic.engine.verdict_text import identity_text, profile_text, verdict_item
from irenic.flow.flow import Flow
from irenic.flow.generated import changed_fields, states_equal
from irenic.flow.graph import Graph
from irenic.flow.params import PartialParams
from irenic.model.cmd import Cmd
from irenic.model.errors import StateShapeError
from irenic.model.preview import PreviewAction, PreviewItem, PreviewReason
from irenic.model.states import FlowStates, ItemStates
from irenic.model.verdict import Drift, VerdictKind


def dump(state: Any) -> Any:
    """Return a state as JSON-able data; None stays None."""
    return None if state is None else state.__pydantic_serializer__.to_python(state, mode="json")


_KNOWN_LATER = PreviewItem(
    item="",
    action=PreviewAction.RUN,
    reasons=[PreviewReason.NEVER_RUN, PreviewReason.PREDECESSOR_RUNS],
    message="",
    verdict=VerdictKind.KNOWN_AFTER_APPLY,
)
"""The verdict on whatever is not looked at: one for all, since a flow may have many of them."""


class ItemLeft(Exception):
    """The item was stopped between two phases."""


class Looker:
    """Looks at the items of a request and says what will happen to each.

    ``current``, ``goal`` and ``verdicts`` are filled item by item; the caller looks at predecessors first.

    :param graph: of the chosen items.
    :param stored: what is stored of the profile.
    :param current: states by item id; those of items that are not looked at are what is stored of them.
    :param place: the id of this place, or None where it has none yet.
    :param profiles: finds what the flow's other profiles have made here.
    :param thorough: whether to look also at what is not stored and comes after something that is to be applied: there
        is nothing to compare it with, and it is looked at again before it is applied.
    :param may_go_on: asked between two phases; where it says no, :class:`ItemLeft` is raised.
    """

    def __init__(
        self,
        cmd: Cmd,
        graph: Graph,
        stored: FlowStates,
        inputs: Any,
        current: dict[str, Any],
        goal: dict[str, Any],
        place: str | None,
        flow: Flow,
        profiles: OtherProfiles,
        may_go_on: Callable[[], bool] = lambda: True,
        *,
        thorough: bool = True,
    ) -> None:
        self.current = current
        self.goal = goal
        self.verdicts: dict[str, PreviewItem] = {}
        self._cleans = cmd is Cmd.CLEAN
        self._graph = graph
        self._stored = stored
        self._inputs = inputs
        self._place = place
        self._flow = flow
        self._profiles = profiles
        self._may_go_on = may_go_on
        self._thorough = thorough
        self._last_applied: dict[str, tuple[str, int]] = {}
        self._taken: dict[str, str] = {}

    def moving(self, item_id: str) -> list[str]:
        """Return the direct predecessors that are not at their goal, as far as they were looked at."""
        verdicts = self.verdicts
        before = self._graph.predecessors(item_id)
        return [other for other in before if other in verdicts and not verdicts[other].verdict.is_final]

    async def look(self, run: ItemRun) -> PreviewItem:
        """Return what will happen to an item.

        :raises Exception: what the item's code raises, where all its predecessors are at their goals.
        """
        if self._stored.items:
            self._note_last_applied(run)
        look = self._look_clean if self._cleans else self._look_ensure
        item = self.verdicts[run.item_id] = await look(run)
        return item

    async def _look_ensure(self, run: ItemRun) -> PreviewItem:
        moving = self.moving(run.item_id)
        if moving and run.stored is None and not self._thorough:
            return _KNOWN_LATER
        run.phase = "state_current"
        try:
            params = self._partial(run).whole()
            self.find_by_identity(run, params)
            current, goal = await self._find_both(run)
        except ItemLeft:
            raise
        except Exception:
            if not moving:
                raise
            return self._after(run, moving, [PreviewReason.CANNOT_DISCOVER], None)
        params = params or self._partial(run).whole()
        await self.find_by_evidence(run, params, current)
        reasons = self._changes(run, params)
        drift = await self._attributed(run, params, self._drift(run, params, current, goal))
        if moving:
            if drift is not None:
                reasons.append(PreviewReason.DRIFT)
            return self._after(run, moving, reasons, drift)
        if params is None or current is None or goal is None:
            return verdict_item(
                run, VerdictKind.KNOWN_AFTER_APPLY, [*reasons, PreviewReason.PARAMS_NOT_KNOWN], current, goal
            )
        return await self._judge(run, params, current, goal, reasons, drift)

    async def _find_both(self, run: ItemRun) -> tuple[Any, Any]:
        """Discover both states; where both fail, the error of the current one is raised."""
        try:
            current = await self.find_current(run)
        except Exception:
            phase = run.phase
            if not run.cancel_requested:
                with suppress(Exception):
                    await self.find_goal(run)
            run.phase = phase
            raise
        if not self._may_go_on():
            raise ItemLeft
        return current, await self.find_goal(run)

    async def _judge(
        self,
        run: ItemRun,
        params: Any,
        current: Any,
        goal: Any,
        reasons: list[PreviewReason],
        drift: Drift | None,
    ) -> PreviewItem:
        item = run.item
        run.phase = "state_diff"
        diff = item.state_diff(current, goal)
        run.phase = "apply_check"
        required = item.apply_check(params, current, goal, diff).required
        others = self._stored_elsewhere(run)
        detail = self._replaced_text(run, params) if run.moves else ""
        if drift is not None:
            reasons.append(PreviewReason.DRIFT)
        if run.stored is not None and run.stored.unknown:
            kind = VerdictKind.CHECK_AGAIN if required else VerdictKind.NOTHING
            reasons = [PreviewReason.UNKNOWN_RESULT, *([PreviewReason.NOT_AT_GOAL] if required else [])]
        elif not required:
            kind = VerdictKind.NOTHING
            reasons = reasons or [PreviewReason.AT_GOAL]
        else:
            is_there = not states_equal(current, item.state_clean(self._partial(run)))
            kind = self._required_kind(run, drift, others, is_there=is_there)
            if kind is VerdictKind.MAKE_HERE:
                reasons = [PreviewReason.ELSEWHERE]
            if kind is VerdictKind.CHANGE and run.stored is None:
                other = await self.find_profile(run, params)
                if other is None:
                    reasons.append(PreviewReason.IS_THERE)
                else:
                    reasons, detail = [PreviewReason.OTHER_PROFILE], profile_text(other)
            reasons.append(PreviewReason.NOT_AT_GOAL)
        changes = dump(diff) if required else None
        return verdict_item(run, kind, reasons, current, goal, diff=changes, drift=drift, others=others, detail=detail)

    def _replaced_text(self, run: ItemRun, params: Any) -> str:
        left = next((old for old, _ in run.moves if old == run.item_id), None)
        if left is None:
            return f"it is the thing that is stored as {run.moves[-1][0]}"
        entry = self._stored.items[left].at(self._place)
        former = identity_text(None if entry is None else entry.about)
        present = identity_text(run.about(params))
        return f"it stands for another thing: {present} (was {former}, which is left over)"

    def _required_kind(
        self, run: ItemRun, drift: Drift | None, others: list[ItemStates], *, is_there: bool
    ) -> VerdictKind:
        if run.moves:
            return VerdictKind.REPLACE
        if drift is not None:
            return VerdictKind.REPAIR
        if others and run.stored is None:
            return VerdictKind.MAKE_HERE
        return VerdictKind.CHANGE if is_there else VerdictKind.CREATE

    async def _look_clean(self, run: ItemRun) -> PreviewItem:
        stored = run.stored
        self.goal[run.item_id] = None if stored is None else run.load(stored.goal)
        try:
            self.find_by_identity(run, run.resolve(self.current, self.goal, inputs=self._inputs).whole())
            current = await self.find_current(run)
        except Exception:
            if stored is None or not stored.is_made:
                return verdict_item(run, VerdictKind.NOTHING, [PreviewReason.AT_GOAL], None, None)
            raise
        partial = run.resolve(self.current, self.goal, inputs=self._inputs)
        run.phase = "state_clean"
        clean = run.item.state_clean(partial)
        params = partial.whole()
        await self.find_by_evidence(run, params, current)
        stored = run.stored
        is_there = current is not None and not states_equal(current, clean)
        if stored is None or not stored.is_made:
            if is_there and (other := await self.find_profile(run, params)):
                return self._others_thing(run, current, other)
            kind = VerdictKind.LEAVE_ALONE if is_there else VerdictKind.NOTHING
            reasons = [PreviewReason.NOT_MADE] if is_there else [PreviewReason.AT_GOAL]
            return verdict_item(run, kind, reasons, current, None, others=self._stored_elsewhere(run))
        if stored.unknown:
            kind = VerdictKind.CHECK_AGAIN if current is None or is_there else VerdictKind.NOTHING
            return verdict_item(run, kind, [PreviewReason.UNKNOWN_RESULT], current, clean)
        if current is None:
            # It cannot be looked at by the flow's params; it is cleaned by those that it was made with.
            kind = VerdictKind.NOTHING if stored.about is None else VerdictKind.CHECK_AGAIN
            return verdict_item(run, kind, [PreviewReason.PARAMS_NOT_KNOWN], None, clean)
        if not is_there:
            return verdict_item(run, VerdictKind.NOTHING, [PreviewReason.IS_GONE], current, clean)
        if other := await self.find_profile(run, params):
            return self._others_thing(run, current, other)
        drift = self._drift(run, params, current, None)
        reasons = [PreviewReason.IS_THERE, *([PreviewReason.DRIFT] if drift is not None else [])]
        return verdict_item(run, VerdictKind.REMOVE, reasons, current, clean, drift=drift)

    async def find_current(self, run: ItemRun) -> Any:
        """Discover an item's current state, as far as its params are known."""
        run.phase = "state_current"
        sources = (self.current, self.goal) if self._cleans else (self.current,)
        partial = run.resolve(*sources, inputs=self._inputs)
        state = await run.call(run.item.try_state_current, run.cx, partial)
        if state is not None:
            self.current[run.item_id] = run.checked(state, "try_state_current")
        return state

    async def find_goal(self, run: ItemRun) -> Any:
        """Discover an item's goal state, from the goals of its predecessors where those are known."""
        run.phase = "state_goal"
        state = await run.call(run.item.try_state_goal, run.cx, self._partial(run))
        if state is not None:
            self.goal[run.item_id] = run.checked(state, "try_state_goal")
        return state

    def _partial(self, run: ItemRun) -> PartialParams[Any]:
        return run.resolve(self.goal, self.current, inputs=self._inputs)

    def _after(self, run: ItemRun, moving: list[str], reasons: list[PreviewReason], drift: Drift | None) -> PreviewItem:
        reasons = [reason for reason in reasons if reason is not PreviewReason.AT_GOAL]
        if run.stored is not None and run.stored.unknown:
            reasons = [PreviewReason.UNKNOWN_RESULT]
        return verdict_item(
            run,
            VerdictKind.KNOWN_AFTER_APPLY,
            [*reasons, PreviewReason.PREDECESSOR_RUNS],
            self.current.get(run.item_id),
            self.goal.get(run.item_id),
            drift=drift,
            others=self._stored_elsewhere(run),
            after=moving,
        )

    # What is stored of it.

    def _changes(self, run: ItemRun, params: Any) -> list[PreviewReason]:
        """Return what has changed of an item since it was run."""
        stored = run.stored
        if run.moves:
            return [PreviewReason.IDENTITY_CHANGED]
        if stored is None or (stored.applied_at is None and not stored.unknown and stored.params_hash is None):
            return [PreviewReason.NEVER_RUN]
        reasons = []
        if stored.params_hash is not None and params is not None and stored.params_hash != run.params_hash(params):
            reasons.append(PreviewReason.PARAMS_CHANGED)
        if stored.code_hash is not None and stored.code_hash != run.code_hash:
            reasons.append(PreviewReason.CODE_CHANGED)
        return reasons

    def _drift(self, run: ItemRun, params: Any, current: Any, goal: Any) -> Drift | None:
        stored = run.stored
        if stored is None or stored.unknown or stored.current is None or current is None or run.moves:
            return None
        before = run.stored_state
        found = run.secrets.data(dump(current))
        if not changed_fields(before, current) or stored.current == found or self._made_by_irenic(run, stored):
            return None
        known_thing = stored.about is not None and stored.about.identity is not None
        changed = params is not None and stored.params_hash not in (None, run.params_hash(params))
        if changed and not known_thing:
            return None
        return Drift(
            stored=stored.current,
            found=found,
            goal=dump(goal),
            is_gone=states_equal(current, run.item.state_clean(self._partial(run))),
            stored_at=stored.current_at,
            place=None if stored.place is None else stored.place.id,
        )

    async def find_profile(self, run: ItemRun, params: Any) -> OtherEntry | None:
        """Return what another profile of the flow has made here of the thing that an item stands for."""
        return await self._profiles.find(run, params)

    def _others_thing(self, run: ItemRun, current: Any, other: OtherEntry) -> PreviewItem:
        """Return the verdict of a clean on what another profile has made too."""
        reasons = [PreviewReason.OTHER_PROFILE]
        return verdict_item(run, VerdictKind.LEAVE_ALONE, reasons, current, None, detail=profile_text(other))

    async def _attributed(self, run: ItemRun, params: Any, drift: Drift | None) -> Drift | None:
        """Return a drift with the profile that has stored what was found as its own."""
        if drift is None:
            return None
        other = await self.find_profile(run, params)
        if other is None or other.stored.current != drift.found:
            return drift
        return drift.model_copy(update={"profile": other.profile})

    def _made_by_irenic(self, run: ItemRun, stored: ItemStates) -> bool:
        """Return whether something before the item was applied after the item was last looked at."""
        if stored.execution_id is None or stored.seq is None:
            return False
        seen = (stored.execution_id, stored.seq)
        return any(self._last_applied.get(other, ("", 0)) > seen for other in self._graph.predecessors(run.item_id))

    def _note_last_applied(self, run: ItemRun) -> None:
        """Note which apply, of the item or of what it stands on, was the last."""
        last = None if run.stored is None else run.stored.applied_by
        for other in self._graph.predecessors(run.item_id):
            applied = self._last_applied.get(other)
            if applied is not None and (last is None or applied > last):
                last = applied
        if last is not None:
            self._last_applied[run.item_id] = last

    def _stored_elsewhere(self, run: ItemRun) -> list[ItemStates]:
        whole = self._stored.items.get(run.item_id)
        if whole is None or (whole.place is None and not whole.elsewhere):
            return []
        return [entry for entry in whole.others(self._place) if entry.is_made]

    # Which thing it is.

    def find_by_identity(self, run: ItemRun, params: Any) -> None:
        """Find out whether the item stands for the stored thing; ``run.moves`` says what has to move where not."""
        if run.moves:
            return
        stored = run.stored
        about = stored.about if stored is not None and stored.is_made else None
        if about is not None and is_of_another_class(self._flow, about.type, type(run.item)):
            self._leave_thing(run)
            stored = None
        identity = None if params is None else run.identity(params)
        if identity is None:
            return
        if stored is not None and stored.is_made:
            about = stored.about
            if about is None or about.identity is None or about.identity == identity:
                return
            self._leave_thing(run)
        former = self._former(run, identity)
        if former is not None:
            run.moves += ((former, run.item_id),)
            run.stored = self._stored.items[former].at(self._place)

    async def find_by_evidence(self, run: ItemRun, params: Any, current: Any) -> None:
        """Find out the same for an item without an identity.

        It stands for another thing where its params have changed, nothing is there by the new ones, and something is
        there by those that it was made with.
        """
        stored = run.stored
        if stored is None or not stored.is_made or stored.about is None or stored.about.identity is not None:
            return
        if params is None or current is None or stored.params_hash in (None, run.params_hash(params)):
            return
        if not states_equal(current, run.item.state_clean(self._partial(run))):
            return
        former = former_params(run.item.Params, stored, self._inputs)
        if former is None:
            return
        clean = run.clean_state(former)
        try:
            found = await run.call(run.item.state_current, run.cx, former)
        except Exception:
            return
        if not states_equal(found, clean):
            self._leave_thing(run)

    def _leave_thing(self, run: ItemRun) -> None:
        run.moves = ((run.item_id, self._stored.free_id(run.item_id)),)
        run.stored = None

    @cached_property
    def _unnamed(self) -> list[str]:
        """The stored ids that the flow does not name."""
        return [stored_id for stored_id in self._stored.items if stored_id not in self._flow.items]

    def _former(self, run: ItemRun, identity: Any) -> str | None:
        """Return the id under which a thing of this identity is left over: from before, or of a renamed item."""
        own_type = type_name(type(run.item))
        for stored_id in self._unnamed:
            item_id = stored_id.partition("#")[0]
            is_of_another = item_id in self._flow.items and item_id != run.item_id
            if is_of_another or self._taken.get(stored_id, run.item_id) != run.item_id:
                continue
            entry = self._stored.items[stored_id].at(self._place)
            about = None if entry is None or not entry.is_made else entry.about
            if about is None or (about.type, about.identity) != (own_type, identity):
                continue
            if _is_readable(run, entry):
                self._taken[stored_id] = run.item_id
                return stored_id
        return None


def _is_readable(run: ItemRun, entry: ItemStates | None) -> bool:
    """Return whether a stored state could become an item's; one that cannot be read stays a leftover."""
    before, run.stored = run.stored, entry
    try:
        _ = run.stored_state
    except StateShapeError:
        return False
    finally:
        run.stored = before
    return True


def former_params(model: Any, stored: ItemStates, inputs: Any) -> Any:
    """Return the params that a stored thing was made with; None where they cannot be made again."""
    about = stored.about
    if about is None:
        return None
    values = dict(about.params)
    for name, source in about.secrets.items():
        secret = getattr(inputs, source, None)
        if secret is None:
            return None
        values[name] = secret
    try:
        return model.model_validate(values, by_alias=True, by_name=True)
    except ValueError:
        return None


def shape_problems(runs: Mapping[str, ItemRun]) -> dict[str, str]:
    """Return why stored states cannot be read, by item."""
    problems = {}
    for item_id, run in runs.items():
        try:
            _ = run.stored_state
        except StateShapeError as error:
            problems[item_id] = str(error)
    return problems
