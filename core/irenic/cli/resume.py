"""``irenic resume``."""

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.completion import complete_execution
from irenic.cli.exit_codes import ExitCode
from irenic.cli.flows import find_flow_file
from irenic.cli.options import (
    DEFAULT_STORE,
    WHAT,
    InputOption,
    ShowOptions,
    StopOptions,
    StoreOption,
    TakeOverOption,
    TokenOption,
    WhatOptions,
    YesOption,
)
from irenic.cli.questions import agreed
from irenic.cli.running import FlowRunner
from irenic.cli.stores import open_store
from irenic.endpoints.preview_text import preview_text
from irenic.endpoints.terminal import Ink, has_icons, wants_colour
from irenic.endpoints.wording import ago, several
from irenic.engine.request import CmdExecRequest
from irenic.model.cmd import Cmd
from irenic.model.errors import ParamsError
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionRecord
from irenic.model.timestamps import seconds_between, timestamp

ExecutionArgument = Annotated[
    str,
    typer.Argument(
        help="The execution's id, as its outcome and `irenic executions list` show it.",
        metavar="ID",
        autocompletion=complete_execution,
        show_default=False,
    ),
]


@dataclass
class ResumeOptions:
    """What a resume takes besides the stored request."""

    input: InputOption = field(default_factory=list)
    store: StoreOption = DEFAULT_STORE
    token: TokenOption = ""
    take_over: TakeOverOption = False


def resume(
    execution: ExecutionArgument,
    options: ResumeOptions,
    show: ShowOptions,
    flow: Annotated[
        Path | None,
        typer.Argument(help="The flow's file, where it is not known here.", metavar="[FLOW.py]", show_default=False),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            min=0.0,
            help="Seconds after SIGTERM until running items are cancelled; after as many again they are abandoned.",
            metavar="SECONDS",
            rich_help_panel=WHAT,
        ),
    ] = 10.0,
    yes: YesOption = False,
) -> ExitCode:
    """Go on with an execution that was stopped, wherever it ran.

    It is the same request again: its commands, items, options and guards, and nothing else. First it is shown what
    will happen to each item, and why. In a terminal you are asked whether to go on.
    """
    what = WhatOptions(input=options.input, store=options.store, token=options.token)
    record, outcome = asyncio.run(_look_up(execution, what))
    if outcome is not None and outcome.kind == "complete":
        sys.stderr.write(f"irenic: {record.id} is complete: there is nothing to resume.\n")
        return ExitCode.COMPLETE
    what.profile = record.profile
    path = flow or find_flow_file(record.flow, what.store)
    runner = FlowRunner(path, what, StopOptions(grace=grace), show)
    request = runner.request_again(record, outcome, take_over=options.take_over)
    if set(request.cmds) & {Cmd.ENSURE, Cmd.CLEAN}:
        ink = Ink(wants_colour(show.color, sys.stderr))
        sys.stderr.write(f"{_headline(record, request)}:\n")
        sys.stderr.write(preview_text(runner.preview(request), ink, icons=has_icons(sys.stderr)))
        if not yes and not agreed():
            sys.stderr.write("irenic: nothing was started.\n")
            return ExitCode.INTERRUPTED
    return runner.run(request)


def _headline(record: ExecutionRecord, request: CmdExecRequest) -> str:
    begun = record.started_at or record.created_at
    by = f" by {record.holder}" if record.holder else ""
    when = f", begun{by} {ago(seconds_between(begun, timestamp()))}" if begun else ""
    only = ""
    if request.items is not None:
        only = f", {'item' if len(request.items) == 1 else 'items'} {several(request.items)} only"
    return f"Resume {' and '.join(request.cmds)} of {record.flow}/{record.profile}{when}{only}"


async def _look_up(execution_id: str, what: WhatOptions) -> tuple[ExecutionRecord, CmdOutcome | None]:
    store = open_store(what.store, what.token)
    try:
        record = await store.execution(execution_id.upper())
        if record is None:
            raise ParamsError(f"there is no execution {execution_id} in {what.store}: see `irenic executions list`.")
        return record, await store.outcome(record.id)
    finally:
        await store.close()
