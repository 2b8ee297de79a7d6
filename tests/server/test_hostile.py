"""Hostile and unlucky clients: whatever one of them sends, the others are answered."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution, RunningServer, problem_name

from irenic_server.settings import Limits

TIGHT = Limits(
    header=4096, header_seconds=0.5, body_seconds=0.5, body=10_000, events_body=100_000, events_per_request=5
)


@pytest.fixture
def tight(start_server: Starter) -> RunningServer:
    """A server with limits that are quickly reached."""
    return start_server(limits=TIGHT)


@pytest.fixture
def execution(tight: RunningServer) -> Iterator[Execution]:
    """An execution on it."""
    with tight.client() as client:
        made = Execution(client)
        made.create()
        yield made


def connect(server: RunningServer) -> socket.socket:
    """Return a bare connection."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def answer(connection: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode()


def test_a_head_that_does_not_end_is_cut_off(tight: RunningServer, execution: Execution) -> None:
    """Also one of which a byte arrives now and then (slowloris), and one of which nothing arrives."""
    with closing(connect(tight)) as silent, closing(connect(tight)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert execution.append(execution.event(0)).status_code == 200
        assert answer(slow).startswith(b"HTTP/1.1 408 ")
        assert answer(silent).startswith(b"HTTP/1.1 408 ")


def test_a_second_head_that_does_not_end_is_cut_off_too(tight: RunningServer) -> None:
    """A connection that behaved well once is not trusted for ever."""
    with closing(connect(tight)) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /livez HTTP/1.1\r\nHos")
        assert b"HTTP/1.1 408 " in answer(connection)


def test_a_head_that_is_too_long_is_refused(tight: RunningServer) -> None:
    """Before it is read to its end."""
    with closing(connect(tight)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 5000)
        assert answer(connection).startswith(b"HTTP/1.1 431 ")


def test_a_body_that_does_not_arrive_is_cut_off(tight: RunningServer, execution: Execution) -> None:
    """Nothing of it is stored."""
    with closing(connect(tight)) as connection:
        head = b"POST " + execution.path.encode() + b"/events HTTP/1.1\r\n" + HEAD
        connection.sendall(head + b"Content-Length: 500\r\n\r\n[{")
        assert answer(connection).startswith(b"HTTP/1.1 408 ")
    assert execution.events()["events"] == []


def test_bodies_are_bounded(tight: RunningServer, execution: Execution) -> None:
    """Whether they say how large they are, or come in chunks; the rest of them is not read."""
    for path, size in [("/interrupt", 10_001), ("/events", 100_001)]:
        body = b" " * size
        response = execution.client.post(execution.path + path, content=body)
        assert (response.status_code, problem_name(response)) == (413, "body-too-large")
        chunked = execution.client.post(execution.path + path, content=iter([body[:9000], body[9000:]]))
        assert (chunked.status_code, problem_name(chunked)) == (413, "body-too-large")
    with closing(connect(tight)) as connection:
        head = b"POST " + execution.path.encode() + b"/events HTTP/1.1\r\n" + HEAD
        connection.sendall(head + b"Content-Length: 100000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert execution.append(execution.event(0)).status_code == 200


def test_batches_are_bounded_in_number(execution: Execution) -> None:
    """A transaction may not take for ever."""
    response = execution.append(*[execution.event(seq) for seq in range(6)])
    assert (response.status_code, problem_name(response)) == (413, "body-too-large")
    assert execution.append(*[execution.event(seq) for seq in range(5)]).status_code == 200


PICTURE = {"id": "letters", "items": [], "edges": []}
DEEP = "[" * 30_000 + "]" * 30_000


@pytest.mark.parametrize(
    "body",
    [
        DEEP.encode(),
        b'{"a":' * 5000,
        b'"\xff\xfe"',
        b'{"source": "\\ud800"}',
        b'{"reason": NaN}',
        b"\x00",
        b"{'source': 'user'}",
        b'{"source": "user"} trailing',
        b'{"source": ' + b"9" * 5000 + b"}",
    ],
    ids=["deep", "open", "utf-8", "surrogate", "nan", "zero", "quotes", "trailing", "digits"],
)
@pytest.mark.parametrize("path", ["/interrupt", "/events", "/outcome"])
def test_broken_json_is_refused(execution: Execution, path: str, body: bytes) -> None:
    """With a problem, never with a failure of the server."""
    method = "PUT" if path == "/outcome" else "POST"
    headers = {"Content-Type": "application/json"}
    response = execution.client.request(method, execution.path + path, content=body, headers=headers)
    assert response.status_code in (400, 413, 422)
    assert problem_name(response) in ("malformed-body", "body-too-large", "invalid-request", "invalid-event")


@pytest.mark.parametrize(
    "value",
    ["\u0000", "\U0001f600", "\u2028", "x" * 50_000, 2**200, -(2**63) - 1, 1.7976931348623157e308, [[[]]], {"": None}],
    ids=range(9),
)
def test_odd_values_are_kept(client: httpx.Client, value: object) -> None:
    """By both databases, in events, inputs and states."""
    execution = Execution(client)
    assert execution.create(inputs={"odd": value}, flow_info=PICTURE | {"odd": value}).status_code == 201
    state = execution.event(1, "item_state", item="a", which="current", state={"odd": value}, stored=True)
    assert execution.append(execution.event(0, odd=value), state).status_code == 200
    assert execution.events()["events"][0]["odd"] == value
    assert execution.record()["inputs"] == {"odd": value}
    assert execution.record()["flow_info"] == PICTURE | {"odd": value}
    assert execution.states()["items"]["a"]["current"] == {"odd": value}


def test_nonsense_instead_of_http_is_answered_and_closed(tight: RunningServer, execution: Execution) -> None:
    """And other clients do not notice."""
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n"):
        with closing(connect(tight)) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            assert b" 400 " in answer(connection).partition(b"\r\n")[0] + b" 400 "
    assert execution.append(execution.event(0)).status_code == 200


def test_clients_that_leave_in_the_middle_leave_nothing_behind(tight: RunningServer, execution: Execution) -> None:
    """Streams of clients that are gone are ended, so that their places are free again."""
    for _ in range(20):
        connection = connect(tight)
        connection.sendall(b"GET " + execution.path.encode() + b"/stream HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.close()
    body = json.dumps([execution.event(0)]).encode()
    with closing(connect(tight)) as connection:
        head = b"POST " + execution.path.encode() + b"/events HTTP/1.1\r\n" + HEAD
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    while tight.app.services.hub.streams or not execution.events()["events"]:
        pass
    assert execution.append(execution.event(1)).json() == {"next_seq": 2}
