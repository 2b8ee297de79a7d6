"""Leases: who may write to a flow's profile, until when, and with which fencing number.

A lease ends by being given back, taken over, or by time. One that ran out is free for everybody; for a while, and until
another takes it, its holder may renew it: a laptop that has slept goes on. An execution without an outcome is lost when
another takes its lease, or when its holder has not come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select, update

from irenic.model.fold import ExecutionFold
from irenic.model.interrupt import InterruptSignal
from irenic.model.record import LeaseInfo
from irenic_server.clock import as_text, now_ms
from irenic_server.journal import RUNNING
from irenic_server.leased import stale_fencing
from irenic_server.outcomes import lose
from irenic_server.problems import Problem
from irenic_server.profiles import ProfileRow, ensure_profile, find_profile, profile_by_key
from irenic_server.requests import MOST_TTL, LeaseRenew, LeaseTake
from irenic_server.tables import executions, profiles
from irenic_server.transaction import Transaction

LEASES_AT_ONCE = 20
"""Leases that one transaction ends."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What the end of leases did: how many ran out, and the kinds of outcome that executions got by it."""

    expired: int
    outcomes: list[str]


def take_lease(transaction: Transaction, flow: str, profile: str, request: LeaseTake, ttl: float) -> LeaseInfo:
    """Take the lease, or take it over where that is asked for.

    The same holder asking again for the same execution gets the same lease, so that a request may be repeated.

    :raises Problem: if another holds it.
    """
    row = ensure_profile(transaction, flow, profile)
    at = now_ms()
    if row.lease_holder is not None:
        same = row.lease_holder == request.holder and row.lease_execution == request.execution_id
        lives = (row.lease_expires_ms or 0) > at
        if same:
            return _keep(transaction, row, ttl)
        if lives and not request.take_over:
            raise _held(row)
        _free(transaction, row)
    fencing = row.fencing + 1
    expires = at + int(ttl * 1000)
    transaction.connection.execute(
        update(profiles)
        .where(profiles.c.key == row.key)
        .values(
            fencing=fencing,
            lease_holder=request.holder,
            lease_execution=request.execution_id,
            lease_expires_ms=expires,
        )
    )
    if request.execution_id is not None:
        transaction.connection.execute(
            update(executions).where(executions.c.id == request.execution_id).values(fencing=fencing)
        )
    return LeaseInfo(
        holder=request.holder, execution_id=request.execution_id, fencing=fencing, expires_at=as_text(expires)
    )


def renew_lease(transaction: Transaction, flow: str, profile: str, request: LeaseRenew, ttl: float) -> LeaseInfo:
    """Keep a lease, and hear whether its execution was asked to stop.

    One that ran out is held again, unless somebody has taken it since or its execution was ended as lost.

    :raises Problem: if it is not held any more.
    """
    row = find_profile(transaction, flow, profile)
    if row is None or row.lease_holder != request.holder or row.fencing != request.fencing:
        raise stale_fencing(request.fencing, row.fencing if row else 0)
    lease = _keep(transaction, row, ttl)
    lease.interrupt = _interrupt(transaction.connection, row.lease_execution)
    return lease


def give_back_lease(transaction: Transaction, flow: str, profile: str, fencing: int) -> str | None:
    """Give a lease back; one that is free already stays free.

    :return: the kind of outcome that its execution got by it, if it had none.
    :raises Problem: if somebody else holds the lease by now.
    """
    row = find_profile(transaction, flow, profile)
    if row is None or (row.lease_holder is not None and row.fencing != fencing) or row.fencing < fencing:
        raise stale_fencing(fencing, row.fencing if row else 0)
    return _free(transaction, row)


def end_expired_leases(transaction: Transaction, begun: Mapping[str, ExecutionFold], grace_ms: int) -> Ended:
    """End some of the leases that ran out, and whose holders have not come back for ``grace_ms`` since.

    :param begun: what was folded before of the journals of their executions, by execution.
    """
    at = now_ms() - grace_ms
    keys = transaction.connection.execute(
        select(profiles.c.key)
        .where(profiles.c.lease_holder.is_not(None), profiles.c.lease_expires_ms <= at)
        .order_by(profiles.c.key)
        .limit(LEASES_AT_ONCE)
    ).scalars()
    expired = 0
    outcomes: list[str] = []
    for key in keys.all():
        row = profile_by_key(transaction, key)
        # Another server may have ended or renewed it since it was listed.
        if row.lease_holder is None or (row.lease_expires_ms or 0) > at:
            continue
        expired += 1
        kind = _free(transaction, row, begun)
        if kind is not None:
            outcomes.append(kind)
    return Ended(expired, outcomes)


def end_silent_executions(transaction: Transaction, *, leased_ms: int, unleased_ms: int) -> list[str]:
    """End executions that no lease speaks for and that have been silent for long.

    :param leased_ms: the silence allowed to one that once had a lease.
    :param unleased_ms: the silence allowed to one that never had any.
    :return: the kinds of the outcomes they got.
    """
    at = now_ms()
    ids = transaction.connection.execute(
        select(executions.c.id)
        .join(profiles, profiles.c.key == executions.c.profile_key)
        .where(
            executions.c.status == RUNNING,
            or_(profiles.c.lease_execution.is_(None), profiles.c.lease_execution != executions.c.id),
            or_(
                executions.c.active_ms <= at - unleased_ms,
                and_(executions.c.fencing.is_not(None), executions.c.active_ms <= at - leased_ms),
            ),
        )
        .order_by(executions.c.key)
    ).scalars()
    return [kind for kind in (lose(transaction, execution_id) for execution_id in ids.all()) if kind is not None]


def extend_leases(transaction: Transaction, ttl: float) -> None:
    """Give every lease some time from now, because nobody could renew one while the server was down or asleep.

    One that ends later than any lease may was given by a clock that has been set back since.
    """
    at = now_ms()
    least, most = at + int(ttl * 1000), at + int(max(ttl, MOST_TTL) * 1000)
    wrong = or_(profiles.c.lease_expires_ms < least, profiles.c.lease_expires_ms > most)
    transaction.connection.execute(
        update(profiles).where(profiles.c.lease_holder.is_not(None), wrong).values(lease_expires_ms=least)
    )


def expired_leases(connection: Connection, grace_ms: int) -> list[tuple[str | None, int | None]]:
    """Return the id and the key of the execution of each of the leases that are ended next, where it has one."""
    query = (
        select(profiles.c.lease_execution, executions.c.key)
        .join(executions, executions.c.id == profiles.c.lease_execution, isouter=True)
        .where(profiles.c.lease_holder.is_not(None), profiles.c.lease_expires_ms <= now_ms() - grace_ms)
        .order_by(profiles.c.key)
        .limit(LEASES_AT_ONCE)
    )
    return [(row.lease_execution, row.key) for row in connection.execute(query)]


def _keep(transaction: Transaction, row: ProfileRow, ttl: float) -> LeaseInfo:
    expires = now_ms() + int(ttl * 1000)
    transaction.connection.execute(update(profiles).where(profiles.c.key == row.key).values(lease_expires_ms=expires))
    assert row.lease_holder is not None
    return LeaseInfo(
        holder=row.lease_holder,
        execution_id=row.lease_execution,
        fencing=row.fencing,
        expires_at=as_text(expires),
    )


def _free(transaction: Transaction, row: ProfileRow, begun: Mapping[str, ExecutionFold] = {}) -> str | None:
    transaction.connection.execute(
        update(profiles)
        .where(profiles.c.key == row.key)
        .values(lease_holder=None, lease_execution=None, lease_expires_ms=None)
    )
    if row.lease_execution is None:
        return None
    return lose(transaction, row.lease_execution, begun.get(row.lease_execution))


def _interrupt(connection: Connection, execution_id: str | None) -> InterruptSignal | None:
    if execution_id is None:
        return None
    signal = connection.execute(
        select(executions.c.interrupt).where(executions.c.id == execution_id, executions.c.status == RUNNING)
    ).scalar_one_or_none()
    return None if signal is None else InterruptSignal.model_validate_json(signal)


def _held(row: ProfileRow) -> Problem:
    expires = as_text(row.lease_expires_ms or 0)
    on_behalf = f" for execution {row.lease_execution}" if row.lease_execution else ""
    return Problem(
        "held",
        f"{row.lease_holder} holds {row.flow}/{row.profile}{on_behalf} until {expires} or longer. Nothing was changed. "
        "Wait for it to end, interrupt it, or take over.",
        holder=row.lease_holder,
        execution_id=row.lease_execution,
        expires_at=expires,
    )
