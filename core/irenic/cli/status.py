"""``irenic status``."""

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import DiscoverOption, FlowFile, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd, StateSource


def status(
    flow: FlowFile,
    what: WhatOptions,
    stop: StopOptions,
    show: ShowOptions,
    discover: DiscoverOption = False,
) -> ExitCode:
    """Show the stored current state of every item."""
    runner = FlowRunner(flow, what, stop, show)
    source = StateSource.DISCOVER if discover else StateSource.STORED
    return runner.run(runner.request([Cmd.STATUS], source=source))
