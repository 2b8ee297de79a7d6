"""``irenic new``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.model.errors import ParamsError
from irenic.model.ids import check_identifier

TEMPLATE = '''# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# ///
"""Write a greeting, and a copy of it in capital letters."""

from pydantic import BaseModel, Field

from irenic import Flow, Item, ItemContext, PartialParams, StateDiff


class Inputs(BaseModel):
    """What the flow asks for; a form is drawn from it, and `--input name=Ada` sets it."""

    name: str = Field("world", description="Whom to greet")


class TextParams(BaseModel):
    """What an item is configured with."""

    path: str
    text: str


class TextState(BaseModel):
    """What an item finds, or wants: the text of a file, or None where there is no file."""

    text: str | None = None


class TextFile(Item[TextParams, TextState]):
    """A text file."""

    async def state_current(self, cx: ItemContext, params: TextParams) -> TextState:
        if await cx.fs.stat(params.path) is None:
            return TextState()
        return TextState(text=(await cx.fs.read_bytes(params.path)).decode())

    async def state_goal(self, cx: ItemContext, params: TextParams) -> TextState:
        return TextState(text=params.text)

    def state_clean(self, params_partial: PartialParams[TextParams]) -> TextState:
        return TextState()

    def identity(self, params: TextParams) -> str:
        return params.path  # with another path it is another file, and this one is left over

    async def apply(
        self, cx: ItemContext, params: TextParams, current: TextState, target: TextState, diff: StateDiff
    ) -> TextState:
        if target.text is None:
            await cx.fs.remove(params.path)
        else:
            async with cx.fs.write(params.path) as file:
                await file.write(target.text.encode())
                await file.commit()
        return target


def greeting_for(name: str) -> str:
    """Return the greeting's text."""
    return f"Hello, {name}!\\n"


def in_capitals(text: str) -> str:
    """Return a text in capital letters."""
    return text.upper()


flow = Flow("FLOW_ID", inputs=Inputs, summary="Write a greeting")
greeting = flow.add(
    TextFile("greeting"), path="FLOW_ID/greeting.txt", text=flow.inputs.name.map(greeting_for)
)
loud = flow.add(TextFile("loud"), path="FLOW_ID/loud.txt", text=greeting.state.text.map(in_capitals))
'''


def new(
    name: Annotated[
        str, typer.Argument(help="The flow's name: letters, digits, underscores, hyphens.", metavar="NAME")
    ],
) -> ExitCode:
    """Make a flow file that runs, to start from.

    It defines an item of its own and two places of it in a flow, one of which refers to the other.
    """
    flow_id = check_identifier(name.removesuffix(".py"), "flow id")
    path = Path(f"{flow_id}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.replace("FLOW_ID", flow_id))
    except FileExistsError:
        raise ParamsError(f"{path} exists already: take another name, or move it away.") from None
    except OSError as error:
        raise ParamsError(f"{path} cannot be written: {error.strerror}.") from error
    sys.stdout.write(f"{path} is there. Next: irenic ensure {path} --input name=Ada\n")
    return ExitCode.COMPLETE
