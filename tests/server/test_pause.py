"""The switch that stops everything: kept, heard by what runs, and looked at by failsafes."""

from pathlib import Path

import httpx
from tests.items import World, things
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution, problem_name, running_server
from tests.slow_things import slow_tower

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow
from irenic.guards import Failsafe
from irenic.stores import MemoryStore
from irenic_server.database import Database
from irenic_server.tokens import Scope, create_token

PAUSE = "/api/v1/pause"


def paused(client: httpx.Client, reason: str | None = None) -> httpx.Response:
    """Turn the switch on."""
    return client.put(PAUSE, json={"paused": True, "reason": reason})


def test_nothing_is_paused_at_first_and_the_switch_can_be_turned_on_and_off(start_server: Starter) -> None:
    """Whoever reads it is told why and since when."""
    with start_server().client() as client:
        assert client.get(PAUSE).json() == {"paused": False, "reason": None, "since": None}
        on = paused(client, "the database is moved").json()
        assert (on["paused"], on["reason"]) == (True, "the database is moved")
        assert client.get(PAUSE).json() == on
        assert paused(client, "the disk is full").json() == {**on, "reason": "the disk is full"}
        assert client.put(PAUSE, json={"paused": False}).json() == {"paused": False, "reason": None, "since": None}
        assert client.get(PAUSE).json()["paused"] is False


def test_the_switch_outlives_the_server(database: str) -> None:
    """A restart lets nothing go on by itself."""
    with running_server(database) as server, server.client() as client:
        on = paused(client, "maintenance").json()
    with running_server(database) as server, server.client() as client:
        assert client.get(PAUSE).json() == on


def test_what_runs_is_asked_to_stop_once_when_the_switch_is_turned_on(start_server: Starter) -> None:
    """Those that were asked already are left alone, and so are those that begin later: nothing is refused."""
    with start_server().client() as client:
        running, asked, ended = Execution(client), Execution(client), Execution(client)
        for execution in (running, asked, ended):
            execution.create()
        ended.end()
        client.post(f"{asked.path}/interrupt", json={"source": "ada"})
        paused(client, "maintenance")
        paused(client, "maintenance, still")
        signal = running.record()["interrupt"]
        assert (signal["source"], signal["reason"], signal["level"]) == ("pause", "maintenance", "finish")
        assert client.get(f"{running.path}/signal").text == "2"
        assert (asked.record()["interrupt"]["source"], asked.record()["interrupt"]["level"]) == ("ada", None)
        assert ended.record()["interrupt"] is None
        later = Execution(client)
        assert later.create().status_code == 201
        assert later.record()["interrupt"] is None


def test_the_switch_is_for_those_who_may_interrupt(tmp_path: Path) -> None:
    """Reading it is reading."""
    path = str(tmp_path / "db")
    with running_server(path) as server:
        database = Database(path)
        reader = create_token(database, "reader", [Scope.READ])
        stopper = create_token(database, "stopper", [Scope.INTERRUPT])
        database.close()
        with server.client(reader) as client:
            assert client.get(PAUSE).status_code == 200
            assert problem_name(paused(client)) == "forbidden"
        with server.client(stopper) as client:
            assert paused(client).status_code == 200
            assert problem_name(client.get(PAUSE)) == "forbidden"


async def ensured(flow: Flow, *guards: object) -> CmdOutcome:
    """Ensure a flow under guards."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        return await executions.submit(CmdExecRequest(flow=flow, guards=guards))


async def test_a_failsafe_takes_the_address_that_a_server_prints(tmp_path: Path) -> None:
    """With the token in it, which no outcome tells."""
    with running_server(str(tmp_path / "db")) as server, server.client() as client:
        world = World()
        switch = Failsafe(f"{server.address}/?token={TOKEN}")
        assert (await ensured(things(world, "a"), switch)).kind == "complete"
        paused(client, "maintenance")
        outcome = await ensured(things(World(), "a"), switch)
    assert outcome.kind == "execution_interrupted"
    assert outcome.interrupt is not None
    told = (outcome.interrupt.source, outcome.interrupt.reason)
    assert told == ("failsafe", f"maintenance ({server.address}{PAUSE})")


async def test_a_failsafe_sees_the_switch_turned_on_in_the_middle(tmp_path: Path) -> None:
    """What runs ends, what comes after does not start; the longer form of the address will do as well."""
    with running_server(str(tmp_path / "db")) as server, server.client() as client:
        flow = slow_tower(World(), "a", "b", seconds=2.0)
        async with CmdExecutionMap(MemoryStore()) as executions:
            guard = Failsafe(f"{server.address}{PAUSE}?token={TOKEN}", every=0.05)
            execution = executions.submit(CmdExecRequest(flow=flow, guards=[guard]))
            async for event in execution.events():
                if event.kind == "item_intent":
                    paused(client)
                    break
            outcome = await execution
    assert outcome.interrupt is not None
    assert outcome.interrupt.source == "failsafe"
    assert outcome.items.done == ["a"]
