"""``irenic clean``."""

from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import WHAT, ApplyOptions, FlowFile, ShowOptions, StopOptions, WhatOptions, YesOption
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd


def clean(
    flow: FlowFile,
    what: WhatOptions,
    apply: ApplyOptions,
    stop: StopOptions,
    show: ShowOptions,
    with_dependents: Annotated[
        bool,
        typer.Option("--with-dependents", help="And whatever stands on those items.", rich_help_panel=WHAT),
    ] = False,
    yes: YesOption = False,
) -> ExitCode:
    """Take away what ensure has made, in reverse order, and what the flow no longer names.

    Afterwards each item is as if it had never been applied. What irenic did not make is left alone.
    """
    runner = FlowRunner(flow, what, stop, show)
    runner.repeated = ["--with-dependents"] if with_dependents else []
    return runner.run_asked(runner.request([Cmd.CLEAN], apply, with_dependents=with_dependents), yes=yes)
