"""Backups of a server's database."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.server import DEFAULT_DATABASE, DatabaseOption, upkeep

BackupArgument = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE", show_default=False)]


def backup(file: BackupArgument, database: DatabaseOption = DEFAULT_DATABASE) -> ExitCode:
    """Copy the whole database to a new file and check the copy: journals, states, inputs, tokens.

    A server that works on it goes on meanwhile. For SQLite; PostgreSQL has pg_dump.
    """
    return upkeep(database, "backup", "--", str(file))


def restore(file: BackupArgument, database: DatabaseOption = DEFAULT_DATABASE) -> ExitCode:
    """Put a backup where no database is, to start a server on it.

    Stop the server and move its old database away first; both are checked.
    """
    return upkeep(database, "restore", "--", str(file))


COMMANDS: dict[str, Callable[..., ExitCode]] = {"backup": backup, "restore": restore}
