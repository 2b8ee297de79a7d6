"""Answers are bounded in bytes, whatever is stored; and large or long things keep nobody else waiting for long."""

import asyncio
import threading
import time
from contextlib import ExitStack, closing

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.server.conftest import Starter
from tests.server.harness import Execution, RunningServer, problem_name
from tests.server.test_connections import AUTHORIZATION
from tests.server.test_hostile import PICTURE, connect
from tests.server.test_streams import journal, stream

from irenic_server import executions, live
from irenic_server.answers import ANSWER_BYTES, AnswerMemory, LargeAnswers
from irenic_server.problems import Problem
from irenic_server.settings import Limits

MIB = 1024 * 1024


@pytest.fixture
def large(execution: Execution) -> Execution:
    """An execution with a journal of 24 MiB."""
    for seq in range(0, 24, 8):
        events = [execution.event(seq + offset, text="x" * MIB) for offset in range(8)]
        assert execution.append(*events).status_code == 200
    return execution


def test_a_page_of_events_ends_where_it_gets_large(large: Execution) -> None:
    """And says where the next one begins; all of them together are the journal."""
    seqs: list[int] = []
    after = -1
    while True:
        answer = large.client.get(f"{large.path}/events", params={"limit": 10_000, "after": after})
        assert len(answer.content) <= ANSWER_BYTES + 2 * MIB
        page = answer.json()
        seqs += [event["seq"] for event in page["events"]]
        if page["next_after"] is None:
            break
        after = page["next_after"]
    assert seqs == list(range(24))


def test_a_stream_gives_large_events_one_after_the_other(large: Execution) -> None:
    """All of them, from the database and as they come."""
    with stream(large.client, f"{large.path}/stream") as messages:
        assert [message.id for message in journal(messages, 24)] == [str(seq) for seq in range(24)]
        large.append(*[large.event(24 + offset, text="x" * MIB) for offset in range(4)])
        assert [message.id for message in journal(messages, 4)] == ["24", "25", "26", "27"]


def test_a_page_of_executions_ends_where_it_gets_large(client: httpx.Client) -> None:
    """The cursor leads to the rest."""
    flow = Execution(client).flow
    made = [Execution(client, flow) for _ in range(8)]
    for execution in made:
        assert execution.create(flow_info=PICTURE | {"summary": execution.id + "x" * MIB}).status_code == 201
    ids: list[str] = []
    query: dict[str, str | int] = {"flow": flow, "limit": 500}
    while True:
        answer = client.get("/api/v1/executions", params=query)
        assert len(answer.content) <= ANSWER_BYTES + 2 * MIB
        page = answer.json()
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert ids == [execution.id for execution in reversed(made)]


def test_clients_that_do_not_take_their_answers_do_not_fill_the_memory(
    start_server: Starter,
) -> None:
    """Who asks when there is no room hears when to come back; who takes an answer makes room."""
    server = start_server(limits=Limits(answers=10 * MIB))
    memory = server.app.services.answers
    with server.client() as client, ExitStack() as stack:
        execution = Execution(client)
        execution.create()
        for seq in range(4):
            execution.append(execution.event(seq, text="x" * MIB))
        head = f"GET {execution.path}/events HTTP/1.1\r\nHost: localhost\r\n{AUTHORIZATION}\r\n\r\n".encode()
        held = []
        while memory.used < 8 * MIB:
            connection = stack.enter_context(closing(connect(server)))
            connection.sendall(head)
            assert connection.recv(12) == b"HTTP/1.1 200"
            held.append(connection)
            assert len(held) < 20
        answer = client.get(f"{execution.path}/events")
        assert (answer.status_code, problem_name(answer)) == (503, "unavailable")
        assert answer.headers["retry-after"]
        for connection in held:
            connection.close()
        while memory.used:
            pass
        assert client.get(f"{execution.path}/events").status_code == 200


async def test_large_answers_are_sent_in_pieces() -> None:
    """The same bytes, and the same end."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * MIB, "more_body": True})
        await send({"type": "http.response.body", "body": b"y" * MIB})

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    memory = AnswerMemory(10 * MIB)
    await LargeAnswers(app, memory)({}, receive, send)
    assert sent[0]["type"] == "http.response.start"
    assert b"".join(message["body"] for message in sent[1:]) == b"x" * MIB + b"y" * MIB
    assert [message["more_body"] for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    assert max(len(message["body"]) for message in sent[1:]) <= 64 * 1024
    assert memory.used == 0


async def test_one_answer_that_is_too_large_is_sent_alone() -> None:
    """A bound that nothing can pass would be a fault of its own; a stream waits instead of being refused."""
    memory = AnswerMemory(10)
    async with memory.refusing(100):
        with pytest.raises(Problem):
            async with memory.refusing(1):
                pass
        waiting = asyncio.ensure_future(_use(memory, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting
    assert memory.used == 0


async def _use(memory: AnswerMemory, size: int) -> None:
    async with memory.waiting(size):
        pass


def test_streams_of_the_list_share_one_query(start_server: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change costs as much however many listen."""
    asked: list[int] = []

    def counted(connection: object, after: int, limit: int) -> list[executions.StoredExecution]:
        asked.append(after)
        return executions.changed_executions(connection, after, limit)  # type: ignore[arg-type]  # passed on as it is

    monkeypatch.setattr(live, "changed_executions", counted)
    server = start_server()
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(10)]
        streams = [stack.enter_context(stream(client, "/api/v1/stream")) for client in clients]
        asked.clear()
        made = Execution(clients[0])
        made.create()
        for messages in streams:
            assert next(messages).data["id"] == made.id
    assert len(asked) <= 4


def test_a_very_long_journal_keeps_nobody_waiting(server: RunningServer, execution: Execution) -> None:
    """While its progress is read and while it is lost, others are answered as ever."""
    lease = execution.take_lease(ttl=1).json()
    by_lease = {"Irenic-Fencing": str(lease["fencing"])}
    execution.renew_lease(lease["fencing"], ttl=60)
    assert execution.append(execution.started(["a"]), **by_lease).status_code == 200
    for first in range(1, 20_000, 2_000):
        events = [execution.event(first + n, "item_position", item="a", done=n) for n in range(2_000)]
        assert execution.append(*events, **by_lease).status_code == 200
    execution.renew_lease(lease["fencing"], ttl=60)
    waits: list[float] = []
    done = threading.Event()

    def ask() -> None:
        with server.client() as other:
            mine = Execution(other)
            mine.create()
            seq = 0
            while not done.is_set():
                began = time.perf_counter()
                assert mine.append(mine.event(seq)).status_code == 200
                assert other.get(f"{mine.path}/progress").status_code == 200
                waits.append(time.perf_counter() - began)
                seq += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert execution.client.get(f"{execution.path}/progress").status_code == 200
        execution.renew_lease(lease["fencing"], ttl=1)
        while execution.record()["status"] == "running":
            pass
    finally:
        done.set()
        thread.join()
    assert execution.record()["status"] == "lost"
    assert max(waits) < 1.0


def test_a_batch_that_says_everything_differently_is_refused_soon(execution: Execution) -> None:
    """Comparing it by meaning would hold up the thread that writes."""
    events = [execution.event(seq, text="x" * 1000, n=seq) for seq in range(5_000)]
    execution.append(*events)
    again = [dict(reversed(event.items())) for event in events]
    assert problem_name(execution.append(*again)) == "conflicting-event"
    assert execution.append(*[dict(reversed(event.items())) for event in events[:20]]).status_code == 200
    assert execution.append(*events).json() == {"next_seq": 5_000}
