"""The commands put together, and what happens to errors."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

import irenic
from irenic.cli import (
    clean,
    diff,
    discover,
    ensure,
    executions,
    export,
    goal,
    new,
    preview,
    resume,
    serve,
    server_files,
    state,
    status,
    tokens,
)
from irenic.cli.exit_codes import ExitCode
from irenic.cli.signatures import GroupedCommand, spread
from irenic.model.errors import FlowError, InvalidIdError, IrenicError, ParamsError, os_error_text
from irenic.model.text import visible

COMMANDS: dict[str, Callable[..., ExitCode]] = {
    "discover": discover.discover,
    "status": status.status,
    "goal": goal.goal,
    "diff": diff.diff,
    "ensure": ensure.ensure,
    "clean": clean.clean,
    "preview": preview.preview,
    "resume": resume.resume,
    "new": new.new,
    "serve": serve.serve,
    "export": export.export,
}

GROUPS: dict[str, ModuleType] = {
    "executions": executions,
    "state": state,
    "tokens": tokens,
    "server": server_files,
}
"""Commands that are words after another word."""

TRACEBACK_VARIABLE = "IRENIC_TRACEBACK"

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def make_app() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(
        name="irenic",
        help="Automation that can be stopped at any moment and picked up again.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
    app.callback()(_root)
    for name, function in COMMANDS.items():
        _add(app, name, function)
    for group_name, module in GROUPS.items():
        group = typer.Typer(name=group_name, help=module.__doc__, no_args_is_help=True, rich_markup_mode=None)
        for name, function in module.COMMANDS.items():
            _add(group, name, function)
        app.add_typer(group, context_settings=CONTEXT)
    return app


def _add(app: typer.Typer, name: str, function: Callable[..., ExitCode]) -> None:
    app.command(name, cls=GroupedCommand, context_settings=CONTEXT)(spread(function))


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"irenic {irenic.__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    del version


def run(arguments: list[str] | None = None) -> int:
    """Run the command that was typed, or the one given, and return its exit code."""
    try:
        make_app()(args=arguments, prog_name="irenic")
    except (FlowError, ParamsError, InvalidIdError) as error:
        return _tell(error, ExitCode.USAGE)
    except IrenicError as error:
        return _tell(error, ExitCode.FAILED)
    except SystemExit as end:
        return int(end.code or 0)
    except BrokenPipeError:  # whoever read standard output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.FAILED
    except OSError as error:
        return _tell(IrenicError(f"{os_error_text(error)}. What was acknowledged is kept."), ExitCode.FAILED)
    except Exception as error:
        return _tell(_own_error(error), ExitCode.FAILED)
    return ExitCode.COMPLETE


def _own_error(error: Exception) -> IrenicError:
    """Return what is said about an error that nobody foresaw; its frames are shown where they are asked for."""
    what = "".join(traceback.format_exception_only(error)).strip()
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return IrenicError("this is an error in irenic itself; what was acknowledged is kept.")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
    return IrenicError(
        f"this is an error in irenic itself: {what} ({place}). What was acknowledged is kept. "
        f"Set {TRACEBACK_VARIABLE}=1 to see all frames."
    )


def _tell(error: IrenicError, code: ExitCode) -> ExitCode:
    sys.stderr.write(f"irenic: {visible(str(error))}\n")
    return code
