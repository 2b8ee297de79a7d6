"""Flows of two text files, one made from the other, for what happens to them on the second day."""

HEAD = '''# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# ///
from pydantic import BaseModel

from irenic import Flow, Item, ItemContext, PartialParams, StateDiff


class TextParams(BaseModel):
    path: str
    text: str


class TextState(BaseModel):
    text: str | None = None


class Text(Item[TextParams, TextState]):
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
        return params.path

    async def apply(self, cx: ItemContext, params: TextParams, current: TextState, target: TextState, diff: StateDiff):
        if target.text is None:
            await cx.fs.remove(params.path)
        else:
            async with cx.fs.write(params.path) as file:
                await file.write(target.text.encode())
                await file.commit()
        return target


def shout(text: str) -> str:
    return text.upper()


flow = Flow("NAME")
greeting = flow.add(Text("greeting"), path="PATH", text="Hello, Ada!")
'''

LOUD = """loud = flow.add(Text("loud"), path="loud.txt", text=greeting.state.text.map(shout))
"""


def greetings(name: str = "greetings", path: str = "greeting.txt", *, loud: bool = True) -> str:
    """Return the source of a flow.

    :param path: where the greeting stands.
    :param loud: whether there is a second file with the same in capitals.
    """
    return HEAD.replace("NAME", name).replace("PATH", path) + (LOUD if loud else "")
