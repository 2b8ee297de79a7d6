"""See the executions of a store, and stop one, wherever it runs."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from irenic.cli.completion import complete_execution
from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import ColorOption, FormatOption, StoreOptions
from irenic.cli.resume import ExecutionArgument
from irenic.cli.server import DEFAULT_DATABASE, DatabaseOption, upkeep
from irenic.cli.stores import is_address, open_store
from irenic.endpoints.formats import Format, format_data, format_outcome
from irenic.endpoints.outcome_text import TextLook
from irenic.endpoints.terminal import Choice, Ink, has_icons, wants_colour
from irenic.endpoints.wording import count_of
from irenic.engine.execution_map import user_and_host
from irenic.engine.store import Store
from irenic.flow.params import explain
from irenic.model.errors import ParamsError
from irenic.model.events import journal_event
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.record import RUNNING, ExecutionRecord
from irenic.model.text import visible, with_texts

FOLLOW_EVERY = 0.5
"""Seconds between two looks at a journal that somebody else writes."""

EXPORT_PAGE = 500
"""Executions that are asked for at once."""


def list_executions(
    store: StoreOptions,
    flow: Annotated[str | None, typer.Option("--flow", help="Only of this flow.", metavar="ID")] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only of this profile.", metavar="NAME")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only these: running, complete, block_interrupted, …", metavar="STATUS"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.", metavar="N")] = 20,
    format: FormatOption = Format.TEXT,
) -> ExitCode:
    """List executions, newest first."""

    async def listed(opened: Store) -> None:
        page = await opened.executions(flow=flow, profile=profile, status=status, limit=limit)
        if format is Format.TEXT:
            sys.stdout.write(_table(page.items))
        else:
            sys.stdout.write(format_data([record.model_dump(mode="json") for record in page.items], format))

    return _with_store(store, listed)


def show(
    execution: ExecutionArgument,
    store: StoreOptions,
    format: FormatOption = Format.TEXT,
    color: ColorOption = Choice.AUTO,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show errors with all their frames.")] = False,
) -> ExitCode:
    """Show an execution's outcome, or how far it has come where it has none yet."""

    async def shown(opened: Store) -> None:
        record = await _record(opened, execution, store)
        outcome = await opened.outcome(record.id)
        if outcome is not None:
            look = TextLook(Ink(wants_colour(color, sys.stdout)), has_icons(sys.stdout), traceback)
            sys.stdout.write(format_outcome(outcome, format, look=look))
        elif format is Format.TEXT:
            sys.stdout.write(_table([record]))
        else:
            sys.stdout.write(format_data(record, format))

    return _with_store(store, shown)


def events(
    execution: ExecutionArgument,
    store: StoreOptions,
    after: Annotated[int, typer.Option("--after", help="Only events with a higher seq.", metavar="SEQ")] = -1,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more until the execution has ended.")] = False,
) -> ExitCode:
    """Write an execution's journal to standard output, one JSON object a line."""

    async def written(opened: Store) -> None:
        record = await _record(opened, execution, store)
        seq = after
        while True:
            batch = await opened.events(record.id, after=seq)
            for event in batch:
                sys.stdout.write(journal_event.dump_json(event).decode() + "\n")
                seq = event.seq
            sys.stdout.flush()
            if not batch and (not follow or await opened.outcome(record.id) is not None):
                return
            if not batch:
                await asyncio.sleep(FOLLOW_EVERY)

    return _with_store(store, written)


def export(
    store: StoreOptions,
    execution: Annotated[
        list[str] | None,
        typer.Argument(
            help="Which; all where none is named.",
            metavar="[ID]...",
            autocompletion=complete_execution,
            show_default=False,
        ),
    ] = None,
    flow: Annotated[str | None, typer.Option("--flow", help="Only of this flow.", metavar="ID")] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only of this profile.", metavar="NAME")
    ] = None,
) -> ExitCode:
    """Write executions with their journals and outcomes to standard output as JSON Lines, oldest first.

    `irenic executions import` takes them into a folder or a server's database.
    """

    async def written(opened: Store) -> None:
        if execution:
            records = [await _record(opened, id, store) for id in execution]
        else:
            records = await _all_records(opened, flow, profile)
        for record in records:
            await _export(opened, record)

    return _with_store(store, written)


def interrupt(
    execution: ExecutionArgument,
    store: StoreOptions,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            help="How hard; where it is left out, one level more than was asked for before.",
            metavar="finish|cancel|abandon",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the outcome.", metavar="TEXT")] = None,
) -> ExitCode:
    """Ask an execution to stop, wherever it runs: in another terminal, on the server or in somebody's tab."""
    try:
        signal = InterruptSignal.model_validate({"source": user_and_host()[:64], "reason": reason, "level": level})
    except ValidationError as error:
        raise ParamsError(explain(error, "this is no interrupt")) from error

    async def asked(opened: Store) -> None:
        record = await _record(opened, execution, store)
        reply = await opened.interrupt(record.id, signal)
        sys.stdout.write(f"{reply.text}\n")
        if reply is InterruptReply.NOTHING_TO_INTERRUPT:
            sys.stderr.write(f"irenic: {record.id} has ended: see `irenic executions show {record.id}`.\n")

    return _with_store(store, asked)


def import_executions(
    store: Annotated[
        str | None,
        typer.Option(
            "--store", help="The folder of a store, instead of a database.", metavar="PATH", show_default=False
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> ExitCode:
    """Take executions into a folder or a server's database, from standard input, as export writes them.

    Those that are there already stay as they are.
    """
    if store is None:
        return upkeep(database, "import")
    if is_address(store):
        raise ParamsError(f"executions are taken into a server by its database: --database, not --store {store}.")
    from irenic.stores.file_import import import_executions as import_into

    imported = import_into(Path(store), sys.stdin)
    known = f"; {imported.known} were there already" if imported.known else ""
    sys.stdout.write(f"{count_of(imported.executions, 'execution')} with {imported.events} events taken in{known}.\n")
    return ExitCode.COMPLETE


COMMANDS: dict[str, Callable[..., ExitCode]] = {
    "list": list_executions,
    "show": show,
    "events": events,
    "export": export,
    "import": import_executions,
    "interrupt": interrupt,
}


def _with_store(options: StoreOptions, use: Callable[[Store], Awaitable[None]]) -> ExitCode:
    async def used() -> None:
        opened = open_store(options.store, options.token)
        try:
            await use(opened)
        finally:
            await opened.close()

    asyncio.run(used())
    return ExitCode.COMPLETE


async def _record(opened: Store, execution_id: str, options: StoreOptions) -> ExecutionRecord:
    record = await opened.execution(execution_id.upper())
    if record is None:
        raise ParamsError(f"there is no execution {execution_id} in {options.store}: see `irenic executions list`.")
    return record


async def _all_records(opened: Store, flow: str | None, profile: str | None) -> list[ExecutionRecord]:
    """Return executions, oldest first."""
    records: list[ExecutionRecord] = []
    cursor: str | None = None
    while True:
        page = await opened.executions(flow=flow, profile=profile, limit=EXPORT_PAGE, cursor=cursor)
        records += page.items
        cursor = page.next_cursor
        if cursor is None:
            return records[::-1]


async def _export(opened: Store, record: ExecutionRecord) -> None:
    """Write lines as ``irenic_server.transfer`` reads them."""
    sys.stdout.write(f'{{"execution":{record.model_dump_json(exclude_none=True)}}}\n')
    after = -1
    while batch := await opened.events(record.id, after=after):
        for event in batch:
            sys.stdout.write(f'{{"event":{journal_event.dump_json(event).decode()}}}\n')
        after = batch[-1].seq
    outcome = await opened.outcome(record.id)
    if outcome is not None:
        sys.stdout.write(f'{{"outcome":{outcome.model_dump_json()}}}\n')


def _table(records: list[ExecutionRecord]) -> str:
    rows: list[list[Any]] = [
        [
            record.id,
            record.status,
            f"{record.flow}/{record.profile}",
            " ".join(record.cmds) + (" (dry run)" if record.dry_run else ""),
            (record.started_at or record.created_at or "").replace("T", " ")[:19],
            record.holder if record.status == RUNNING else "",
        ]
        for record in records
    ]
    rows = with_texts(rows, visible)
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)
