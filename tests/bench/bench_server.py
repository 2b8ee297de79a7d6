"""What the server adds to SQLite on the same disk: appends that are durable when they are acknowledged, and reads.

Raw SQLite commits the same events in the same way (WAL, synchronous=FULL), one connection, nothing around it. Times are
per event, so that less is better everywhere: 2.5 times as many events a second as raw are 0.4 of its time.

A server that stores nothing says what the client and the way to it take by themselves.

p50 and p99 are those of a round, and their medians count: one stall of the machine is in one round only.
"""

import json
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import httpx
from tests.bench.append_load import TOKEN, event
from tests.bench.filled_database import filled_database
from tests.bench.harness import QUICK, Row, alternate, compare, quantile, report

from irenic.model.ids import new_execution_id
from irenic_server.envelopes import read_envelopes
from irenic_server.executions import create_execution
from irenic_server.journal import Append, append_group
from irenic_server.requests import ExecutionCreate

SECONDS = 0.3 if QUICK else 2.0
LOAD = Path(__file__).with_name("append_load.py")
FEW, MANY = 1_000, 4_000 if QUICK else 1_000_000
STREAMS = 100 if QUICK else 2_000
STREAM_BYTES = 30 * 1024
READS = 200


def on_database(database: Path) -> "Server":
    """Start the server on a database."""
    return Server("irenic_server", "--database", str(database), "--port", "0", "--rate", "0", "--token", TOKEN)


class Server:
    """A server process, which has printed its address."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().partition("/?")[0]
        self.port = int(self.address.rpartition(":")[2])

    @property
    def resident(self) -> int:
        """Bytes of memory that it holds."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def client(self) -> httpx.Client:
        """Return a client of it."""
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def raw(path: Path, size: int) -> float:
    """Return the seconds an event takes in transactions of a size on raw SQLite."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
            connection.execute(statement)
        connection.execute("CREATE TABLE events (execution TEXT, seq INTEGER, body TEXT, PRIMARY KEY (execution, seq))")
        execution_id = new_execution_id()
        began = time.perf_counter()
        events = 0
        while time.perf_counter() - began < SECONDS:
            rows = [(execution_id, events + offset, event(execution_id, events + offset)) for offset in range(size)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
            events += size
        return (time.perf_counter() - began) / events


class Appends:
    """Loads the server, and keeps what half of the requests, and all but one in a hundred, took in each round."""

    def __init__(self, server: Server, size: int) -> None:
        self._command = [sys.executable, str(LOAD), str(server.port), str(size), str(SECONDS)]
        self.p50: list[float] = []
        self.p99: list[float] = []

    def measure(self) -> float:
        """Return the seconds an event takes."""
        done = subprocess.run(self._command, check=True, capture_output=True)
        found = json.loads(done.stdout)
        self.p50.append(quantile(found["times"], 0.5))
        self.p99.append(quantile(found["times"], 0.99))
        return float(found["seconds"] / found["events"])


def append_rows(folder: Path) -> list[Row]:
    """Measure appends of one event and of a hundred a request."""
    server, storeless = on_database(folder / "appends"), Server("tests.bench.storeless_server")
    single, hundred, nothing = Appends(server, 1), Appends(server, 100), Appends(storeless, 1)
    try:
        one = alternate({"ours": single.measure, "raw": lambda: raw(folder / "raw", 1), "storeless": nothing.measure})
        many = alternate({"ours": hundred.measure, "raw": lambda: raw(folder / "raw", 100)})
    finally:
        server.end()
        storeless.end()
    for who, times in one.items():
        sys.stdout.write(f"{who}: {1 / statistics.median(times):,.0f} events a second, one event a request\n")
    return [
        row("append, one event a request", one["ours"], one["raw"], "a transaction of one row", "µs", 1e6, 1 / 2.5),
        row("the same, nothing stored", one["storeless"], one["raw"], "a transaction of one row", "µs", 1e6, None),
        row("append, 100 events a request", many["ours"], many["raw"], "a transaction of 100", "µs", 1e6, 1 / 0.3),
        row("append at 64 connections, p99", single.p99, single.p50, "p50", "ms", 1e3, 5),
    ]


def row(
    name: str,
    ours: Sequence[float],
    other: Sequence[float],
    other_name: str,
    unit: str,
    scale: float,
    goal: float | None,
) -> Row:
    """Return a row of seconds, of each round, in a unit that is easy to read."""
    mine, theirs = ([seconds * scale for seconds in times] for times in (ours, other))
    return compare(f"server: {name}", mine, theirs, other_name, unit, goal)


def fill(path: Path, events: int) -> None:
    """Make a database with many events and the states of one item."""
    execution_id = new_execution_id()
    with filled_database(path) as transaction:
        request = ExecutionCreate.model_validate({"flow": "bench", "profile": "dev", "cmds": ["ensure"]})
        create_execution(transaction, execution_id, request)
        seen = {"kind": "item_state", "item": "a", "which": "current", "state": {"n": 1}, "stored": True}
        first = {"execution_id": execution_id, "seq": 0, "at": "2026-11-24T10:15:00.000Z"} | seen
        texts = [json.dumps(first), *(event(execution_id, seq) for seq in range(1, events))]
        for start in range(0, events, 10_000):
            body = f"[{','.join(texts[start : start + 10_000])}]".encode()
            envelopes = read_envelopes(body, execution_id, max_events=10_000)
            append_group(transaction, [Append(execution_id, envelopes)])


def read_row(folder: Path) -> Row:
    """Measure reading the last state with few and with many events stored."""
    servers = {}
    for name, events in (("ours", MANY), ("other", FEW)):
        fill(folder / name, events)
        servers[name] = on_database(folder / name)
    try:
        measures = {name: _reading(server) for name, server in servers.items()}
        found = alternate(measures)
    finally:
        for server in servers.values():
            server.end()
    return row(f"last state with {MANY:,} events", found["ours"], found["other"], f"with {FEW:,}", "ms", 1e3, 1.5)


def _reading(server: Server) -> Callable[[], float]:
    client = server.client()

    def read() -> float:
        began = time.perf_counter()
        for _ in range(READS):
            client.get("/api/v1/flows/bench/profiles/dev/states").raise_for_status()
        return (time.perf_counter() - began) / READS

    read()
    return read


def stream_row(folder: Path) -> Row:
    """Measure the memory of idle streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * STREAMS)), hard))
    server = on_database(folder / "streams")
    open_streams: list[socket.socket] = []
    try:
        with server.client() as client:
            path = f"/api/v1/executions/{new_execution_id()}"
            client.put(path, json={"flow": "bench", "cmds": ["ensure"]}).raise_for_status()
            before = server.resident
            head = f"GET {path}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
            for _ in range(STREAMS):
                connection = socket.create_connection(("127.0.0.1", server.port))
                connection.sendall(head.encode())
                open_streams.append(connection)
            for connection in open_streams:
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            each = (server.resident - before) / STREAMS
            client.get(path).raise_for_status()
    finally:
        for connection in open_streams:
            connection.close()
        server.end()
    return Row(f"server: an idle stream, of {STREAMS:,}", each / 1024, STREAM_BYTES / 1024, "the limit", "KB", 1)


def main() -> int:
    """Measure everything and return the exit code."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        return report([*append_rows(folder), read_row(folder), stream_row(folder)])


if __name__ == "__main__":
    sys.exit(main())
