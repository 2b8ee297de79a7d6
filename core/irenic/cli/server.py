"""The server, where it is installed: found by its entry points, since the core runs without it."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.model.errors import IrenicError

DEFAULT_DATABASE = ".irenic/server.db"

SERVER = "irenic.server"
"""The group of entry points of an installed server: ``main`` serves, ``upkeep`` looks after the database."""

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database", help="A path for SQLite, or postgresql://…", metavar="PATH|URL", envvar="IRENIC_DATABASE_URL"
    ),
]

Program = Callable[[list[str]], int]


def server_program(name: str) -> Program:
    """Return one of the server's programs, which takes arguments and returns an exit code.

    :raises IrenicError: if no server is installed.
    """
    found = entry_points(group=SERVER, name=name)
    if not found:
        raise IrenicError("this needs the server: install it with `pip install irenic-server`.")
    program: Program = next(iter(found)).load()
    return program


def make_place_for(database: str) -> None:
    """Make the folder of a database that is a file."""
    if "://" not in database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)


def upkeep(database: str, *arguments: str) -> ExitCode:
    """Do something to a server's database, whether or not the server runs.

    :raises IrenicError: if no server is installed.
    """
    program = server_program("upkeep")
    make_place_for(database)
    return ExitCode(program(["--database", database, *arguments]))
