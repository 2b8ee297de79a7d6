"""``irenic preview``."""

import sys
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.options import WHAT, ColorOption, FlowFile, FormatOption, ShowOptions, StopOptions, WhatOptions
from irenic.cli.running import FlowRunner
from irenic.endpoints.formats import Format, format_data
from irenic.endpoints.terminal import Choice, Ink, has_icons, wants_colour
from irenic.model.cmd import Cmd
from irenic.model.preview import Preview, PreviewAction

_LOOKS = {
    PreviewAction.SKIP: ("✅", "green"),
    PreviewAction.CHECK_AGAIN: ("🔍", "cyan"),
    PreviewAction.RUN: ("🔵", "blue"),
    PreviewAction.UNKNOWN: ("❓", "yellow"),
}


def preview(
    flow: FlowFile,
    what: WhatOptions,
    clean: Annotated[
        bool, typer.Option("--clean", help="What `irenic clean` would do, not `irenic ensure`.", rich_help_panel=WHAT)
    ] = False,
    format: FormatOption = Format.TEXT,
    color: ColorOption = Choice.AUTO,
) -> ExitCode:
    """Say what ensure would do to each item, and why.

    An item is skipped, checked again, run, or unknown. The world is looked at and nothing is written, not even into
    the store.
    """
    runner = FlowRunner(flow, what, StopOptions(), ShowOptions(format=format))
    found = runner.preview(runner.request([Cmd.CLEAN if clean else Cmd.ENSURE]))
    if format is Format.TEXT:
        ink = Ink(wants_colour(color, sys.stdout))
        sys.stdout.write(preview_text(found, ink, icons=has_icons(sys.stdout)))
    else:
        sys.stdout.write(format_data(found, format))
    return ExitCode.COMPLETE


def preview_text(found: Preview, ink: Ink, *, icons: bool) -> str:
    """Return a preview as text for a person."""
    width = max((len(item.item) for item in found.items), default=0)
    lines = []
    for item in found.items:
        icon, colour = _LOOKS[item.action]
        action, _, why = item.message.partition(": ")
        mark = f"{icon} " if icons else ""
        lines.append(f"   {mark}{item.item.ljust(width)}  {ink(action.ljust(11), colour)}  {why}".rstrip())
    return "".join(f"{line}\n" for line in lines)
