"""See and change what irenic has stored of a flow's items."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.flows import load_flow_file
from irenic.cli.options import (
    DEFAULT_STORE,
    FlowFile,
    FormatOption,
    InputOption,
    ProfileOption,
    ShowOptions,
    StopOptions,
    StoreOption,
    TokenOption,
    WhatOptions,
    YesOption,
)
from irenic.cli.progress import ProgressChoice
from irenic.cli.questions import agreed, is_asked_here
from irenic.cli.running import FlowRunner
from irenic.cli.standard_output import own_stdout
from irenic.cli.stores import open_store
from irenic.endpoints.formats import Format, format_data
from irenic.endpoints.wording import one_line
from irenic.engine.leftovers import find_leftovers
from irenic.engine.moves import moved_states
from irenic.engine.platform import default_platform
from irenic.flow.flow import Flow
from irenic.model.cmd import Cmd
from irenic.model.errors import ParamsError
from irenic.model.states import FlowStates, ItemStates
from irenic.model.timestamps import day_and_time

ItemsArgument = Annotated[
    list[str], typer.Argument(help="Ids, as `irenic state list` shows them.", metavar="ITEM...", show_default=False)
]


def list_states(
    flow: FlowFile,
    profile: ProfileOption = "default",
    store: StoreOption = DEFAULT_STORE,
    token: TokenOption = "",
    format: FormatOption = Format.TEXT,
) -> ExitCode:
    """List what is stored of a flow's items, in this place and in others, and what is left over."""
    if format is not Format.TEXT:
        with own_stdout() as stdout, contextlib.redirect_stdout(sys.stderr):
            _, states, _ = _read(flow, profile, store, token)
            stdout.write(format_data(states, format))
        return ExitCode.COMPLETE
    loaded, states, here = _read(flow, profile, store, token)
    left = {leftover.item for leftover in find_leftovers(loaded, states, here, {}, None, chosen=False)}
    for row in _rows(states, here, left):
        sys.stdout.write(row + "\n")
    return ExitCode.COMPLETE


def show(
    flow: FlowFile,
    items: ItemsArgument,
    profile: ProfileOption = "default",
    store: StoreOption = DEFAULT_STORE,
    token: TokenOption = "",
) -> ExitCode:
    """Show all that is stored of some items, as JSON."""
    _, states, _ = _read(flow, profile, store, token)
    _check_stored(states, items)
    found = {item: states.items[item].model_dump(mode="json", exclude_none=True) for item in items}
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return ExitCode.COMPLETE


def move(
    flow: FlowFile,
    old: Annotated[str, typer.Argument(help="The id under which it is stored.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="The id of the item that it belongs to now.", metavar="NEW")],
    profile: ProfileOption = "default",
    store: StoreOption = DEFAULT_STORE,
    token: TokenOption = "",
) -> ExitCode:
    """Store what is stored of an item under another id, where the item was renamed."""
    return _edit(flow, profile, store, token, f"{old} is stored as {new} now.", moves={old: new})


def forget(
    flow: FlowFile,
    items: ItemsArgument,
    profile: ProfileOption = "default",
    store: StoreOption = DEFAULT_STORE,
    token: TokenOption = "",
    yes: YesOption = False,
) -> ExitCode:
    """Drop what is stored of some items; what they stand for stays in the world."""
    _, states, _ = _read(flow, profile, store, token)
    _check_stored(states, items)
    names = ", ".join(items)
    if not yes and is_asked_here():
        sys.stderr.write(f"irenic will no longer know of {names}; what is there stays where it is.\n")
        if not agreed():
            sys.stderr.write("irenic: nothing was changed.\n")
            return ExitCode.INTERRUPTED
    done = f"irenic no longer knows of {names}; what is there stays where it is."
    return _edit(flow, profile, store, token, done, forget=items)


def adopt(
    flow: FlowFile,
    items: ItemsArgument,
    profile: ProfileOption = "default",
    input: InputOption = [],  # noqa: B006 - typer makes a new one each time
    store: StoreOption = DEFAULT_STORE,
    token: TokenOption = "",
) -> ExitCode:
    """Take what exists already as if irenic had made it, so that clean removes it too."""
    what = WhatOptions(profile=profile, input=input, item=items, store=store, token=token)
    runner = FlowRunner(flow, what, StopOptions(), ShowOptions())
    return runner.run(runner.request([Cmd.ADOPT]))


COMMANDS: dict[str, Callable[..., ExitCode]] = {
    "list": list_states,
    "show": show,
    "move": move,
    "forget": forget,
    "adopt": adopt,
}


def _edit(flow: Path, profile: str, store: str, token: str, done: str, **changes: Any) -> ExitCode:
    show = ShowOptions(progress=ProgressChoice.NONE)
    runner = FlowRunner(flow, WhatOptions(profile=profile, store=store, token=token), StopOptions(), show)
    code = runner.run(runner.request([Cmd.STATE], **changes))
    if code is ExitCode.COMPLETE:
        sys.stdout.write(f"{done}\n")
    return code


def _read(path: Path, profile: str, store: str, token: str) -> tuple[Flow, FlowStates, str | None]:
    flow = load_flow_file(path)

    async def read() -> tuple[FlowStates, str | None]:
        opened = open_store(store, token)
        try:
            states = moved_states(flow, await opened.states(flow.id, profile))
        finally:
            await opened.close()
        mark = default_platform().place
        place = None if mark is None else await mark.read()
        return states, None if place is None else place.id

    states, here = asyncio.run(read())
    return flow, states, here


def _check_stored(states: FlowStates, items: Iterable[str]) -> None:
    unknown = [item for item in items if item not in states.items]
    if unknown:
        known = ", ".join(states.items) or "nothing"
        raise ParamsError(
            f"nothing is stored of {', '.join(unknown)} in {states.flow}/{states.profile}; stored: {known}."
        )


def _rows(states: FlowStates, here: str | None, left: set[str]) -> list[str]:
    rows = []
    for item, whole in states.items.items():
        entry = whole.at(here)
        rows.append((item, _word(entry, is_left=item in left), _text(entry)))
        for other in whole.others(here):
            label = other.place.label if other.place is not None else ""
            rows.append(("", "elsewhere", f"{_text(other)} in {label}".strip()))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    return [f"{row[0].ljust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}".rstrip() for row in rows]


def _word(entry: ItemStates | None, *, is_left: bool) -> str:
    if is_left:
        return "left over"
    if entry is None:
        return "not here yet"
    if entry.unknown:
        return "unknown"
    return "made" if entry.is_made else "seen"


def _text(entry: ItemStates | None) -> str:
    if entry is None:
        return ""
    at = f" ({day_and_time(entry.current_at)})" if entry.current_at else ""
    return f"{one_line(entry.current)}{at}" if entry.current is not None else "not known yet"
