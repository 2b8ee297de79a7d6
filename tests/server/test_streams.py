"""Streams: everything in order, from where one left off, to the end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from tests.server.conftest import Starter
from tests.server.harness import Execution, problem_name

from irenic_server.settings import Limits


@dataclass
class Message:
    """One server-sent event."""

    event: str
    data: Any
    id: str | None = None


@contextmanager
def stream(client: httpx.Client, path: str, **headers: str) -> Iterator[Iterator[Message]]:
    """Open a stream and give its events."""
    with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield _messages(response.iter_lines())


def _messages(lines: Iterator[str]) -> Iterator[Message]:
    fields: dict[str, str] = {}
    for line in lines:
        if line == "":
            if "data" in fields:
                yield Message(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}
        else:
            name, _, value = line.partition(": ")
            fields[name] = value


def journal(messages: Iterator[Message], count: int) -> list[Message]:
    """Return the next messages."""
    return [next(messages) for _ in range(count)]


def test_a_stream_gives_what_was_and_what_comes(execution: Execution) -> None:
    """First what is stored, then what is appended, then the outcome; then it ends."""
    execution.append(execution.event(0))
    with stream(execution.client, f"{execution.path}/stream") as messages:
        assert next(messages) == Message("journal", execution.event(0), "0")
        execution.append(execution.event(1), execution.event(2))
        assert [message.id for message in journal(messages, 2)] == ["1", "2"]
        execution.client.post(f"{execution.path}/interrupt", json={"reason": "lunch"})
        interrupt = next(messages)
        assert (interrupt.event, interrupt.data["reason"], interrupt.id) == ("interrupt", "lunch", None)
        execution.end()
        assert next(messages) == Message("outcome", execution.outcome(), "end")
        assert list(messages) == []


def test_a_stream_goes_on_after_the_last_event_that_was_seen(execution: Execution) -> None:
    """By the header that a browser sends, or by the query for its first connection."""
    execution.append(*[execution.event(seq) for seq in range(4)])
    execution.end()
    with stream(execution.client, f"{execution.path}/stream", **{"Last-Event-ID": "1"}) as messages:
        assert [message.id for message in messages] == ["2", "3", "end"]
    with stream(execution.client, f"{execution.path}/stream?after=2") as messages:
        assert [message.id for message in messages] == ["3", "end"]


def test_whoever_has_seen_the_end_is_told_not_to_come_back(execution: Execution) -> None:
    """204 is what keeps a browser from reconnecting; without the end it gets the end first."""
    execution.append(execution.event(0))
    execution.end()
    path = f"{execution.path}/stream"
    assert execution.client.get(path, headers={"Last-Event-ID": "end"}).status_code == 204
    with stream(execution.client, path, **{"Last-Event-ID": "0"}) as messages:
        assert [message.event for message in messages] == ["outcome"]


def test_a_long_journal_is_streamed_whole(execution: Execution) -> None:
    """Page by page, while more is appended."""
    for first in range(0, 3000, 1000):
        execution.append(*[execution.event(seq) for seq in range(first, first + 1000)])
    with stream(execution.client, f"{execution.path}/stream") as messages:
        assert [message.id for message in journal(messages, 3000)] == [str(seq) for seq in range(3000)]
        execution.append(*[execution.event(seq) for seq in range(3000, 4000)])
        assert [message.id for message in journal(messages, 1000)] == [str(seq) for seq in range(3000, 4000)]


def test_many_streams_of_one_execution_see_the_same(execution: Execution) -> None:
    """Each at its own pace."""
    path = f"{execution.path}/stream"
    with stream(execution.client, path) as first, stream(execution.client, path) as second:
        for seq in range(50):
            execution.append(execution.event(seq))
        execution.end()
        assert list(first) == list(second)


def test_an_interrupt_that_came_before_is_told_at_the_start(execution: Execution) -> None:
    """A tab that reconnects does not miss it."""
    execution.client.post(f"{execution.path}/interrupt")
    with stream(execution.client, f"{execution.path}/stream") as messages:
        assert next(messages).event == "interrupt"


def test_the_list_is_streamed(start_server: Starter) -> None:
    """Every execution that is made, interrupted or ends, in that order, from where one left off."""
    with start_server().client() as client:
        early = Execution(client)
        early.create()
        with stream(client, "/api/v1/stream") as messages:
            execution = Execution(client)
            execution.create()
            made = next(messages)
            assert (made.event, made.data["id"], made.data["status"]) == ("execution", execution.id, "running")
            execution.client.post(f"{execution.path}/interrupt")
            assert next(messages).data["interrupt"] is not None
            execution.end()
            assert next(messages).data["status"] == "complete"
        with stream(client, "/api/v1/stream", **{"Last-Event-ID": "0"}) as messages:
            assert [message.data["id"] for message in journal(messages, 2)] == [early.id, execution.id]


def test_an_idle_stream_shows_that_it_lives(start_server: Starter) -> None:
    """By a comment, which clients skip and proxies count."""
    with start_server(heartbeat=0.3).client() as client:
        execution = Execution(client)
        execution.create()
        with client.stream("GET", f"{execution.path}/stream") as response:
            lines = response.iter_lines()
            assert [next(lines), next(lines), next(lines)] == ["retry: 1000", "", ": "]


def test_an_id_of_nobody_is_refused(execution: Execution) -> None:
    """A stream begins at a number, or at the start."""
    for last_id in ("x", "1.5", "9" * 20, "--1"):
        response = execution.client.get(f"{execution.path}/stream", headers={"Last-Event-ID": last_id})
        assert (response.status_code, problem_name(response)) == (422, "invalid-request")


def test_streams_are_bounded_in_number(start_server: Starter) -> None:
    """Beyond the limit a client is told to come back."""
    with start_server(limits=Limits(streams=1)).client() as client:
        execution = Execution(client)
        execution.create()
        with stream(client, f"{execution.path}/stream") as messages:
            execution.append(execution.event(0))
            next(messages)
            refused = client.get(f"{execution.path}/stream")
            assert (refused.status_code, problem_name(refused)) == (503, "unavailable")
            assert refused.headers["retry-after"] == "5"
