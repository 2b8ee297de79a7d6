"""States that a command starts from besides its own items': of items left out, and of other profiles."""

from typing import Any

from irenic.engine.cmd_run import CmdRun
from irenic.engine.item_run import ItemRun
from irenic.engine.store import Store
from irenic.model.cmd import Cmd
from irenic.model.errors import StatesNotDiscoveredError


async def load_known_states(cmd_run: CmdRun, store: Store) -> None:
    """Fill in what is stored of the items that were not chosen, and for a diff between profiles the two sides.

    :raises StatesNotDiscoveredError: if nothing is stored of such a profile; the message lists those that have states.
    """
    request = cmd_run.request
    for item_id in request.flow.items.keys() - cmd_run.runs.keys():
        whole = cmd_run.stored.items.get(item_id)
        entry = None if whole is None else whole.at(cmd_run.here)
        if entry is not None:
            other = ItemRun.of(request.flow, item_id, {})
            other.stored = entry
            cmd_run.current[item_id] = other.load(entry.current)
            cmd_run.goal[item_id] = other.load(entry.goal)
    if cmd_run.cmd is Cmd.DIFF and request.diff_profiles is not None:
        for profile, states in zip(request.diff_profiles, (cmd_run.current, cmd_run.goal), strict=True):
            await _load_profile(cmd_run, store, profile, states)


async def _load_profile(cmd_run: CmdRun, store: Store, profile: str, states: dict[str, Any]) -> None:
    flow = cmd_run.request.flow.id
    stored = await store.states(flow, profile)
    if not stored.items:
        known = ", ".join(await store.profiles(flow)) or "none"
        raise StatesNotDiscoveredError(
            f"nothing is stored of {flow}/{profile}; profiles with states: {known}. "
            f"Run `irenic discover --profile {profile}` first."
        )
    for run in cmd_run.runs.values():
        whole = stored.items.get(run.item_id)
        entry = None if whole is None else whole.at(cmd_run.here) or whole
        state = run.load(entry.current) if entry is not None else None
        if state is not None:
            states[run.item_id] = state
