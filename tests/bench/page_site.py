"""A site of flows for measuring the page, and what its server is to know of them beforehand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.filled_database import filled_database
from tests.e2e.server_process import ServerProcess, running_server

from irenic import CmdExecRequest, CmdExecutionMap
from irenic.cli.flows import load_flow_file
from irenic.cli.site import make_site
from irenic.model.ids import new_execution_id
from irenic.model.outcome import Complete, DoneList, ItemList
from irenic.model.timestamps import timestamp
from irenic.stores import HttpStore
from irenic_server.executions import create_execution
from irenic_server.outcomes import store_outcome
from irenic_server.requests import ExecutionCreate
from tooling.paths import SITE

SOURCE = '''
import asyncio

from pydantic import BaseModel

from irenic import ApplyCheck, Flow, Item, ProgressLimit


class Params(BaseModel):
    number: int


class State(BaseModel):
    number: int | None = None
    steps: int = 0


class Steps(Item[Params, State]):
    """Takes its steps."""

    async def state_current(self, cx, params):
        return cx.stored or State()

    async def state_goal(self, cx, params):
        return State(number=params.number, steps=STEPS)

    def state_clean(self, params_partial):
        return State()

    def apply_check(self, params, current, target, diff):
        return ApplyCheck(required=True)  # whoever runs it again wants to see it move

    async def apply(self, cx, params, current, target, diff):
        if STEPS:
            cx.progress.limit(ProgressLimit.steps(STEPS))
        for _ in range(STEPS):
            cx.progress.inc()
            await asyncio.sleep(PAUSE)
        return target


flow = Flow("NAME")
for number in range(ITEMS):
    flow.add(Steps(f"step_{number}"), number=number)
'''


def flow_file(folder: Path, name: str, items: int, *, steps: int = 0, pause: float = 0.0) -> Path:
    """Write a flow of items that each take some steps, with a pause in seconds after each."""
    source = SOURCE
    for word, value in {"NAME": name, "ITEMS": str(items), "STEPS": str(steps), "PAUSE": str(pause)}.items():
        source = source.replace(word, value)
    path = folder / f"{name}.py"
    path.write_text(source)
    return path


@contextmanager
def page_server(folder: Path, flows: list[Path], histories: dict[str, int]) -> Iterator[ServerProcess]:
    """Serve a site of these flows; each flow that is named in ``histories`` has so many executions behind it."""
    warnings = make_site(SITE, folder / "site", flows)
    assert warnings == []
    database = folder / "page.sqlite3"
    write_histories(database, histories)
    with running_server(folder / "site", database) as server:
        yield server


def write_histories(path: Path, executions: dict[str, int]) -> None:
    """Make a database in which flows have executions that are complete."""
    with filled_database(path) as transaction:
        for flow, count in executions.items():
            request = ExecutionCreate.model_validate({"flow": flow, "cmds": ["ensure"], "started_at": timestamp()})
            for _ in range(count):
                execution_id = new_execution_id()
                outcome = Complete(
                    execution_id=execution_id,
                    flow=flow,
                    profile="default",
                    cmds=DoneList(done=["ensure"]),
                    items=ItemList(done=["step_0"]),
                    started_at=timestamp(),
                    ended_at=timestamp(),
                )
                create_execution(transaction, execution_id, request)
                store_outcome(transaction, execution_id, outcome, outcome.model_dump_json())


def run_natively(server: ServerProcess, flow: Path) -> None:
    """Ensure a flow's items from a terminal, as the page then finds them."""

    async def ensure() -> None:
        store = HttpStore(server.address, server.token)
        async with CmdExecutionMap(store, ()) as executions:
            outcome = await executions.submit(CmdExecRequest(flow=load_flow_file(flow)))
        assert outcome.kind == "complete"
        await store.close()

    asyncio.run(ensure())
