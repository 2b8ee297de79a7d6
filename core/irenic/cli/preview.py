"""``irenic preview``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import WHAT, ColorOption, FlowFile, FormatOption, ShowOptions, StopOptions, WhatOptions
from irenic.cli.plans import write_plan
from irenic.cli.running import FlowRunner
from irenic.endpoints.formats import Format, format_data
from irenic.endpoints.preview_text import preview_counts, preview_text
from irenic.endpoints.terminal import Choice, Ink, has_icons, wants_colour
from irenic.model.cmd import Cmd


def preview(
    flow: FlowFile,
    what: WhatOptions,
    clean: Annotated[
        bool, typer.Option("--clean", help="What `irenic clean` would do, not `irenic ensure`.", rich_help_panel=WHAT)
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="What `irenic ensure --prune` would do.", rich_help_panel=WHAT)
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", help="Save it as a plan, for `irenic ensure --plan`.", metavar="FILE", rich_help_panel=WHAT
        ),
    ] = None,
    format: FormatOption = Format.TEXT,
    color: ColorOption = Choice.AUTO,
) -> ExitCode:
    """Say what ensure would do to each item, and why.

    An item is skipped, checked again, run, or unknown. The world is looked at and nothing is written, not even into
    the store.
    """
    runner = FlowRunner(flow, what, StopOptions(), ShowOptions(format=format))
    found, plan = runner.plan(runner.request([Cmd.CLEAN if clean else Cmd.ENSURE], prune=prune))
    if save is not None:
        write_plan(save, plan)
    if format is Format.TEXT:
        ink = Ink(wants_colour(color, sys.stdout))
        sys.stdout.write(preview_text(found, ink, icons=has_icons(sys.stdout)))
        saved = f" Saved to {save} (sha256 {plan.sha256[:8]}…)." if save is not None else ""
        sys.stdout.write(f"{preview_counts(found, prune=prune or clean)}.{saved}\n")
    else:
        sys.stdout.write(format_data(found, format))
    return ExitCode.COMPLETE
