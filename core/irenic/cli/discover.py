"""``irenic discover``."""

from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import WHAT, ApplyOptions, FlowFile, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd, DiscoverScope


def discover(
    flow: FlowFile,
    what: WhatOptions,
    stop: StopOptions,
    show: ShowOptions,
    scope: Annotated[
        DiscoverScope,
        typer.Option("--scope", help="Which states to look for.", rich_help_panel=WHAT),
    ] = DiscoverScope.BOTH,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is found, and store nothing.", rich_help_panel=WHAT)
    ] = False,
) -> ExitCode:
    """Find out what every item is and should be, and store it."""
    runner = FlowRunner(flow, what, stop, show)
    return runner.run(runner.request([Cmd.DISCOVER], ApplyOptions(dry_run=dry_run), scope=scope))
