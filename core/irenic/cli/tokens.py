"""Named tokens of a server, each of which allows only some things."""

from collections.abc import Callable
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.server import DEFAULT_DATABASE, DatabaseOption, upkeep
from irenic.model.errors import ParamsError

SCOPES = ("read", "write", "run", "interrupt", "take_over", "metrics")

NameArgument = Annotated[str, typer.Argument(help="The token's name.", metavar="NAME", show_default=False)]


def create(
    name: NameArgument,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="What it allows, may be repeated; everything where omitted.", metavar="|".join(SCOPES)
        ),
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option(
            "--flow", help="What it is for, may be repeated; every flow where omitted.", metavar="FLOW[/PROFILE]"
        ),
    ] = None,
    storage_limit: Annotated[
        int | None, typer.Option("--storage-limit", min=0, help="How much it may store.", metavar="BYTES")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> ExitCode:
    """Make a named token and write it to standard output, this once: only its hash is stored.

    A server that runs on the database accepts it at once.
    """
    unknown = [word for word in scope or [] if word not in SCOPES]
    if unknown:
        raise ParamsError(f"{unknown[0]} is no scope: use {', '.join(SCOPES)}.")
    options = [part for word in scope or [] for part in ("--scope", word)]
    options += [part for word in flow or [] for part in ("--flow", word)]
    options += ["--storage-limit", str(storage_limit)] if storage_limit is not None else []
    return upkeep(database, "create-token", *options, "--", name)


def list_tokens(database: DatabaseOption = DEFAULT_DATABASE) -> ExitCode:
    """List named tokens: name, scopes, flows, since when, and how much each has stored."""
    return upkeep(database, "list-tokens")


def revoke(name: NameArgument, database: DatabaseOption = DEFAULT_DATABASE) -> ExitCode:
    """Delete a named token; a server that runs refuses it within two seconds."""
    return upkeep(database, "revoke-token", "--", name)


COMMANDS: dict[str, Callable[..., ExitCode]] = {"create": create, "list": list_tokens, "revoke": revoke}
