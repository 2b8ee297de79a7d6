"""What every store must do; each test runs on every store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.journals import Script
from tests.server.harness import TOKEN, running_server

from irenic.engine.store import Store
from irenic.model.cmd import StateKind
from irenic.model.errors import FencedError, HeldError, StoreError
from irenic.model.events import ExecutionEnded
from irenic.model.flow_info import FlowInfo, ItemInfo
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.options import RequestOptions
from irenic.model.outcome import Lost
from irenic.model.states import FlowStates
from irenic.stores import FileStore, HttpStore, MemoryStore, state_history

A_ID, B_ID, C_ID, D_ID = (new_execution_id() for _ in range(4))


@asynccontextmanager
async def memory_store(tmp_path: Path) -> AsyncIterator[Store]:
    """Everything in memory."""
    store = MemoryStore()
    yield store
    await store.close()


@asynccontextmanager
async def file_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A folder on the disk."""
    store = FileStore(tmp_path / "store")
    yield store
    await store.close()


@asynccontextmanager
async def http_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A real server with a database of its own."""
    with running_server(str(tmp_path / "irenic.sqlite3")) as server:
        store = HttpStore(server.address, TOKEN)
        yield store
        await store.close()


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "memory": memory_store,
    "file": file_store,
    "http": http_store,
}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each store in turn, empty."""
    async with request.param(tmp_path) as store:
        yield store


async def test_an_empty_store_knows_nothing(store: Store) -> None:
    """Reading what is not there is no error."""
    nobody = new_execution_id()

    assert await store.states("flow", "dev") == FlowStates(flow="flow", profile="dev")
    assert await store.profiles("flow") == []
    assert await store.inputs("flow", "dev") == {}
    assert await store.execution(nobody) is None
    assert await store.events(nobody) == []
    assert await store.outcome(nobody) is None
    assert (await store.executions()).items == []


async def test_what_was_appended_is_read_back_in_order(store: Store) -> None:
    """Events, in pages, after any of them."""
    script = Script()
    await script.run(store)

    assert await store.events(script.id) == script.events
    assert await store.events(script.id, after=0, limit=2) == script.events[1:3]
    assert await store.events(script.id, after=2) == script.events[3:]
    assert await store.events(script.id, after=len(script.events)) == []


async def test_events_are_read_page_by_page_in_either_direction(store: Store) -> None:
    """A page may begin where the last one ended, or before it."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started(), *(script.status("a", str(n)) for n in range(50)))
    await journal.durable()

    pages = [await store.events(script.id, after=after, limit=10) for after in (-1, 9, 19, 3, 29, 40)]

    assert [[event.seq for event in page] for page in pages] == [
        list(range(first, min(first + 10, 51))) for first in (0, 10, 20, 4, 30, 41)
    ]


async def test_a_durable_event_is_seen_while_the_execution_runs(store: Store) -> None:
    """By whoever reads the store."""
    script = Script()
    journal = await store.create(script.record(), None)

    script.write(journal, script.started(), script.status("a"))
    await journal.durable()

    record = await store.execution(script.id)
    assert await store.events(script.id) == script.events
    assert record is not None
    assert (record.status, record.next_seq) == ("running", 2)
    assert await store.outcome(script.id) is None


async def test_many_waiters_share_what_is_made_durable(store: Store) -> None:
    """Each returns, and all of their events are there."""
    script = Script()
    journal = await store.create(script.record(), None)

    async def one(number: int) -> None:
        for step in range(5):
            journal.append(script.status("a", f"{number} {step}"))
            await journal.durable()

    script.write(journal, script.started())
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(one(number))

    assert await store.events(script.id) == script.events


async def test_a_cancelled_waiter_does_not_disturb_the_others(store: Store) -> None:
    """What it appended is kept all the same."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started())
    waiters = [asyncio.ensure_future(journal.durable()) for _ in range(3)]
    await asyncio.sleep(0)

    waiters[1].cancel()
    await waiters[0]
    await waiters[2]

    assert await store.events(script.id) == script.events


async def test_what_is_waited_for_is_kept_while_all_tasks_are_cancelled(store: Store) -> None:
    """As a program does that ends its event loop in the middle of a run."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started(), script.status("a"))
    waiter = asyncio.ensure_future(journal.durable())
    await asyncio.sleep(0)

    for _ in range(2):
        for task in asyncio.all_tasks() - {asyncio.current_task(), waiter}:
            task.cancel()
        await asyncio.sleep(0)
    await waiter

    assert await store.events(script.id) == script.events


async def test_the_outcome_is_there_once_the_journal_is_finished(store: Store) -> None:
    """And the record tells how the execution ended."""
    script = Script()
    await script.run(store)

    record = await store.execution(script.id)
    assert await store.outcome(script.id) == script.outcome()
    assert record is not None
    assert (record.status, record.ended_at, record.next_seq) == ("complete", script.outcome().ended_at, 4)
    assert record.created_at is not None


async def test_an_outcome_that_no_event_holds_is_kept_too(store: Store) -> None:
    """`finish` alone is enough."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started())

    await journal.finish(script.outcome())

    assert await store.outcome(script.id) == script.outcome()
    assert await store.events(script.id) == script.events


async def test_an_id_is_taken_once(store: Store) -> None:
    """The second journal of an id is refused, whatever became of the first."""
    script = Script()
    await script.run(store)

    with pytest.raises(StoreError, match="already"):
        await store.create(script.record(), None)

    assert await store.events(script.id) == script.events


async def test_the_record_is_kept_whole(store: Store) -> None:
    """With the flow's picture and the inputs."""
    info = FlowInfo(id="flow", items=[ItemInfo(id="a", type="Thing")], edges=[])
    script = Script()
    lease = await store.lease("flow", "default", execution_id=script.id, holder="ada")
    record = script.record(
        flow_info=info,
        inputs={"url": "x"},
        started_at="2026-01-31T08:15:00.123Z",
        fencing=lease.info.fencing,
        request=RequestOptions(items=["a"], prune=True, deadline=3),
    )

    await store.create(record, lease)

    kept = await store.execution(script.id)
    assert kept is not None
    assert kept.model_copy(update={"created_at": None}) == record


async def test_a_picture_of_the_flow_is_made_when_it_is_looked_at(store: Store) -> None:
    """It is that of the flow as the record was made, and it is made once, however often it is looked at."""
    info = FlowInfo(id="flow", items=[ItemInfo(id="a", type="Thing")], edges=[])
    made: list[FlowInfo] = []

    def draw() -> FlowInfo:
        made.append(info)
        return info

    script = Script()
    await store.create(script.record().to_draw(draw), None)

    for _ in range(2):
        kept = await store.execution(script.id)
        assert kept is not None
        assert kept.flow_info == info
        (listed,) = (await store.executions(flow="flow")).items
        assert listed.flow_info == info
    assert len(made) == 1


async def test_states_follow_the_journal(store: Store) -> None:
    """Discovered states that are to be stored, and results; an intent without a result is unknown."""
    script = Script()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="a test")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    events = [
        script.started(),
        script.found("a", {"v": 0}),
        script.found("a", {"v": 1}, StateKind.GOAL),
        script.found("b", {"v": 5}, stored=False),
        script.intent("a", {"v": 0}, {"v": 1}),
        script.result("a", {"v": 1}),
        script.intent("b", {"v": 5}, {"v": 6}),
    ]
    script.write(journal, *events)
    await journal.durable()

    states = await store.states("flow", "dev")

    folded = FlowStates(flow="flow", profile="dev")
    for event in events:
        folded.apply(event)
    assert states == folded
    assert (states.items["a"].current, states.items["a"].unknown) == ({"v": 1}, False)
    assert (states.items["b"].current, states.items["b"].unknown) == ({"v": 5}, True)
    await lease.release()


async def test_states_are_kept_from_one_execution_to_the_next(store: Store) -> None:
    """The second adds to what the first left; profiles and flows do not mix."""
    await Script().run(store)
    second = Script()
    lease = await store.lease("flow", "dev", execution_id=second.id, holder="a test")
    journal = await store.create(second.record(fencing=lease.info.fencing), lease)
    second.write(journal, second.started(), second.found("b", {"v": 2}), second.ended())
    await journal.finish(second.outcome())
    await lease.release()

    states = await store.states("flow", "dev")

    assert {item: entry.current for item, entry in states.items.items()} == {"a": {"v": 1}, "b": {"v": 2}}
    assert (await store.states("flow", "prod")).items == {}
    assert (await store.states("other", "dev")).items == {}


async def test_changing_returned_states_changes_nothing_stored(store: Store) -> None:
    """They are a copy."""
    await Script().run(store)

    (await store.states("flow", "dev")).items.clear()

    assert list((await store.states("flow", "dev")).items) == ["a"]


async def test_inputs_are_kept_by_flow_and_profile(store: Store) -> None:
    """The last ones that were saved."""
    await store.save_inputs("flow", "dev", {"url": "a", "n": 1})
    await store.save_inputs("flow", "dev", {"url": "ä"})
    await store.save_inputs("flow", "prod", {"url": "c"})

    assert await store.inputs("flow", "dev") == {"url": "ä"}
    assert await store.inputs("flow", "prod") == {"url": "c"}
    assert await store.profiles("flow") == ["dev", "prod"]


async def test_profiles_are_those_that_were_written_to(store: Store) -> None:
    """By inputs or by an execution."""
    await store.save_inputs("flow", "prod", {"url": "c"})
    await Script(profile="dev").run(store)
    await Script(flow="other", profile="third").run(store)

    assert await store.profiles("flow") == ["dev", "prod"]


async def test_a_profile_is_held_by_one_at_a_time(store: Store) -> None:
    """The second is told who holds it; other profiles are free."""
    lease = await store.lease("flow", "dev", execution_id=A_ID, holder="ada")

    with pytest.raises(HeldError, match=r"ada.*flow/dev|flow/dev.*ada") as held:
        await store.lease("flow", "dev", execution_id=B_ID, holder="bob")
    other = await store.lease("flow", "prod", execution_id=C_ID, holder="bob")
    await lease.release()
    again = await store.lease("flow", "dev", execution_id=D_ID, holder="bob")

    assert (held.value.holder, held.value.execution_id) == ("ada", A_ID)
    assert again.info.fencing > lease.info.fencing
    await other.release()
    await again.release()


async def test_releasing_twice_is_fine(store: Store) -> None:
    """And does not take the lease from the next one."""
    lease = await store.lease("flow", "dev", execution_id=A_ID, holder="ada")
    await lease.release()
    other = await store.lease("flow", "dev", execution_id=B_ID, holder="bob")

    await lease.release()

    with pytest.raises(HeldError):
        await store.lease("flow", "dev", execution_id=C_ID, holder="cy")
    await other.release()


async def test_a_take_over_fences_the_former_holder(store: Store) -> None:
    """It is told, can write nothing more, and its execution is lost."""
    old, new = Script(), Script()
    told: asyncio.Queue[str] = asyncio.Queue()
    lease = await store.lease("flow", "dev", execution_id=old.id, holder="ada", on_lost=told.put_nowait)
    journal = await store.create(old.record(fencing=lease.info.fencing), lease)
    old.write(journal, old.started(), old.intent("a", None, {"v": 1}))
    await journal.durable()

    taken = await store.lease("flow", "dev", execution_id=new.id, holder="bob", take_over=True)
    old.write(journal, old.result("a", {"v": 1}))
    with pytest.raises(FencedError):
        await journal.durable()
    async with asyncio.timeout(30):
        why = await told.get()

    outcome = await store.outcome(old.id)
    assert isinstance(outcome, Lost)
    assert outcome.items.unknown == ["a"]
    assert why
    assert taken.info.fencing > lease.info.fencing
    await lease.release()
    with pytest.raises(HeldError, match="bob"):
        await store.lease("flow", "dev", execution_id=C_ID, holder="cy")
    await taken.release()


async def test_an_execution_without_an_outcome_is_lost_when_the_next_takes_the_lease(store: Store) -> None:
    """Its last event says so, and what it was doing is unknown."""
    script = Script()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started(), script.intent("b", None, {"v": 1}))
    await journal.durable()
    await lease.release()

    await (await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")).release()

    outcome = await store.outcome(script.id)
    record = await store.execution(script.id)
    last = (await store.events(script.id))[-1]
    assert isinstance(outcome, Lost)
    assert outcome.items.unknown == ["b"]
    assert record is not None
    assert (record.status, record.next_seq) == ("lost", 3)
    assert isinstance(last, ExecutionEnded)
    assert last.outcome == outcome


async def test_an_execution_that_was_left_does_not_hide_what_the_next_one_stores(store: Store) -> None:
    """Also where both ran in one process, and the first was never finished."""
    first, second = Script(), Script()
    await first.run(store, finish=False)
    before = await store.states("flow", "dev")
    lease = await store.lease("flow", "dev", execution_id=second.id, holder="bob")
    journal = await store.create(second.record(fencing=lease.info.fencing), lease)
    second.write(journal, second.started(), second.result("b", {"v": 7}))
    await journal.durable()

    states = await store.states("flow", "dev")

    assert list(before.items) == ["a"]
    assert {item: entry.current for item, entry in states.items.items()} == {"a": {"v": 1}, "b": {"v": 7}}
    await lease.release()


async def test_executions_are_listed_newest_first_in_pages(store: Store) -> None:
    """By flow, profile and status, with a cursor that stays right while new ones are added."""
    scripts = [Script(profile=profile) for profile in ("dev", "prod", "dev", "dev", "prod")]
    for script in scripts:
        await script.run(store)
    other = Script(flow="other")
    await other.run(store)
    ids = [script.id for script in reversed(scripts)]

    first = await store.executions(flow="flow", limit=2)
    await Script().run(store)
    second = await store.executions(flow="flow", limit=2, cursor=first.next_cursor)
    third = await store.executions(flow="flow", limit=2, cursor=second.next_cursor)

    assert [[r.id for r in page.items] for page in (first, second, third)] == [ids[0:2], ids[2:4], ids[4:5]]
    assert third.next_cursor is None
    prod = await store.executions(flow="flow", profile="prod")
    assert [record.id for record in prod.items] == [scripts[4].id, scripts[1].id]
    assert [record.id for record in (await store.executions(flow="other")).items] == [other.id]
    assert (await store.executions(status="running")).items == []
    assert len((await store.executions(status="complete")).items) == 7


async def test_an_interrupt_reaches_whoever_holds_the_lease(store: Store) -> None:
    """Nobody else, and nobody once it is given back."""
    signals: asyncio.Queue[InterruptSignal] = asyncio.Queue()
    signal = InterruptSignal(source="user", reason="lunch")
    script = Script()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", on_interrupt=signals.put_nowait)
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started())
    await journal.durable()

    replies = [await store.interrupt(script.id, signal), await store.interrupt(new_execution_id(), signal)]
    async with asyncio.timeout(30):
        reached = await signals.get()
    script.write(journal, script.ended())
    await journal.finish(script.outcome())
    await lease.release()
    replies.append(await store.interrupt(script.id, signal))

    nothing = InterruptReply.NOTHING_TO_INTERRUPT
    assert replies == [InterruptReply.REQUESTED, nothing, nothing]
    assert (reached.source, reached.reason, signals.empty()) == ("user", "lunch", True)


async def test_the_history_of_states_is_told_newest_first(store: Store) -> None:
    """Over all executions, of all items or of one."""
    first, second = Script(), Script()
    await first.run(store)
    lease = await store.lease("flow", "dev", execution_id=second.id, holder="a test")
    journal = await store.create(second.record(fencing=lease.info.fencing), lease)
    second.write(journal, second.started(), second.found("b", {"v": 5}), second.found("a", {"v": 9}, stored=False))
    second.write(journal, second.intent("a", {"v": 1}, {"v": 2}), second.result("a", None, "failed"))
    await journal.durable()

    changes = await state_history(store, "flow", "dev")
    of_b = await state_history(store, "flow", "dev", item="b")
    last = await state_history(store, "flow", "dev", limit=1)

    assert [(change.item, change.how, change.state, change.execution_id) for change in changes] == [
        ("a", "failed", None, second.id),
        ("b", "discovered", {"v": 5}, second.id),
        ("a", "applied", {"v": 1}, first.id),
    ]
    assert of_b == changes[1:2]
    assert last == changes[:1]
    assert await state_history(store, "flow", "prod") == []
    await lease.release()
