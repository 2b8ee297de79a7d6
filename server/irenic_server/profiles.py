"""The row of a flow's profile, made when it is first needed, and locked until the transaction ends."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from irenic_server.strict_json import readable
from irenic_server.tables import profiles
from irenic_server.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """What is stored of a profile."""

    key: int
    flow: str
    profile: str
    serial: int
    fencing: int
    lease_holder: str | None
    lease_execution: str | None
    lease_expires_ms: int | None


_select = select(
    profiles.c.key,
    profiles.c.flow,
    profiles.c.profile,
    profiles.c.serial,
    profiles.c.fencing,
    profiles.c.lease_holder,
    profiles.c.lease_execution,
    profiles.c.lease_expires_ms,
).with_for_update()


def find_profile(transaction: Transaction, flow: str, profile: str) -> ProfileRow | None:
    """Return the row of a profile, or None if there is none."""
    query = _select.where(profiles.c.flow == flow, profiles.c.profile == profile)
    row = transaction.connection.execute(query).one_or_none()
    return None if row is None else ProfileRow(*row)


def ensure_profile(transaction: Transaction, flow: str, profile: str) -> ProfileRow:
    """Return the row of a profile, and make it if there is none."""
    row = find_profile(transaction, flow, profile)
    if row is not None:
        return row
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(insert(profiles).values(flow=flow, profile=profile, serial=0, fencing=0))
    except IntegrityError:
        # Another server made it in this moment; its row is as good.
        pass
    made = find_profile(transaction, flow, profile)
    assert made is not None
    return made


def profile_by_key(transaction: Transaction, key: int) -> ProfileRow:
    """Return the row with a known key."""
    return ProfileRow(*transaction.connection.execute(_select.where(profiles.c.key == key)).one())


def list_profiles(connection: Connection, flow: str) -> list[str]:
    """Return the names of a flow's profiles, sorted."""
    query = select(profiles.c.profile).where(profiles.c.flow == flow)
    return sorted(connection.execute(query).scalars())


def read_inputs(connection: Connection, flow: str, profile: str) -> str:
    """Return the stored inputs of a profile as JSON text; an empty object where there are none."""
    query = select(profiles.c.inputs).where(profiles.c.flow == flow, profiles.c.profile == profile)
    return readable(connection.execute(query).scalar_one_or_none() or "{}")


def replace_inputs(transaction: Transaction, flow: str, profile: str, inputs: str) -> None:
    """Replace the stored inputs of a profile, given as JSON text."""
    row = ensure_profile(transaction, flow, profile)
    transaction.connection.execute(update(profiles).where(profiles.c.key == row.key).values(inputs=inputs))
