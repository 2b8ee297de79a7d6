"""``python -m irenic_server.upkeep``: named tokens, backups, and executions as JSON Lines."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from irenic.model.errors import IrenicError
from irenic_server.backup import back_up, restore
from irenic_server.database import Database
from irenic_server.schema import prepare_schema
from irenic_server.tokens import Scope, create_token, list_tokens, revoke_token
from irenic_server.transfer import export_executions, import_executions

Command = Callable[[Database, argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command, and return the exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        database = Database(options.database)
        try:
            if command not in (_back_up, _restore):
                prepare_schema(database)
            command(database, options)
        finally:
            database.close()
    except SQLAlchemyError as error:
        why = " ".join(str(getattr(error, "orig", None) or error).split())
        sys.stderr.write(f"irenic_server: the database cannot be used: {why}\n")
        return 4
    except IrenicError as error:
        sys.stderr.write(f"irenic_server: {error}\n")
        return 4
    return 0


def _create(database: Database, options: argparse.Namespace) -> None:
    token = create_token(
        database,
        options.name,
        options.scope or list(Scope),
        flows=options.flow or (),
        storage_limit=options.storage_limit,
    )
    sys.stdout.write(f"{token}\n")
    sys.stderr.write("Keep it: it is not stored, and cannot be shown again.\n")


def _list(database: Database, options: argparse.Namespace) -> None:
    del options
    for row in list_tokens(database):
        limit = "" if row.storage_limit is None else f" of {row.storage_limit}"
        flows = f"\tfor {', '.join(row.flows)}" if row.flows else ""
        sys.stdout.write(f"{row.name}\t{' '.join(row.scopes)}{flows}\t{row.created_at}\t{row.stored}{limit} bytes\n")


def _revoke(database: Database, options: argparse.Namespace) -> None:
    revoke_token(database, options.name)


def _export(database: Database, options: argparse.Namespace) -> None:
    for line in export_executions(database, execution_id=options.execution, flow=options.flow, profile=options.profile):
        sys.stdout.write(f"{line}\n")


def _import(database: Database, options: argparse.Namespace) -> None:
    del options
    done = import_executions(database, sys.stdin)
    sys.stderr.write(f"{done.executions} executions taken in, {done.known} were there; {done.events} events.\n")


def _back_up(database: Database, options: argparse.Namespace) -> None:
    size = back_up(database, options.file)
    sys.stderr.write(f"{options.file}: {size} bytes, checked.\n")


def _restore(database: Database, options: argparse.Namespace) -> None:
    restore(database, options.file)
    sys.stderr.write(f"{database.path} is as {options.file} was.\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m irenic_server.upkeep", description=__doc__)
    parser.add_argument(
        "--database",
        default=os.environ.get("IRENIC_DATABASE_URL", "irenic.sqlite3"),
        help="a path for SQLite, or postgresql://…; default: $IRENIC_DATABASE_URL, or irenic.sqlite3",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, help_text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_text)
        made.set_defaults(command=command)
        return made

    create = add("create-token", _create, "make a named token and print it")
    create.add_argument("name")
    create.add_argument("--scope", action="append", type=Scope, choices=list(Scope), help="repeatable; default: all")
    create.add_argument("--flow", action="append", metavar="FLOW[/PROFILE]", help="repeatable; default: all flows")
    create.add_argument("--storage-limit", type=int, metavar="BYTES", help="how much it may store")
    add("list-tokens", _list, "list named tokens")
    add("revoke-token", _revoke, "delete a named token").add_argument("name")
    export = add("export", _export, "write executions to standard output as JSON Lines")
    export.add_argument("--execution", metavar="ID")
    export.add_argument("--flow")
    export.add_argument("--profile")
    add("backup", _back_up, "copy an SQLite database to a file, while a server works on it").add_argument(
        "file", type=Path
    )
    add("restore", _restore, "put a backup where no database is").add_argument("file", type=Path)
    add("import", _import, "take executions in from standard input")
    return parser


if __name__ == "__main__":
    sys.exit(main())
