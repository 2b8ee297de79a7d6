"""Small flows for the page: of one or two items that do a single thing."""

ECHO = '''
from pydantic import BaseModel

from irenic import Flow, Item


class Params(BaseModel):
    name: str | None
    count: int
    really: bool | None


class State(BaseModel):
    inputs: str


class Echo(Item[Params, State]):
    """Has the inputs as its state."""

    async def state_current(self, cx, params):
        return State(inputs="none")

    async def state_goal(self, cx, params):
        return State(inputs=f"{params.name!r}, {params.count!r}, {params.really!r}")

    def state_clean(self, params_partial):
        return State(inputs="none")

    async def apply(self, cx, params, current, target, diff):
        return target


class Inputs(BaseModel):
    name: str | None = "World"
    count: int = 3
    really: bool | None = None


flow = Flow("echo", inputs=Inputs)
flow.add(Echo("echo"), name=flow.inputs.name, count=flow.inputs.count, really=flow.inputs.really)
'''
"""An item that says what it was given."""

_HEAD = '''
import asyncio

from pydantic import BaseModel

from irenic import Flow, Item


class Params(BaseModel):
    n: int = 0


class State(BaseModel):
    done: bool = False
    data: str = ""


class Step(Item[Params, State]):
    """A step."""

    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(done=True, data=DATA)

    def state_clean(self, params_partial):
        return State()

    async def apply(self, cx, params, current, target, diff):
        BODY
        return target


flow = Flow("NAME")
for item in ITEMS:
    flow.add(Step(item))
'''


def small_flow(name: str, *items: str, body: str = "pass", data: str = "''") -> str:
    """Return the source of a flow of items side by side.

    :param body: what an item does when it is applied, one line or more.
    :param data: an expression for a field of its goal.
    """
    lines = body.strip().replace("\n", "\n        ")
    source = _HEAD.replace("BODY", lines).replace("DATA", data)
    return source.replace("NAME", name).replace("ITEMS", repr(items))


DEAF = """
while True:
    try:
        await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        pass
"""
"""What is not to be cancelled."""
