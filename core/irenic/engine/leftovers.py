"""What is stored and no longer named by the flow: finding it, and making runs that clean it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from irenic.engine.classes import find_class
from irenic.engine.item_run import ItemRun, identity_of, type_name
from irenic.engine.verdict import dump, former_params
from irenic.engine.verdict_text import identity_text
from irenic.flow.flow import Flow
from irenic.flow.graph import Graph
from irenic.flow.params import ParamsSpec
from irenic.flow.secret_mask import SecretMask
from irenic.model.errors import FlowError, StateShapeError
from irenic.model.states import FlowStates, ItemStates
from irenic.model.verdict import Leftover


def find_leftovers(
    flow: Flow,
    stored: FlowStates,
    place: str | None,
    runs: Mapping[str, ItemRun],
    inputs: Any,
    *,
    chosen: bool,
    prunes: bool = False,
    current: Mapping[str, Any] = MappingProxyType({}),
) -> list[Leftover]:
    """Return what irenic made and the flow no longer names, in the order in which it was stored.

    :param runs: of the flow's items, after they were looked at: an item that stands for another thing now leaves one.
    :param chosen: whether only some items were chosen; then only what those stood for counts.
    :param prunes: whether the items of the flow stay: then what one of them may stand for now has a problem.
    :param current: the current states of the flow's items, by item id.
    """
    found = []
    taken = {old for item_id, run in runs.items() for old, _ in run.moves if old != item_id}
    for stored_id, whole in stored.items.items():
        item_id, _, number = stored_id.partition("#")
        is_of_item = bool(number) and item_id in flow.items
        if stored_id in flow.items or (chosen and not (is_of_item and item_id in runs)):
            continue
        if stored_id not in taken:
            found += _leftovers_of(flow, stored_id, whole, place, inputs, "replaced" if is_of_item else "removed")
    for item_id, run in runs.items():
        for old, new in run.moves:
            entry = stored.items[old].at(place) if old == item_id else None
            if entry is not None:
                found.append(_leftover(flow, new, entry, inputs, "replaced"))
    removed = [leftover for leftover in found if prunes and leftover.reason == "removed" and leftover.problem is None]
    if removed:
        present = [_Present(run, current[item_id]) for item_id, run in runs.items() if current.get(item_id) is not None]
        for leftover in removed:
            leftover.problem = _problem_of_twin(stored.items[leftover.item].at(place), present)
    return found


class _Present:
    """An item of the flow as a leftover is compared with it."""

    def __init__(self, run: ItemRun, state: Any) -> None:
        self.item = run.item_id
        self.type = type_name(type(run.item))
        self.made_at = None if run.stored is None else run.stored.made_at
        self.state = dump(state)


def _problem_of_twin(entry: ItemStates | None, present: Iterable[_Present]) -> str | None:
    """Return why a leftover must stay: an item that came after it looks just like it.

    Without an identity nothing tells a thing whose item was renamed and edited from one that was taken out of the flow.
    """
    about = None if entry is None else entry.about
    if entry is None or about is None or about.identity is not None or entry.current is None:
        return None
    for other in present:
        is_newer = other.made_at is None or other.made_at > (entry.current_at or "")
        if is_newer and (other.type, other.state) == (about.type, entry.current):
            return (
                f"{other.item} may stand for it now, as both look the same and neither has an identity: where it does, "
                "`irenic state forget` it, or say so by flow.moved"
            )
    return None


def _leftovers_of(
    flow: Flow, stored_id: str, whole: ItemStates, place: str | None, inputs: Any, reason: Any
) -> list[Leftover]:
    here = whole.at(place)
    if here is not None:
        return [_leftover(flow, stored_id, here, inputs, reason)] if here.is_made or here.unknown else []
    others = [entry for entry in whole.others(place) if entry.is_made]
    if not others:
        return []
    leftover = _leftover(flow, stored_id, others[0], inputs, reason)
    where = others[0].place
    leftover.place = where.label if where is not None else "another place"
    leftover.problem = f"it is in {leftover.place}, and has to be cleaned there"
    return [leftover]


def _leftover(flow: Flow, stored_id: str, entry: ItemStates, inputs: Any, reason: Any) -> Leftover:
    problem = None
    try:
        leftover_run(flow, stored_id, entry, inputs, {})
    except FlowError as error:
        problem = str(error)
    return Leftover(
        item=stored_id,
        reason=reason,
        name=identity_text(entry.about),
        state=entry.current,
        made_at=entry.made_at or entry.applied_at or entry.begun_at,
        problem=problem,
    )


def leftover_run(flow: Flow, stored_id: str, entry: ItemStates, inputs: Any, tasks: Mapping[str, Any]) -> ItemRun:
    """Return a run that cleans a stored thing with its own class and the params that it was made with.

    :raises FlowError: if its class cannot be found, or its params cannot be made again.
    """
    about = entry.about
    if about is None:
        raise FlowError("it was stored by an earlier irenic, without its class and params")
    cls = find_class(flow, about.type)
    if cls is None:
        raise FlowError(f"its class {about.type.partition(':')[2]} cannot be found")
    params = former_params(cls.Params, entry, inputs)
    if params is None:
        raise FlowError(f"its params do not fit {cls.__name__} any more, or need a secret that is not known")
    try:
        item = cls(stored_id.partition("#")[0])
    except Exception as error:
        raise FlowError(f"{cls.__name__} cannot be made from an id alone: {type(error).__name__}: {error}") from error
    secrets = SecretMask()
    try:
        secrets.learn(inputs, params)
        identity = secrets.data(identity_of(item, params))
    except Exception as error:
        raise FlowError(f"its identity cannot be said: {error}") from error
    if about.identity is not None and identity != about.identity:
        raise FlowError(f"{cls.__name__}.identity was {about.identity!r} when it was made, and is {identity!r} now")
    given = {name: getattr(params, name) for name in cls.Params.model_fields}
    run = ItemRun(stored_id, item, ParamsSpec(stored_id, cls.Params, given), tasks, tuple(about.after))
    run.stored = entry
    try:
        _ = run.stored_state
    except StateShapeError as error:
        raise FlowError(str(error).rstrip(".")) from error
    return run


def graph_with(graph: Graph, runs: Mapping[str, ItemRun], stored: FlowStates) -> Graph:
    """Return a graph with leftovers in it, by the edges that they, and what was built after them, were built with."""
    whole = graph.subgraph(graph.nodes)
    for stored_id in runs:
        whole.add(stored_id)
    for stored_id, entry in stored.items.items():
        about = entry.about
        if about is None or stored_id not in whole:
            continue
        for before in about.after:
            if before in whole and (before in runs or stored_id in runs):
                try:
                    whole.edge(before, stored_id)
                except FlowError:  # the flow goes the other way round now
                    continue
    return whole
