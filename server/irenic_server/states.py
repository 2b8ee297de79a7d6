"""Stored states of a flow's profile: folded from events as they are appended, read, and written whole."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from irenic.model.events import StateMoved
from irenic.model.states import FlowStates, ItemStates, StateEvent
from irenic_server.leased import fencing_needed, stale_fencing
from irenic_server.problems import Problem
from irenic_server.profiles import ensure_profile
from irenic_server.tables import item_states, profiles
from irenic_server.transaction import Transaction

ORDINALS_PER_SERIAL = 1_000_000
"""Items keep the order in which they were first stored: by serial, then by place within one write."""

_insert_item = insert(item_states)
_update_item = (
    update(item_states)
    .where(item_states.c.profile_key == bindparam("row_profile_key"), item_states.c.item == bindparam("row_item"))
    .values(body=bindparam("row_body"))
)


class StatesFolder:
    """Folds the events of one transaction into stored states, reading and writing each item once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pending: dict[int, list[StateEvent]] = {}

    def add(self, profile_key: int, event: StateEvent) -> None:
        """Take an event into account."""
        self._pending.setdefault(profile_key, []).append(event)

    def store(self) -> None:
        """Write what the events changed."""
        # In one order for every transaction, so that two servers never wait for each other.
        for profile_key in sorted(self._pending):
            self._store_profile(profile_key, self._pending[profile_key])

    def _store_profile(self, profile_key: int, pending: list[StateEvent]) -> None:
        row = self._connection.execute(
            select(profiles.c.flow, profiles.c.profile, profiles.c.serial)
            .where(profiles.c.key == profile_key)
            .with_for_update()
        ).one()
        names = {event.item for event in pending} | {event.to for event in pending if isinstance(event, StateMoved)}
        states = FlowStates(flow=row.flow, profile=row.profile, serial=row.serial)
        states.items = _read_items(self._connection, profile_key, names)
        known = set(states.items)
        for event in pending:
            states.apply(event)
        _delete_items(self._connection, profile_key, known - states.items.keys())
        _write_items(self._connection, profile_key, row.serial, states.items, known)
        _write_serial(self._connection, profile_key, states.serial)


def _read_items(connection: Connection, profile_key: int, names: set[str] | None = None) -> dict[str, ItemStates]:
    query = (
        select(item_states.c.item, item_states.c.body)
        .where(item_states.c.profile_key == profile_key)
        .order_by(item_states.c.ordinal)
    )
    if names is not None:
        query = query.where(item_states.c.item.in_(names))
    return {row.item: ItemStates.model_validate_json(row.body) for row in connection.execute(query)}


def _write_items(
    connection: Connection, profile_key: int, serial: int, items: Mapping[str, ItemStates], known: set[str]
) -> None:
    changed: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for offset, (item, states) in enumerate(items.items()):
        row: dict[str, Any] = {"profile_key": profile_key, "item": item, "body": states.model_dump_json()}
        if item in known:
            changed.append({f"row_{name}": value for name, value in row.items()})
        else:
            made.append(row | {"ordinal": serial * ORDINALS_PER_SERIAL + offset})
    if changed:
        connection.execute(_update_item, changed)
    if made:
        connection.execute(_insert_item, made)


def _delete_items(connection: Connection, profile_key: int, names: set[str]) -> None:
    if names:
        chosen = item_states.c.item.in_(names)
        connection.execute(delete(item_states).where(item_states.c.profile_key == profile_key, chosen))


def _write_serial(connection: Connection, profile_key: int, serial: int) -> None:
    connection.execute(update(profiles).where(profiles.c.key == profile_key).values(serial=serial))


def read_states(connection: Connection, flow: str, profile: str) -> FlowStates:
    """Return the stored states; serial 0 where there are none."""
    row = connection.execute(
        select(profiles.c.key, profiles.c.serial).where(profiles.c.flow == flow, profiles.c.profile == profile)
    ).one_or_none()
    if row is None:
        return FlowStates(flow=flow, profile=profile)
    states = FlowStates(flow=flow, profile=profile, serial=row.serial)
    states.items = _read_items(connection, row.key)
    return states


def replace_states(
    transaction: Transaction,
    flow: str,
    profile: str,
    items: Mapping[str, ItemStates],
    expected: int | None,
    fencing: int | None,
) -> FlowStates:
    """Replace all states of a profile.

    :param expected: the serial that the writer has seen; None if it expects that there are no states.
    :param fencing: the number of the writer's lease; needed where somebody holds one.
    :raises Problem: if the serial is another one, or somebody else holds the profile.
    """
    connection = transaction.connection
    row = ensure_profile(transaction, flow, profile)
    if fencing is None and row.lease_holder is not None:
        raise fencing_needed()
    if fencing is not None and fencing != row.fencing:
        raise stale_fencing(fencing, row.fencing)
    if row.serial != (expected or 0):
        raise Problem(
            "states-changed",
            f"The stored states have serial {row.serial}, not {expected or 0}. Nothing was stored. Read them again, "
            "and write with their ETag.",
            serial=row.serial,
        )
    connection.execute(delete(item_states).where(item_states.c.profile_key == row.key))
    _write_items(connection, row.key, row.serial + 1, items, set())
    _write_serial(connection, row.key, row.serial + 1)
    return FlowStates(flow=flow, profile=profile, serial=row.serial + 1, items=dict(items))
