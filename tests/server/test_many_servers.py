"""Several servers on one PostgreSQL: each sees at once what another has stored."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from tests.server.harness import Execution, problem_name, running_server
from tests.server.postgres import Cluster
from tests.server.test_streams import journal, stream


@pytest.fixture
def address(postgres: Cluster) -> str:
    """A database for both servers."""
    return postgres.new_database()


@pytest.fixture
def clients(address: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two servers on one database."""
    with (
        running_server(address) as first,
        running_server(address) as second,
        first.client() as one,
        second.client() as other,
    ):
        yield one, other


Clients = tuple[httpx.Client, httpx.Client]


def at(client: httpx.Client, execution: Execution) -> Execution:
    """Return the same execution as another server sees it."""
    seen = Execution(client, execution.flow)
    seen.id, seen.path = execution.id, execution.path
    return seen


def test_a_stream_follows_what_another_server_stores(clients: Clients) -> None:
    """Events, an interrupt and the outcome."""
    one, other = clients
    here = Execution(one)
    here.create()
    there = at(other, here)
    with stream(one, f"{here.path}/stream") as messages:
        there.append(there.event(0), there.event(1))
        assert [message.id for message in journal(messages, 2)] == ["0", "1"]
        here.append(here.event(2))
        there.append(there.event(3))
        assert [message.id for message in journal(messages, 2)] == ["2", "3"]
        other.post(f"{there.path}/interrupt")
        assert next(messages).event == "interrupt"
        there.end()
        assert next(messages).event == "outcome"


def test_the_list_follows_what_another_server_stores(clients: Clients) -> None:
    """Each change once, in one order for all."""
    one, other = clients
    with stream(one, "/api/v1/stream") as here, stream(other, "/api/v1/stream") as there:
        made = [Execution(client) for client in (one, other, one, other)]
        for execution in made:
            execution.create()
        ids = [execution.id for execution in made]
        assert [message.data["id"] for message in journal(here, 4)] == ids
        assert [message.data["id"] for message in journal(there, 4)] == ids


def test_a_stream_goes_on_after_the_database_dropped_its_listener(clients: Clients, address: str) -> None:
    """What was missed meanwhile is read."""
    one, other = clients
    here = Execution(one)
    here.create()
    there = at(other, here)
    with stream(one, f"{here.path}/stream") as messages:
        there.append(there.event(0))
        next(messages)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        there.append(there.event(1))
        assert next(messages).id == "1"


def test_writers_go_on_after_the_database_dropped_their_connections(clients: Clients, address: str) -> None:
    """A request whose connection was lost is carried out on a new one."""
    one, _ = clients
    execution = Execution(one)
    execution.create()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert execution.append(execution.event(0)).status_code == 200
    assert execution.events()["events"] == [execution.event(0)]


def test_one_lease_holds_for_all_servers(clients: Clients) -> None:
    """And a fencing number given out by one is known to the other."""
    one, other = clients
    here = Execution(one)
    here.create()
    old = here.take_lease().json()["fencing"]
    there = Execution(other, here.flow)
    there.create()
    assert problem_name(there.take_lease()) == "held"
    assert there.take_lease(take_over=True).json()["fencing"] == old + 1
    refused = here.append(here.event(0), **{"Irenic-Fencing": str(old)})
    assert problem_name(refused) == "stale-fencing"
