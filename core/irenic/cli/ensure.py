"""``irenic ensure``."""

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import ApplyOptions, DayTwoOptions, FlowFile, ShowOptions, StopOptions, WhatOptions, YesOption
from irenic.cli.plans import read_plan
from irenic.cli.running import FlowRunner
from irenic.model.cmd import Cmd, OnDrift
from irenic.model.errors import ParamsError


def ensure(
    flow: FlowFile,
    what: WhatOptions,
    apply: ApplyOptions,
    changes: DayTwoOptions,
    stop: StopOptions,
    show: ShowOptions,
    yes: YesOption = False,
) -> ExitCode:
    """Bring every item to its goal.

    Items run side by side, each as soon as those it depends on are done. What is at its goal already is left alone, so
    that the same command again picks up where the last one was stopped.

    In a terminal you are asked first where the world was changed outside irenic, or where something is left over.
    """
    runner = FlowRunner(flow, what, stop, show)
    plan = None if changes.plan is None else read_plan(changes.plan, runner.flow, what.profile)
    if plan is not None and changes.prune and not plan.prune:
        raise ParamsError(
            f"--plan {changes.plan} was saved without --prune: leave --prune out, or save it again with "
            f"`irenic preview FLOW.py --prune --save {changes.plan}`."
        )
    items = plan.chosen if plan is not None and not what.item else None
    prune = changes.prune or (plan is not None and plan.prune)
    request = runner.request([Cmd.ENSURE], apply, items, on_drift=changes.on_drift, prune=prune, plan=plan)
    if changes.plan is not None:
        runner.plan_file = changes.plan
    runner.repeated = ["--prune"] if prune else []
    if changes.on_drift is not OnDrift.ASK:
        runner.repeated += ["--on-drift", changes.on_drift]
    return runner.run_asked(request, yes=yes)
