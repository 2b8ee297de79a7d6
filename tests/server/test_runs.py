"""The web API endpoint: executions that a request starts and that run in the server."""

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, problem_name, running_server
from tests.server.postgres import Cluster
from tests.server.test_process import server_process
from tests.server.test_streams import stream

from irenic.model.errors import FlowError
from irenic.model.ids import new_execution_id
from irenic_server import api
from irenic_server.runs import load_flows

FLOW = '''
import asyncio
from pathlib import Path
from typing import Any
from pydantic import BaseModel
from irenic import Flow, Item, ItemContext

class Params(BaseModel):
    folder: str
    after: str = ""

class State(BaseModel):
    made: bool = False

class Marker(Item[Params, State]):
    """A file that is there, once a gate of the same name with -gate is opened."""
    Params = Params
    State = State

    async def state_current(self, cx: ItemContext, params: Params) -> State:
        return State(made=(Path(params.folder) / self.id).exists())

    async def state_goal(self, cx: ItemContext, params: Params) -> State:
        return State(made=True)

    def state_clean(self, params: Any) -> State:
        return State(made=False)

    async def apply(self, cx: ItemContext, params: Params, current: State, target: State, diff: Any) -> State:
        folder = Path(params.folder)
        if target.made:
            (folder / f"{self.id}-begun").touch()
            while not (folder / f"{self.id}-gate").exists():
                await asyncio.sleep(0.02)
            (folder / self.id).touch()
        else:
            (folder / self.id).unlink()
        return target

class Inputs(BaseModel):
    folder: str

flow = Flow("markers", inputs=Inputs)
first = flow.add(Marker("first"), folder=flow.inputs.folder)
second = flow.add(Marker("second"), folder=flow.inputs.folder)
flow.edge(first, second)
'''


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    """A flow of two items, each of which waits for a gate."""
    path = tmp_path / "flows" / "markers.py"
    path.parent.mkdir()
    path.write_text(FLOW)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where its items make their files."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def client(flow_file: Path, start_server: Starter) -> Iterator[httpx.Client]:
    """A client of a server that runs it."""
    with start_server(run=(flow_file.parent,)).client() as opened:
        yield opened


def run(client: httpx.Client, work: Path, *, key: str | None = None, **members: Any) -> httpx.Response:
    """Ask for a run."""
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(
        "/api/v1/executions", json={"flow": "markers", "inputs": {"folder": str(work)}} | members, headers=headers
    )


def outcome(client: httpx.Client, execution_id: str) -> Any:
    """Wait for the end of a run and return its outcome."""
    path = f"/api/v1/executions/{execution_id}"
    while client.get(path).status_code == 404:
        pass
    with stream(client, f"{path}/stream") as messages:
        for message in messages:
            if message.event == "outcome":
                return message.data
    return None


def begun(work: Path, item: str) -> None:
    """Wait until an item is being applied."""
    while not (work / f"{item}-begun").exists():
        pass


def test_a_request_starts_a_run(client: httpx.Client, work: Path) -> None:
    """The id comes at once; progress from memory; states, journal and outcome as of every run."""
    answer = run(client, work)
    assert answer.status_code == 202
    execution_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/executions/{execution_id}"
    begun(work, "first")
    progress = client.get(f"/api/v1/executions/{execution_id}/progress").json()
    assert progress["done"] is False
    assert progress["progress"]["items"]["first"]["status"] == "running"
    for item in ("first", "second"):
        (work / f"{item}-gate").touch()
    ended = outcome(client, execution_id)
    assert (ended["kind"], ended["items"]["done"]) == ("complete", ["first", "second"])
    assert client.get(f"/api/v1/executions/{execution_id}/progress").json() == {"done": True}
    states = client.get("/api/v1/flows/markers/profiles/default/states").json()
    assert states["items"]["second"]["current"] == {"made": True}


def test_a_run_is_interrupted_by_its_id(client: httpx.Client, work: Path) -> None:
    """What runs finishes, and nothing new starts."""
    execution_id = run(client, work).json()["id"]
    begun(work, "first")
    reply = client.post(f"/api/v1/executions/{execution_id}/interrupt", json={"reason": "lunch"})
    assert reply.json() == {"reply": "requested"}
    (work / "first-gate").touch()
    ended = outcome(client, execution_id)
    assert (ended["kind"], ended["items"]["not_done"]) == ("block_interrupted", ["second"])
    assert (ended["interrupt"]["reason"], ended["interrupt"]["level"]) == ("lunch", "finish")
    again = client.post(f"/api/v1/executions/{execution_id}/interrupt")
    assert again.json() == {"reply": "nothing_to_interrupt"}
    assert not (work / "second-begun").exists()


def test_the_same_request_means_the_running_one(client: httpx.Client, work: Path) -> None:
    """And another one for the same profile is refused, naming the holder."""
    first, second = run(client, work), run(client, work)
    assert first.json() == second.json()
    begun(work, "first")
    refused = outcome(client, run(client, work, cmds=["clean"]).json()["id"])
    assert refused["kind"] == "refused"
    assert "server of" in str(refused)
    assert client.post("/api/v1/interrupt").json() == {"reply": "requested"}
    (work / "first-gate").touch()
    assert outcome(client, first.json()["id"])["kind"] == "block_interrupted"


def test_a_key_starts_one_run_only(client: httpx.Client, work: Path) -> None:
    """Also when that has ended; and a key is for one request."""
    for item in ("first", "second"):
        (work / f"{item}-gate").touch()
    first = run(client, work, key='"a key"').json()
    assert outcome(client, first["id"])["kind"] == "complete"
    assert run(client, work, key='"a key"').json() == first
    assert run(client, work, key='"another"').json() != first
    reused = run(client, work, key='"a key"', cmds=["clean"])
    assert (reused.status_code, problem_name(reused)) == (422, "key-reused")
    bare = run(client, work, key="bare")
    assert (bare.status_code, problem_name(bare)) == (422, "invalid-request")


def test_what_cannot_be_run_is_refused(client: httpx.Client, work: Path) -> None:
    """A flow that is not one of this server's, and items that are not the flow's."""
    unknown = run(client, work, flow="other")
    assert (unknown.status_code, problem_name(unknown)) == (404, "not-found")
    assert "markers" in unknown.json()["detail"]
    wrong: list[dict[str, Any]] = [{"items": ["third"]}, {"cmds": []}, {"deadline": -1}, {"profile": "a b"}]
    for members in wrong:
        refused = run(client, work, **members)
        assert (refused.status_code, problem_name(refused)) == (422, "invalid-request")
    failed = outcome(client, run(client, work, inputs={"folder": 7}).json()["id"])
    assert failed["kind"] == "failed"


def test_a_server_without_flows_runs_none(start_server: Starter, work: Path) -> None:
    """The problem says so."""
    with start_server().client() as client:
        answer = run(client, work)
        assert (answer.status_code, problem_name(answer)) == (404, "not-found")


def test_a_signal_interrupts_what_runs_and_waits_for_it(flow_file: Path, work: Path, tmp_path: Path) -> None:
    """The server ends when all has settled, and the outcome is stored."""
    database = tmp_path / "db"
    with server_process(database, "--run", str(flow_file), "--token", TOKEN) as server:
        with server.client() as client:
            execution_id = run(client, work).json()["id"]
            begun(work, "first")
            server.process.send_signal(signal.SIGINT)
            while client.get("/readyz").status_code == 200:
                pass
        (work / "first-gate").touch()
        assert server.process.wait(timeout=30) == 0
    with server_process(database, "--token", TOKEN) as server, server.client() as client:
        ended = outcome(client, execution_id)
    assert (ended["kind"], ended["interrupt"]["source"]) == ("block_interrupted", "sigint")
    assert ended["items"] == {"done": ["first"], "not_done": ["second"], "unknown": []}


def test_flows_that_cannot_be_loaded_are_said_at_the_start(tmp_path: Path, flow_file: Path) -> None:
    """Not at the first request."""
    assert list(load_flows([flow_file])) == ["markers"]
    for paths in ([tmp_path / "nothing.py"], [], [flow_file, flow_file.parent]):
        with pytest.raises(FlowError):
            load_flows(paths)


# FastAPI keeps this warning to itself by a filter of the whole process, which two threads take from each other.
@pytest.mark.filterwarnings("ignore:The 'alias' attribute")
def test_a_key_starts_one_run_at_two_servers(flow_file: Path, work: Path, postgres: Cluster) -> None:
    """However close in time the requests are: both hear of the same run."""
    address = postgres.new_database()
    (work / "first-gate").touch()
    (work / "second-gate").touch()
    flows = (flow_file.parent,)
    with (
        running_server(address, run=flows) as one,
        running_server(address, run=flows) as other,
        one.client() as first,
        other.client() as second,
        ThreadPoolExecutor(2) as threads,
    ):
        for number in range(8):
            members = {"key": f'"key-{number}"', "profile": f"p{number}"}
            asked = [threads.submit(run, client, work, **members) for client in (first, second)]
            answers = [answer.result() for answer in asked]
            assert [answer.status_code for answer in answers] == [202, 202]
            ids = {answer.json()["id"] for answer in answers}
            assert len(ids) == 1
            assert outcome(first, ids.pop())["kind"] == "complete"


def test_a_key_that_a_dead_server_has_claimed_is_taken_over(
    client: httpx.Client, work: Path, sqlite_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had begun nothing."""
    monkeypatch.setattr(api, "CLAIM_MS", 200)
    (work / "first-gate").touch()
    (work / "second-gate").touch()
    done = run(client, work, key='"k"').json()["id"]
    outcome(client, done)
    missing = new_execution_id()
    with closing(sqlite3.connect(sqlite_address, isolation_level=None)) as connection:
        connection.execute("UPDATE idempotency_keys SET execution_id = ?", [missing])
    assert run(client, work, key='"k"').json()["id"] == missing
    assert outcome(client, missing)["kind"] == "complete"


def test_a_refused_request_leaves_its_key_free(client: httpx.Client, work: Path) -> None:
    """It may be corrected and sent again at once."""
    assert run(client, work, key='"k"', items=["nowhere"]).status_code == 422
    assert run(client, work, key='"k"').status_code == 202
    client.post("/api/v1/interrupt", json={"level": "cancel"})


def test_a_server_that_is_ending_goes_on_answering(flow_file: Path, work: Path, tmp_path: Path) -> None:
    """Until what runs has ended; only new work is refused."""
    arguments = ["--run", str(flow_file.parent), "--token", TOKEN]
    with server_process(tmp_path / "db", *arguments) as server, server.client() as client:
        execution_id = run(client, work).json()["id"]
        begun(work, "first")
        server.process.send_signal(signal.SIGTERM)
        while client.get("/readyz").status_code == 200:
            pass
        with httpx.Client(base_url=server.base, headers=client.headers) as newcomer:
            assert newcomer.get("/livez").status_code == 200
            assert newcomer.get(f"/api/v1/executions/{execution_id}").json()["status"] == "running"
            refused = run(newcomer, work, profile="other")
            assert (refused.status_code, problem_name(refused)) == (503, "unavailable")
            assert refused.headers["retry-after"]
        (work / "first-gate").touch()
        assert server.process.wait(timeout=30) == -signal.SIGTERM
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""
    with server_process(tmp_path / "db", *arguments) as server, server.client() as client:
        assert outcome(client, execution_id)["kind"] == "block_interrupted"
