"""A database that is away for some seconds: nobody loses anything by it, and everybody hears what to do."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from tests.server.harness import TOKEN, Execution, RunningServer, problem_name, running_server
from tests.server.postgres import Cluster
from tests.server.test_client import _place
from tests.server.test_streams import journal, stream

from irenic.items.http_native import NativeHttp
from irenic.model.events import ExecutionStarted
from irenic.model.ids import new_execution_id
from irenic.model.record import ExecutionRecord
from irenic.stores import HttpStore
from irenic_server.tokens import Scope, create_token


@pytest.fixture
def address(own_postgres: Cluster) -> str:
    """A database that can be taken away."""
    return own_postgres.new_database()


@pytest.fixture
def server(address: str) -> Iterator[RunningServer]:
    """A server on it, whose leases are short."""
    with running_server(address, lease_ttl=1.0, sweep_interval=0.2) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of it."""
    with server.client() as opened:
        yield opened


def until_ready(client: httpx.Client) -> None:
    """Wait until the server is ready again."""
    deadline = time.monotonic() + 30
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline


def test_every_path_says_when_to_come_back(own_postgres: Cluster, server: RunningServer, client: httpx.Client) -> None:
    """503 with Retry-After, never 500: that is what clients try again."""
    execution = Execution(client)
    execution.create()
    named = create_token(server.app.services.database, "ci", list(Scope))
    own_postgres.stop()
    with server.client(named) as other:
        answers = [
            other.get("/api/v1/executions"),
            client.get("/api/v1/executions"),
            client.get(f"{execution.path}/stream"),
            client.get("/metrics"),
            client.get("/readyz"),
            Execution(client).create(),
            execution.take_lease(),
            execution.append(execution.event(0)),
            client.post(f"{execution.path}/interrupt"),
            client.put(f"{execution.profile_path}/inputs", json={"inputs": {}}),
            execution.end(),
        ]
    for answer in answers:
        assert (answer.status_code, problem_name(answer)) == (503, "unavailable"), answer.url
        assert int(answer.headers["retry-after"]) > 0
    assert client.get("/livez").status_code == 200
    own_postgres.start()
    assert execution.append(execution.event(0)).status_code == 200
    until_ready(client)


def test_a_database_that_can_only_be_read_is_said(address: str, client: httpx.Client) -> None:
    """As while another one becomes the primary: reading goes on, writing is to be tried again."""
    execution = Execution(client)
    execution.create()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 20
        while (answer := execution.append(execution.event(0))).status_code == 200:
            execution = Execution(client)
            if execution.create().status_code != 201:
                continue
            assert time.monotonic() < deadline
        assert (answer.status_code, problem_name(answer)) == (503, "unavailable")
        assert client.get("/api/v1/executions").status_code == 200
        assert client.get("/readyz").status_code == 503
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = off")
        connection.execute("SELECT pg_reload_conf()")
    until_ready(client)


def test_leases_get_their_time_after_it(own_postgres: Cluster, server: RunningServer, client: httpx.Client) -> None:
    """Nobody could renew one meanwhile, so that none has run out."""
    execution = Execution(client)
    execution.create()
    fencing = execution.take_lease(ttl=1).json()["fencing"]
    own_postgres.stop()
    while not server.app.services.pulse.was_interrupted():
        pass
    own_postgres.start()
    while (answer := execution.renew_lease(fencing)).status_code == 503:
        pass
    assert answer.status_code == 200
    assert execution.record()["status"] == "running"
    # Who does not renew it now loses it as ever.
    while execution.record()["status"] == "running":
        pass
    assert execution.record()["status"] == "lost"


def test_a_stream_goes_on_after_it(own_postgres: Cluster, client: httpx.Client) -> None:
    """Whoever comes back begins again where it was."""
    execution = Execution(client)
    execution.create()
    execution.append(execution.event(0))
    with stream(client, f"{execution.path}/stream") as messages:
        assert [message.id for message in journal(messages, 1)] == ["0"]
        own_postgres.stop()
        client.post(f"{execution.path}/interrupt")
        own_postgres.start()
    while execution.append(execution.event(1)).status_code != 200:
        pass
    with stream(client, f"{execution.path}/stream", **{"Last-Event-ID": "0"}) as messages:
        assert [message.id for message in journal(messages, 1)] == ["1"]


async def test_a_client_goes_on_after_it(own_postgres: Cluster, server: RunningServer) -> None:
    """A run whose store is away loses nothing: what it has to say is sent again."""
    store = HttpStore(server.address, token=TOKEN, http=NativeHttp())
    record = ExecutionRecord(id=new_execution_id(), flow="letters", profile="dev", cmds=["ensure"], holder="a test")
    journal = await store.create(record, None)
    await asyncio.to_thread(own_postgres.stop)
    journal.append(
        ExecutionStarted.model_validate(
            {**_place(record, 0), "flow": "letters", "profile": "dev", "cmds": ["ensure"], "items": []}
        )
    )
    durable = asyncio.ensure_future(journal.durable())
    done, _ = await asyncio.wait({durable}, timeout=1)
    assert not done
    await asyncio.to_thread(own_postgres.start)
    await asyncio.wait_for(durable, 30)
    assert [event.seq for event in await store.events(record.id)] == [0]
    await store.close()


def test_a_server_that_starts_meanwhile_waits(own_postgres: Cluster, address: str) -> None:
    """It says for what, and goes on as soon as it can."""
    own_postgres.stop()
    command = [sys.executable, "-m", "irenic_server", "--database", address, "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("The database cannot be reached: ")
        own_postgres.start()
        printed = process.stdout.readline().strip()
        assert httpx.get(printed.replace("/?", "/api/v1/executions?"), headers=_AUTHORIZED).status_code == 200
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


_AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(("old", "new"), [("/test_", "/none_"), ("//irenic@", "//nobody@")], ids=["database", "user"])
def test_an_address_that_is_wrong_is_said(own_postgres: Cluster, address: str, old: str, new: str) -> None:
    """There is nothing to wait for."""
    command = [sys.executable, "-m", "irenic_server", "--database", address.replace(old, new), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr
