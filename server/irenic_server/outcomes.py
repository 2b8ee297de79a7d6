"""Outcomes: stored once, and derived from the journal where whoever ran an execution is gone."""

from copy import deepcopy
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, insert, select, update

from irenic.model.events import ExecutionEnded, InterruptRequested, JournalEvent
from irenic.model.fold import ExecutionFold
from irenic.model.interrupt import InterruptSignal
from irenic.model.outcome import CmdOutcome, DoneList, Lost, Outcome, cmd_outcome
from irenic_server.clock import as_text, now_ms
from irenic_server.envelopes import same_json
from irenic_server.folding import read_fold
from irenic_server.journal import RUNNING, unknown_execution
from irenic_server.notices import EventsAppended, ExecutionChanged
from irenic_server.problems import Problem
from irenic_server.revisions import next_revision
from irenic_server.strict_json import readable
from irenic_server.tables import events, execution_details, executions, profiles
from irenic_server.times import is_time
from irenic_server.transaction import Transaction


def check_outcome(value: Any, execution_id: str) -> Outcome:
    """Return an outcome that was sent.

    :raises Problem: if it is none, or is another execution's.
    """
    try:
        outcome = cmd_outcome.validate_python(value)
    except ValidationError as error:
        raise Problem(
            "invalid-request",
            "The outcome is not valid. Nothing was stored.",
            errors=[
                {"pointer": "/" + "/".join(str(part) for part in entry["loc"][1:]), "detail": entry["msg"]}
                for entry in error.errors(include_url=False, include_context=False, include_input=False)[:20]
            ],
        ) from None
    if outcome.execution_id != execution_id:
        raise Problem(
            "invalid-request",
            f"The outcome is that of {outcome.execution_id[:64]!r} and the address names {execution_id}. Nothing was "
            "stored.",
        )
    for name in ("started_at", "ended_at"):
        if not is_time(getattr(outcome, name)):
            raise Problem("invalid-request", f"/{name} is no time that there is. Nothing was stored.")
    return outcome


def store_outcome(transaction: Transaction, execution_id: str, outcome: Outcome, body: str) -> bool:
    """Store an outcome, once.

    :return: whether it is new; False where the same one is stored already.
    :raises Problem: if another one is.
    """
    row = transaction.connection.execute(
        select(executions.c.key, execution_details.c.outcome)
        .join(execution_details, execution_details.c.execution_key == executions.c.key)
        .where(executions.c.id == execution_id)
        .with_for_update(of=executions)
    ).one_or_none()
    if row is None:
        raise unknown_execution(execution_id)
    if row.outcome is None:
        _end(transaction, row.key, execution_id, outcome, body)
        return True
    if same_json(row.outcome, body):
        return False
    kind = from_json(row.outcome)["kind"]
    raise Problem(
        "conflicting-outcome",
        f"The execution ended as {kind} already, and its outcome is not replaced. Read it at "
        f"/api/v1/executions/{execution_id}/outcome.",
        outcome=kind,
    )


def lose(transaction: Transaction, execution_id: str, begun: ExecutionFold | None = None) -> str | None:
    """End an execution whose runner is gone, if it has no outcome yet.

    :param begun: the picture of the beginning of its journal, where that was folded before.
    :return: the kind of its outcome: what the journal's last event says, or ``lost``; None if nothing was done.
    """
    row = transaction.connection.execute(
        select(
            executions.c.key,
            executions.c.id,
            executions.c.cmds,
            executions.c.dry_run,
            executions.c.started_at,
            executions.c.created_ms,
            executions.c.interrupt,
            profiles.c.flow,
            profiles.c.profile,
        )
        .join(profiles, profiles.c.key == executions.c.profile_key)
        .where(executions.c.id == execution_id, executions.c.status == RUNNING)
        .with_for_update(of=executions)
    ).one_or_none()
    if row is None:
        return None
    # A copy, because the transaction may be carried out twice.
    fold = read_fold(transaction.connection, row.key, deepcopy(begun))
    if fold.ended is not None:
        outcome: Outcome = fold.ended
    elif fold.started is not None:
        _append_unheard_interrupt(transaction, row.key, execution_id, fold, row.interrupt)
        outcome = fold.lost(as_text(now_ms()))
        _append_end(transaction, row.key, execution_id, fold.next_seq, outcome)
    else:
        outcome = _lost_before_start(row)
    return _end(transaction, row.key, execution_id, outcome, outcome.model_dump_json())


def _append_unheard_interrupt(
    transaction: Transaction, key: int, execution_id: str, fold: ExecutionFold, stored: str | None
) -> None:
    """Write down the last request to stop, where its writer was ended before it could: an abandoned worker, say."""
    if stored is None:
        return
    signal = InterruptSignal.model_validate_json(stored)
    heard = None if fold.interrupt is None else fold.interrupt.level
    if heard is not None and (signal.level is None or signal.level <= heard):
        return
    event = InterruptRequested(execution_id=execution_id, seq=fold.next_seq, at=as_text(now_ms()), signal=signal)
    fold.apply(event)
    _append(transaction, key, event)


def _append_end(transaction: Transaction, key: int, execution_id: str, seq: int, outcome: Outcome) -> None:
    """Close the journal with the event that its writer did not come to write."""
    ended = cast(CmdOutcome, outcome)
    _append(transaction, key, ExecutionEnded(execution_id=execution_id, seq=seq, at=outcome.ended_at, outcome=ended))


def _append(transaction: Transaction, key: int, event: JournalEvent) -> None:
    body = event.model_dump_json()
    connection = transaction.connection
    connection.execute(insert(events).values(execution_key=key, seq=event.seq, body=body))
    connection.execute(update(executions).where(executions.c.key == key).values(next_seq=event.seq + 1))
    transaction.notices.append(EventsAppended(event.execution_id, event.seq, (body,)))


def _lost_before_start(row: Row[*tuple[Any, ...]]) -> Outcome:
    return Lost(
        execution_id=row.id,
        flow=row.flow,
        profile=row.profile,
        dry_run=row.dry_run,
        message="Whoever ran this execution went away before it began.",
        cmds=DoneList(not_done=from_json(row.cmds)),
        started_at=row.started_at or as_text(row.created_ms),
        ended_at=as_text(now_ms()),
    )


def _end(transaction: Transaction, key: int, execution_id: str, outcome: Outcome, body: str) -> str:
    kind = str(from_json(body)["kind"])
    connection = transaction.connection
    connection.execute(update(execution_details).where(execution_details.c.execution_key == key).values(outcome=body))
    connection.execute(
        update(executions)
        .where(executions.c.key == key)
        .values(status=kind, ended_at=outcome.ended_at, ended_ms=now_ms(), revision=next_revision(transaction))
    )
    transaction.notices.append(ExecutionChanged(execution_id))
    return kind


def outcome_text(value: Any) -> str:
    """Return an outcome as the JSON text that is kept."""
    return to_json(value).decode()


def read_outcome(connection: Connection, execution_id: str) -> str:
    """Return the outcome as JSON text.

    :raises Problem: if there is no such execution, or it has no outcome yet.
    """
    row = connection.execute(
        select(execution_details.c.outcome)
        .join(executions, executions.c.key == execution_details.c.execution_key)
        .where(executions.c.id == execution_id)
    ).one_or_none()
    if row is None:
        raise unknown_execution(execution_id)
    if row.outcome is None:
        raise Problem("no-outcome", "The execution is still running. Ask again, or follow its stream.")
    return readable(row.outcome)
