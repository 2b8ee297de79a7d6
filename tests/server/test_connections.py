"""Every phase of a connection is bounded, in time and in bytes, for clients that have no token."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, RunningServer
from tests.server.test_hostile import answer, connect

from irenic_server.settings import Limits

QUICK = Limits(
    header=4096,
    header_seconds=0.5,
    body_seconds=0.5,
    idle_seconds=0.5,
    take_seconds=0.5,
    close_seconds=0.5,
    body=10_000,
    events_body=100_000,
    telemetry_body=100_000,
)
ROOMY = QUICK.model_copy(update={"header_seconds": 20.0, "body_seconds": 20.0, "idle_seconds": 20.0})
"""Limits of bytes only: what is refused here is refused for its size."""

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /api/v1/interrupt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
AUTHORIZATION = f"Authorization: Bearer {TOKEN}"
MIB = 1024 * 1024


@pytest.fixture
def quick(start_server: Starter) -> RunningServer:
    """A server with little patience."""
    return start_server(limits=QUICK)


@pytest.fixture
def roomy(start_server: Starter) -> RunningServer:
    """A server with much patience and little room."""
    return start_server(limits=ROOMY)


def sent_until_closed(
    connection: socket.socket, block: bytes, most: int, between: Callable[[socket.socket], None] | None = None
) -> int:
    """Send blocks until the server closes the connection, and return the bytes that were sent."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(block)
            sent += len(block)
            if between is not None:
                between(connection)
    except OSError:
        pass
    return sent


def drain(connection: socket.socket) -> None:
    """Read until the timeout of the socket, or raise where the server has closed it."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return
    raise ConnectionResetError


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server closes the connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize(
    "block",
    [b"x: " + b"y" * 1000 + b"\r\n", b"y" * 1000],
    ids=["many trailers", "one long trailer"],
)
def test_trailers_are_bounded(roomy: RunningServer, block: bytes) -> None:
    """A request without a token cannot fill the memory with what follows its body."""
    with closing(connect(roomy)) as connection:
        connection.sendall(CHUNKED + b"0\r\n" + (b"x: " if block[:1] == b"y" else b""))
        # What is sent before the connection is closed waits in buffers of the system.
        assert sent_until_closed(connection, block * 60, 64 * MIB) < 16 * MIB


def test_the_line_before_a_part_of_a_body_is_bounded(roomy: RunningServer) -> None:
    """It may carry an extension, which nothing reads."""
    with closing(connect(roomy)) as connection:
        connection.sendall(CHUNKED + b"5;x=")
        assert sent_until_closed(connection, b"y" * 60_000, 64 * MIB) < 16 * MIB


def test_a_body_that_nothing_reads_is_bounded(roomy: RunningServer) -> None:
    """The answer 401 does not wait for it; the rest of it is not taken for ever."""
    with closing(connect(roomy)) as connection:
        connection.sendall(CHUNKED)
        assert sent_until_closed(connection, b"10000\r\n" + b"z" * 0x10000 + b"\r\n", 64 * MIB) < 16 * MIB


def test_trailers_are_no_headers(roomy: RunningServer) -> None:
    """They come after the checks, so that they must not change what was checked."""
    with closing(connect(roomy)) as connection:
        trailer = f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode()
        connection.sendall(CHUNKED + b"0\r\n" + trailer)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("first", [b"", GET], ids=["new", "answered"])
def test_line_breaks_do_not_keep_a_connection(quick: RunningServer, first: bytes) -> None:
    """Neither before the first request nor after an answer: only a request does."""
    with closing(connect(quick)) as connection:
        connection.sendall(first)
        if first:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.settimeout(0.1)
        assert sent_until_closed(connection, b"\r\n", 1000, between=drain) < 1000


def test_a_connection_that_sends_one_line_break_is_closed(quick: RunningServer) -> None:
    """The one after an answer, which browsers of old sent."""
    with closing(connect(quick)) as connection:
        connection.sendall(GET)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert is_closed(connection)


def test_a_connection_is_used_again_within_its_time(quick: RunningServer) -> None:
    """Also one whose body came after its answer."""
    with closing(connect(quick)) as connection:
        connection.sendall(CHUNKED)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        connection.sendall(b"1\r\nx\r\n0\r\n\r\n\r\n" + GET)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert is_closed(connection)


def test_answers_that_are_not_taken_are_given_up(quick: RunningServer) -> None:
    """A client that sends requests and reads nothing does not hold its connection."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = quick.address.removeprefix("http://").partition(":")
        connection.connect((host, int(port)))
        connection.settimeout(20)
        large = GET.replace(b"/livez", b"/api/openapi.json").replace(
            b"\r\n\r\n", f"\r\n{AUTHORIZATION}\r\n\r\n".encode()
        )
        sent_until_closed(connection, large * 200, 64 * MIB)
    while quick.app.services.connections.open:
        pass


def test_the_longest_idle_connection_makes_room(start_server: Starter) -> None:
    """So that those who hold connections without using them keep nobody out."""
    server = start_server(limits=ROOMY.model_copy(update={"connections": 16}))
    with ExitStack() as stack:
        idle = [stack.enter_context(closing(connect(server))) for _ in range(16)]
        for connection in idle:
            connection.sendall(GET)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with server.client() as client:
            assert client.get("/livez").status_code == 200
        assert is_closed(idle[0])
        idle[-1].sendall(GET)
        assert idle[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
    assert server.app.services.connections.closed_early >= 1


def test_a_connection_without_room_is_refused(start_server: Starter, caplog: pytest.LogCaptureFixture) -> None:
    """With an answer that says when to come back, and one line in the log."""
    server = start_server(limits=ROOMY.model_copy(update={"connections": 16}))
    with ExitStack() as stack:
        for _ in range(16):
            connection = stack.enter_context(closing(connect(server)))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        while server.app.services.connections.open < 16 or not _all_busy(server):
            pass
        for _ in range(3):
            with closing(connect(server)) as refused:
                head = answer(refused)
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: " in head
    assert [record.message for record in caplog.records if "no room" in record.message] == [
        "there is no room for another connection: it was refused"
    ]
    while server.app.services.connections.open:
        pass
    with server.client() as client:
        assert client.get("/livez").status_code == 200


def _all_busy(server: RunningServer) -> bool:
    return not server.app.services.connections.has_idle


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server that was started where few files may be open, and its address."""
    command = [sys.executable, "-m", "irenic_server", "--database", str(tmp_path / "db"), "--port", "0"]
    command += ["--token", TOKEN]
    process = subprocess.Popen(
        ["sh", "-c", 'ulimit -S -n 200; ulimit -H -n 400; exec "$@"', "sh", *command],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="the limits of another process are read in /proc")
def test_a_low_limit_of_open_files_is_raised_and_not_exhausted(
    few_files: tuple["subprocess.Popen[str]", str],
) -> None:
    """More connections than files do not make the server deaf."""
    process, address = few_files
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
    assert line.split()[3:5] == ["400", "400"]
    host, _, port = address.removeprefix("http://").partition("/")[0].partition(":")
    with ExitStack() as stack:
        for _ in range(450):
            connection = stack.enter_context(closing(socket.create_connection((host, int(port)), timeout=20)))
            connection.sendall(GET)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            connection.sendall(b"\r\n")
