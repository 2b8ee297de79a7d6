"""``irenic diff``."""

from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import WHAT, FlowFile, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd, StateSource
from irenic.model.errors import ParamsError
from irenic.model.ids import check_identifier


def diff(
    flow: FlowFile,
    what: WhatOptions,
    stop: StopOptions,
    show: ShowOptions,
    discover: Annotated[
        bool,
        typer.Option(
            "--discover/--stored",
            help="Look at the world as it is now, or only at what is stored.",
            rich_help_panel=WHAT,
        ),
    ] = True,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 5 where anything differs.", rich_help_panel=WHAT)
    ] = False,
    profiles: Annotated[
        str | None,
        typer.Option("--profiles", help="Compare two profiles.", metavar="A,B", rich_help_panel=WHAT),
    ] = None,
) -> ExitCode:
    """Show what differs between current and goal states; the world is looked at, and nothing is written.

    With --profiles it is the stored current states of two profiles that are compared.
    """
    runner = FlowRunner(flow, what, stop, show)
    source = StateSource.DISCOVER if discover else StateSource.STORED
    request = runner.request([Cmd.DIFF], source=source, diff_profiles=_two(profiles))
    return runner.run(request, differences=exit_code)


def _two(profiles: str | None) -> tuple[str, str] | None:
    if profiles is None:
        return None
    first, comma, second = profiles.partition(",")
    if not comma or not first or not second:
        raise ParamsError(f"--profiles {profiles} does not name two profiles: write --profiles dev,prod.")
    return check_identifier(first, "profile"), check_identifier(second, "profile")
