"""``irenic ensure``."""

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import ApplyOptions, FlowFile, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd


def ensure(
    flow: FlowFile,
    what: WhatOptions,
    apply: ApplyOptions,
    stop: StopOptions,
    show: ShowOptions,
) -> ExitCode:
    """Bring every item to its goal.

    Items run side by side, each as soon as those it depends on are done. What is at its goal already is left alone, so
    that the same command again picks up where the last one was stopped.
    """
    runner = FlowRunner(flow, what, stop, show)
    return runner.run(runner.request([Cmd.ENSURE], apply))
