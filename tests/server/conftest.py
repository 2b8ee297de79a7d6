"""Fixtures: databases of both kinds, servers on them, and clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from tests.server.harness import Execution, RunningServer, running_server
from tests.server.postgres import Cluster, postgres_programs, running_cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL that runs while the tests do.

    Its folder is not one of pytest's, which every start of pytest closes to other users.
    """
    with _new_cluster() as cluster:
        yield cluster


@pytest.fixture
def own_postgres() -> Iterator[Cluster]:
    """A PostgreSQL that a test may stop and start."""
    with _new_cluster() as cluster:
        yield cluster


@contextmanager
def _new_cluster() -> Iterator[Cluster]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with TemporaryDirectory(prefix="irenic-postgres-") as folder, running_cluster(programs, Path(folder)) as cluster:
        yield cluster


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    """The path of a new SQLite database."""
    return str(tmp_path / "irenic.sqlite3")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database; each test that asks for it runs on both kinds."""
    return new_database(request, tmp_path)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with default settings that all tests share; each of them has flows and executions of its own."""
    with running_server(new_database(request, tmp_path_factory.mktemp("shared"))) as running:
        yield running


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the address of a new database of the kind that a fixture's parameter names."""
    if request.param == "sqlite":
        return str(folder / "irenic.sqlite3")
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.new_database()


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of that server, with its token."""
    with server.client() as opened:
        yield opened


@pytest.fixture
def execution(client: httpx.Client) -> Execution:
    """An execution that was created."""
    made = Execution(client)
    assert made.create().status_code == 201
    return made


Starter = Callable[..., RunningServer]


@pytest.fixture
def start_server(sqlite_address: str) -> Iterator[Starter]:
    """A function that starts a server with the given settings, on SQLite unless a database is given."""
    with ExitStack() as stack:

        def start(database: str = sqlite_address, **settings: object) -> RunningServer:
            return stack.enter_context(running_server(database, **settings))

        yield start
