"""Stored entries whose items have other ids now, as ``flow.moved`` says."""

from irenic.flow.flow import Flow
from irenic.model.states import FlowStates


def pending_moves(flow: Flow, stored: FlowStates) -> dict[str, str]:
    """Return the stored ids that have to change, with the ids that they change to."""
    moves: dict[str, str] = {}
    for stored_id in stored.items:
        item_id, mark, number = stored_id.partition("#")
        new = flow.moves.get(item_id)
        target = f"{new}{mark}{number}"
        if new is not None and target not in moves.values() and not is_taken(stored, target):
            moves[stored_id] = target
    return moves


def is_taken(stored: FlowStates, stored_id: str) -> bool:
    """Return whether anything that irenic made, here or elsewhere, is stored under an id."""
    whole = stored.items.get(stored_id)
    return whole is not None and (whole.is_made or any(entry.is_made for entry in whole.elsewhere.values()))


def moved_states(flow: Flow, stored: FlowStates) -> FlowStates:
    """Return stored states under the present ids; in memory only, for whoever only looks."""
    for old, new in pending_moves(flow, stored).items():
        stored.items[new] = stored.items.pop(old)
    return stored
