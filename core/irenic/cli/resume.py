"""``irenic resume``."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.completion import complete_execution
from irenic.cli.exit_codes import ExitCode
from irenic.cli.flows import find_flow_file
from irenic.cli.options import WHAT, ApplyOptions, ShowOptions, StopOptions, WhatOptions
from irenic.cli.preview import preview_text
from irenic.cli.running import FlowRunner
from irenic.cli.stores import open_store
from irenic.endpoints.terminal import Ink, has_icons, is_terminal, wants_colour
from irenic.model.cmd import Cmd
from irenic.model.errors import ParamsError
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionRecord

ExecutionArgument = Annotated[
    str,
    typer.Argument(
        help="The execution's id, as its outcome and `irenic executions list` show it.",
        metavar="ID",
        autocompletion=complete_execution,
        show_default=False,
    ),
]


def resume(
    execution: ExecutionArgument,
    what: WhatOptions,
    apply: ApplyOptions,
    stop: StopOptions,
    show: ShowOptions,
    flow: Annotated[
        Path | None,
        typer.Argument(help="The flow's file, where it is not known here.", metavar="[FLOW.py]", show_default=False),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before it goes on.", rich_help_panel=WHAT)
    ] = False,
) -> ExitCode:
    """Go on with an execution that was stopped, wherever it ran.

    First it is shown what will happen to each item, and why. In a terminal you are asked whether to go on.
    """
    record, outcome = asyncio.run(_look_up(execution, what))
    if outcome is not None and outcome.kind == "complete":
        sys.stderr.write(f"irenic: {record.id} is complete: there is nothing to resume.\n")
        return ExitCode.COMPLETE
    what.profile = record.profile
    apply.dry_run = apply.dry_run or record.dry_run
    path = flow or find_flow_file(record.flow, what.store)
    runner = FlowRunner(path, what, stop, show)
    if runner.flow.id != record.flow:
        raise ParamsError(f"{path} defines the flow {runner.flow.id}, but {record.id} ran {record.flow}.")
    left = [Cmd(cmd) for cmd in outcome.cmds.not_done] if outcome is not None else []
    request = runner.request(left or record.cmds, apply, inputs=record.inputs)
    if set(request.cmds) & {Cmd.ENSURE, Cmd.CLEAN}:
        ink = Ink(wants_colour(show.color, sys.stderr))
        sys.stderr.write(f"Resume {' and '.join(request.cmds)} of {record.flow}/{record.profile}:\n")
        sys.stderr.write(preview_text(runner.preview(request), ink, icons=has_icons(sys.stderr)))
        if not yes and not _agreed():
            sys.stderr.write("irenic: nothing was started.\n")
            return ExitCode.INTERRUPTED
    return runner.run(request)


async def _look_up(execution_id: str, what: WhatOptions) -> tuple[ExecutionRecord, CmdOutcome | None]:
    store = open_store(what.store, what.token)
    try:
        record = await store.execution(execution_id.upper())
        if record is None:
            raise ParamsError(f"there is no execution {execution_id} in {what.store}: see `irenic executions list`.")
        return record, await store.outcome(record.id)
    finally:
        await store.close()


def _agreed() -> bool:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        return True
    sys.stderr.write("Go on? [Y/n] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    return bool(answer) and answer.strip().lower() in ("", "y", "yes")
