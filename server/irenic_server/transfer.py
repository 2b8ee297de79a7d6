"""Executions as JSON Lines, to be kept elsewhere or taken into another database.

A line is one of ``{"execution": …}``, ``{"event": …}``, ``{"outcome": …}``; an execution's lines come in that order.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pydantic_core import to_json
from sqlalchemy import Connection, select

from irenic.model.errors import StoreError
from irenic.stores.file_import import Imported
from irenic_server.database import Database
from irenic_server.envelopes import Envelope, read_envelopes
from irenic_server.executions import create_execution, read_execution
from irenic_server.journal import Append, append_group, read_events
from irenic_server.outcomes import check_outcome, outcome_text, store_outcome
from irenic_server.problems import Problem
from irenic_server.profiles import find_profile
from irenic_server.requests import ExecutionCreate
from irenic_server.schema import prepare_schema
from irenic_server.strict_json import read_json
from irenic_server.tables import execution_details, executions, profiles
from irenic_server.transaction import Transaction

T = TypeVar("T")

PAGE = 1_000


class TransferError(StoreError):
    """Lines that cannot be taken in; what came before the line that is named was taken in."""


def export_executions(
    database: Database, *, execution_id: str | None = None, flow: str | None = None, profile: str | None = None
) -> Iterator[str]:
    """Yield the lines of executions, oldest first: of one, of a flow, of a profile, or of all.

    :raises Problem: if the execution is not known.
    """
    prepare_schema(database)
    if execution_id is not None:
        database.read_now(read_execution, execution_id)
    for key, found_id in database.read_now(_chosen, execution_id, flow, profile):
        execution = database.read_now(read_execution, found_id)
        yield f'{{"execution":{execution.body}}}'
        after = -1
        while page := database.read_now(read_events, key, after, PAGE):
            after = page[-1][0]
            for _, body in page:
                yield f'{{"event":{body}}}'
        outcome = database.read_now(_outcome, key)
        if outcome is not None:
            yield f'{{"outcome":{outcome}}}'


def _chosen(
    connection: Connection, execution_id: str | None, flow: str | None, profile: str | None
) -> list[tuple[int, str]]:
    query = select(executions.c.key, executions.c.id).join(profiles, profiles.c.key == executions.c.profile_key)
    wanted = ((executions.c.id, execution_id), (profiles.c.flow, flow), (profiles.c.profile, profile))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    return [(row.key, row.id) for row in connection.execute(query.order_by(executions.c.key))]


def _outcome(connection: Connection, key: int) -> str | None:
    query = select(execution_details.c.outcome).where(execution_details.c.execution_key == key)
    outcome: str | None = connection.execute(query).scalar_one()
    return outcome


def import_executions(database: Database, lines: Iterable[str]) -> Imported:
    """Take lines in; what is there already stays as it is, so that an import may be repeated.

    Stored states are derived for profiles that have none yet; where there are some they are newer, and stay.

    :raises TransferError: if a line cannot be taken in.
    """
    prepare_schema(database)
    reader = _Importer(database)
    try:
        for line in lines:
            reader.take(line)
        reader.flush()
    except (Problem, ValueError) as error:
        raise TransferError(
            f"Line {reader.line} cannot be taken in: {error} Everything of executions before is stored; correct it and "
            "import the whole again."
        ) from error
    return reader.imported


class _Importer:
    """Takes lines one by one, and writes an execution's events in batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._execution_id = ""
        self._keep_states = False
        self._with_states: dict[tuple[str, str], bool] = {}
        self._envelopes: list[Envelope] = []
        self.line = 0
        self.imported = Imported()

    def take(self, line: str) -> None:
        """Take one line; empty ones are skipped."""
        self.line += 1
        if not line.strip():
            return
        value = read_json(line)
        match value:
            case {"execution": dict(record)}:
                self.flush()
                self._begin(record)
            case {"event": dict(event)}:
                self._take_event(to_json([event]))
            case {"outcome": dict(outcome)}:
                self.flush()
                checked = check_outcome(outcome, self._execution_id)
                self._write(
                    lambda transaction: store_outcome(transaction, self._execution_id, checked, outcome_text(outcome))
                )
            case _:
                raise ValueError("it holds none of execution, event and outcome.")

    def _begin(self, record: dict[str, object]) -> None:
        self._execution_id = str(record.get("id"))
        request = ExecutionCreate.model_validate(record)
        profile = (request.flow, request.profile)
        if profile not in self._with_states:
            self._with_states[profile] = self._write(lambda transaction: _has_states(transaction, *profile))
        self._keep_states = self._with_states[profile]
        made, _ = self._write(lambda transaction: create_execution(transaction, self._execution_id, request))
        self.imported.executions += made
        self.imported.known += not made

    def _take_event(self, raw: bytes) -> None:
        envelope = read_envelopes(raw, self._execution_id, max_events=1)[0]
        if self._keep_states:
            envelope.state_event = None
        self._envelopes.append(envelope)
        if len(self._envelopes) >= PAGE:
            self.flush()

    def flush(self) -> None:
        """Write the events that wait."""
        if not self._envelopes:
            return
        append = Append(self._execution_id, self._envelopes)
        result = self._write(lambda transaction: append_group(transaction, [append]))[0]
        if isinstance(result, Problem):
            raise result
        self.imported.events += len(self._envelopes)
        self._envelopes = []

    def _write(self, run: Callable[[Transaction], T]) -> T:
        with self._database.writer.begin() as connection:
            return run(Transaction(connection, self._database.is_sqlite))


def _has_states(transaction: Transaction, flow: str, profile: str) -> bool:
    row = find_profile(transaction, flow, profile)
    return row is not None and row.serial > 0
