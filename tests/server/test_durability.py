"""Durability: what is acknowledged is there, whatever happens to the server, its disk, or the requests on their way."""

import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from tests.server.conftest import new_database
from tests.server.harness import TOKEN, Execution, problem_name
from tests.server.postgres import Cluster
from tests.server.test_process import Process, server_process

from irenic.model.ids import new_execution_id
from irenic_server.database import Database
from irenic_server.envelopes import read_envelopes
from irenic_server.executions import create_execution, read_status
from irenic_server.journal import Append, append_group, read_events
from irenic_server.requests import ExecutionCreate
from irenic_server.schema import prepare_schema
from irenic_server.transaction import Transaction

KILLS = int(os.environ.get("IRENIC_TEST_KILLS", "2"))
"""How often the server is killed; 50 in the long form."""

WRITERS = 4


class Writer:
    """A client that appends to one journal until the server is gone, and knows what was acknowledged."""

    def __init__(self, execution_id: str) -> None:
        self.id = execution_id
        self.acknowledged = 0

    def write(self, base: str) -> None:
        """Append batches, the same one again after an error, as a careful client does."""
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            execution = Execution(client)
            execution.id, execution.path = self.id, f"/api/v1/executions/{self.id}"
            try:
                execution.create()
                while True:
                    size = random.randint(1, 5)
                    batch = [execution.event(self.acknowledged + offset) for offset in range(size)]
                    assert execution.append(*batch).status_code == 200
                    self.acknowledged += size
            except httpx.TransportError:
                return


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load(database: str) -> None:
    """Again and again, on one database."""
    writers = [Writer(new_execution_id()) for _ in range(WRITERS)]
    for _ in range(KILLS):
        with server_process(database, "--token", TOKEN) as server:
            check_journals(server, writers)
            threads = [threading.Thread(target=writer.write, args=(server.base,)) for writer in writers]
            reached = [writer.acknowledged + 20 for writer in writers]
            for thread in threads:
                thread.start()
            while any(writer.acknowledged < least for writer, least in zip(writers, reached, strict=True)):
                assert any(thread.is_alive() for thread in threads)
            server.end(signal.SIGKILL)
            for thread in threads:
                thread.join()
    with server_process(database, "--token", TOKEN) as server:
        check_journals(server, writers)


def check_journals(server: Process, writers: list[Writer]) -> None:
    """Check that every journal is whole, and holds at least what was acknowledged."""
    with server.client() as client:
        for writer in writers:
            if writer.acknowledged == 0:
                continue
            execution = Execution(client)
            execution.id, execution.path = writer.id, f"/api/v1/executions/{writer.id}"
            found = execution.events(limit=10_000)["events"]
            assert [event["seq"] for event in found] == list(range(len(found)))
            assert len(found) >= writer.acknowledged
            assert execution.record()["next_seq"] == len(found)


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MB: PostgreSQL needs 8 for an empty database."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    size = "14m" if "postgres" in request.fixturenames else "4m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    """507 while there is no room, reads go on, and writes too as soon as there is room again."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_500_000)
    with server_process(small_disk / "db", "--token", TOKEN) as server, server.client() as client:
        execution = Execution(client)
        execution.create()
        stored = 0
        while True:
            response = execution.append(execution.event(stored, text="x" * 50_000))
            if response.status_code != 200:
                break
            stored += 1
        assert (response.status_code, problem_name(response)) == (507, "storage-full")
        assert "safe" in response.json()["detail"]
        assert len(execution.events()["events"]) == stored > 0
        assert client.get("/readyz").status_code in (200, 503)
        assert client.get("/livez").status_code == 200
        ballast.unlink()
        assert execution.append(execution.event(stored, text="x" * 50_000)).json() == {"next_seq": stored + 1}
        server.end(signal.SIGKILL)
    with server_process(small_disk / "db", "--token", TOKEN) as server, server.client() as client:
        execution.client = client
        assert execution.record()["next_seq"] == stored + 1


def test_a_full_disk_of_postgresql_is_said_and_survived(small_disk: Path, postgres: Cluster) -> None:
    """Only the tables are on it: where the log has no room, PostgreSQL ends itself."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_000_000)
    database = postgres.new_database(on=small_disk)
    with server_process(database, "--token", TOKEN) as server, server.client() as client:
        execution = Execution(client)
        execution.create()
        stored = 0
        while (response := execution.append(*_random_events(execution, stored))).status_code == 200:
            stored += BATCH
        assert (response.status_code, problem_name(response)) == (507, "storage-full")
        assert len(execution.events(limit=10_000)["events"]) == stored > 0
        ballast.unlink()
        assert execution.append(*_random_events(execution, stored)).json() == {"next_seq": stored + BATCH}
        server.end(signal.SIGKILL)
    with server_process(database, "--token", TOKEN) as server, server.client() as client:
        execution.client = client
        assert execution.record()["next_seq"] == stored + BATCH


BATCH = 20


def _random_events(execution: Execution, first: int) -> list[dict[str, Any]]:
    # PostgreSQL compresses long texts, so that repeated ones would take no room.
    return [execution.event(first + offset, text=random.randbytes(5_000).hex()) for offset in range(BATCH)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def journal_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database for many short journals."""
    database = Database(new_database(request, tmp_path_factory.mktemp("journals")))
    prepare_schema(database)
    yield database
    database.close()


LENGTH = 12

deliveries = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 5), st.booleans()),
    max_size=40,
)
"""Batches as they reach the server: first event, size, and whether the server is killed before it commits."""


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=deliveries, groups=st.integers(1, 4))
def test_any_order_of_retries_duplicates_and_crashes_ends_in_the_same_journal(
    journal_database: Database, deliveries: list[tuple[int, int, bool]], groups: int
) -> None:
    """As long as the client goes on until all is acknowledged; and what was acknowledged never changes."""
    execution_id = new_execution_id()
    expected = [_event(execution_id, seq) for seq in range(LENGTH)]
    with journal_database.writer.begin() as connection:
        create = ExecutionCreate.model_validate({"flow": "f", "cmds": ["ensure"]})
        create_execution(Transaction(connection, journal_database.is_sqlite), execution_id, create)
    acknowledged = 0
    batches = [deliveries[start : start + groups] for start in range(0, len(deliveries), groups)]
    for batch in [*batches, *[[(seq, 1, False)] for seq in range(LENGTH)]]:
        appends = [_append(execution_id, expected[first : first + size]) for first, size, _ in batch]
        crashed = any(crash for _, _, crash in batch)
        connection = journal_database.writer.connect()
        results = append_group(Transaction(connection, journal_database.is_sqlite), appends)
        # Closing without a commit is what a kill leaves behind: the log ends before the transaction does.
        if not crashed:
            connection.commit()
            acknowledged = max([acknowledged, *[result for result in results if isinstance(result, int)]])
        connection.close()
        found = _bodies(journal_database, execution_id)
        assert found == [to_json(event).decode() for event in expected[: len(found)]]
        assert len(found) >= acknowledged
    assert acknowledged == LENGTH


def _event(execution_id: str, seq: int) -> dict[str, object]:
    return {"execution_id": execution_id, "seq": seq, "at": "2026-11-24T10:15:00.000Z", "kind": "log", "n": seq * seq}


def _append(execution_id: str, events: list[dict[str, object]]) -> Append:
    return Append(execution_id, read_envelopes(to_json(events), execution_id, max_events=100))


def _bodies(database: Database, execution_id: str) -> list[str]:
    key = database.read_now(read_status, execution_id).key
    return [body for _, body in database.read_now(read_events, key, -1, 100)]
