"""HttpStore against a real server: networks that fail, leases that run out, several clients."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.items import Thing, ThingState, World
from tests.journals import Script
from tests.running import run
from tests.server.harness import TOKEN, RunningServer, running_server

from irenic import CmdExecRequest, CmdExecutionMap, Complete, Flow
from irenic.engine.store import Lease
from irenic.flow.context import HttpResponse
from irenic.items.http_native import NativeHttp
from irenic.items.threads import in_thread
from irenic.model.errors import FencedError, HeldError, ItemFailure, StoreError
from irenic.model.events import ItemStatus
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptLevel, InterruptSignal
from irenic.model.outcome import Lost
from irenic.stores import HttpStore


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server with an empty database, and with settings that a test may give."""
    settings = {"sweep_interval": 0.1, **getattr(request, "param", {})}
    with running_server(str(tmp_path / "irenic.sqlite3"), **settings) as running:
        yield running


@pytest.fixture
async def store(server: RunningServer) -> AsyncIterator[HttpStore]:
    """A client of the server."""
    store = HttpStore(server.address, TOKEN)
    yield store
    await store.close()


class Flaky:
    """A client whose connection fails where a test says so, before the server hears or after it has answered.

    ``fail`` says when, once, by a part of the request; ``down`` is a part of requests that fail as long as it is set.
    """

    def __init__(self) -> None:
        self.http = NativeHttp()
        self.sent: list[str] = []
        self.fail: dict[str, str] = {}
        self.down = ""

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AsyncIterator[HttpResponse]:
        """Send a request, or fail."""
        what = f"{method} {url.partition('/api/v1/')[2].partition('?')[0]}"
        self.sent.append(what)
        when = next((self.fail.pop(part) for part in list(self.fail) if part in what), "")
        if when == "before" or (self.down and self.down in what):
            raise ItemFailure("the network is down.")
        async with self.http.request(method, url, headers=headers, body=body) as response:
            if when == "after":
                raise ItemFailure("the connection broke off.")
            yield response


@pytest.mark.parametrize("when", ["before", "after"])
async def test_nothing_is_lost_or_doubled_by_a_network_that_fails(server: RunningServer, when: str) -> None:
    """Whether the server has heard the request or not, it is sent again and means the same."""
    flaky = Flaky()
    store = HttpStore(server.address, TOKEN, http=flaky)
    script = Script()
    flaky.fail = dict.fromkeys(("POST flows", "PUT executions", "/events", "/outcome", "DELETE"), when)

    await script.run(store)

    assert flaky.fail == {}
    assert await store.events(script.id) == script.events
    assert await store.outcome(script.id) == script.outcome()
    assert (await store.states("flow", "dev")).serial == 2
    await (await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")).release()


async def test_an_interrupt_is_sent_once_because_twice_would_ask_harder(server: RunningServer) -> None:
    """Where the answer is lost, the sender is told."""
    flaky = Flaky()
    store = HttpStore(server.address, TOKEN, http=flaky)
    script = Script()
    await store.create(script.record(), None)
    flaky.fail = {"/interrupt": "after"}

    with pytest.raises(StoreError, match="could not be asked"):
        await store.interrupt(script.id, InterruptSignal())

    record = await store.execution(script.id)
    assert record is not None
    assert record.interrupt is not None
    assert record.interrupt.level is None


async def test_events_that_come_together_go_in_one_request(server: RunningServer) -> None:
    """And what comes while it is on its way goes in the next."""
    flaky = Flaky()
    store = HttpStore(server.address, TOKEN, http=flaky)
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started())

    async def one(number: int) -> None:
        journal.append(script.status("a", str(number)))
        await journal.durable()

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(number))

    assert sum(what.endswith("/events") for what in flaky.sent) <= 2
    assert await store.events(script.id) == script.events


async def test_a_large_batch_is_sent_in_parts(store: HttpStore) -> None:
    """No request is larger than what the server takes."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started(), *(script.status("a", "x" * 100) for _ in range(4500)))

    await journal.durable()

    assert len(await store.events(script.id, limit=10_000)) == 4501


async def test_a_server_that_is_gone_is_told_after_a_while(tmp_path: Path) -> None:
    """With what is safe."""
    with running_server(str(tmp_path / "irenic.sqlite3")) as server:
        store = HttpStore(server.address, TOKEN, patience=0.5)
        script = Script()
        journal = await store.create(script.record(), None)
        script.write(journal, script.started())
        await journal.durable()

    script.write(journal, script.status("a"))
    with pytest.raises(StoreError, match=r"nothing listens there.*What was acknowledged before is kept"):
        await journal.durable()
    await store.close()


async def test_a_server_that_is_away_is_said_at_once_and_so_is_its_return(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is tried again; a single failure is not worth a word."""
    flaky = Flaky()
    store = HttpStore(server.address, TOKEN, http=flaky)
    flaky.fail = {"GET": "before"}
    await store.executions()
    assert caplog.messages == []

    flaky.down = "GET"
    said = asyncio.Event()
    log = logging.getLogger("irenic.stores.http_api")

    def hear(record: logging.LogRecord) -> bool:
        said.set()
        return True

    log.addFilter(hear)
    asked = asyncio.create_task(store.executions())
    await said.wait()
    log.removeFilter(hear)
    flaky.down = ""
    await asked

    away, back = caplog.messages
    assert re.fullmatch(
        r"the server cannot be reached since \d\d:\d\d:\d\d UTC, trying again: the network is down", away
    )
    assert back == "the server answers again; nothing was lost"
    await store.close()


async def test_an_item_whose_result_is_on_its_way_is_not_stalled(server: RunningServer) -> None:
    """Its work is over, and it is the server that gives no sign of life."""
    flaky, world, flow = Flaky(), World(), Flow("f")
    seen: list[str] = []
    applied = asyncio.Event()

    async def apply(*args: Any) -> ThingState:
        flaky.down = "/events"
        applied.set()
        return thing.put(1)

    thing = Thing("a", world, apply=apply)
    flow.add(thing)
    store = HttpStore(server.address, TOKEN, http=flaky)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, stall_after=0.05))
        await applied.wait()
        for _ in range(20):
            await asyncio.sleep(0.01)
            seen.append(execution.progress.items["a"].status)
        flaky.down = ""
        assert (await execution).kind == "complete"
        statuses = [event.status async for event in execution.events() if isinstance(event, ItemStatus)]
    assert "running_stalled" not in [*seen, *statuses]
    await store.close()


async def test_a_wrong_token_is_told(server: RunningServer) -> None:
    """At once: it will not become right by waiting."""
    store = HttpStore(server.address, "wrong")

    with pytest.raises(StoreError, match="does not let this client in"):
        await store.executions()

    await store.close()


async def test_a_heartbeat_keeps_the_lease_for_longer_than_it_lives(server: RunningServer) -> None:
    """The holder is alive, so nobody else gets it."""
    store = HttpStore(server.address, TOKEN, ttl=3.0)
    lease = await store.lease("flow", "dev", execution_id=new_execution_id(), holder="ada")

    await asyncio.sleep(3.5)

    with pytest.raises(HeldError, match="ada"):
        await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")
    await lease.release()
    await store.close()


@pytest.mark.parametrize("server", [{"lost_after": 0}], indirect=True)
async def test_a_lease_without_a_heartbeat_runs_out_and_its_execution_is_lost(server: RunningServer) -> None:
    """As when the tab is closed; the former holder finds it when it comes back."""
    flaky, script = Flaky(), Script()
    told: asyncio.Queue[str] = asyncio.Queue()
    store = HttpStore(server.address, TOKEN, ttl=3.0, http=flaky)
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", on_lost=told.put_nowait)
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started(), script.intent("a", None, {"v": 1}))
    await journal.durable()

    flaky.down = "lease"
    other = HttpStore(server.address, TOKEN)

    async def lost() -> None:
        while await other.outcome(script.id) is None:  # noqa: ASYNC110 - what happens on the server sets no event
            await asyncio.sleep(0.1)

    await asyncio.wait_for(lost(), 30)
    flaky.down = ""
    why = await asyncio.wait_for(told.get(), 30)

    outcome = await other.outcome(script.id)
    assert isinstance(outcome, Lost)
    assert outcome.items.unknown == ["a"]
    assert "not valid any more" in why
    script.write(journal, script.result("a", {"v": 1}))
    with pytest.raises(FencedError):
        await journal.durable()
    await lease.release()
    await other.close()


async def test_work_that_lets_nothing_else_run_keeps_its_lease(server: RunningServer) -> None:
    """It is renewed beside the loop in which items compute."""
    store = HttpStore(server.address, TOKEN, ttl=1.0)
    lease = await store.lease("flow", "dev", execution_id=new_execution_id(), holder="ada")

    time.sleep(3.0)  # noqa: ASYNC251 - what is tried

    other = HttpStore(server.address, TOKEN)
    with pytest.raises(HeldError, match="ada"):
        await other.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")
    await lease.release()
    await store.close()
    await other.close()


async def test_no_thread_is_left_when_a_lease_was_given_back(store: HttpStore) -> None:
    """Nor while none is held."""
    lease = await store.lease("flow", "dev", execution_id=new_execution_id(), holder="ada")
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "irenic-lease")

    await lease.release()

    await in_thread(thread.join, 30)
    assert not thread.is_alive()


async def asleep(flaky: Flaky, lease: Lease, ttl: float) -> None:
    """Keep the holder away from the server for longer than the lease lives, as a laptop that sleeps does."""
    flaky.down = "lease"
    await asyncio.sleep(ttl + 0.2)
    flaky.sent.clear()


async def test_a_holder_that_was_away_goes_on_where_nobody_has_taken_over(server: RunningServer) -> None:
    """The lease is renewed with its fencing number before anything is done, by whatever is called first."""
    flaky, script = Flaky(), Script()
    store = HttpStore(server.address, TOKEN, ttl=1.0, http=flaky)
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started())

    for look in ("check", "hold", "durable"):
        await asleep(flaky, lease, 1.0)
        flaky.down = ""
        if look == "check":
            lease.check()
        elif look == "hold":
            await lease.hold()
        else:
            await journal.durable()
        assert flaky.sent[0] == "PUT flows/flow/profiles/dev/lease"

    record = await store.execution(script.id)
    assert record is not None
    assert (record.status, record.fencing) == ("running", lease.info.fencing)
    await lease.release()
    await store.close()


async def test_a_holder_that_was_away_stops_where_another_has_begun(server: RunningServer) -> None:
    """It finds that by itself, before it does anything."""
    flaky, script = Flaky(), Script()
    store = HttpStore(server.address, TOKEN, ttl=1.0, http=flaky)
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started())
    await asleep(flaky, lease, 1.0)
    other = HttpStore(server.address, TOKEN)
    taken = await other.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")

    with pytest.raises(FencedError, match="cannot be reached to renew it"):
        lease.check()
    with pytest.raises(FencedError, match="cannot be reached to renew it"):
        await lease.hold()
    flaky.down = ""
    with pytest.raises(FencedError, match="not valid any more"):
        lease.check()
    with pytest.raises(FencedError, match="not valid any more"):
        await journal.durable()

    for held in (lease, taken):
        await held.release()
    for opened in (store, other):
        await opened.close()


async def test_a_second_interrupt_is_heard_as_a_higher_level(store: HttpStore) -> None:
    """Although the holder only hears of the last one."""
    heard: asyncio.Queue[InterruptSignal] = asyncio.Queue()
    script = Script()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", on_interrupt=heard.put_nowait)
    await store.create(script.record(fencing=lease.info.fencing), lease)

    await store.interrupt(script.id, InterruptSignal(reason="one"))
    first = await asyncio.wait_for(heard.get(), 30)
    await store.interrupt(script.id, InterruptSignal(reason="two"))
    second = await asyncio.wait_for(heard.get(), 30)

    assert (first.reason, second.reason, second.level) == ("one", "two", InterruptLevel.CANCEL)
    await lease.release()


async def test_a_store_that_does_not_listen_hears_of_no_interrupt(server: RunningServer) -> None:
    """Somebody else listens then; what is heard twice would be counted as two requests."""
    heard: list[InterruptSignal] = []
    script = Script()
    store = HttpStore(server.address, TOKEN, ttl=1.0, hears_interrupts=False)
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", on_interrupt=heard.append)
    await store.create(script.record(fencing=lease.info.fencing), lease)

    await store.interrupt(script.id, InterruptSignal(reason="lunch"))
    await asyncio.sleep(2.0)  # the lease is renewed several times

    assert heard == []
    await lease.release()
    await store.close()


async def test_states_that_have_not_changed_are_not_sent_again(server: RunningServer) -> None:
    """The client shows what it has; the answer is the same."""
    store = HttpStore(server.address, TOKEN)
    await Script().run(store)

    first, second = await store.states("flow", "dev"), await store.states("flow", "dev")
    await Script().run(store)
    third = await store.states("flow", "dev")

    assert first == second
    assert third.serial > first.serial
    await store.close()


async def test_a_flow_runs_with_its_record_on_the_server(store: HttpStore) -> None:
    """Ensure, again, and clean."""
    world = World()
    flow = Flow("things")
    first = flow.add(Thing("first", world), value=1)
    flow.add(Thing("second", world), value=1, below=first.state.value)

    outcomes = [await run(store, flow, cmd) for cmd in ("ensure", "ensure", "clean")]

    assert all(isinstance(outcome, Complete) for outcome in outcomes)
    assert world.did("apply") == ["first", "second", "second", "first"]
    assert [await store.outcome(outcome.execution_id) for outcome in outcomes] == outcomes
