"""Regular work beside the requests: it goes on whatever happens, and readiness tells where it does not."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import psycopg
import pytest
from tests.server.conftest import Starter
from tests.server.harness import Execution, RunningServer, running_server
from tests.server.postgres import Cluster

from irenic_server import Settings, create_app
from irenic_server.background import Background
from irenic_server.serve import listen, make_server
from irenic_server.services import Services


def lease_ends(client: httpx.Client) -> bool:
    """Take a lease of a second and wait until it ends its execution, which only regular work does."""
    execution = Execution(client)
    execution.create()
    execution.take_lease(ttl=1)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if execution.record()["status"] == "lost":
            return True
    return False


def test_what_a_stranger_says_to_the_listener_changes_nothing(postgres: Cluster) -> None:
    """Everybody who may use the database may notify."""
    address = postgres.new_database()
    with running_server(address, sweep_interval=0.2, lost_after=0) as server, server.client() as client:
        with psycopg.connect(address, autocommit=True) as connection:
            for text in ("hello", "", "a b", "a b c d", "x" * 7000):
                connection.execute("SELECT pg_notify('irenic', %s)", [text])
        assert lease_ends(client)
        assert client.get("/readyz").status_code == 200


@contextmanager
def broken_collector() -> Iterator[str]:
    """A collector whose answers say that they are gzip, and are not."""

    class Broken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"xxxxx")

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_collector_that_answers_nonsense_changes_nothing(
    start_server: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it refused is counted as dropped."""
    with broken_collector() as endpoint:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        server = start_server(sweep_interval=0.2, lost_after=0)
        with server.client() as client:
            assert client.post("/v1/traces", json={"resourceSpans": []}).status_code == 200
            assert lease_ends(client)
            assert client.get("/readyz").status_code == 200


def test_work_that_fails_for_a_while_goes_on(start_server: Starter, sqlite_address: str) -> None:
    """Readiness says so meanwhile."""
    server = start_server(sweep_interval=0.1, lost_after=0)
    with server.client() as client, closing(sqlite3.connect(sqlite_address, isolation_level=None)) as other:
        other.execute("ALTER TABLE profiles RENAME TO elsewhere")
        time_is_up = time.monotonic() + 15
        while server.app.services.background.failures_of("leases") == 0:
            assert time.monotonic() < time_is_up
        other.execute("ALTER TABLE elsewhere RENAME TO profiles")
        assert lease_ends(client)
        assert client.get("/readyz").status_code == 200


def test_readiness_names_the_work_that_fails(start_server: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose leases never end must not look well."""

    async def fail(services: Services) -> None:
        raise ValueError("unforeseen")

    monkeypatch.setattr(Services, "_end_leases", fail)
    server = start_server(sweep_interval=0.1)
    with server.client() as client:
        while (answer := client.get("/readyz")).status_code == 200:
            pass
        assert "leases" in answer.json()["detail"]


async def test_every_kind_of_failure_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """Work that is repeated and work that goes on for ever; each failure of a row is logged once."""
    background = Background()
    tries = 0
    went_on = asyncio.Event()

    async def run() -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise ValueError(str(tries))
        went_on.set()
        assert background.unwell == ["work"]
        await asyncio.Event().wait()

    task = asyncio.ensure_future(background.repeat("work", 0.0, run))
    await asyncio.wait_for(went_on.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert background.failures_of("work") == 3
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


class _FatalError(BaseException):
    """What nothing catches."""


def test_a_server_without_its_regular_work_ends(sqlite_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not go on answering."""

    async def fail(services: Services) -> None:
        raise _FatalError

    monkeypatch.setattr(Services, "_end_leases", fail)
    settings = Settings(database=sqlite_address, port=0, sweep_interval=0.05)
    app = create_app(settings)
    with closing(listen(settings, lambda line: None)) as listener:
        server = make_server(app, lambda: None)
        server.run(sockets=[listener])
    assert server.failed


def test_readiness_writes_nothing(server: RunningServer, client: httpx.Client) -> None:
    """Strangers may ask for it as often as they like."""

    def commits() -> str:
        lines = client.get("/metrics").text.splitlines()
        return next(line for line in lines if line.startswith("irenic_commit_seconds_count"))

    del server
    before = commits()
    for _ in range(20):
        assert client.get("/readyz").status_code == 200
    assert commits() == before
