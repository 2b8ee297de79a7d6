"""Appends that take the short way: in order among other requests of a connection, and answered before it is closed."""

import json
import signal
import socket
import sqlite3
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution, RunningServer
from tests.server.test_process import server_process

from irenic_server.settings import Limits

Answer = tuple[int, str | None, bytes]
"""The status, the header Connection, and the body."""


def connect(address: str) -> socket.socket:
    """Return a bare connection."""
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def written(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a request as it is sent."""
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {TOKEN}", *headers)
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body


def append(execution: Execution, *seqs: int, headers: tuple[str, ...] = ()) -> bytes:
    """Return an append of events as it is sent."""
    body = json.dumps([execution.event(seq) for seq in seqs]).encode()
    return written("POST", f"{execution.path}/events", body, *headers)


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer; there is nothing after it yet."""
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.getheader("connection"), answer.read()


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def statuses(answers: bytes) -> list[int]:
    """Return the statuses of answers that follow each other."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def next_seqs(answers: bytes) -> list[int]:
    """Return the numbers that answers acknowledge, in their order."""
    return [int(part.partition(b"}")[0]) for part in answers.split(b'{"next_seq":')[1:]]


@pytest.mark.parametrize("cut", [None, 40, -1], ids=["whole", "in a head", "in a body"])
def test_requests_that_do_not_wait_for_answers_get_them_in_order(
    server: RunningServer, execution: Execution, cut: int | None
) -> None:
    """Appends, reads and refused appends, in one packet or in two that part anywhere."""
    requests = [
        append(execution, 0),
        append(execution, 1, 2),
        written("GET", f"{execution.path}/progress"),
        append(execution, 7),
        append(execution, 3),
        written("GET", f"{execution.path}/events", b"", "Connection: close"),
    ]
    sent = b"".join(requests)
    place = len(sent) if cut is None else len(requests[0]) + cut
    with closing(connect(server.address)) as connection:
        connection.sendall(sent[:place])
        connection.sendall(sent[place:])
        answers = read_all(connection)
    assert statuses(answers) == [200, 200, 200, 409, 200, 200]
    assert next_seqs(answers) == [1, 3, 4]
    assert execution.events()["events"] == [execution.event(seq) for seq in range(4)]


def test_many_appends_at_once_on_one_connection_are_all_answered(server: RunningServer, execution: Execution) -> None:
    """Each after the one before it."""
    sent = b"".join(append(execution, seq) for seq in range(50))
    with closing(connect(server.address)) as connection:
        connection.sendall(sent + written("GET", "/livez", b"", "Connection: close"))
        answers = read_all(connection)
    assert next_seqs(answers) == list(range(1, 51))


@pytest.mark.parametrize("headers", [("Connection: close",), ("Expect: 100-continue",)])
def test_a_client_may_ask_for_more_than_the_short_way_has(
    server: RunningServer, execution: Execution, headers: tuple[str, ...]
) -> None:
    """It gets what it asks for."""
    with closing(connect(server.address)) as connection:
        connection.sendall(append(execution, 0, headers=headers))
        status, closes, body = read_answer(connection)
    assert (status, body) == (200, b'{"next_seq":1}')
    assert closes == ("close" if headers == ("Connection: close",) else None)


def test_a_refused_append_leaves_its_connection_open(server: RunningServer, execution: Execution) -> None:
    """A client that has sent too much at once goes on with less."""
    with closing(connect(server.address)) as connection:
        for sent, expected in ((append(execution, 4), 409), (append(execution, 0), 200), (append(execution, 1), 200)):
            connection.sendall(sent)
            assert read_answer(connection)[0] == expected


def test_appends_are_counted_against_the_rate(start_server: Starter) -> None:
    """Each once, also where it is refused."""
    server = start_server(limits=Limits(rate=0.01, rate_burst=5))
    with server.client() as client:
        execution = Execution(client)
        execution.create()
        sent = [
            (execution.event(0), 200),
            (execution.event(7), 409),
            (execution.event(1), 200),
            (execution.event(2), 200),
        ]
        assert [execution.append(event).status_code for event, _ in sent] == [status for _, status in sent]
        refused = execution.append(execution.event(3))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1


def test_an_append_that_waits_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    """And the client is told that the connection is closed after that."""
    with server_process(tmp_path / "db", "--token", TOKEN) as server, server.client() as client:
        execution = Execution(client)
        execution.create()
        with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with closing(connect(server.base)) as connection:
                connection.sendall(append(execution, 0))
                # Whoever comes after it is served after it.
                assert client.get("/livez").status_code == 200
                server.process.send_signal(signal.SIGTERM)
                while listens(server.base):
                    pass
                other.execute("COMMIT")
                assert read_answer(connection) == (200, "close", b'{"next_seq":1}')
                assert connection.recv(1) == b""
        server.process.wait(timeout=30)


def listens(address: str) -> bool:
    """Tell whether a connection can be made."""
    try:
        connect(address).close()
    except ConnectionError:
        return False
    return True


def test_a_client_that_is_gone_before_the_answer_has_its_events_stored(
    server: RunningServer, client: httpx.Client, execution: Execution
) -> None:
    """And nobody else notices."""
    for seq in range(10):
        with closing(connect(server.address)) as connection:
            connection.sendall(append(execution, seq))
        while len(execution.events()["events"]) <= seq:
            pass
    assert client.get("/livez").status_code == 200
