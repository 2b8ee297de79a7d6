"""``irenic clean``."""

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import ApplyOptions, FlowFile, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd


def clean(
    flow: FlowFile,
    what: WhatOptions,
    apply: ApplyOptions,
    stop: StopOptions,
    show: ShowOptions,
) -> ExitCode:
    """Take away what ensure has made, in reverse order.

    Afterwards each item is as if it had never been applied.
    """
    runner = FlowRunner(flow, what, stop, show)
    return runner.run(runner.request([Cmd.CLEAN], apply))
