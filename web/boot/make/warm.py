"""Import and exercise what every flow uses, before the snapshot is taken; runs inside Pyodide.

What is otherwise imported and built at the first use is then in the snapshot. Nothing may be left behind that belongs
to this one interpreter: objects of JavaScript, open files, tasks.
"""

import gc
import importlib
import random
import sys

from irenic import CmdExecRequest, CmdExecutionMap
from irenic.endpoints.recording import RecordingEndpoint
from irenic.endpoints.tab_messages import Events, OutcomeReached, Progress, to_core
from irenic.flow.script import load_flow
from irenic.stores import MemoryStore

IMPORTED = (
    *("irenic.endpoints.tab", "irenic.guards", "irenic.items", "irenic.items.files_opfs", "irenic.items.http_tab"),
    *(
        "base64",
        "collections.abc",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "functools",
    ),
    *(
        "hashlib",
        "io",
        "itertools",
        "json",
        "math",
        "operator",
        "os",
        "pathlib",
        "re",
        "statistics",
        "string",
        "tempfile",
    ),
    *("textwrap", "time", "typing", "urllib.parse", "uuid"),
)
"""The core, and what flows often import."""

FLOW = '''
# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# ///
from pydantic import BaseModel, Field, HttpUrl
from irenic import Flow, Item

class Inputs(BaseModel):
    url: HttpUrl = Field(HttpUrl("https://example.org/"), description="Where from")

class Params(BaseModel):
    url: HttpUrl

class State(BaseModel):
    size: int | None = None

class Warm(Item[Params, State]):
    """Warms."""

    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(size=1)

    def state_clean(self, params):
        return State()

    async def apply(self, cx, params, current, target, diff):
        cx.progress.inc()
        cx.log.info("warm")
        await cx.checkpoint()
        return target

flow = Flow("warm", inputs=Inputs)
flow.add(Warm("one"), url=flow.inputs.url)
'''


async def exercise() -> None:
    """Load a flow, run it, and write down what happened."""
    flow = load_flow(FLOW, "warm.py")
    endpoint = RecordingEndpoint()
    async with CmdExecutionMap(MemoryStore(), [endpoint]) as executions:
        request = CmdExecRequest(flow=flow, cmds=["discover", "ensure", "clean"])
        await executions.preview(request)
        execution = executions.submit(request)
        outcome = await execution
    written = [
        Events(execution_id=execution.id, events=endpoint.events),
        Progress(execution_id=execution.id, progress=execution.progress),
        OutcomeReached(execution_id=execution.id, outcome=outcome),
    ]
    for message in written:
        message.model_dump_json()
    to_core.validate_json('{"type": "interrupt", "execution_id": null, "level": "cancel"}')
    flow.info()


def tidy() -> None:
    """Take away what only the warming up has left."""
    for name in [name for name in sys.modules if name.startswith("irenic_flow_")]:
        del sys.modules[name]
    random.seed(0)
    for _ in range(3):
        gc.collect()
    gc.freeze()  # what every flow builds on is never garbage: no collection in the tab has to look at it again


async def main() -> None:
    """Warm up."""
    for name in IMPORTED:
        importlib.import_module(name)
    await exercise()
    tidy()
