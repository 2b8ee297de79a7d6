# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# [tool.irenic]
# connect = ["http:"]
# ///
"""A flow whose world is another site, so that a tab and a terminal see and change the same things."""

import asyncio

from pydantic import BaseModel

from irenic import Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.items import WebAddress


class Inputs(BaseModel):
    """Where letters go, and whether the second is held up by an endless loop."""

    site: WebAddress
    loops: bool = False


class Letter(BaseModel):
    """Where a letter goes, and what is to be done before: an address waited for, or an endless loop."""

    site: WebAddress
    name: str
    gate: str | None = None
    loops: bool = False
    after: str | None = None


class Posted(BaseModel):
    """What stands at the letter's address."""

    text: str = ""


class PostedLetter(Item[Letter, Posted]):
    """Posts its own name to an address."""

    async def state_current(self, cx: ItemContext, params: Letter) -> Posted:
        """Read what is there."""
        async with cx.http.request("GET", f"{params.site}/{params.name}") as response:
            return Posted(text=(await response.read()).decode())

    async def state_goal(self, cx: ItemContext, params: Letter) -> Posted:
        """Want the name."""
        return Posted(text=params.name)

    def state_clean(self, params_partial: PartialParams[Letter]) -> Posted:
        """Want nothing."""
        return Posted()

    async def apply(self, cx: ItemContext, params: Letter, current: Posted, target: Posted, diff: StateDiff) -> Posted:
        """Wait, and post."""
        if params.gate is not None:
            async with cx.http.request("GET", f"{params.site}/{params.gate}") as response:
                await response.read()
        if params.loops:
            cx.progress.message("it loops")
            await asyncio.sleep(0.2)  # the page is told
        while params.loops:
            pass
        async with cx.http.request("POST", f"{params.site}/{params.name}", body=target.text.encode()) as response:
            await response.read()
        return target


flow = Flow("letters", inputs=Inputs)
first = flow.add(PostedLetter("first"), site=flow.inputs.site, name="first")
second = flow.add(
    PostedLetter("second"),
    site=flow.inputs.site,
    name="second",
    gate="gate",
    loops=flow.inputs.loops,
    after=first.state.text,
)
third = flow.add(PostedLetter("third"), site=flow.inputs.site, name="third", after=second.state.text)
